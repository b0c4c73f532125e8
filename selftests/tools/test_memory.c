// SPDX-License-Identifier: GPL-2.0
/*
 * Commands while memory is short: each allocation fails once. A command then succeeds completely,
 * or prints the lack of memory and fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "host/host.h"
#include "memory.h"
#include "model/attr.h"
#include "support.h"

#define WORDS_MAX	40
#define FILE_PATH	"/etc/weft/wft0.conf"

static const char running[] =
	"[Interface]\nPrivateKey = " KEY_P "\nListenPort = 51820\nListenAddress = 192.0.2.9, 2001:db8::9\nBindDevice = eth0\n"
	"[Peer]\nPublicKey = " KEY_A "\nName = alice\nPresharedKey = " KEY_P "\nEndpoint = 192.0.2.1:7, [2001:db8::1]:7\n"
	"AllowedIPs = 10.0.0.0/8, fd00::/64\n"
	"[Peer]\nPublicKey = " KEY_B "\nAllowedIPs = 192.0.2.64/26\nEndpoint = 192.0.2.2:7\n";

static const char conf[] =
	"[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\nAddress = 10.9.0.1/24, fd09::1/64\nDNS = 10.9.0.53, example.org\n"
	"ListenAddress = 192.0.2.9\nBindDevice = eth1\nPostUp = echo %i\nPreDown = true\n"
	"[Peer]\nPublicKey = " KEY_A "\nName = al\nEndpoint = 192.0.2.7:7, [2001:db8::1]:7\nAllowedIPs = 10.0.0.0/8, 10.1.0.0/16\n"
	"[Peer]\nPublicKey = " KEY_C "\nEndpoint = localhost:9\nAllowedIPs = fd00::/64\nNextPublicKey = " KEY_B "\n";

/* Without the settings of "up". */
static const char plain[] =
	"[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\nListenAddress = 192.0.2.9\n"
	"[Peer]\nPublicKey = " KEY_A "\nName = al\nEndpoint = 192.0.2.7:7, [2001:db8::1]:7\nAllowedIPs = 10.0.0.0/8, 192.0.2.64/26\n"
	"[Peer]\nPublicKey = " KEY_C "\nEndpoint = 192.0.2.7:9\nAllowedIPs = fd00::/64\n";

static const char broken[] =
	"[Interface]\nPrivateKey = " KEY_P "\nListenPort = x\nAddress = 10.9.0.1/24\n"
	"[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.0.0.0/8\n[Peer]\nPublicKey = " KEY_B "\nAllowedIPs = 10.0.0.0/8\n"
	"[Peer]\nPublicKey = " KEY_B "\n";

/**
 * struct memory_case - a command line
 * @words: the words
 * @input: the standard input
 * @file: wft0's file, NULL for the one above
 * @status: the exit status with enough memory
 */
struct memory_case {
	const char *words;
	const char *input;
	const char *file;
	int status;
};

static const struct memory_case cases[] = {
	{ "show" },
	{ "-j show" },
	{ "-j show interfaces" },
	{ "-j show all dump" },
	{ "set wft0 listen-port 9 private-key - listen-address any bind-device off fwmark 7", KEY_B "\n" },
	{ "set wft0 peer alice name bob endpoint 192.0.2.5:1,192.0.2.6:2 allowed-ips 10.0.0.0/9,192.0.2.64/27 preshared-key -", KEY_B "\n" },
	{ "set wft0 peer " KEY_C " allowed-ips 10.0.0.0/8 exclusive next-public-key " KEY_P },
	{ "set wft0 peer alice allowed-ips -10.0.0.0/8,+10.2.0.0/16 peer " KEY_B " remove" },
	{ "setconf wft0 -", plain },
	{ "addconf wft0 -", plain },
	{ "syncconf wft0 -", plain },
	{ "syncconf wg0 -", plain },
	{ "check wft0" },
	{ "-j check wft0" },
	{ "check wft0", NULL, broken, 1 },
	{ "-j check wft0", NULL, broken, 1 },
	{ "strip wft0" },
	{ "metrics" },
	{ "metrics wft0" },
	{ "metrics peers off wft0" },
	{ "rotate wft0 private-key - grace 60", KEY_B },
	{ "resolve wft0" },
	{ "resolve all" },
	{ "monitor" },
	{ "-j monitor" },
	{ "pubkey", KEY_P "\n" },
};

