// SPDX-License-Identifier: GPL-2.0
/*
 * Mistakes in files: the findings of "check", the refusals of "up", and the warnings of "setconf".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/check.h"
#include "base/complain.h"
#include "base/text.h"
#include "cli/command.h"
#include "conf/locate.h"
#include "conf/merge.h"
#include "conf/profile.h"
#include "conf/table.h"
#include "model/format.h"
#include "support.h"

/* The public key of KEY_P. */
#define KEY_OWN	"7zi0q9FLCpGcvmg59hhbl9MmB77jWcbFPBLMdZeGfVk="
/* All bytes D. */
#define KEY_OTHER	"REREREREREREREREREREREREREREREREREREREREREQ="
#define INTERFACE	"[Interface]\nPrivateKey = " KEY_P "\nAddress = 10.0.0.1/24\n"
#define PEER_A	"[Peer]\nPublicKey = " KEY_A "\n"
#define PEER_B	"[Peer]\nPublicKey = " KEY_B "\n"

/**
 * struct check_case - one file
 * @name: the case
 * @text: the file
 * @found: the findings
 * @status: the exit status of check, and of "up" where it is 1
 * @mode: the file's mode, 0600 if it is 0
 */
static const struct check_case {
	const char *name;
	const char *text;
	const char *found;
	int status;
	mode_t mode;
} cases[] = {
	{
		.name = "no mistakes",
		.text = INTERFACE PEER_A "AllowedIPs = 10.0.0.2/32\n" PEER_B "AllowedIPs = 10.0.0.0/24\n",
		.found = "",
	}, {
		.name = "neither key nor address",
		.text = "\n[Interface]\nListenPort = 5\n",
		.found = "wft0.conf:2: warning: this [Interface] has no PrivateKey: no handshake is possible\n"
			 "wft0.conf:2: warning: this [Interface] has no Address: outgoing packets have no source address\n",
	}, {
		.name = "no [Interface]",
		.text = PEER_A,
		.found = "wft0.conf:1: warning: the file has no [Interface] with PrivateKey and Address: no handshake is possible, and outgoing packets have no source address\n",
	}, {
		.name = "a key and an address that are refused are not missing",
		.text = "[Interface]\nPrivateKey = x\nAddress = y\n",
		.found = "wft0.conf:2: error: PrivateKey: not a key: 1 characters instead of 44 of base64 (the text may be a secret, and is not shown)\n"
			 "wft0.conf:3: error: Address: 'y' is not an address: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
		.status = 1,
	}, {
		.name = "a hook may set the missing key",
		.text = "[Interface]\nPostUp = weft set %i private-key /k\n",
		.found = "",
	}, {
		.name = "the interface's own key",
		.text = INTERFACE PEER_A "[Peer]\nPublicKey = " KEY_OWN "\n",
		.found = "wft0.conf:7: warning: PublicKey: this is the interface's own public key: the kernel ignores this peer\n",
	}, {
		.name = "one key in two sections",
		.text = INTERFACE PEER_A "AllowedIPs = 10.0.0.2/32\n" PEER_B PEER_A "AllowedIPs = 10.0.0.3/32\n",
		.found = "wft0.conf:10: warning: PublicKey: duplicate public key, as in line 5: both sections are one peer, with the AllowedIPs of the last section only\n",
	}, {
		.name = "one prefix for two peers",
		.text = INTERFACE PEER_A "AllowedIPs = 10.0.0.0/24, fd00::/8\n" PEER_B "AllowedIPs = 10.0.0.7/24\n",
		.found = "wft0.conf:9: warning: AllowedIPs: '10.0.0.7/24' has host bits set: 10.0.0.0/24 is used\n"
			 "wft0.conf:9: warning: AllowedIPs: 10.0.0.0/24 is also an allowed IP of peer " KEY_A
			 " in line 6: only the last peer, here " KEY_B ", gets it\n",
	}, {
		.name = "one prefix twice for one peer",
		.text = INTERFACE PEER_A "AllowedIPs = fd00::/8\nAllowedIPs = 10.0.0.2, fd00::/8\n",
		.found = "wft0.conf:7: warning: AllowedIPs: duplicate allowed IP fd00::/8, as in line 6\n",
	}, {
		.name = "one address twice",
		.text = INTERFACE "Address = fd00::1/64, 10.0.0.1/24\n",
		.found = "wft0.conf:4: warning: Address: duplicate address 10.0.0.1/24, as in line 3\n",
	}, {
		.name = "one name twice",
		.text = INTERFACE PEER_A "Name = hub\n" PEER_B "Name = hub\n",
		.found = "wft0.conf:9: error: Name: 'hub' is also the name of the peer in line 6: each peer needs a name of its own\n",
		.status = 1,
	}, {
		.name = "an MTU too small for an IPv6 address",
		.text = INTERFACE "Address = fd00::1/64\nMTU = 1200\n",
		.found = "wft0.conf:5: error: MTU: an MTU of 1200 is too small for IPv6 (fd00::1/64): below 1280 the kernel removes IPv6 from the interface\n",
		.status = 1,
	}, {
		.name = "an MTU too small for an IPv6 allowed IP",
		.text = INTERFACE "MTU = 1279\n" PEER_A "AllowedIPs = ::/0\n",
		.found = "wft0.conf:4: error: MTU: an MTU of 1279 is too small for IPv6 (::/0): below 1280 the kernel removes IPv6 from the interface\n",
		.status = 1,
	}, {
		.name = "a small MTU for IPv4 alone",
		.text = INTERFACE "MTU = 1200\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
		.found = "",
	}, {
		.name = "the least MTU of IPv6",
		.text = INTERFACE "Address = fd00::1/64\nMTU = 1280\n",
		.found = "",
	}, {
		.name = "the kernel's own table",
		.text = INTERFACE "Table = local\n",
		.found = "wft0.conf:4: error: Table: 'local' is the kernel's table of local addresses: use another table\n",
		.status = 1,
	}, {
		.name = "the main table by its number",
		.text = INTERFACE "Table = 254\n",
		.found = "",
	}, {
		.name = "a mark with the number of the first reserved table",
		.text = INTERFACE "FwMark = 253\n" PEER_A "AllowedIPs = ::/0\n",
		.found = "wft0.conf:4: error: FwMark: with a default route the mark is also the number of a routing table, and table 253 is one of the system's: use another mark\n",
		.status = 1,
	}, {
		.name = "a mark with the number of the last reserved table",
		.text = INTERFACE "FwMark = 255\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
		.found = "wft0.conf:4: error: FwMark: with a default route the mark is also the number of a routing table, and table 255 is one of the system's: use another mark\n",
		.status = 1,
	}, {
		.name = "a mark below the reserved tables",
		.text = INTERFACE "FwMark = 252\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
		.found = "",
	}, {
		.name = "a reserved table's mark without a default route",
		.text = INTERFACE "FwMark = 254\n" PEER_A "AllowedIPs = 10.0.0.0/8\n",
		.found = "",
	}, {
		.name = "a reserved table's mark with Table = off",
		.text = INTERFACE "Table = off\nFwMark = 254\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
		.found = "",
	}, {
		.name = "names that the kernel refuses",
		.text = INTERFACE PEER_A "Name = a\tb\n" PEER_B "Name = a\xc2\x85\n[Peer]\nPublicKey = " KEY_C "\nName = a\xc0\xaf\n"
			"[Peer]\nPublicKey = " KEY_OTHER "\nName = " KEY_C "\n",
		.found = "wft0.conf:6: error: Name: a name has no control characters, such as tabs\n"
			 "wft0.conf:9: error: Name: a name has no control characters, such as tabs\n"
			 "wft0.conf:12: error: Name: a name is text in UTF-8\n"
			 "wft0.conf:15: error: Name: a name must not look like a key\n",
		.status = 1,
	}, {
		.name = "names that the kernel accepts",
		.text = INTERFACE PEER_A "Name = h\xc3\xa9 \xe2\x82\xac\n" PEER_B "Name = \xf0\x9f\x9a\xa2\n",
		.found = "",
	}, {
		.name = "a name that ends within a character",
		.text = INTERFACE PEER_A "Name = h\xe2\x82\n",
		.found = "wft0.conf:6: error: Name: a name is text in UTF-8\n",
		.status = 1,
	}, {
		.name = "an IPv6 address without brackets",
		.text = INTERFACE PEER_A "Endpoint = 2001:db8::1:51820\n",
		.found = "wft0.conf:6: warning: Endpoint: '2001:db8::1:51820' has an IPv6 address without brackets, and its last part is taken as the port: use [ADDRESS]:PORT\n",
	}, {
		.name = "errors of the parser, and of the checks",
		.text = "[Interface]\nMTU = x\nColour\n[Pear]\nFoo = bar\n[Peer]\nAllowedIPs = a, b\n[Peer]\nPublicKey = x\n[Peer]\nPublicKey = x\n",
		.found = "wft0.conf:1: warning: this [Interface] has no PrivateKey: no handshake is possible\n"
			 "wft0.conf:1: warning: this [Interface] has no Address: outgoing packets have no source address\n"
			 "wft0.conf:2: error: MTU: 'x' is not an MTU: use a number from 68 to 65535\n"
			 "wft0.conf:3: error: missing '=' after 'Colour': use FIELD = VALUE\n"
			 "wft0.conf:4: error: unknown section '[Pear]': use [Interface] or [Peer]\n"
			 "wft0.conf:6: error: this [Peer] has no PublicKey\n"
			 "wft0.conf:7: error: AllowedIPs: 'a' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n"
			 "wft0.conf:9: error: PublicKey: 'x' is not a public key: use 44 characters of base64\n"
			 "wft0.conf:11: error: PublicKey: 'x' is not a public key: use 44 characters of base64\n",
		.status = 1,
	}, {
		.name = "a time in milliseconds",
		.text = INTERFACE "GraceUntil = 1764406695000\n",
		.found = "wft0.conf:4: error: GraceUntil: '1764406695000' is more than a century ahead: use seconds since 1970, not milliseconds\n",
		.status = 1,
	}, {
		.name = "times in seconds and as a date",
		.text = INTERFACE "GraceUntil = 1764406695\nGraceUntil = 2026-01-02T03:04:05Z\n",
		.found = "",
	}, {
		.name = "times after 2038, and after 2106",
		.text = INTERFACE "GraceUntil = 2147483648\nGraceUntil = 2106-02-07T06:28:17Z\n",
		.found = "",
	}, {
		.name = "an invalid time",
		.text = INTERFACE "GraceUntil = tomorrow\n",
		.found = "wft0.conf:4: error: GraceUntil: 'tomorrow' is not a time: use a number of seconds since 1970, or YYYY-MM-DDTHH:MM:SSZ\n",
		.status = 1,
	}, {
		.name = "a file that other users may read",
		.text = INTERFACE, .mode = 0604,
		.found = "",
	}, {
		.name = "a file without hooks that other users may write",
		.text = INTERFACE, .mode = 0660,
		.found = "",
	}, {
		.name = "hooks in a file that a group may write",
		.text = INTERFACE "PostDown = true\n", .mode = 0660,
		.found = "error: 'wft0.conf' has hooks, and other users can write to 'FOLDER/wft0.conf', which has mode 0660: hooks run only from files and folders that other users cannot write (chmod go-w)\n",
		.status = 1,
	}, {
		.name = "hooks in a file that all users may write",
		.text = INTERFACE "PreUp = true\n", .mode = 0602,
		.found = "error: 'wft0.conf' has hooks, and other users can write to 'FOLDER/wft0.conf', which has mode 0602: hooks run only from files and folders that other users cannot write (chmod go-w)\n",
		.status = 1,
	}, {
		.name = "control characters, and bytes that are not UTF-8",
		.text = INTERFACE "Table = \033]0;x\a\xc2\x9b\x7f\xff\xc3\xbc\n",
		.found = "wft0.conf:4: error: Table: '\\x1b]0;x\\x07\\xc2\\x9b\\x7f\\xff\xc3\xbc' is not a routing table: use 'auto', 'off', a number from 1 to 0xffffffff or a name from /etc/iproute2/rt_tables or /etc/iproute2/rt_tables.d/*.conf\n",
		.status = 1,
	},
};

