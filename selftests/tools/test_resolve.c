// SPDX-License-Identifier: GPL-2.0
/* Endpoint names: retried only after temporary failures. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "conf/resolve.h"
#include "model/format.h"
#include "support.h"

/* A fake name server: @failures times @error, then 192.0.2.7. */
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

/* Loads "Endpoint = @endpoint" and describes the result. */
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
	test_ok(server.asked == 3 && server.pauses == 2, "the name is looked up three times");
	test_text("each failure is printed", bench.err,
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
	test_ok(server.asked == 16, "fifteen retries");
	free(change);
	test_bench_end(&bench);

	server.failures = 1000;
	change = resolve_run(&bench, "name.example:80", 0);
	test_ok(server.asked == 1 && !server.pauses, "without retries there is no pause");
	test_text("the error text", bench.err,
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
	test_text("endless retries exceed two hundred", change, good);
	test_ok(server.last_pause == 20000000, "pauses are at most 20 s");
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
	test_ok(server.asked == 1, "the name is not looked up again");
	test_text("the error text", bench.err,
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
	test_text("a name without an address of a usable family", change, "failed");
	test_text("the error text", bench.err,
		  "weft: f:3: Endpoint: cannot resolve 'name.example:80': the name has neither an IPv4 nor an IPv6 address\n");
	free(change);
	test_bench_end(&bench);
	server.family = 0;
}

/* All addresses of a name; of several names, those that resolve. */
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
		test_text("errors", bench.err, tries[i].err);
		free(change);
		test_bench_end(&bench);
	}
	server.both = false;
}

/* A fake name server for several names at once; threads call it. */
static int lenient_lookup(const char *host, const char *port,
			  const struct addrinfo *hints,
			  struct addrinfo **found)
{
	struct addrinfo numeric = *hints;

	if (strchr(host, ':') || !strstr(host, ".example"))
		return getaddrinfo(host, port, hints, found);
	__atomic_fetch_add(&server.asked, 1, __ATOMIC_RELAXED);
	if (!strncmp(host, "no", 2))
		return EAI_NONAME;
	if (!strncmp(host, "late", 4) && server.pauses < server.failures)
		return EAI_AGAIN;
	numeric.ai_flags |= AI_NUMERICHOST;
	return getaddrinfo("192.0.2.7", port, &numeric, found);
}

/**
 * struct lenient_case - endpoints of three peers, and the resolved ones
 * @name: the case
 * @patience_ms: the time limit
 * @late: pauses until late.example resolves
 * @endpoints: the endpoints in the file
 * @change: the resolved endpoints
 * @pauses: the number of pauses
 * @err: the last error, or ""
 */
static const struct lenient_case {
	const char *name;
	int patience_ms;
	int late;
	const char *endpoints[3];
	const char *change;
	int pauses;
	const char *err;
} lenients[] = {
	{ .name = "an unknown name does not affect other peers", .patience_ms = 8000,
	  .endpoints = { "192.0.2.1:1", "no.example:2", "a.example:3" },
	  .change = "endpoint=192.0.2.1:1\n endpoint=192.0.2.7:3\n",
	  .err = "weft: warning: f:6: Endpoint: cannot resolve 'no.example:2': Name or service not known\n" },
	{ .name = "an unknown name among several", .patience_ms = 8000,
	  .endpoints = { "192.0.2.1:1", "no.example, 192.0.2.2:2", "a.example:3" },
	  .change = "endpoint=192.0.2.1:1\n unresolved endpoint=192.0.2.2:2\n endpoint=192.0.2.7:3\n",
	  .err = "weft: warning: f:6: Endpoint: cannot resolve 'no.example:2': Name or service not known\n" },
	{ .name = "a name that resolves late", .patience_ms = 8000, .late = 2,
	  .endpoints = { "192.0.2.1:1", "late.example:2", "a.example:3" },
	  .change = "endpoint=192.0.2.1:1\n endpoint=192.0.2.7:2\n endpoint=192.0.2.7:3\n", .pauses = 2,
	  .err = "weft: f:6: Endpoint: cannot resolve 'late.example:2': Temporary failure in name resolution; trying again in 1.20 seconds\n" },
	{ .name = "two late names share the pauses", .patience_ms = 8000, .late = 1,
	  .endpoints = { "late1.example:1", "late2.example:2", "192.0.2.3:3" },
	  .change = "endpoint=192.0.2.7:1\n endpoint=192.0.2.7:2\n endpoint=192.0.2.3:3\n", .pauses = 1,
	  .err = "weft: f:6: Endpoint: cannot resolve 'late2.example:2': Temporary failure in name resolution; trying again in 1.00 seconds\n" },
	{ .name = "a name that does not resolve in time", .patience_ms = 8000, .late = 99,
	  .endpoints = { "192.0.2.1:1", "late.example:2", "192.0.2.3:3" },
	  .change = "endpoint=192.0.2.1:1\n endpoint=192.0.2.3:3\n", .pauses = 5,
	  .err = "weft: warning: f:6: Endpoint: cannot resolve 'late.example:2': Temporary failure in name resolution\n" },
	{ .name = "a name that does not resolve within the retries", .late = 99,
	  .endpoints = { "192.0.2.1:1", "late.example:2", "192.0.2.3:3" },
	  .change = "endpoint=192.0.2.1:1\n endpoint=192.0.2.3:3\n", .pauses = 15,
	  .err = "weft: warning: f:6: Endpoint: cannot resolve 'late.example:2': Temporary failure in name resolution\n" },
};

