// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks in a real shell: the way it runs them, and "wg" in them, which is this program or its
 * replacement.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/hook.h"
#include "conf/profile.h"
#include "host/host.h"
#include "support.h"

static char folder[] = "/tmp/weft-hook-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[sizeof(folder) + 32];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Runs one PostUp; returns the errors, for the caller to free. */
static char *run(const char *hook)
{
	struct weft_profile *profile;
	struct test_bench bench;
	char *text, *err;
	bool good;

	test_bench_start(&bench, "");
	bench.ctx.runtime = in_folder("run");
	bench.ctx.runtime = strdup(bench.ctx.runtime);
	bench.ctx.host = weft_host_kernel();
	if (asprintf(&text, "[Interface]\nPostUp = %s\n", hook) < 0)
		test_bail("no memory");
	profile = weft_profile_parse(&bench.ctx, "ut0.conf", text, "ut0");
	good = profile && weft_hook_run(&bench.ctx, profile, WEFT_HOOK_POST_UP);
	test_bench_flush(&bench);
	err = strdup(good ? bench.err : "it failed");
	weft_profile_free(profile);
	free(text);
	free((char *)bench.ctx.runtime);
	test_bench_end(&bench);
	return err;
}

/* Returns the target of "wg" in a hook, for the caller to free: "" without one. */
static char *wg_leads_to(char **err)
{
	char *hook, *text = NULL;
	size_t size = 0;
	FILE *file;

	if (asprintf(&hook, "readlink \"$(type -P wg)\" >%s || true", in_folder("said")) < 0)
		test_bail("no memory");
	*err = run(hook);
	free(hook);
	file = fopen(in_folder("said"), "r");
	if (!file || getline(&text, &size, file) < 0) {
		free(text);
		text = strdup("");
	}
	if (file)
		fclose(file);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void expect_wg(const char *name, const char *want)
{
	char *err, *to = wg_leads_to(&err);

	test_text(name, to, want);
	test_text("no errors", err, "");
	free(to);
	free(err);
}

/* Hooks that run as under wg-quick(8); after "-" one that fails. */
static const struct {
	const char *name;
	const char *hook;
} shells[] = {
	{ "a command that fails ends the hook", "-false; true" },
	{ "a pipe fails with any of its commands", "-false | cat" },
	{ "a syntax error fails the hook", "-if true" },
	{ "extended patterns", "case abc in +(a|b|c)) ;; *) false ;; esac" },
	{ "INTERFACE is the interface", "test \"$INTERFACE\" = ut0 && bash -c 'test \"$INTERFACE\" = ut0'" },
	{ "LC_ALL is C", "test \"$LC_ALL\" = C && bash -c 'test \"$LC_ALL\" = C'" },
	{ "the shell passes no arguments on", "test $# = 0" },
	{ "a comment behind a command", "true # false" },
	{ "no command line has the text",
	  "! cat /proc/$$/cmdline /proc/$PPID/cmdline /proc/self/cmdline | tr '\\0' ' ' | grep -q 'SEC''RET' # SECRET" },
	{ "no environment has the text", "! env | grep -v ^_= | grep -q 'SEC''RET' # SECRET" },
	{ "no program inherits the text",
	  "for fd in /proc/self/fd/*; do case $(readlink $fd || true) in *memfd*) test $fd = /proc/self/fd/0 ;; esac; done # SECRET" },
	{ "standard input is empty", "test -z \"$(cat)\"" },
};

static void test_shells(void)
{
	const char *hook;
	bool fails;
	char *err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shells); i++) {
		fails = shells[i].hook[0] == '-';
		hook = shells[i].hook + fails;
		err = run(hook);
		test_text(shells[i].name, err, fails ? "it failed" : "");
		free(err);
	}
}

static char *self_path(void)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len < 0)
		test_bail("no /proc");
	path[len] = '\0';
	return strdup(path);
}