static char scratch[] = "/tmp/weft-check-XXXXXX";

static bool file_write(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(name, "w");

	if (!file)
		return false;
	fputs(text, file);
	return !fchmod(fileno(file), mode) && !fclose(file);
}

/* The name of the scratch folder differs between runs. */
static char *with_folder(const char *text)
{
	char *result = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&result, &len);

	for (; *text; text++) {
		if (!strncmp(text, "FOLDER", 6)) {
			fputs(scratch, out);
			text += 5;
		} else {
			fputc(*text, out);
		}
	}
	fclose(out);
	return result;
}

static int run(struct test_bench *bench, const char *first, const char *second,
	       const char *third)
{
	char *words[] = { "weft", (char *)first, (char *)second, (char *)third, NULL };
	int status;

	status = weft_command_main(&bench->ctx, third ? 4 : 3, words);
	test_bench_flush(bench);
	return status;
}

/* Findings without a line name the temporary folder; "up" refuses errors only. */
static void test_case(const struct check_case *test)
{
	char *found = with_folder(test->found), name[160];
	struct test_bench bench;

	if (!file_write("wft0.conf", test->text, test->mode ?: 0600))
		test_ok(false, "the file can be written");
	test_bench_start(&bench, "");
	snprintf(name, sizeof(name), "%s: status", test->name);
	test_ok(run(&bench, "check", "wft0.conf", NULL) == test->status, name);
	snprintf(name, sizeof(name), "%s: found", test->name);
	test_text(name, bench.out, found);
	snprintf(name, sizeof(name), "%s: no messages on standard error", test->name);
	test_text(name, bench.err, "");
	test_bench_end(&bench);
	if (test->status) {
		test_bench_start(&bench, "");
		snprintf(name, sizeof(name), "%s: up refuses", test->name);
		test_ok(run(&bench, "up", "wft0.conf", NULL) == 1 && *bench.err, name);
		test_bench_end(&bench);
	}
	free(found);
}

