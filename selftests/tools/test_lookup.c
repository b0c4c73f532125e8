// SPDX-License-Identifier: GPL-2.0
/* Many names at once: concurrent lookups under one deadline, without leaks. */
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/signals.h"
#include "conf/lookup.h"
#include "support.h"

#define NAMES	20
#define MANY	1000

/**
 * struct server - fake name servers
 * @lock: guards all fields below
 * @changed: signalled at each change
 * @silent: "silent" gets no answer as long as this is true
 * @meeting: lookups in progress
 * @quorum: "meets" is answered once so many are in progress
 * @answers: answers given and not yet released
 * @threads: lookups begun and not yet ended
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool silent;
	int meeting;
	int quorum;
	int answers;
	int threads;
} server = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
};

static void server_wait(const char *host)
{
	if (!strcmp(host, "silent"))
		while (server.silent)
			pthread_cond_wait(&server.changed, &server.lock);
	if (strcmp(host, "meets"))
		return;
	server.meeting++;
	pthread_cond_broadcast(&server.changed);
	while (server.meeting < server.quorum)
		pthread_cond_wait(&server.changed, &server.lock);
}

static int server_lookup(const char *host, const char *port,
			 const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numeric = *hints;
	int err = EAI_NONAME;

	pthread_mutex_lock(&server.lock);
	server.threads++;
	server_wait(host);
	numeric.ai_flags |= AI_NUMERICHOST;
	if (strcmp(host, "nowhere"))
		err = getaddrinfo(strchr(host, '.') ? host : "192.0.2.7", port,
				  &numeric, found);
	server.answers += !err;
	server.threads--;
	pthread_cond_broadcast(&server.changed);
	pthread_mutex_unlock(&server.lock);
	return err;
}

static void server_release(struct addrinfo *found)
{
	pthread_mutex_lock(&server.lock);
	server.answers--;
	pthread_cond_broadcast(&server.changed);
	pthread_mutex_unlock(&server.lock);
	freeaddrinfo(found);
}

static const struct weft_context ctx = {
	.lookup = server_lookup, .release = server_release,
};

static void fill(struct weft_lookup *lookups, size_t count, const char *host)
{
	size_t i;

	for (i = 0; i < count; i++)
		lookups[i] = (struct weft_lookup){ .host = host, .port = "80" };
}

static size_t with_error(const struct weft_lookup *lookups, size_t count,
			 int error)
{
	size_t i, found = 0;

	for (i = 0; i < count; i++)
		found += lookups[i].error == error &&
			 !!lookups[i].found == !error;
	return found;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The servers answer only after all names have been asked for. */
static void test_side_by_side(void)
{
	struct weft_lookup lookups[NAMES];

	fill(lookups, NAMES, "meets");
	server.quorum = NAMES;
	weft_lookup_run(&ctx, lookups, NAMES, 60000);
	test_ok(with_error(lookups, NAMES, 0) == NAMES,
		"lookups run at the same time");
	weft_lookup_release(&ctx, lookups, NAMES);
	test_ok(!server.answers && !lookups[0].found, "results are released");
}

static void test_many(void)
{
	struct weft_lookup *lookups = calloc(MANY, sizeof(*lookups));

	fill(lookups, MANY, "good");
	weft_lookup_run(&ctx, lookups, MANY, -1);
	test_ok(with_error(lookups, MANY, 0) == MANY, "more names than threads");
	weft_lookup_release(&ctx, lookups, MANY);
	weft_lookup_run(&ctx, lookups, 0, 0);
	free(lookups);
}

/* Answers the silent lookups, too. */
static void server_answers(void)
{
	pthread_mutex_lock(&server.lock);
	server.silent = false;
	pthread_cond_broadcast(&server.changed);
	while (server.answers || server.threads)
		pthread_cond_wait(&server.changed, &server.lock);
	pthread_mutex_unlock(&server.lock);
}

/* Silent lookups do not delay the others, and nothing after the deadline. */
static void test_deadline(void)
{
	struct weft_lookup lookups[NAMES];
	long begun = now_ms(), took;

	fill(lookups, NAMES, "silent");
	lookups[1].host = "good";
	lookups[2].host = "nowhere";
	lookups[3].host = "198.51.100.1";
	server.silent = true;
	weft_lookup_run(&ctx, lookups, NAMES, 300);
	took = now_ms() - begun;
	test_ok(took >= 300, "the lookup ends at the deadline");
	test_ok(with_error(lookups, NAMES, WEFT_LOOKUP_LATE) == NAMES - 3,
		"unanswered names are late");
	test_ok(!lookups[1].error && lookups[1].found, "other names resolve meanwhile");
	test_ok(lookups[2].error == EAI_NONAME, "missing names are reported as missing");
	test_ok(!lookups[3].error && lookups[3].found, "addresses are found");
	test_text("the error of a late name",
		  weft_lookup_error(lookups[0].error),
		  "no name server answered in time");
	test_text("the error of a missing name",
		  weft_lookup_error(lookups[2].error), gai_strerror(EAI_NONAME));
	weft_lookup_release(&ctx, lookups, NAMES);
	server_answers();
	test_ok(true, "late answers are released");
}

/* As Ctrl-C sends it; without a deadline, too. */
static void test_signal(int limit_ms, const char *name)
{
	struct weft_lookup lookups[NAMES];
	long begun = now_ms();
	pid_t pid;

	fill(lookups, NAMES, "silent");
	server.silent = true;
	weft_signals_heed();
	/* An endless wait would end this program. */
	alarm(60);
	pid = fork();
	if (!pid) {
		usleep(200000);
		kill(getppid(), SIGTERM);
		_exit(0);
	}
	weft_lookup_run(&ctx, lookups, NAMES, limit_ms);
	test_ok(weft_signals_caught() == SIGTERM && now_ms() - begun < 20000, name);
	test_ok(with_error(lookups, NAMES, WEFT_LOOKUP_LATE) == NAMES, "names are late after a signal");
	weft_lookup_release(&ctx, lookups, NAMES);
	waitpid(pid, NULL, 0);
	alarm(0);
	server_answers();
	weft_signals_heed();
}

/* Numeric addresses resolve without a resolver. */
static void test_addresses(void)
{
	struct weft_lookup lookups[] = {
		{ .host = "192.0.2.1", .port = "80" },
		{ .host = "2001:db8::1", .port = "80" },
		{ .host = "fe80::1%1", .port = "80" },
	};

	weft_lookup_run(&ctx, lookups, ARRAY_SIZE(lookups), 0);
	test_ok(with_error(lookups, ARRAY_SIZE(lookups), WEFT_LOOKUP_LATE) == 0,
		"addresses have no deadline");
	weft_lookup_release(&ctx, lookups, ARRAY_SIZE(lookups));
}

int main(void)
{
	test_side_by_side();
	test_many();
	test_deadline();
	test_signal(30000, "a signal ends a wait");
	test_signal(-1, "a signal ends a wait without a deadline");
	test_addresses();
	return test_end();
}
