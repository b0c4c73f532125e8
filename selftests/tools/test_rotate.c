// SPDX-License-Identifier: GPL-2.0
/* weft rotate: the rewritten file, the request to the kernel, and the refusals. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "conf/file.h"
#include "conf/profile.h"
#include "conf/record.h"
#include "conf/rewrite.h"
#include "support.h"

#define WORDS_MAX	12

#define FILE_PATH	"/etc/weft/wft0.conf"

/* /etc, which is this program's own, has no file of this name. */
#define LINK	"wft0"

static const char conf[] = "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A "\n";

/**
 * struct rewrite_case - a file before and after
 * @name: the case
 * @before: the file
 * @after: the file with key B
 * @previous: key P becomes the previous key
 * @until: the time of its end
 */
static const struct rewrite_case {
	const char *name;
	const char *before;
	const char *after;
	bool previous;
	long long until;
} rewrites[] = {
	{
		.name = "only the key",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n",
		.after = "[Interface]\nPrivateKey = " KEY_B "\nListenPort = 5\n",
	}, {
		.name = "all other lines stay, with comments",
		.before = "# mine\n\n[Interface]\n  privatekey=" KEY_P " # old\nMTU = 9\n[Peer]\n"
			  "# PrivateKey = x\nPublicKey = " KEY_A,
		.after = "# mine\n\n[Interface]\nPrivateKey = " KEY_B "\nPreviousPrivateKey = " KEY_P
			 "\nGraceUntil = 77\nMTU = 9\n[Peer]\n# PrivateKey = x\nPublicKey = " KEY_A,
		.previous = true, .until = 77,
	}, {
		.name = "lines of an earlier rotation are removed",
		.before = "GraceUntil = 5\n[Interface]\nPreviousPrivateKey = " KEY_A
			  "\nPrivateKey = " KEY_P "\nGraceUntil = 6\n",
		.after = "[Interface]\nPrivateKey = " KEY_B "\nPreviousPrivateKey = " KEY_P "\n",
		.previous = true,
	}, {
		.name = "without an end of line",
		.before = "[Interface]\nPrivateKey=" KEY_P,
		.after = "[Interface]\nPrivateKey = " KEY_B "\n",
	}, {
		.name = "a key in two lines",
		.before = "[Interface]\nPrivateKey = " KEY_A "\nPrivateKey = " KEY_P "\n",
		.after = "[Interface]\nPrivateKey = " KEY_B "\n",
	}, {
		.name = "a field with blanks in its name, as wg(8) reads it",
		.before = "[ Interface ]\n Private Key\t= " KEY_A "\nPrivateKeys = x\nPrivate\n",
		.after = "[ Interface ]\nPrivateKey = " KEY_B "\nPrivateKeys = x\nPrivate\n",
	}, {
		.name = "an empty file", .before = "", .after = "",
	},
};

static void test_rewrite(const struct rewrite_case *test)
{
	struct weft_key fresh, before;
	struct weft_rewrite rewrite = {
		.private_key = &fresh, .until = test->until,
		.previous = test->previous ? &before : NULL,
	};
	struct weft_file text = {
		.text = (char *)test->before, .len = strlen(test->before),
	};
	struct weft_file result;
	char name[128];

	weft_key_decode(&fresh, KEY_B);
	weft_key_decode(&before, KEY_P);
	snprintf(name, sizeof(name), "rewrite: %s", test->name);
	if (!weft_rewrite_text(&text, &rewrite, &result)) {
		test_ok(false, name);
		return;
	}
	test_text(name, result.text, test->after);
	weft_file_wipe(&result);
}

#define NO_FILE		"weft: warning: 'wft0' has no file: the key is changed in the kernel only\n"

/**
 * struct rotate_case - a command line, and its results
 * @words: the words, LINK being the interface
 * @input: the standard input
 * @sent: the request to the kernel
 * @err: the error; with one the status is 1
 * @previous: a rotation of the interface is in progress
 * @alone: the missing file causes a warning
 * @fail: the error of the kernel
 */