static void test_json(void)
{
	struct test_bench bench;

	file_write("wft0.conf", INTERFACE PEER_A "Name = x\n" PEER_B "Name = x\nAllowedIPs = 10.0.0.1/8\n", 0600);
	test_bench_start(&bench, "");
	test_ok(run(&bench, "check", "-j", "wft0.conf") == 1, "JSON: status");
	test_ok(strstr(bench.out, "\"severity\": \"error\"") || strstr(bench.out, "\"severity\":\"error\""),
		"JSON: an error");
	test_ok(strstr(bench.out, "\"line\": 9") || strstr(bench.out, "\"line\":9"), "JSON: its line");
	test_ok(strstr(bench.out, "\"field\": \"AllowedIPs\"") || strstr(bench.out, "\"field\":\"AllowedIPs\""),
		"JSON: a warning's field");
	test_bench_end(&bench);
	file_write("wft0.conf", INTERFACE "Gr\xc3\xbc\xc3\x9f\x65\xff\xc3\n", 0600);
	test_bench_start(&bench, "");
	run(&bench, "check", "-j", "wft0.conf");
	test_ok(strstr(bench.out, "missing '=' after 'Gr\xc3\xbc\xc3\x9f\x65\xef\xbf\xbd\xef\xbf\xbd'"),
		"JSON: bytes that are not UTF-8 are replaced");
	test_bench_end(&bench);
	file_write("wft0.conf", INTERFACE, 0600);
	test_bench_start(&bench, "");
	run(&bench, "check", "-j", "wft0.conf");
	test_text("JSON: nothing", bench.out, test_empty_list());
	test_bench_end(&bench);
}

