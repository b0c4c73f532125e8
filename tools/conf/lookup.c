// SPDX-License-Identifier: GPL-2.0
/*
 * Threads take names from one list. A lookup cannot be cancelled: a late one keeps
 * its thread, and with it the list, until it ends. The list is reference-counted,
 * and freed by its last user.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/context.h"
#include "base/signals.h"
#include "conf/lookup.h"

#define LOOKUP_THREADS_MAX	64
#define LOOKUP_GLANCE_MS	100

static const struct addrinfo lookup_hints = {
	.ai_family = AF_UNSPEC,
	.ai_socktype = SOCK_DGRAM,
	.ai_protocol = IPPROTO_UDP,
};

/**
 * struct lookup_job - one name, for the threads
 * @host: a copy
 * @port: a copy
 * @to: the caller's; not accessed once the list is closed
 */
struct lookup_job {
	char *host;
	char *port;
	struct weft_lookup *to;
};

/**
 * struct lookup_list - names that threads look up
 * @lock: guards all below
 * @progress: some job is done
 * @lookup: getaddrinfo()
 * @release: freeaddrinfo()
 * @users: the threads, and the caller
 * @closed: the caller has returned, and takes no more results
 * @taken: jobs whose lookup has begun
 * @done: jobs with a result
 * @count: jobs
 * @jobs: the jobs
 */
struct lookup_list {
	pthread_mutex_t lock;
	pthread_cond_t progress;
	int (*lookup)(const char *host, const char *port,
		      const struct addrinfo *hints, struct addrinfo **found);
	void (*release)(struct addrinfo *found);
	unsigned int users;
	bool closed;
	size_t taken;
	size_t done;
	size_t count;
	struct lookup_job jobs[];
};

static void lookup_list_free(struct lookup_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		free(list->jobs[i].host);
		free(list->jobs[i].port);
	}
	pthread_cond_destroy(&list->progress);
	pthread_mutex_destroy(&list->lock);
	free(list);
}

static void lookup_list_put(struct lookup_list *list)
{
	bool last;

	pthread_mutex_lock(&list->lock);
	last = !--list->users;
	pthread_mutex_unlock(&list->lock);
	if (last)
		lookup_list_free(list);
}

static struct lookup_job *lookup_take(struct lookup_list *list)
{
	struct lookup_job *job = NULL;

	pthread_mutex_lock(&list->lock);
	if (!list->closed && list->taken < list->count)
		job = &list->jobs[list->taken++];
	pthread_mutex_unlock(&list->lock);
	return job;
}

/* A result that arrives after the list was closed is released here. */
static void lookup_finish(struct lookup_list *list, struct lookup_job *job,
			  int error, struct addrinfo *found)
{
	bool late;

	pthread_mutex_lock(&list->lock);
	late = list->closed;
	if (!late) {
		job->to->error = error;
		job->to->found = error ? NULL : found;
	}
	list->done++;
	pthread_cond_signal(&list->progress);
	pthread_mutex_unlock(&list->lock);
	if (late && !error)
		list->release(found);
}

static void lookup_work(struct lookup_list *list)
{
	struct addrinfo *found;
	struct lookup_job *job;
	int error;

	while ((job = lookup_take(list))) {
		found = NULL;
		error = list->lookup(job->host, job->port, &lookup_hints, &found);
		lookup_finish(list, job, error, found);
	}
}

static void *lookup_thread(void *data)
{
	lookup_work(data);
	lookup_list_put(data);
	return NULL;
}