static const struct rotate_case {
	const char *words;
	const char *input;
	const char *sent;
	const char *err;
	const char *fail;
	bool previous;
	bool alone;
} rotates[] = {
	{
		.words = "rotate wft0 private-key -", .input = KEY_B "\n",
		.sent = "wft0: begin key=B grace=86400\n", .alone = true,
	}, {
		.words = "rotate wft0 grace 60 private-key -", .input = KEY_B "\n",
		.sent = "wft0: begin key=B grace=60\n", .alone = true,
	}, {
		.words = "rotate wft0 private-key - grace off", .input = KEY_B "\n",
		.sent = "wft0: begin key=B grace=0\n", .alone = true,
	}, {
		.words = "rotate wft0 finish", .previous = true,
		.sent = "wft0: finish key=0 grace=86400\n",
	}, {
		.words = "rotate wft0 undo", .previous = true,
		.sent = "wft0: undo key=0 grace=86400\n", .alone = true,
	}, {
		.words = "rotate wft0 private-key -", .input = KEY_B "\n", .previous = true,
		.err = "weft: an earlier rotation of 'wft0' has not ended: run weft rotate wft0 finish, or undo, first\n",
	}, {
		.words = "rotate wft0 private-key -", .input = KEY_P "\n", .previous = true,
		.sent = "wft0: begin key=P grace=86400\n",
	}, {
		.words = "rotate wft0 private-key -", .input = "\n",
		.err = "weft: rotate: '-' is empty: a rotation needs a private key\n",
	}, {
		.words = "rotate wft0 private-key -", .input = "x\n",
		.err = "weft: private-key: '-' does not contain a key: use 44 characters of base64, or an empty file to remove the key\n",
	}, {
		.words = "rotate wft0 grace soon",
		.err = "weft: grace: 'soon' is not a grace period: use a number of seconds up to 4294967295, or 'off' for no limit\n",
	}, {
		.words = "rotate wft0 finish undo",
		.err = "weft: rotate: unexpected argument 'undo': use private-key FILE, grace SECONDS|off, finish or undo\n",
	}, {
		.words = "rotate wft0 private-key",
		.err = "weft: rotate: private-key: requires a value: FILE\n",
	}, {
		.words = "rotate wg0",
		.err = "weft: cannot rotate the key of 'wg0': rotation needs a link of kind weft, and this link is of kind wireguard\n",
	}, {
		.words = "rotate nope",
		.err = "weft: cannot read interface 'nope': No such device\n",
	}, {
		.words = "rotate wft0 finish", .fail = "none is in progress",
		.err = "weft: cannot rotate the key of 'wft0': none is in progress\n",
	},
};