static void test_missing(void)
{
	struct test_bench bench;

	test_bench_start(&bench, "");
	test_ok(run(&bench, "check", "./nosuch.conf", NULL) == 1, "no file: status");
	test_text("no file: found", bench.out, "error: cannot open './nosuch.conf': No such file or directory\n");
	test_bench_end(&bench);
}

/* Other users may write to the hooks' folder, and so replace the file. */
static void test_folder(void)
{
	char *want = with_folder("error: 'open/wft0.conf' has hooks, and other users can write to 'FOLDER/open', which has mode 0777: hooks run only from files and folders that other users cannot write (chmod go-w)\n");
	struct test_bench bench;

	mkdir("open", 0700);
	file_write("open/wft0.conf", INTERFACE "PreUp = true\n", 0600);
	chmod("open", 0777);
	test_bench_start(&bench, "");
	run(&bench, "check", "open/wft0.conf", NULL);
	/* The file's mode causes another warning. */
	test_text("hooks in an open folder", bench.out, want);
	test_bench_end(&bench);
	chmod("open", 01777);
	test_bench_start(&bench, "");
	test_ok(!run(&bench, "check", "open/wft0.conf", NULL), "hooks in an open folder with the sticky bit");
	test_bench_end(&bench);
	unlink("open/wft0.conf");
	chmod("open", 0777);
	file_write("wft1.conf", INTERFACE "PreUp = true\n", 0600);
	if (symlink("../wft1.conf", "open/wft1.conf"))
		test_ok(false, "a link can be made");
	test_bench_start(&bench, "");
	test_ok(run(&bench, "check", "open/wft1.conf", NULL) == 1, "hooks behind a link in an open folder");
	test_bench_end(&bench);
	unlink("open/wft1.conf");
	unlink("wft1.conf");
	rmdir("open");
	free(want);
}