/* The results of a command. */
struct outcome {
	int status;
	char *out;
	char *err;
	char *sent;
};

static struct outcome wanted;

static int split(char *text, char **words)
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

static void write_file(const char *text)
{
	FILE *file = fopen(FILE_PATH, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) || chmod(FILE_PATH, 0600))
		test_bail("cannot write " FILE_PATH);
}

static const struct weft_event events[] = {
	{ .type = WEFT_EVENT_PEER_ADDED, .cause = WEFT_CAUSE_ADMINISTRATION, .sequence = 2, .ifindex = 7,
	  .ifname = "wft0", .has_key = true, .peer_name = "alice" },
	{ },
};

static int link_read(struct weft_host *host, const char *name, struct weft_host_link *link)
{
	(void)host;
	*link = (struct weft_host_link){ .index = 7, .kind = WEFT_KIND_WEFT, .mtu = 1420, .up = !strcmp(name, "wft0") };
	return 0;
}

static struct weft_host host = { .link = link_read };

static void bench_open(struct test_bench *bench, const char *input)
{
	struct weft_peer *peer;

	test_memory_spare();
	test_bench_start(bench, input ?: "");
	bench->ctx.runtime = "/etc/run";
	bench->ctx.host = &host;
	bench->devices[0] = test_device("wft0", WEFT_KIND_WEFT, running);
	bench->devices[1] = test_device("wg0", WEFT_KIND_WIREGUARD, running);
	peer = bench->devices[0]->peers;
	peer->known = WEFT_ATTR_BIT(WEFT_PEER_A_STATE) | WEFT_ATTR_BIT(WEFT_PEER_A_DROPS);
	peer->drops[WEFT_DROPS_A_SOURCE] = 3;
	peer->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY | WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY;
	weft_key_decode(&peer->next_public_key, KEY_C);
	bench->events = events;
	bench->event_count = ARRAY_SIZE(events);
	bench->last = -EINTR;
	test_memory_spare_end();
}

static struct outcome run(const struct memory_case *test)
{
	char *words[WORDS_MAX], *text = strdup(test->words);
	struct outcome outcome;
	struct test_bench bench;
	int count;

	write_file(test->file ?: conf);
	bench_open(&bench, test->input);
	count = split(text, words);
	outcome.status = weft_command_main(&bench.ctx, count, words);
	test_bench_flush(&bench);
	outcome.out = strdup(bench.out);
	outcome.err = strdup(bench.err);
	outcome.sent = strdup(bench.sent);
	test_bench_end(&bench);
	free(text);
	return outcome;
}

static void outcome_free(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
	free(outcome->sent);
}

static bool is_wanted(const struct outcome *outcome)
{
	return outcome->status == wanted.status && !strcmp(outcome->out, wanted.out) &&
	       !strcmp(outcome->sent, wanted.sent);
}

/* A command that fails with enough memory may fail before it lacks memory. */
static bool is_complaint(const struct outcome *outcome)
{
	return outcome->status &&
	       (wanted.status || strcasestr(outcome->err, "memory") || strcasestr(outcome->out, "memory"));
}

static bool once(const void *data)
{
	struct outcome outcome = run(data);
	bool good = test_memory_failed() ?
		    is_wanted(&outcome) || is_complaint(&outcome) :
		    is_wanted(&outcome) && !strcmp(outcome.err, wanted.err);

	if (!good)
		printf("# status %d\n# printed: %s\n# sent: %s\n# error: %s\n",
		       outcome.status, outcome.out, outcome.sent, outcome.err);
	outcome_free(&outcome);
	return good;
}

static void test_case(const struct memory_case *test)
{
	char name[256];

	wanted = run(test);
	snprintf(name, sizeof(name), "%.200s: with enough memory", test->words);
	test_ok(wanted.status == test->status, name);
	if (wanted.status != test->status)
		printf("# status %d: %s\n", wanted.status, wanted.err);
	snprintf(name, sizeof(name), "%.200s: result, or an error for lack of memory", test->words);
	test_memory_each(name, once, test);
	outcome_free(&wanted);
}

int main(void)
{
	size_t i;

	if (!test_enter_etc() || mkdir("/etc/run", 0700)) {
		printf("1..0 # SKIP no /etc of one's own: %s\n", strerror(errno));
		return 4;
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	return test_end();
}
