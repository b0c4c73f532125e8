// SPDX-License-Identifier: GPL-2.0
/*
 * Each command that changes an interface, or its file, waits for the interface's lock before it
 * sends a request.
 */
#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/lock.h"
#include "cli/command.h"
#include "support.h"

/* Looks for a request, while another process holds the lock. */
#define LOOKS	5

static char folder[] = "/tmp/weft-turns-XXXXXX";
static char conf[sizeof(folder) + 8];

static struct {
	struct test_bench bench;
	struct weft_lock held;
	int looks;
	bool sent_early;
} turn;

/*
 * The command pauses: the holder, which is this program too, releases the lock after some pauses.
 */
static void look(unsigned int us)
{
	(void)us;
	turn.sent_early |= *turn.bench.sent != '\0';
	if (++turn.looks == LOOKS)
		weft_lock_release(&turn.held);
	if (turn.looks > 10 * LOOKS)
		test_bail("the lock is free and not taken");
}

static int find(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numeric = *hints;

	(void)host;
	numeric.ai_flags |= AI_NUMERICHOST;
	return getaddrinfo("192.0.2.9", port, &numeric, found);
}

static const struct turn_case {
	const char *words[6];
	const char *sent;
} cases[] = {
	{ { "weft", "set", "wft0", "listen-port", "7" }, "wft0: port=7" },
	{ { "weft", "setconf", "wft0", conf }, "wft0: key=0 port=9" },
	{ { "weft", "addconf", "wft0", conf }, "wft0:" },
	{ { "weft", "syncconf", "wft0", conf }, "wft0:" },
	{ { "weft", "rotate", "wft0" }, "wft0: begin" },
	{ { "weft", "rotate", "wft0", "private-key", "-" }, "wft0: begin" },
	{ { "weft", "resolve", "wft0" }, "wft0:" },
	{ { "weft", "resolve", "all" }, "wft0:" },
};

static void begin(void)
{
	memset(&turn, 0, sizeof(turn));
	test_bench_start(&turn.bench, KEY_B "\n");
	turn.bench.ctx.runtime = folder;
	turn.bench.ctx.pause = look;
	turn.bench.ctx.lookup = find;
	turn.bench.devices[0] = test_device("wft0", WEFT_KIND_WEFT,
					    "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A "\n");
	if (!weft_lock_take(&turn.bench.ctx, "wft0", &turn.held) || turn.held.fd < 0)
		test_bail("the lock cannot be had");
	/* The waiting command takes this for another process. */
	unsetenv("WEFT_LOCK_HOLDERS");
}

static void run_case(const struct turn_case *test)
{
	char *words[ARRAY_SIZE(test->words)], name[128] = "", text[192];
	int count, status;

	for (count = 0; count < (int)ARRAY_SIZE(words) && test->words[count]; count++) {
		words[count] = strdup(test->words[count]);
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s%s", count ? " " : "",
			 test->words[count] == conf ? "FILE" : words[count]);
	}
	begin();
	status = weft_command_main(&turn.bench.ctx, count, words);
	snprintf(text, sizeof(text), "%s: waits, and sends no request meanwhile", name);
	test_ok(turn.looks == LOOKS && !turn.sent_early, text);
	snprintf(text, sizeof(text), "%s: sends its request in its turn", name);
	test_ok(!status && !strncmp(turn.bench.sent, test->sent, strlen(test->sent)), text);
	test_bench_flush(&turn.bench);
	if (status || strncmp(turn.bench.sent, test->sent, strlen(test->sent)))
		printf("# status %d, sent: %s# error: %s\n", status, turn.bench.sent, turn.bench.err);
	weft_lock_release(&turn.held);
	test_bench_end(&turn.bench);
	while (count)
		free(words[--count]);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) || chmod(path, 0600))
		test_bail("a file cannot be written");
}

static void map_user(unsigned int user, unsigned int group)
{
	char text[32];

	put("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", user);
	put("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1", group);
	put("/proc/self/gid_map", text);
}

/* Gives this program its own folder /etc/weft, for the commands that look for a file there. */
static bool have_etc(void)
{
	unsigned int user = geteuid(), group = getegid();

	if (unshare(user ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS))
		return false;
	if (user)
		map_user(user, group);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/etc", "tmpfs", 0, "mode=755") ||
	    mkdir("/etc/weft", 0700))
		return false;
	put("/etc/weft/wft0.conf", "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A "\nEndpoint = somewhere:7\n");
	return true;
}

int main(void)
{
	bool etc;
	size_t i;

	if (!mkdtemp(folder))
		test_bail("no folder");
	snprintf(conf, sizeof(conf), "%s/x.conf", folder);
	put(conf, "[Interface]\nListenPort = 9\n[Peer]\nPublicKey = " KEY_C "\n");
	etc = have_etc();
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (etc || strcmp(cases[i].words[1], "resolve"))
			run_case(&cases[i]);
		else
			printf("# weft resolve: nothing can be mounted here\n");
	unlink(conf);
	rmdir(folder);
	return test_end();
}