static bool check_of(const char *path, char *said, size_t size)
{
	struct test_bench bench;
	bool good;

	test_bench_start(&bench, "");
	good = !run(&bench, "check", path, NULL);
	snprintf(said, size, "%s", bench.out);
	test_bench_end(&bench);
	return good;
}

/* A link's target is up to the owner of the link, and of the link's folder. */
static void test_links(void)
{
	char said[512];

	mkdir("real", 0700);
	mkdir("theirs", 0755);
	file_write("real/wft3.conf", INTERFACE "PreUp = true\n", 0600);
	if (symlink("real", "mid") || symlink("../mid/wft3.conf", "theirs/hop") || symlink("theirs/hop", "wft3.conf") ||
	    symlink("loop", "loop"))
		test_ok(false, "links can be made");
	test_ok(check_of("mid/wft3.conf", said, sizeof(said)), "links of root: a folder");
	test_ok(check_of("./mid/..//real/wft3.conf", said, sizeof(said)), "links of root: back by ..");
	test_ok(check_of("wft3.conf", said, sizeof(said)), "links of root: a chain");
	test_ok(!check_of("loop/wft3.conf", said, sizeof(said)), "a loop of links");
	if (geteuid() || chown("theirs", 65534, 65534)) {
		printf("# links of others are skipped: not root\n");
	} else {
		test_ok(!check_of("wft3.conf", said, sizeof(said)) &&
			strstr(said, "/theirs' belongs to user 65534, which can change them"), "a link in another user's folder");
		test_ok(!chown("theirs", 0, 0) && !lchown("theirs/hop", 65534, 65534) &&
			!check_of("wft3.conf", said, sizeof(said)) && strstr(said, "/theirs/hop' belongs to user 65534"),
			"another user's link to a link");
		test_ok(!lchown("theirs/hop", 0, 0) && !lchown("mid", 65534, 65534) &&
			!check_of("mid/wft3.conf", said, sizeof(said)) && strstr(said, "/mid' belongs to user 65534"),
			"another user's link in the middle");
		test_ok(!check_of("wft3.conf", said, sizeof(said)) && strstr(said, "/mid' belongs to user 65534"),
			"another user's link behind root's links");
	}
	unlink("wft3.conf");
	unlink("theirs/hop");
	unlink("mid");
	unlink("loop");
	unlink("real/wft3.conf");
	rmdir("theirs");
	rmdir("real");
}

/* Hooks of a file run only if that very file is still in place. */
static void test_replaced(void)
{
	struct weft_location location = { .name = "wft2", .path = "wft2.conf" };
	struct weft_profile *profile;
	struct test_bench bench;
	char *want;

	want = with_folder("weft: 'wft2.conf' has hooks, and 'FOLDER/wft2.conf' was replaced or changed while it was read: hooks run only from the file that was read\n");
	test_bench_start(&bench, "");
	file_write("wft2.conf", INTERFACE "PreUp = false\n", 0600);
	file_write("good.conf", INTERFACE "PreUp = true\n", 0600);
	profile = weft_locate_read(&bench.ctx, &location);
	test_ok(profile && weft_check_hooks(&bench.ctx, profile), "hooks of the file that was read");
	if (rename("good.conf", "wft2.conf"))
		test_ok(false, "a file can be replaced");
	test_ok(!weft_check_hooks(&bench.ctx, profile), "replaced after the read: no hooks");
	test_bench_flush(&bench);
	test_text("replaced after the read: error", bench.err, want);
	weft_profile_free(profile);
	chmod("wft2.conf", 0622);
	profile = weft_locate_read(&bench.ctx, &location);
	chmod("wft2.conf", 0600);
	test_ok(profile && !weft_check_hooks(&bench.ctx, profile), "writable by other users during the read: no hooks");
	weft_profile_free(profile);
	test_bench_end(&bench);
	unlink("wft2.conf");
	free(want);
}

