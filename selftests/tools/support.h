/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the command share: TAP, a context, a kernel of paper. */
#ifndef _WEFT_SELFTESTS_TOOLS_SUPPORT_H
#define _WEFT_SELFTESTS_TOOLS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/array.h"
#include "base/context.h"
#include "genl/backend.h"
#include "genl/event.h"

/* Keys of which the bytes say who they are: all A, B, C or P. */
#define KEY_A	"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
#define KEY_B	"QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
#define KEY_C	"Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M="
#define KEY_N	"Tk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk4="
#define KEY_P	"UFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFA="
#define KEY_Q	"UVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVE="
#define KEY_NONE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* One result line; a failure ends the program if TEST_STOP is set. */
void test_ok(bool good, const char *name);
/* Equal texts pass; others are shown both. */
void test_text(const char *name, const char *got, const char *want);
/* The plan, and the exit status of the program. */
int test_end(void);
/* End the program: what the test stands on is not there. */
void test_bail(const char *why);

/**
 * struct test_bench - one run of the command, and what came out of it
 * @ctx: the context to run with
 * @backend: interfaces wft0 (weft), wg0 (wireguard) as @devices has them
 * @devices: what get() returns copies of, in list() order, up to a NULL
 * @fail_ready: what ready() and loaded() complain of, NULL for nothing
 * @asked_ready: how often ready() was asked
 * @fail_get: what get() and list() complain of, NULL for nothing
 * @fail_name: the one interface that get() cannot read, NULL for none
 * @fail_set: what set() complains of, NULL for nothing
 * @fail_taken: it does because another peer has what was asked for
 * @events: what next() has to tell, in this order; then it is as @last says
 * @event_count: how many those are
 * @last: what next() returns when there are no more
 * @fail_watch: what watch() complains of, NULL for nothing
 * @watched: how often listening was begun, less how often it was ended
 * @sent: all that set() was given, as test_describe() has it
 * @out: what was printed
 * @err: what was complained
 */
struct test_bench {
	struct weft_context ctx;
	struct weft_backend backend;
	struct weft_device *devices[4];
	const char *fail_ready;
	int asked_ready;
	const char *fail_get;
	const char *fail_name;
	const char *fail_set;
	bool fail_taken;
	const struct weft_event *events;
	size_t event_count;
	int last;
	const char *fail_watch;
	int watched;
	char *sent;
	char *out;
	char *err;
	size_t out_len;
	size_t err_len;
};

void test_bench_start(struct test_bench *bench, const char *input);
/* Make @out and @err readable. */
void test_bench_flush(struct test_bench *bench);
void test_bench_end(struct test_bench *bench);

/* A device from a configuration file's text; ends the program when broken. */
struct weft_device *test_device(const char *name, enum weft_kind kind,
				const char *conf);
/* A change, one line for the device and one a peer; to be freed. */
char *test_describe(const struct weft_device *dev);

/* This program's own /etc, with an empty folder "weft". False where users may have no namespaces. */
bool test_enter_etc(void);

#endif /* _WEFT_SELFTESTS_TOOLS_SUPPORT_H */