/*
 * A link left behind by an earlier process of the same number is replaced, and so is one to another
 * program.
 */
static void test_links(void)
{
	char *self = self_path(), fresh[32];

	expect_wg("wg is this program", self);
	unlink(in_folder("run/bin/wg"));
	snprintf(fresh, sizeof(fresh), "run/bin/wg.%d", getpid());
	test_ok(!symlink("/nosuch", in_folder(fresh)), "a link is left by another process");
	expect_wg("wg is this program, beside a link that was left behind", self);
	test_ok(access(in_folder(fresh), F_OK), "the link is deleted");
	test_ok(!unlink(in_folder("run/bin/wg")) && !symlink("/bin/true", in_folder("run/bin/wg")), "a link to another program");
	expect_wg("wg is this program again", self);
	free(self);
}

/* Replaces a copy of this program while it runs, as the package's upgrade does. */
static int run_replaced(void)
{
	char *self = self_path(), *other, *err, *to;
	bool good;

	if (asprintf(&other, "cp /bin/true %s.new && mv %s.new %s", self, self, self) < 0 || system(other))
		return 1;
	free(other);
	to = wg_leads_to(&err);
	good = !strcmp(to, self) && !*err;
	if (!good)
		printf("# wg leads to '%s', not '%s': %s\n", to, self, err);
	free(to);
	free(err);
	unlink(self);
	err = run("wg");
	if (!strstr(err, "ut0.conf:2: PostUp: 'wg' in this hook may not support")) {
		printf("# of a program that is gone: %s\n", err);
		good = false;
	}
	free(err);
	free(self);
	return good ? 0 : 1;
}

static void test_replaced(void)
{
	char *self = self_path(), *command;

	if (asprintf(&command, "cp %s %s && PATH=\"%s:$PATH\" %s replaced %s", self, in_folder("weft"), folder,
		     in_folder("weft"), folder) < 0)
		test_bail("no memory");
	/* For the second hook: another wg, which does nothing. */
	test_ok(!symlink("/bin/true", in_folder("wg")), "another program named wg");
	fflush(stdout);
	test_ok(!system(command), "a program that is replaced, and one that is deleted");
	free(command);
	free(self);
}

/* Hooks without a call of wg; each succeeds, although there is no wg. */
static const struct {
	const char *hook;
	bool warned;
} hooks[] = {
	{ "true wg", true },
	{ "true; wg || true", true },
	{ "true $(wg show %i || true)", true },
	{ "true || wg;true", true },
	{ "true", false },
	{ "true wg0 wg-quick wg.conf", false },
	{ "true /usr/bin/wg $wg swg -wg", false },
};

static void test_warnings(void)
{
	static const char want[] =
		"weft: warning: ut0.conf:2: PostUp: 'wg' in this hook may not support links of kind weft: cannot link it to weft in '";
	char *err, name[96];
	size_t i;

	test_ok(!chmod(in_folder("run"), 0722), "a folder that other users can write to");
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		err = run(hooks[i].hook);
		snprintf(name, sizeof(name), "'%s': %s", hooks[i].hook, hooks[i].warned ? "warned" : "a warning");
		test_ok(hooks[i].warned ? !strncmp(err, want, strlen(want)) && strstr(err, "run/bin': Operation not permitted\n") :
					  !*err, name);
		free(err);
	}
	test_ok(!chmod(in_folder("run"), 0700), "closed to other users again");
}

int main(int argc, char **argv)
{
	char *command;

	if (argc == 3 && !strcmp(argv[1], "replaced")) {
		snprintf(folder, sizeof(folder), "%s", argv[2]);
		return run_replaced();
	}
	if (!mkdtemp(folder))
		test_bail("no folder");
	test_shells();
	test_links();
	test_warnings();
	test_replaced();
	if (asprintf(&command, "rm -r %s", folder) < 0 || system(command))
		test_bail("the folder stays");
	free(command);
	return test_end();
}