static void test_down(void)
{
	struct test_bench bench;

	file_write("wft0.conf", INTERFACE "PostDown = true\n", 0622);
	test_bench_start(&bench, "");
	test_ok(run(&bench, "down", "wft0.conf", NULL) == 1 && strstr(bench.err, "has hooks"),
		"down runs no hooks of such a file");
	test_bench_end(&bench);
}

/* The modes of file and folder that let any user read or write the keys. */
static void test_modes(void)
{
	static const struct {
		mode_t file;
		mode_t folder;
		bool warned;
	} modes[] = {
		{ 0644, 0711, true }, { 0644, 0755, true }, { 0602, 0701, true }, { 0644, 0700, false },
		{ 0644, 0704, false }, { 0640, 0755, false }, { 0601, 0755, false }, { 0600, 0777, false },
	};
	struct weft_location location = { .name = "wft4", .path = "modes/wft4.conf" };
	struct test_bench bench;
	char name[80];
	size_t i;

	mkdir("modes", 0700);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		file_write("modes/wft4.conf", INTERFACE, modes[i].file);
		chmod("modes", modes[i].folder);
		test_bench_start(&bench, "");
		weft_profile_free(weft_locate_read(&bench.ctx, &location));
		test_bench_flush(&bench);
		snprintf(name, sizeof(name), "a file of mode %04o in a folder of mode %04o", modes[i].file, modes[i].folder);
		test_text(name, bench.err, modes[i].warned ?
			  "weft: warning: 'modes/wft4.conf' may contain keys, and other users can open it: remove their permissions (chmod o-rwx)\n" : "");
		test_bench_end(&bench);
	}
	unlink("modes/wft4.conf");
	rmdir("modes");
}

/* A dangling link counts as a file, and hides the old file in the other folder. */
static void test_dangling(void)
{
	const char * const folders[] = { "new", "old", NULL };
	struct weft_location location;
	struct test_bench bench;

	mkdir("new", 0700);
	mkdir("old", 0700);
	file_write("old/wft9.conf", INTERFACE, 0600);
	test_bench_start(&bench, "");
	test_ok(weft_locate(&bench.ctx, folders, "wft9", &location), "the old file alone is found");
	test_text("the old file's folder", location.path, "old/wft9.conf");
	free(location.path);
	if (symlink("nowhere.conf", "new/wft9.conf"))
		test_ok(false, "a link can be made");
	test_ok(weft_locate(&bench.ctx, folders, "wft9", &location), "a dangling link is found");
	test_text("a dangling link counts as a file", location.path, "new/wft9.conf");
	free(location.path);
	test_bench_end(&bench);
	unlink("new/wft9.conf");
	unlink("old/wft9.conf");
	rmdir("new");
	rmdir("old");
}

