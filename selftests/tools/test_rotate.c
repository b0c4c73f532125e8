// SPDX-License-Identifier: GPL-2.0
/* weft rotate: what the file says afterwards, what the kernel is asked for, and what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "rewrite.h"
#include "support.h"

#define WORDS_MAX	12

/* Names that no file in /etc stands for. */
#define LINK	"wft0"

static const char conf[] = "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A "\n";

/**
 * struct rewrite_case - a file before and after
 * @name: what it is about
 * @before: the file
 * @after: the file with key B
 * @previous: key P is the one before
 * @until: its end
 */
static const struct rewrite_case {
	const char *name;
	const char *before;
	const char *after;
	bool previous;
	long long until;
} rewrites[] = {
	{
		.name = "the key only",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n",
		.after = "[Interface]\nPrivateKey = " KEY_B "\nListenPort = 5\n",
	}, {
		.name = "all else stays, comments too",
		.before = "# mine\n\n[Interface]\n  privatekey=" KEY_P " # old\nMTU = 9\n[Peer]\n"
			  "# PrivateKey = x\nPublicKey = " KEY_A,
		.after = "# mine\n\n[Interface]\nPrivateKey = " KEY_B "\nPreviousPrivateKey = " KEY_P
			 "\nGraceUntil = 77\nMTU = 9\n[Peer]\n# PrivateKey = x\nPublicKey = " KEY_A,
		.previous = true, .until = 77,
	}, {
		.name = "an earlier rotation's lines go",
		.before = "GraceUntil = 5\n[Interface]\nPreviousPrivateKey = " KEY_A
			  "\nPrivateKey = " KEY_P "\nGraceUntil = 6\n",
		.after = "[Interface]\nPrivateKey = " KEY_B "\nPreviousPrivateKey = " KEY_P "\n",
		.previous = true,
	}, {
		.name = "without an end of line",
		.before = "[Interface]\nPrivateKey=" KEY_P,
		.after = "[Interface]\nPrivateKey = " KEY_B "\n",
	}, {
		.name = "a key that is there twice",
		.before = "[Interface]\nPrivateKey = " KEY_A "\nPrivateKey = " KEY_P "\n",
		.after = "[Interface]\nPrivateKey = " KEY_B "\n",
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

/**
 * struct rotate_case - a command line, and what comes of it
 * @words: the words, LINK being the interface
 * @input: its standard input
 * @sent: what the kernel was asked for
 * @err: the complaint; with one the status is 1
 * @previous: the interface is being rotated already
 * @fail: what the kernel complains of
 */
static const struct rotate_case {
	const char *words;
	const char *input;
	const char *sent;
	const char *err;
	const char *fail;
	bool previous;
} rotates[] = {
	{
		.words = "rotate wft0 private-key -", .input = KEY_B "\n",
		.sent = "wft0: begin key=B grace=86400\n",
	}, {
		.words = "rotate wft0 grace 60 private-key -", .input = KEY_B "\n",
		.sent = "wft0: begin key=B grace=60\n",
	}, {
		.words = "rotate wft0 private-key - grace off", .input = KEY_B "\n",
		.sent = "wft0: begin key=B grace=0\n",
	}, {
		.words = "rotate wft0 finish", .previous = true,
		.sent = "wft0: finish key=0 grace=86400\n",
	}, {
		.words = "rotate wft0 undo", .previous = true,
		.sent = "wft0: undo key=0 grace=86400\n",
	}, {
		.words = "rotate wft0 private-key -", .input = KEY_B "\n", .previous = true,
		.err = "weft: the rotation of 'wft0' before this one goes on: 'weft rotate wft0 finish' or 'weft rotate wft0 undo' first\n",
	}, {
		.words = "rotate wft0 private-key -", .input = KEY_P "\n", .previous = true,
		.sent = "wft0: begin key=P grace=86400\n",
	}, {
		.words = "rotate wft0 private-key -", .input = "\n",
		.err = "weft: rotate: '-' is empty, and a rotation needs a key\n",
	}, {
		.words = "rotate wft0 private-key -", .input = "x\n",
		.err = "weft: private-key: '-' does not hold a key: 44 characters of base64, or nothing to take the key away\n",
	}, {
		.words = "rotate wft0 grace soon",
		.err = "weft: grace: 'soon' is not a grace: use a number of seconds, or 'off' for one without an end\n",
	}, {
		.words = "rotate wft0 finish undo",
		.err = "weft: rotate: 'finish' is not expected here: private-key FILE, grace SECONDS, finish, undo are\n",
	}, {
		.words = "rotate wft0 private-key",
		.err = "weft: rotate: 'private-key' is not expected here: private-key FILE, grace SECONDS, finish, undo are\n",
	}, {
		.words = "rotate wg0",
		.err = "weft: cannot rotate the key of 'wg0': rotation is weft's own, and this is a link of kind wireguard\n",
	}, {
		.words = "rotate nope",
		.err = "weft: cannot read interface 'nope': No such device\n",
	}, {
		.words = "rotate wft0 finish", .fail = "none goes on",
		.err = "weft: cannot rotate the key of 'wft0': none goes on\n",
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
	snprintf(name, sizeof(name), "%s: complaint", test->words);
	test_text(name, bench.err, test->err ?: "");
	test_bench_end(&bench);
	free(text);
}

/* Without a file a key is made, and its public key is what is printed. */
static void test_generated(void)
{
	char *words[] = { "weft", "rotate", LINK, NULL };
	struct weft_key printed;
	struct test_bench bench;

	test_bench_start(&bench, "");
	bench.devices[0] = test_device(LINK, WEFT_KIND_WEFT, conf);
	test_ok(!weft_command_main(&bench.ctx, 3, words), "a key is made: exit status");
	test_bench_flush(&bench);
	if (strlen(bench.out) == WEFT_KEY_CHARS + 1)
		bench.out[WEFT_KEY_CHARS] = '\0';
	test_ok(weft_key_decode(&printed, bench.out) && !weft_key_is_zero(&printed),
		"a key is made: it is printed");
	test_ok(strstr(bench.sent, "wft0: begin key="), "a key is made: sent");
	test_bench_end(&bench);
}

int main(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rewrites); i++)
		test_rewrite(&rewrites[i]);
	for (i = 0; i < ARRAY_SIZE(rotates); i++)
		test_rotate(&rotates[i]);
	test_generated();
	return test_end();
}
