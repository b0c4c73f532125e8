// SPDX-License-Identifier: GPL-2.0
/*
 * weft doctor on a fake host without interfaces: its module, its files and its units, one fault in
 * each, and the findings.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "doctor/machine.h"
#include "host/host.h"
#include "support.h"

/**
 * struct machine_case - a host
 * @name: the case
 * @fail_ready: the kernel has no weft
 * @links: the links fleet0 and wg0 exist
 * @files: names of files, with a blank behind each
 * @programs: lines "COMMAND=OUTPUT"; others are missing
 * @sysfs: lines "PATH=TEXT"
 * @codes: the findings' codes
 * @worst: the worst severity
 * @err: the error, or NULL
 */
static const struct machine_case {
	const char *name;
	bool fail_ready;
	bool links;
	const char *files;
	const char *programs;
	const char *sysfs;
	const char *codes;
	int worst;
	const char *err;
} cases[] = {
	{ "no tunnel is configured, and the module is loaded", .programs = "modprobe -n -v weft=insmod weft.ko\n", .codes = "" },
	{ "an interface that is up", .links = true, .files = "fleet0 ",
	  .programs = "modprobe -n -v weft=\nsystemctl list-units=weft@fleet0.service loaded active exited x\n",
	  .codes = "" },
	{ "no module for this kernel", .fail_ready = true, .files = "fleet0 ",
	  .programs = "modprobe --version=kmod\ndkms status weft=weft/1.0, 6.1.0-1, x86_64: installed\n",
	  .codes = "no-module not-up:fleet0", .worst = 2 },
	{ "no module, and no tunnel", .fail_ready = true, .programs = "modprobe --version=kmod\n",
	  .codes = "no-module", .worst = 2 },
	{ "no module, and wireguard's interfaces alone", .fail_ready = true, .links = true,
	  .programs = "modprobe --version=kmod\n", .codes = "" },
	{ "no module, and no modprobe to ask", .fail_ready = true, .codes = "no-module", .worst = 2 },
	{ "no modprobe to ask, and wireguard's interfaces alone", .fail_ready = true, .links = true, .codes = "" },
	{ "no modprobe to ask, and a module that is loaded", .codes = "" },
	{ "a module that does not load", .fail_ready = true, .programs = "modprobe -n -v weft=insmod weft.ko\n",
	  .codes = "unloadable-module", .worst = 2 },
	{ "a module without a signature", .fail_ready = true,
	  .programs = "modprobe -n -v weft=insmod weft.ko\nmodinfo -F signer weft=\n",
	  .sysfs = "/sys/module/module/parameters/sig_enforce=Y\n", .codes = "untrusted-module", .worst = 2 },
	{ "a module without a signature, under lockdown", .fail_ready = true,
	  .programs = "modprobe -n -v weft=insmod weft.ko\nmodinfo -F signer weft=\n",
	  .sysfs = "/sys/kernel/security/lockdown=none [integrity] confidentiality\n",
	  .codes = "untrusted-module", .worst = 2 },
	{ "a module with a signature", .fail_ready = true,
	  .programs = "modprobe -n -v weft=insmod weft.ko\nmodinfo -F signer weft=DKMS module signing key\n",
	  .sysfs = "/sys/module/module/parameters/sig_enforce=Y\n", .codes = "unloadable-module", .worst = 2 },
	{ "signatures are not required", .fail_ready = true,
	  .programs = "modprobe -n -v weft=insmod weft.ko\nmodinfo -F signer weft=\n",
	  .sysfs = "/sys/kernel/security/lockdown=[none] integrity confidentiality\n", .codes = "unloadable-module",
	  .worst = 2 },
	{ "an older module is loaded", .programs = "modprobe -n -v weft=\nmodinfo -F version weft=1.1\n",
	  .sysfs = "/sys/module/weft/version=1.0\n", .codes = "old-module", .worst = 1 },
	{ "the same module is loaded", .programs = "modprobe -n -v weft=\nmodinfo -F version weft=1.1\n",
	  .sysfs = "/sys/module/weft/version=1.1\n", .codes = "" },
	{ "a file, and no interface", .files = "fleet0 other ", .codes = "not-up:fleet0 not-up:other", .worst = 1 },
	{ "a unit that is enabled, and no interface", .files = "fleet0 ",
	  .programs = "systemctl is-enabled weft@fleet0.service=enabled\n", .codes = "not-up:fleet0", .worst = 2 },
	{ "a unit in the state active", .files = "fleet0 ",
	  .programs = "systemctl list-units=weft@fleet0.service loaded active exited x\n", .codes = "not-up:fleet0",
	  .worst = 2 },
	{ "a unit that has failed", .files = "fleet0 ",
	  .programs = "systemctl list-units=weft@fleet0.service loaded failed failed x\n", .codes = "unit-failed:fleet0",
	  .worst = 2 },
	{ "a unit that has failed, without a file",
	  .programs = "systemctl list-units=weft@gone.service not-found failed failed x\n", .codes = "unit-failed:gone",
	  .worst = 2 },
	{ "a unit that has failed, and an interface", .links = true, .files = "fleet0 ",
	  .programs = "systemctl list-units=weft@fleet0.service loaded failed failed x\n", .codes = "unit-failed:fleet0",
	  .worst = 2 },
	{ "links of another network namespace", .files = "fleet0 ",
	  .programs = "systemctl is-enabled weft@fleet0.service=enabled\n"
		      "readlink /proc/1/ns/net /proc/self/ns/net=net:[1] net:[2]\n", .codes = "",
	  .err = "weft: warning: fleet0: the interface does not exist in this network namespace; units run in another one, where it may be up\n" },
	{ "a unit that has failed in another network namespace", .files = "fleet0 ",
	  .programs = "systemctl list-units=weft@fleet0.service loaded failed failed x\n"
		      "readlink /proc/1/ns/net /proc/self/ns/net=net:[1] net:[2]\n", .codes = "unit-failed:fleet0",
	  .worst = 2,
	  .err = "weft: warning: fleet0: the interface does not exist in this network namespace; units run in another one, where it may be up\n" },
	{ "a unit, and no interface, in the same network namespace", .files = "fleet0 ",
	  .programs = "systemctl is-enabled weft@fleet0.service=enabled\n"
		      "readlink /proc/1/ns/net /proc/self/ns/net=net:[1] net:[1]\n", .codes = "not-up:fleet0",
	  .worst = 2 },
	{ "other units, and invalid lines",
	  .programs = "systemctl list-units=weft@.service\n", .codes = "" },
};