/* A change lists each peer once: a second "up" finds no difference. */
static void test_merged(void)
{
	struct test_bench bench;

	file_write("twice", "[Interface]\n" PEER_A "AllowedIPs = 10.0.0.1\nPersistentKeepalive = 9\nPresharedKey = " KEY_C "\nName = x\n"
		   PEER_B PEER_A "AllowedIPs = 10.0.0.2, 10.0.0.3\nEndpoint = 192.0.2.1:5\n", 0600);
	test_bench_start(&bench, "");
	bench.devices[0] = test_device("wft0", WEFT_KIND_WEFT, "");
	test_ok(!run(&bench, "setconf", "wft0", "twice"), "setconf takes one key twice");
	test_text("setconf makes one peer of it", bench.sent,
		  "wft0: key=0 port=0 fwmark=0x0 replace-peers\n"
		  "peer A: name='x' psk=C keepalive=9 endpoint=192.0.2.1:5 replace-ips +10.0.0.2/32 +10.0.0.3/32\n"
		  "peer B: psk=0 keepalive=0 replace-ips\n");
	test_text("setconf warns of it", bench.err,
		  "weft: warning: twice:11: PublicKey: duplicate public key, as in line 3: both sections are one peer, with the AllowedIPs of the last section only\n");
	test_bench_end(&bench);
	file_write("twice", PEER_A "AllowedIPs = +10.0.0.1\n" PEER_A "AllowedIPs = -10.0.0.2\nPersistentKeepalive = 3\nRoam = off\n", 0600);
	test_bench_start(&bench, "");
	bench.devices[0] = test_device("wft0", WEFT_KIND_WEFT, "");
	run(&bench, "addconf", "wft0", "twice");
	test_text("changes of a list apply in order", bench.sent,
		  "wft0:\npeer A: keepalive=3 roam=0 +10.0.0.1/32 -10.0.0.2/32\n");
	test_bench_end(&bench);
	unlink("twice");
}

static void test_tables(void)
{
	const char * const files[] = { "rt", "vendor", NULL };

	mkdir("rt.d", 0700);
	mkdir("vendor.d", 0700);
	file_write("rt", "# nothing\n255\tlocal\n0x64 hexadecimal # mine\n7 seven\n", 0600);
	file_write("rt.d/one.conf", "8 eight\n9 seven\n", 0600);
	file_write("rt.d/one.txt", "10 ten\n", 0600);
	file_write("vendor", "11 eleven\n12 eight\nx y\n13\n", 0600);
	file_write("vendor.d/two.conf", "14 fourteen", 0600);
	test_ok(weft_table_find(files, "seven") == 7, "table: of the file");
	test_ok(weft_table_find(files, "hexadecimal") == 100, "table: in hexadecimal");
	test_ok(weft_table_find(files, "eight") == 8, "table: of the folder beside it");
	test_ok(weft_table_find(files, "ten") == 0, "table: not of other files");
	test_ok(weft_table_find(files, "eleven") == 11, "table: of the distribution");
	test_ok(weft_table_find(files, "fourteen") == 14, "table: of the distribution's folder");
	test_ok(weft_table_find(files, "main") == 254, "table: of the kernel");
	test_ok(weft_table_find(files, "default") == 253, "table: the first of the kernel");
	test_ok(weft_table_find(files, "sev") == 0, "table: not by half a name");
	unlink("rt");
	unlink("rt.d/one.conf");
	unlink("rt.d/one.txt");
	unlink("vendor");
	unlink("vendor.d/two.conf");
	rmdir("rt.d");
	rmdir("vendor.d");
}

/* A suggested command quotes its arguments for a shell. */
static void test_shell_words(void)
{
	char long_name[WEFT_NAME_BYTES + 1] = "";

	test_text("word: a key as it is", weft_format_shell(KEY_A).chars, KEY_A);
	test_text("word: a blank", weft_format_shell("harbour master").chars, "'harbour master'");
	test_text("word: a command", weft_format_shell("x; rm -r *").chars, "'x; rm -r *'");
	test_text("word: a quote", weft_format_shell("it's").chars, "'it'\\''s'");
	test_text("word: a setting", weft_format_sysctl("eth0.100", "rp_filter", "=2").chars,
		  "net/ipv4/conf/eth0.100/rp_filter=2");
	test_text("word: nothing", weft_format_shell("").chars, "''");
	memset(long_name, '\'', WEFT_NAME_BYTES);
	test_ok(strlen(weft_format_shell(long_name).chars) == 4 * WEFT_NAME_BYTES + 2, "word: the longest name");
}

