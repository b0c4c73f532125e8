// SPDX-License-Identifier: GPL-2.0
/* weft resolve: the names that it looks up, the requests to the kernel, and its output. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "support.h"

#define SKIPPED		4
#define FILE_PATH	"/etc/weft/wft0.conf"
#define NOW		1000000000

#define HEAD	"[Interface]\nPrivateKey = " KEY_P "\n"
#define PEER_A	"[Peer]\nPublicKey = " KEY_A "\n"
#define PEER_B	"[Peer]\nPublicKey = " KEY_B "\n"
#define HERE	"Endpoint = 192.0.2.1:9\n"

/**
 * struct move_case - an interface, its file, and the results
 * @name: the case
 * @words: the words, NULL for "resolve wft0"
 * @kind: the interface's kind, NONE for weft
 * @running: its configuration
 * @age: seconds since the first peer's last handshake, 0 for none
 * @file: the file, NULL for none
 * @rewrites: the file changes during the lookup
 * @fail_get: the interface cannot be read
 * @fail_set: the interface cannot be set
 * @sent: the request to the kernel
 * @out: the standard output
 * @err: the standard error
 * @status: the exit status
 */
static const struct move_case {
	const char *name;
	const char *words;
	enum weft_kind kind;
	const char *running;
	unsigned int age;
	const char *file;
	bool rewrites;
	const char *fail_get;
	const char *fail_set;
	const char *sent;
	const char *out;
	const char *err;
	int status;
} cases[] = {
	{
		.name = "a silent peer's name has another address", .age = 136,
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = seven.example:9\n",
		.sent = "wft0:\npeer A: update-only endpoint=192.0.2.7:9\n",
		.out = "wft0: peer " KEY_A " now has endpoint 192.0.2.7:9\n",
	}, {
		.name = "a peer that has never responded",
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Name = hub\nEndpoint = seven.example:9\n",
		.sent = "wft0:\npeer A: update-only endpoint=192.0.2.7:9\n",
		.out = "wft0: peer hub now has endpoint 192.0.2.7:9\n",
	}, {
		.name = "a peer that is not silent", .age = 135,
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = seven.example:9\n",
	}, {
		.name = "an address in the file",
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = 192.0.2.7:9\n",
	}, {
		.name = "a peer in the file only",
		.running = HEAD PEER_A HERE, .file = HEAD PEER_B "Endpoint = seven.example:9\n",
	}, {
		.name = "no endpoint in the file",
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A,
	}, {
		.name = "the name has the same address",
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = one.example:9\n",
	}, {
		.name = "the name has the same address, and the peer has roamed",
		.running = HEAD PEER_A "Endpoint = 192.0.2.9:9\n", .file = HEAD PEER_A "Endpoint = one.example:9\n",
		.sent = "wft0:\npeer A: update-only endpoint=192.0.2.1:9\n",
		.out = "wft0: peer " KEY_A " now has endpoint 192.0.2.1:9\n",
	}, {
		.name = "wireguard, the same address", .kind = WEFT_KIND_WIREGUARD,
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = one.example:9\n",
	}, {
		.name = "wireguard, another port", .kind = WEFT_KIND_WIREGUARD,
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = one.example:8\n",
		.sent = "wft0:\npeer A: update-only endpoint=192.0.2.1:8\n",
		.out = "wft0: peer " KEY_A " now has endpoint 192.0.2.1:8\n",
	}, {
		.name = "several candidates of which one moves",
		.running = HEAD PEER_A "Endpoint = 192.0.2.1:9, 192.0.2.2:9\n",
		.file = HEAD PEER_A "Endpoint = seven.example:9, 192.0.2.2:9\n",
		.sent = "wft0:\npeer A: update-only endpoint=192.0.2.7:9 candidates=192.0.2.7:9,192.0.2.2:9\n",
		.out = "wft0: peer " KEY_A " now has endpoint 192.0.2.7:9\n",
	}, {
		.name = "several candidates of which none moves",
		.running = HEAD PEER_A "Endpoint = 192.0.2.1:9, 192.0.2.2:9\n",
		.file = HEAD PEER_A "Endpoint = one.example:9, 192.0.2.2:9\n",
	}, {
		.name = "a name that does not resolve hides no other", .status = 1,
		.running = HEAD PEER_A HERE PEER_B HERE,
		.file = HEAD PEER_A "Endpoint = none.example:9\n" PEER_B "Endpoint = seven.example:9\n",
		.sent = "wft0:\npeer B: update-only endpoint=192.0.2.7:9\n",
		.out = "wft0: peer " KEY_B " now has endpoint 192.0.2.7:9\n",
		.err = "weft: warning: " FILE_PATH ":5: Endpoint: cannot resolve 'none.example:9': Temporary failure in name resolution\n",
	}, {
		.name = "a file that changes during the lookup is left for the next run", .rewrites = true,
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = seven.example:9\n",
	}, {
		.name = "the kernel refuses", .fail_set = "no", .status = 1,
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = seven.example:9\n",
		.err = "weft: cannot configure interface 'wft0': no\n",
	}, {
		.name = "an interface that cannot be read", .fail_get = "no", .status = 1,
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = seven.example:9\n",
		.err = "weft: cannot read interface 'wft0': no\n",
	}, {
		.name = "no file", .status = 1, .running = HEAD PEER_A HERE,
		.err = "weft: 'wft0' has no file: neither /etc/weft/wft0.conf nor /etc/wireguard/wft0.conf exists\n",
	}, {
		.name = "a broken file", .status = 1, .running = HEAD, .file = "nonsense\n",
		.err = "weft: " FILE_PATH ":1: field before the first section: begin with [Interface] or [Peer]\n",
	}, {
		.name = "all interfaces, of which one has a file", .words = "resolve all",
		.running = HEAD PEER_A HERE, .file = HEAD PEER_A "Endpoint = seven.example:9\n",
		.sent = "wft0:\npeer A: update-only endpoint=192.0.2.7:9\n",
		.out = "wft0: peer " KEY_A " now has endpoint 192.0.2.7:9\n",
	}, {
		.name = "all interfaces, of which none has", .words = "resolve all", .running = HEAD PEER_A HERE,
	}, {
		.name = "all interfaces, a broken file", .words = "resolve all", .status = 1,
		.running = HEAD, .file = "nonsense\n",
		.err = "weft: " FILE_PATH ":1: field before the first section: begin with [Interface] or [Peer]\n",
	}, {
		.name = "all interfaces, which cannot be listed", .words = "resolve all", .fail_get = "no", .status = 1,
		.running = HEAD, .file = HEAD, .err = "weft: cannot list interfaces: no\n",
	},
};