static const struct machine_case *now;

/* Returns the text after "KEY=" in one of the lines, for the caller to free, or NULL. */
static char *machine_line(const char *lines, const char *key)
{
	const char *at = lines;
	size_t len = strlen(key);

	while (at && strncmp(at, key, len)) {
		at = strchr(at, '\n');
		at = at && at[1] ? at + 1 : NULL;
	}
	at = at ? strchr(at, '=') : NULL;
	return at ? strndup(at + 1, strcspn(at + 1, "\n")) : NULL;
}

static int machine_read(struct weft_host *host, const char *path,
			char **text)
{
	(void)host;
	*text = machine_line(now->sysfs, path);
	return *text ? 0 : -ENOENT;
}

static int machine_run(struct weft_host *host,
		       const struct weft_program *program, char **output)
{
	char words[256] = "";
	size_t i, len = 0;

	(void)host;
	for (i = 0; program->words[i]; i++)
		len += snprintf(words + len, sizeof(words) - len, "%s%s",
				i ? " " : "", program->words[i]);
	if (!strncmp(words, "systemctl list-units", 20))
		words[20] = '\0';
	*output = machine_line(now->programs, words);
	return *output ? 0 : -ENOENT;
}

static int machine_link(struct weft_host *host, const char *name,
			struct weft_host_link *link)
{
	(void)host;
	(void)name;
	link->up = true;
	return 0;
}

static struct weft_host machine_host = {
	.read = machine_read, .run = machine_run, .link = machine_link,
};