static const char *last_line(const char *text)
{
	const char *end = text + strlen(text);

	if (end > text)
		end--;
	while (end > text && end[-1] != '\n')
		end--;
	return end;
}

/* Describes endpoints, with nothing for a peer without one. */
static char *lenient_describe(const struct weft_device *dev)
{
	const struct weft_peer *peer;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	for (peer = dev->peers; peer; peer = peer->next) {
		if (peer->endpoint.any.sa_family == AF_UNSPEC) {
			test_ok(peer->unresolved && !peer->candidate_count &&
				!(peer->has & WEFT_PEER_HAS_CANDIDATES),
				"a peer without an endpoint is left alone");
			continue;
		}
		if (peer->unresolved)
			fputs(" unresolved", out);
		fprintf(out, "%sendpoint=%s\n", peer == dev->peers ? "" : " ",
			weft_format_endpoint(&peer->endpoint).chars);
	}
	fclose(out);
	return text;
}

static void test_lenient(const struct lenient_case *test)
{
	struct weft_device *dev;
	struct test_bench bench;
	char text[512], *got;

	snprintf(text, sizeof(text), "[Peer]\nPublicKey = " KEY_A "\nEndpoint = %s\n[Peer]\nPublicKey = " KEY_B
		 "\nEndpoint = %s\n[Peer]\nPublicKey = " KEY_C "\nEndpoint = %s\n",
		 test->endpoints[0], test->endpoints[1], test->endpoints[2]);
	server.pauses = 0;
	server.failures = test->late;
	test_bench_start(&bench, "");
	bench.ctx.lookup = lenient_lookup;
	bench.ctx.pause = resolve_pause;
	bench.ctx.retries = 15;
	bench.ctx.patience_ms = test->patience_ms;
	dev = weft_config_parse(&bench.ctx, "f", text, "wg0", true);
	test_ok(weft_resolve_leniently(&bench.ctx, "f", dev), test->name);
	got = lenient_describe(dev);
	test_text("  the endpoints", got, test->change);
	test_ok(server.pauses == test->pauses, "  the pauses");
	test_bench_flush(&bench);
	test_text("  the last error", last_line(bench.err), test->err);
	free(got);
	weft_model_device_free(dev);
	test_bench_end(&bench);
}

/* On a command line and for setconf each name must resolve; each failure is reported. */
static void test_strict(void)
{
	char text[] = "[Peer]\nPublicKey = " KEY_A "\nEndpoint = no1.example:1\n[Peer]\nPublicKey = " KEY_B
		      "\nEndpoint = 192.0.2.1:2\n[Peer]\nPublicKey = " KEY_C "\nEndpoint = no2.example:3\n";
	struct weft_device *dev;
	struct test_bench bench;

	server.failures = 0;
	test_bench_start(&bench, "");
	bench.ctx.lookup = lenient_lookup;
	bench.ctx.pause = resolve_pause;
	dev = weft_config_parse(&bench.ctx, "f", text, "wg0", true);
	test_ok(!weft_resolve_device(&bench.ctx, "f", dev), "two unknown names");
	test_bench_flush(&bench);
	test_text("both are named", bench.err,
		  "weft: f:3: Endpoint: cannot resolve 'no1.example:1': Name or service not known\n"
		  "weft: f:9: Endpoint: cannot resolve 'no2.example:3': Name or service not known\n");
	weft_model_device_free(dev);
	test_bench_end(&bench);
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
		test_ok(!!*bench.err == wishes[i].warned, "warnings");
		test_bench_end(&bench);
	}
}

int main(void)
{
	size_t i;

	test_retry();
	test_give_up();
	test_for_ever();
	test_final();
	test_other_family();
	test_candidates();
	for (i = 0; i < ARRAY_SIZE(lenients); i++)
		test_lenient(&lenients[i]);
	test_strict();
	test_wishes();
	return test_end();
}