static const struct move_case *now;

static void write_file(const char *text)
{
	FILE *file;

	unlink(FILE_PATH);
	if (!text)
		return;
	file = fopen(FILE_PATH, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		test_bail("cannot write " FILE_PATH);
}

/* A fake name server. */
static int lookup(const char *host, const char *port, const struct addrinfo *hints,
		  struct addrinfo **found)
{
	const char *address = strstr(host, "seven.") ? "192.0.2.7" : strstr(host, "one.") == host ? "192.0.2.1" : host;
	struct addrinfo numeric = *hints;

	if (now->rewrites)
		write_file(HEAD "ListenPort = 5\n");
	if (strstr(host, "none."))
		return EAI_AGAIN;
	numeric.ai_flags |= AI_NUMERICHOST;
	return getaddrinfo(address, port, &numeric, found);
}

static void test_case(void)
{
	char *words[] = { "weft", "resolve", now->words ? "all" : "wft0", NULL };
	struct test_bench bench;

	write_file(now->file);
	test_bench_start(&bench, "");
	bench.devices[0] = test_device("wft0", now->kind ?: WEFT_KIND_WEFT, now->running);
	bench.devices[1] = test_device("wg0", WEFT_KIND_WIREGUARD, HEAD);
	if (now->age)
		bench.devices[0]->peers->handshake_s = NOW - now->age;
	bench.fail_get = now->fail_get;
	bench.fail_set = now->fail_set;
	bench.ctx.lookup = lookup;
	/* With endless retries a repeated lookup would never end. */
	bench.ctx.retries = -1;
	test_ok(weft_command_main(&bench.ctx, 3, words) == now->status, now->name);
	test_bench_flush(&bench);
	test_text("  sent", bench.sent, now->sent ?: "");
	test_text("  output", bench.out, now->out ?: "");
	test_text("  error", bench.err, now->err ?: "");
	test_bench_end(&bench);
}

int main(void)
{
	if (!test_enter_etc()) {
		printf("1..0 # SKIP no /etc of one's own: %s\n", strerror(errno));
		return SKIPPED;
	}
	for (now = cases; now < cases + ARRAY_SIZE(cases); now++)
		test_case();
	return test_end();
}
