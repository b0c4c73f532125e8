// SPDX-License-Identifier: GPL-2.0
/* Endpoint names: tried again when that can help, and only then. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "resolve.h"
#include "support.h"

/* A name server of paper: @failures times @error, then 192.0.2.7. */
static struct {
	int error;
	int failures;
	int family;
	bool both;
	int asked;
	int pauses;
	unsigned int last_pause;
} server;

static int resolve_lookup(const char *host, const char *port,
			  const struct addrinfo *hints,
			  struct addrinfo **found)
{
	struct addrinfo numeric = *hints;

	(void)host;
	server.asked++;
	if (server.asked <= server.failures)
		return server.error;
	numeric.ai_flags |= AI_NUMERICHOST;
	if (getaddrinfo("192.0.2.7", port, &numeric, found))
		return EAI_FAIL;
	if (server.family)
		(*found)->ai_family = server.family;
	if (server.both &&
	    getaddrinfo("2001:db8::7", port, &numeric, &(*found)->ai_next))
		return EAI_FAIL;
	return 0;
}

static void resolve_pause(unsigned int us)
{
	server.pauses++;
	server.last_pause = us;
}

/* Load "Endpoint = @endpoint" and tell what it became. */
static char *resolve_run(struct test_bench *bench, const char *endpoint,
			 int retries)
{
	char text[256], *change = NULL;
	struct weft_device *dev;

	snprintf(text, sizeof(text), "[Peer]\nPublicKey = " KEY_A "\nEndpoint = %s\n",
		 endpoint);
	server.asked = 0;
	server.pauses = 0;
	test_bench_start(bench, "");
	bench->ctx.lookup = resolve_lookup;
	bench->ctx.pause = resolve_pause;
	bench->ctx.retries = retries;
	dev = weft_config_parse(&bench->ctx, "f", text, "wg0", false);
	if (dev && weft_resolve_device(&bench->ctx, "f", dev))
		change = test_describe(dev);
	weft_model_device_free(dev);
	test_bench_flush(bench);
	return change ?: strdup("failed");
}

static const char good[] = "wg0:\npeer A: endpoint=192.0.2.7:80\n";

static void test_retry(void)
{
	struct test_bench bench;
	char *change;

	server.error = EAI_AGAIN;
	server.failures = 2;
	change = resolve_run(&bench, "name.example:80", 15);
	test_text("a name that resolves at the third try", change, good);
	test_ok(server.asked == 3 && server.pauses == 2, "was asked for three times");
	test_text("and says so twice", bench.err,
		  "weft: f:3: Endpoint: cannot resolve 'name.example:80': Temporary failure in name resolution; trying again in 1.00 seconds\n"
		  "weft: f:3: Endpoint: cannot resolve 'name.example:80': Temporary failure in name resolution; trying again in 1.20 seconds\n");
	free(change);
	test_bench_end(&bench);
}

static void test_give_up(void)
{
	struct test_bench bench;
	char *change;

	server.error = EAI_AGAIN;
	server.failures = 1000;
	change = resolve_run(&bench, "name.example:80", 15);
	test_text("a name that never resolves", change, "failed");
	test_ok(server.asked == 16, "was retried fifteen times");
	free(change);
	test_bench_end(&bench);

	server.failures = 1000;
	change = resolve_run(&bench, "name.example:80", 0);
	test_ok(server.asked == 1 && !server.pauses, "no retries, no waiting");
	test_text("the complaint", bench.err,
		  "weft: f:3: Endpoint: cannot resolve 'name.example:80': Temporary failure in name resolution\n");
	free(change);
	test_bench_end(&bench);
}

static void test_for_ever(void)
{
	struct test_bench bench;
	char *change;

	server.error = EAI_AGAIN;
	server.failures = 200;
	change = resolve_run(&bench, "name.example:80", -1);
	test_text("for ever is longer than two hundred tries", change, good);
	test_ok(server.last_pause == 20000000, "with pauses of 20 s at most");
	free(change);
	test_bench_end(&bench);
}

