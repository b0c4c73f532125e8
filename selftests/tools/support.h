/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the tests of the command: TAP, a context, a fake kernel. */
#ifndef _WEFT_SELFTESTS_TOOLS_SUPPORT_H
#define _WEFT_SELFTESTS_TOOLS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/array.h"
#include "base/context.h"
#include "genl/backend.h"
#include "genl/event.h"

/* Keys with recognizable bytes: all A, B, C or P. */
#define KEY_A	"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
#define KEY_B	"QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
#define KEY_C	"Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M="
#define KEY_N	"Tk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk4="
#define KEY_P	"UFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFA="
#define KEY_Q	"UVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVE="
#define KEY_NONE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* One result line; a failure ends the program if TEST_STOP is set. */
void test_ok(bool good, const char *name);
/* Equal texts pass; a failure prints both. */
void test_text(const char *name, const char *got, const char *want);
/* An empty list as JSON, which json-c writes on one line or on two. */
const char *test_empty_list(void);
/* Prints the plan, and returns the exit status of the program. */
int test_end(void);
/* Ends the program when the test's own set-up fails. */
void test_bail(const char *why);

/**
 * struct test_bench - one run of the command, and its results
 * @ctx: the context of the run
 * @backend: a fake kernel with the interfaces wft0 (weft) and wg0 (wireguard) of @devices
 * @devices: get() returns copies of these, in list() order, up to a NULL
 * @fail_ready: the error of ready() and loaded(), or NULL
 * @asked_ready: calls of ready()
 * @fail_get: the error of get() and list(), or NULL
 * @fail_name: the one interface that get() cannot read, or NULL
 * @fail_set: the error of set(), or NULL
 * @fail_taken: the error is a conflict with another peer
 * @events: the events that next() returns, in this order, before @last
 * @event_count: their number
 * @last: the result of next() after the last event
 * @fail_watch: the error of watch(), or NULL
 * @watched: calls of watch(), less calls of unwatch()
 * @sent: the configurations passed to set(), in the format of test_describe()
 * @out: the standard output
 * @err: the standard error
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
/* Makes @out and @err readable. */
void test_bench_flush(struct test_bench *bench);
void test_bench_end(struct test_bench *bench);

/* Makes a device from a configuration file's text; ends the program on a broken one. */
struct weft_device *test_device(const char *name, enum weft_kind kind,
				const char *conf);
/* Describes a change, one line for the device and one for each peer; the caller frees it. */
char *test_describe(const struct weft_device *dev);

/*
 * Gives this program its own /etc, with an empty folder "weft". Returns false if user namespaces
 * are not permitted.
 */
bool test_enter_etc(void);

#endif /* _WEFT_SELFTESTS_TOOLS_SUPPORT_H */