static int test_split(char *text, char **words)
{
	char *rest = NULL, *word;
	int count = 1;

	words[0] = "weft";
	for (word = strtok_r(text, " ", &rest); word && count < WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	words[count] = NULL;
	return count;
}

static void test_rotate(const struct rotate_case *test)
{
	char *words[WORDS_MAX], *text = strdup(test->words), name[160];
	struct test_bench bench;
	int count, status;

	test_bench_start(&bench, test->input ?: "");
	bench.devices[0] = test_device(LINK, WEFT_KIND_WEFT, conf);
	bench.devices[1] = test_device("wg0", WEFT_KIND_WIREGUARD, conf);
	if (test->previous) {
		bench.devices[0]->has |= WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY;
		weft_key_decode(&bench.devices[0]->previous_public_key, KEY_C);
	}
	bench.fail_set = test->fail;
	count = test_split(text, words);
	status = weft_command_main(&bench.ctx, count, words);
	test_bench_flush(&bench);
	snprintf(name, sizeof(name), "%s: exit status", test->words);
	test_ok(status == (test->err ? 1 : 0), name);
	snprintf(name, sizeof(name), "%s: sent", test->words);
	test_text(name, bench.sent, test->sent ?: "");
	snprintf(name, sizeof(name), "%s: error", test->words);
	test_text(name, bench.err, test->alone ? NO_FILE : test->err ?: "");
	test_bench_end(&bench);
	free(text);
}

/* Without a file a key is generated, and its public key is printed. */
static void test_generated(void)
{
	char *words[] = { "weft", "rotate", LINK, NULL };
	struct weft_key printed;
	struct test_bench bench;

	test_bench_start(&bench, "");
	bench.devices[0] = test_device(LINK, WEFT_KIND_WEFT, conf);
	test_ok(!weft_command_main(&bench.ctx, 3, words), "a key is generated: exit status");
	test_bench_flush(&bench);
	if (strlen(bench.out) == WEFT_KEY_CHARS + 1)
		bench.out[WEFT_KEY_CHARS] = '\0';
	test_ok(weft_key_decode(&printed, bench.out) && !weft_key_is_zero(&printed),
		"a key is generated: it is printed");
	test_ok(strstr(bench.sent, "wft0: begin key="), "a key is generated: sent");
	test_bench_end(&bench);
}

#define HEAD		"# mine\n[Interface]\n"
#define TAIL		"ListenPort = 5\n"
#define KEY(key)	"PrivateKey = " key "\n"
#define PREVIOUS(key)	"PreviousPrivateKey = " key "\n"
#define OTHER_FILE	"weft: warning: '" FILE_PATH "' does not have the private key of 'wft0': the file stays unchanged\n"
#define REFUSED		"weft: cannot rotate the key of 'wft0': busy\n"

/**
 * struct file_case - a rotation of an interface that has key P and a file
 * @name: the case
 * @words: the words
 * @input: the new key
 * @previous: the interface's previous key, NULL without a rotation
 * @before: the keys of the file
 * @after: the keys of the file afterwards, NULL for the same
 * @sent: the request to the kernel
 * @printed: the key whose public key is printed, or NULL
 * @err: the error
 * @fail: the error of the kernel
 */
static const struct file_case {
	const char *name;
	const char *words;
	const char *input;
	const char *previous;
	const char *before;
	const char *after;
	const char *sent;
	const char *printed;
	const char *err;
	const char *fail;
} files[] = {
	{
		.name = "begin", .words = "rotate wft0 private-key - grace 60", .input = KEY_B,
		.before = KEY(KEY_P), .after = KEY(KEY_B) PREVIOUS(KEY_P) "GraceUntil = 1000000060\n",
		.sent = "wft0: begin key=B grace=60\n", .printed = KEY_B,
	}, {
		.name = "begin without an end", .words = "rotate wft0 private-key - grace off", .input = KEY_B,
		.before = KEY(KEY_P), .after = KEY(KEY_B) PREVIOUS(KEY_P),
		.sent = "wft0: begin key=B grace=0\n", .printed = KEY_B,
	}, {
		.name = "begin, refused", .words = "rotate wft0 private-key -", .input = KEY_B,
		.before = KEY(KEY_P), .fail = "busy", .err = REFUSED,
	}, {
		.name = "begin with another key in the file", .words = "rotate wft0 private-key -", .input = KEY_B,
		.before = KEY(KEY_A), .sent = "wft0: begin key=B grace=86400\n", .printed = KEY_B,
		.err = OTHER_FILE,
	}, {
		.name = "begin with the current key", .words = "rotate wft0 private-key -", .input = KEY_P,
		.previous = KEY_C, .before = KEY(KEY_P) PREVIOUS(KEY_C),
		.sent = "wft0: begin key=P grace=86400\n", .printed = KEY_P,
	}, {
		.name = "begin after an interrupted begin", .words = "rotate wft0",
		.before = KEY(KEY_B) PREVIOUS(KEY_P),
		.after = KEY(KEY_B) PREVIOUS(KEY_P) "GraceUntil = 1000086400\n",
		.sent = "wft0: begin key=B grace=86400\n", .printed = KEY_B,
	}, {
		.name = "begin with a file that is broken", .words = "rotate wft0 private-key -", .input = KEY_B,
		.before = "PrivateKey = x\n",
		.err = "weft: " FILE_PATH ":3: PrivateKey: not a key: 1 characters instead of 44 of base64 (the text may be a secret, and is not shown)\n",
	}, {
		.name = "finish", .words = "rotate wft0 finish", .previous = KEY_C,
		.before = KEY(KEY_P) PREVIOUS(KEY_C) "GraceUntil = 1000000060\n", .after = KEY(KEY_P),
		.sent = "wft0: finish key=0 grace=86400\n",
	}, {
		.name = "finish, refused", .words = "rotate wft0 finish", .previous = KEY_C,
		.before = KEY(KEY_P) PREVIOUS(KEY_C), .fail = "busy", .err = REFUSED,
	}, {
		.name = "finish when the kernel has forgotten the key", .words = "rotate wft0 finish",
		.before = KEY(KEY_P) PREVIOUS(KEY_C), .after = KEY(KEY_P), .sent = "",
	}, {
		.name = "finish with a file of one key", .words = "rotate wft0 finish", .previous = KEY_C,
		.before = KEY(KEY_P), .sent = "wft0: finish key=0 grace=86400\n",
	}, {
		.name = "finish with another key in the file", .words = "rotate wft0 finish", .previous = KEY_C,
		.before = KEY(KEY_A) PREVIOUS(KEY_C), .sent = "wft0: finish key=0 grace=86400\n",
	}, {
		.name = "undo", .words = "rotate wft0 undo", .previous = KEY_C,
		.before = KEY(KEY_P) PREVIOUS(KEY_C), .after = KEY(KEY_C),
		.sent = "wft0: undo key=0 grace=86400\n", .printed = KEY_C,
	}, {
		.name = "undo, refused", .words = "rotate wft0 undo", .previous = KEY_C,
		.before = KEY(KEY_P) PREVIOUS(KEY_C), .fail = "busy", .err = REFUSED,
	}, {
		.name = "undo with a file that has the key", .words = "rotate wft0 undo", .previous = KEY_C,
		.before = KEY(KEY_C), .sent = "wft0: undo key=0 grace=86400\n", .printed = KEY_C,
	}, {
		.name = "undo with another key in the file", .words = "rotate wft0 undo", .previous = KEY_C,
		.before = KEY(KEY_A), .sent = "wft0: undo key=0 grace=86400\n", .printed = KEY_C,
		.err = OTHER_FILE,
	},
};

static struct weft_key public_of(const char *text)
{
	struct weft_key key, public_key;

	if (!weft_key_decode(&key, text) || !weft_key_derive_public(&public_key, &key))
		test_bail("no key");
	return public_key;
}

static void write_file(const char *keys)
{
	FILE *file = fopen(FILE_PATH, "w");

	if (!file || fprintf(file, "%s%s%s", HEAD, keys, TAIL) < 0 || fclose(file))
		test_bail("cannot write " FILE_PATH);
}

static void test_file_is(const char *name, const char *keys)
{
	char got[1024] = "", want[1024];
	FILE *file = fopen(FILE_PATH, "r");
	struct stat st;

	if (file) {
		got[fread(got, 1, sizeof(got) - 1, file)] = '\0';
		fclose(file);
	}
	snprintf(want, sizeof(want), "%s%s%s", HEAD, keys, TAIL);
	test_text(name, got, want);
	test_ok(!stat(FILE_PATH, &st) && (st.st_mode & 0777) == 0600, "the file's mode");
}

static void test_file(const struct file_case *test)
{
	char *words[WORDS_MAX], *text = strdup(test->words), name[160], out[64] = "";
	struct test_bench bench;
	int count, status;

	write_file(test->before);
	if (chmod(FILE_PATH, 0600))
		test_bail("cannot change the mode of " FILE_PATH);
	test_bench_start(&bench, test->input ?: "");
	bench.devices[0] = test_device(LINK, WEFT_KIND_WEFT, conf);
	if (test->previous) {
		bench.devices[0]->has |= WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY;
		bench.devices[0]->previous_public_key = public_of(test->previous);
	}
	bench.fail_set = test->fail;
	count = test_split(text, words);
	status = weft_command_main(&bench.ctx, count, words);
	test_bench_flush(&bench);
	snprintf(name, sizeof(name), "file, %s: exit status", test->name);
	test_ok(status == (test->sent ? 0 : 1), name);
	test_file_is("the file", test->after ?: test->before);
	test_text("sent", bench.sent, test->sent ?: "");
	test_text("error", bench.err, test->err ?: "");
	if (test->printed) {
		struct weft_key key = public_of(test->printed);

		snprintf(out, sizeof(out), "%s\n", weft_key_encode(&key).chars);
	}
	test_text("printed", bench.out, out);
	test_bench_end(&bench);
	free(text);
}

static void test_files(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		test_file(&files[i]);
}

/*
 * A file in another folder, which "up" has recorded by a link. The link now points to a third file,
 * with @mode.
 */
static void test_elsewhere(const char *name, mode_t mode, const char *complaint, const char *want)
{
	char folder[] = "/tmp/weft-rotate-XXXXXX", path[64], text[1024] = "", title[96];
	char *words[] = { "weft", "rotate", "wft0", "private-key", "-", NULL };
	struct weft_profile profile = { .name = "wft0", .path = "./wft0.conf" };
	struct weft_record record = { .reached = WEFT_HOOK_COUNT };
	struct test_bench bench;
	FILE *file;

	if (!mkdtemp(folder) || chdir(folder))
		test_bail("no folder in /tmp");
	file = fopen("b.conf", "w");
	if (!file || fputs(HEAD KEY(KEY_P) TAIL, file) < 0 || fclose(file) || chmod("b.conf", mode) ||
	    symlink("a.conf", "wft0.conf"))
		test_bail("no file in /tmp");
	test_bench_start(&bench, KEY_B);
	bench.devices[0] = test_device(LINK, WEFT_KIND_WEFT, conf);
	bench.ctx.runtime = folder;
	snprintf(title, sizeof(title), "%s: recorded", name);
	test_ok(weft_record_take_profile(&record, &profile) && weft_record_write(&bench.ctx, "wft0", &record), title);
	weft_record_free(&record);
	if (unlink("wft0.conf") || symlink("b.conf", "wft0.conf") || chdir("/"))
		test_bail("no link in /tmp");
	snprintf(title, sizeof(title), "%s: rotate", name);
	test_ok(!weft_command_main(&bench.ctx, 5, words), title);
	test_bench_flush(&bench);
	snprintf(title, sizeof(title), "%s: error", name);
	test_text(title, bench.err, complaint);
	snprintf(path, sizeof(path), "%s/b.conf", folder);
	file = fopen(path, "r");
	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
	}
	snprintf(title, sizeof(title), "%s: the file", name);
	test_ok(strstr(text, want), title);
	weft_record_remove(&bench.ctx, "wft0");
	test_bench_end(&bench);
	if (snprintf(path, sizeof(path), "rm -r %s", folder) < 0 || system(path))
		test_bail("the folder stays");
}