struct codes {
	char text[256];
};

/* A unit that has failed too often needs a reset before its restart. */
static bool machine_resets(const struct weft_doctor_result *result)
{
	char want[128];

	snprintf(want, sizeof(want), "systemctl reset-failed weft@%s && systemctl restart weft@%s",
		 result->name, result->name);
	return strstr(result->mend, want);
}

static void machine_find(struct weft_doctor_report *report,
			 const struct weft_doctor_result *result)
{
	struct codes *codes = report->data;
	size_t len = strlen(codes->text);

	snprintf(codes->text + len, sizeof(codes->text) - len, "%s%s%s%s",
		 len ? " " : "", result->code, result->name ? ":" : "",
		 result->name ? result->name : "");
	if (!*result->what || !*result->mend)
		strcat(codes->text, "(mute)");
	if (!strcmp(result->code, "unit-failed") && !machine_resets(result))
		strcat(codes->text, "(limited)");
}

static void machine_files(const char *folder, bool make)
{
	char *copy = strdup(now->files ?: ""), *rest = NULL, *name, path[128];

	for (name = strtok_r(copy, " ", &rest); name;
	     name = strtok_r(NULL, " ", &rest)) {
		snprintf(path, sizeof(path), "%s/%s.conf", folder, name);
		if (make)
			fclose(fopen(path, "w"));
		else
			unlink(path);
	}
	free(copy);
}

static void test_machine(const char *folder)
{
	const char * const folders[] = { "/nonexistent", folder, NULL };
	struct weft_doctor_machine machine;
	struct weft_doctor_report report;
	struct codes codes = { "" };
	struct test_bench bench;
	bool good;
	size_t i;

	test_bench_start(&bench, "");
	bench.ctx.host = &machine_host;
	if (now->links) {
		bench.devices[0] = test_device("fleet0", WEFT_KIND_WEFT, "");
		bench.devices[1] = test_device("wg0", WEFT_KIND_WIREGUARD, "");
	}
	bench.fail_ready = now->fail_ready ? "no" : NULL;
	machine_files(folder, true);
	report = (struct weft_doctor_report){ .find = machine_find, .data = &codes };
	good = weft_doctor_machine_gather(&bench.ctx, folders, &machine) &&
	       weft_doctor_machine_look(&machine, &report);
	for (i = 0; i < machine.tunnel_count; i++)
		good = good && weft_doctor_tunnel_look(&machine, &machine.tunnels[i],
						       &report);
	test_ok(good && report.worst == now->worst, now->name);
	test_text("  is found", codes.text, now->codes);
	test_bench_flush(&bench);
	test_text("  the error", bench.err, now->err ?: "");
	weft_doctor_machine_free(&machine);
	machine_files(folder, false);
	test_bench_end(&bench);
}

/* Without readable folders no finding is reliable. */
static void test_folder(const char *folder)
{
	char loop[64], want[160];
	const char * const folders[] = { loop, folder, NULL };
	struct weft_doctor_machine machine;
	struct test_bench bench;

	now = cases;
	snprintf(loop, sizeof(loop), "%s/loop", folder);
	if (symlink("loop", loop))
		test_bail("no link in /tmp");
	test_bench_start(&bench, "");
	bench.ctx.host = &machine_host;
	test_ok(!weft_doctor_machine_gather(&bench.ctx, folders, &machine), "a folder that cannot be read");
	test_bench_flush(&bench);
	snprintf(want, sizeof(want), "weft: cannot read the folder '%s': Too many levels of symbolic links\n", loop);
	test_text("  the error", bench.err, want);
	weft_doctor_machine_free(&machine);
	test_bench_end(&bench);
	unlink(loop);
}

int main(void)
{
	char folder[] = "/tmp/weft-machine-XXXXXX";

	if (!mkdtemp(folder))
		return 1;
	for (now = cases; now < cases + ARRAY_SIZE(cases); now++)
		test_machine(folder);
	test_folder(folder);
	rmdir(folder);
	return test_end();
}