/* The threads block signals, which the waiting thread handles. False: no thread was started. */
static bool lookup_start(struct lookup_list *list)
{
	sigset_t all, before;
	pthread_t thread;
	unsigned int i;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (i = 0; i < list->count && i < LOOKUP_THREADS_MAX; i++) {
		pthread_mutex_lock(&list->lock);
		list->users++;
		pthread_mutex_unlock(&list->lock);
		if (pthread_create(&thread, NULL, lookup_thread, list)) {
			lookup_list_put(list);
			break;
		}
		pthread_detach(thread);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return i;
}

static struct timespec lookup_deadline(int limit_ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += limit_ms / 1000;
	at.tv_nsec += limit_ms % 1000 * 1000000L;
	if (at.tv_nsec >= 1000000000L) {
		at.tv_nsec -= 1000000000L;
		at.tv_sec++;
	}
	return at;
}

static bool lookup_is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* A signal does not end the wait for a condition variable, so signals are polled. */
static void lookup_wait(struct lookup_list *list, int limit_ms)
{
	struct timespec end = lookup_deadline(limit_ms < 0 ? 0 : limit_ms), at;
	bool last, late = false;
	int err;

	pthread_mutex_lock(&list->lock);
	while (list->done < list->count && !late && !weft_signals_caught()) {
		at = lookup_deadline(LOOKUP_GLANCE_MS);
		last = limit_ms >= 0 && lookup_is_before(&end, &at);
		err = pthread_cond_timedwait(&list->progress, &list->lock,
					     last ? &end : &at);
		late = last && err;
	}
	list->closed = true;
	pthread_mutex_unlock(&list->lock);
}

static struct lookup_list *lookup_list_new(const struct weft_context *ctx,
					   size_t max)
{
	struct lookup_list *list;
	pthread_condattr_t attr;

	list = calloc(1, sizeof(*list) + max * sizeof(list->jobs[0]));
	if (!list)
		return NULL;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&list->lock, NULL);
	pthread_cond_init(&list->progress, &attr);
	pthread_condattr_destroy(&attr);
	list->lookup = ctx->lookup;
	list->release = ctx->release;
	list->users = 1;
	return list;
}

/* False: no memory. */
static bool lookup_add(struct lookup_list *list, struct weft_lookup *to)
{
	struct lookup_job *job = &list->jobs[list->count];

	job->to = to;
	job->host = strdup(to->host);
	job->port = strdup(to->port);
	list->count++;
	return job->host && job->port;
}

static bool lookup_is_address(const char *host)
{
	struct addrinfo hints = lookup_hints, *found;
	struct in6_addr addr;

	/* A fast path; getaddrinfo() also handles addresses with a zone. */
	if (inet_pton(AF_INET, host, &addr) == 1 ||
	    inet_pton(AF_INET6, host, &addr) == 1)
		return true;
	hints.ai_flags = AI_NUMERICHOST;
	if (getaddrinfo(host, NULL, &hints, &found))
		return false;
	freeaddrinfo(found);
	return true;
}

static void lookup_at_once(const struct weft_context *ctx,
			   struct weft_lookup *lookup)
{
	lookup->error = ctx->lookup(lookup->host, lookup->port, &lookup_hints,
				    &lookup->found);
	if (lookup->error)
		lookup->found = NULL;
}

void weft_lookup_run(const struct weft_context *ctx,
		     struct weft_lookup *lookups, size_t count, int limit_ms)
{
	struct lookup_list *list = lookup_list_new(ctx, count);
	bool good = list;
	size_t i;

	for (i = 0; i < count; i++) {
		lookups[i].found = NULL;
		lookups[i].error = good ? WEFT_LOOKUP_LATE : EAI_MEMORY;
		if (lookup_is_address(lookups[i].host))
			lookup_at_once(ctx, &lookups[i]);
		else if (good)
			good = lookup_add(list, &lookups[i]);
	}
	if (good && list->count) {
		if (!lookup_start(list))
			lookup_work(list);
		lookup_wait(list, limit_ms);
	}
	if (list)
		lookup_list_put(list);
}

void weft_lookup_release(const struct weft_context *ctx,
			 struct weft_lookup *lookups, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (lookups[i].found)
			ctx->release(lookups[i].found);
		lookups[i].found = NULL;
	}
}

const char *weft_lookup_error(int error)
{
	return error == WEFT_LOOKUP_LATE ? "no name server answered in time" :
					   gai_strerror(error);
}