static void rotate_of_fleet(const char *state, const char *option, int want, const char *complaint)
{
	char *words[] = { "weft", "rotate", LINK, (char *)option, NULL };
	struct test_bench bench;

	test_bench_start(&bench, "");
	bench.devices[0] = test_device(LINK, WEFT_KIND_WEFT, conf);
	bench.ctx.state = state;
	test_ok(weft_command_main(&bench.ctx, option ? 4 : 3, words) == want, option ? "a fleet's interface, really" :
		want ? "a fleet's interface" : "an interface beside a fleet's");
	test_bench_flush(&bench);
	test_text("... says", bench.err, complaint);
	test_text("... asks the kernel", *bench.sent ? "a request" : "", want ? "" : "a request");
	test_bench_end(&bench);
}

static void test_fleet(void)
{
	char state[] = "/tmp/weft-rotate-XXXXXX", folder[64], file[80];
	static const char warning[] = "weft: warning: 'wft0' has no file: the key is changed in the kernel only\n";
	FILE *self;

	if (!mkdtemp(state))
		test_bail("no folder in /tmp");
	rotate_of_fleet(state, NULL, 0, warning);
	snprintf(folder, sizeof(folder), "%s/" LINK, state);
	snprintf(file, sizeof(file), "%s/self", folder);
	self = mkdir(folder, 0700) ? NULL : fopen(file, "w");
	if (!self || fclose(self))
		test_bail("no file in /tmp");
	rotate_of_fleet(state, NULL, 1,
			"weft: 'wft0' is the interface of a fleet, whose nodes would not learn its key: use 'weft fleet rotate wft0 announce', or --really\n");
	rotate_of_fleet(state, "--really", 0, warning);
	unlink(file);
	rmdir(folder);
	rmdir(state);
}

int main(void)
{
	bool has_etc = test_enter_etc();
	size_t i;

	if (!has_etc)
		printf("# rotations with a file are skipped: no /etc of one's own: %s\n",
		       strerror(errno));
	for (i = 0; i < ARRAY_SIZE(rewrites); i++)
		test_rewrite(&rewrites[i]);
	for (i = 0; i < ARRAY_SIZE(rotates); i++)
		test_rotate(&rotates[i]);
	test_generated();
	test_fleet();
	test_elsewhere("file elsewhere", 0600, "", KEY(KEY_B) PREVIOUS(KEY_P));
	test_elsewhere("file elsewhere of all users", 0666,
		       "weft: warning: 'wft0' has no file: the key is changed in the kernel only\n", HEAD KEY(KEY_P) TAIL);
	if (has_etc)
		test_files();
	return test_end();
}