/* JSON is UTF-8, and the bytes of a file need not be. */
static void test_utf8(void)
{
	static const struct {
		const char *name;
		const char *text;
		const char *want;
	} texts[] = {
		{ "plain", "a\tb\x7f", "a\tb\x7f" },
		{ "the first and last of each length", "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
		  "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		{ "cut off", "\xf0\x90\x80", "???" },
		{ "cut off by a letter", "\xe2\x82" "a", "??a" },
		{ "overlong, two", "\xc0\x80\xc1\xbf", "????" },
		{ "overlong, three", "\xe0\x9f\xbf", "???" },
		{ "overlong, four", "\xf0\x8f\xbf\xbf", "????" },
		{ "surrogates", "\xed\x9f\xbf\xed\xa0\x80", "\xed\x9f\xbf???" },
		{ "too high", "\xf4\x90\x80\x80\xf5\x80\x80\x80\xff", "?????????" },
		{ "a continuation byte alone", "\x80" "a\xbf", "?a?" },
	};
	char name[96], *got, *to;
	const char *from;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		got = weft_text_utf8(texts[i].text);
		/* Replaces U+FFFD by "?". */
		for (from = to = got; *from; from++, to++) {
			*to = *from;
			if (!strncmp(from, "\xef\xbf\xbd", 3)) {
				*to = '?';
				from += 2;
			}
		}
		*to = '\0';
		snprintf(name, sizeof(name), "UTF-8: %s", texts[i].name);
		test_text(name, got, texts[i].want);
		free(got);
	}
}

/* No message holds a terminal's escape; JSON encodes it. */
static void test_escapes(void)
{
	static const struct weft_place place = { .file = "\033a.conf", .line = 2, .name = "\033b" };
	struct test_bench bench;

	test_bench_start(&bench, "");
	weft_complain_at(&bench.ctx, &place, "'%s' and '%s'", "\033c\n", "\xc2\xa0\xc2\x80");
	weft_warn(&bench.ctx, "%s", "\td");
	test_bench_flush(&bench);
	test_text("messages hold no control characters", bench.err,
		  "weft: \\x1ba.conf:2: \\x1bb: '\\x1bc\\x0a' and '\xc2\xa0\\xc2\\x80'\n"
		  "weft: warning: \\x09d\n");
	test_bench_end(&bench);
	test_bench_start(&bench, "");
	test_ok(run(&bench, "\033e", "x", NULL) == 1 && strstr(bench.err, "weft: unknown command '\\x1be': "),
		"the refusal of a command holds no control characters");
	test_bench_end(&bench);
	file_write("wft0.conf", INTERFACE "Table = \033\n", 0600);
	test_bench_start(&bench, "");
	test_ok(run(&bench, "-j", "check", "wft0.conf") == 1 && strstr(bench.out, "'\\u001b' is not a routing table"),
		"JSON holds the text unchanged");
	test_bench_end(&bench);
}

/* Standard error is unbuffered, and a pipe in packet mode separates the writes. */
static void test_one_write(void)
{
	static const struct weft_place place = { .file = "a.conf", .line = 2, .name = "b" };
	struct test_bench bench;
	char got[128] = "";
	int pipes[2];
	FILE *err, *out;

	test_bench_start(&bench, "");
	out = bench.ctx.err;
	if (pipe2(pipes, O_DIRECT | O_NONBLOCK) || !(err = fdopen(pipes[1], "w")))
		test_bail("no pipe");
	setvbuf(err, NULL, _IONBF, 0);
	bench.ctx.err = err;
	weft_complain_at(&bench.ctx, &place, "'%s' and more", "\033c");
	if (read(pipes[0], got, sizeof(got) - 1) < 0)
		test_bail("nothing in the pipe");
	test_text("a message is one write", got, "weft: a.conf:2: b: '\\x1bc' and more\n");
	bench.ctx.err = out;
	fclose(err);
	close(pipes[0]);
	test_bench_end(&bench);
}

int main(void)
{
	size_t i;

	umask(0022);
	if (!mkdtemp(scratch) || chdir(scratch)) {
		printf("Bail out! no scratch folder\n");
		return 1;
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	test_json();
	test_missing();
	test_folder();
	test_links();
	test_modes();
	test_replaced();
	test_down();
	test_dangling();
	test_merged();
	test_tables();
	test_shell_words();
	test_utf8();
	test_escapes();
	test_one_write();
	unlink("wft0.conf");
	if (chdir("/") || rmdir(scratch))
		printf("# %s is left over\n", scratch);
	return test_end();
}