static void test_final(void)
{
	struct test_bench bench;
	char *change;

	server.error = EAI_NONAME;
	server.failures = 1;
	change = resolve_run(&bench, "name.example:80", 15);
	test_text("a name that does not exist", change, "failed");
	test_ok(server.asked == 1, "is not asked for again");
	test_text("but complained about", bench.err,
		  "weft: f:3: Endpoint: cannot resolve 'name.example:80': Name or service not known\n");
	free(change);
	test_bench_end(&bench);
}

static void test_other_family(void)
{
	struct test_bench bench;
	char *change;

	server.failures = 0;
	server.family = AF_UNIX;
	change = resolve_run(&bench, "name.example:80", 15);
	test_text("a name with no address of ours", change, "failed");
	test_text("is complained about", bench.err,
		  "weft: f:3: Endpoint: 'name.example' has neither an IPv4 nor an IPv6 address\n");
	free(change);
	test_bench_end(&bench);
	server.family = 0;
}

/* All that a name stands for, and of several names what can be found. */
static void test_candidates(void)
{
	static const struct {
		const char *endpoint;
		int failures;
		const char *want;
		const char *err;
	} tries[] = {
		{ "a.example:80", 0,
		  "endpoint=192.0.2.7:80 candidates=192.0.2.7:80,[2001:db8::7]:80", "" },
		{ "a.example, b.example:81", 0,
		  "endpoint=192.0.2.7:81 candidates=192.0.2.7:81,[2001:db8::7]:81", "" },
		{ "a.example:80,b.example:81", 1,
		  "endpoint=192.0.2.7:81 candidates=192.0.2.7:81,[2001:db8::7]:81",
		  "weft: warning: f:3: Endpoint: cannot resolve 'a.example:80': Name or service not known\n" },
		{ "a.example:80,b.example:81", 2, NULL,
		  "weft: warning: f:3: Endpoint: cannot resolve 'a.example:80': Name or service not known\n"
		  "weft: warning: f:3: Endpoint: cannot resolve 'b.example:81': Name or service not known\n"
		  "weft: f:3: Endpoint: none of the endpoints can be resolved\n" },
	};
	struct test_bench bench;
	char *change, want[256];
	size_t i;

	server.error = EAI_NONAME;
	server.both = true;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		server.failures = tries[i].failures;
		change = resolve_run(&bench, tries[i].endpoint, 0);
		snprintf(want, sizeof(want), tries[i].want ?
			 "wg0:\npeer A: %s\n" : "failed", tries[i].want);
		test_text(tries[i].endpoint, change, want);
		test_text("complaints", bench.err, tries[i].err);
		free(change);
		test_bench_end(&bench);
	}
	server.both = false;
}

static void test_wishes(void)
{
	static const struct {
		const char *wish;
		int retries;
		bool warned;
	} wishes[] = {
		{ NULL, 15, false }, { "0", 0, false }, { "7", 7, false },
		{ "infinity", -1, false }, { "", 15, true }, { "-1", 15, true },
		{ "7x", 15, true }, { "99999999999999999999", 15, true },
	};
	struct test_bench bench;
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		test_bench_start(&bench, "");
		snprintf(name, sizeof(name), "WG_ENDPOINT_RESOLUTION_RETRIES=%s",
			 wishes[i].wish ?: "(unset)");
		test_ok(weft_resolve_retries(&bench.ctx, wishes[i].wish) ==
			wishes[i].retries, name);
		test_bench_flush(&bench);
		test_ok(!!*bench.err == wishes[i].warned, "warned about if odd");
		test_bench_end(&bench);
	}
}

int main(void)
{
	test_retry();
	test_give_up();
	test_for_ever();
	test_final();
	test_other_family();
	test_candidates();
	test_wishes();
	return test_end();
}
