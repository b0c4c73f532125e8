// SPDX-License-Identifier: GPL-2.0
/* The programs of a store as child processes: what is read of them, how they end, and where their servers are. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fleet/courier.h"
#include "fleet/inside.h"
#include "host/host.h"
#include "support.h"

static struct test_bench bench;
static const struct weft_courier_user same_user;
static struct weft_courier courier;
static char *text;
static size_t len;

static void start(const char *command, const char *verb, const char *key, const char *input)
{
	free(text);
	text = NULL;
	len = 0;
	weft_courier_init(&courier);
	if (!weft_courier_start(&bench.ctx, &courier, &same_user, command, verb, key, input))
		test_bail("the program does not start");
}

/* All lines of the program, up to its end. */
static const char *read_all(bool *good, size_t limit)
{
	struct pollfd fds[] = { { .events = POLLIN } };

	do {
		if (courier.out >= 0) {
			fds[0].fd = courier.out;
			poll(fds, 1, 1000);
		}
		if (!weft_courier_read(&courier, &text, &len, limit))
			test_bail("no memory");
	} while (courier.out >= 0 && len < limit);
	while (good && !weft_courier_reap(&courier, good))
		usleep(1000);
	return text ?: "";
}

static void check_lines(void)
{
	bool good;

	start("sh -c 'echo one; echo \"$0 $1 $2\"' two", "put", "hello/ant", NULL);
	test_text("whole lines", read_all(&good, 1000), "one\ntwo put hello/ant\n");
	start("sh -c cat", "get", NULL, "a\nb\n");
	test_text("the standard input", read_all(&good, 1000), "a\nb\n");
	test_ok(good, "... and the status 0");
	start("sh -c 'echo a; printf cut'", "get", NULL, NULL);
	test_text("a line that is cut off", read_all(&good, 1000), "a\n");
	start("sh -c 'echo a; head -c 400000 /dev/zero | tr \\\\0 x; echo; echo b'", "get", NULL, NULL);
	test_text("a line that is too long is skipped", read_all(&good, 1000), "a\nb\n");
	start("sh -c 'exit 3'", "get", NULL, NULL);
	read_all(&good, 1000);
	test_ok(!good, "another status is a failure");
	start("no-such-program-of-a-store", "get", NULL, NULL);
	read_all(&good, 1000);
	test_ok(!good, "so is a program that does not exist");
}

static void check_limit(void)
{
	start("yes", "watch", NULL, NULL);
	read_all(NULL, 100000);
	test_ok(len >= 100000 && len < 100000 + 2 * 65536, "no more is read than is taken");
	weft_courier_stop(&courier);
	test_ok(!courier.pid && courier.out < 0 && courier.fd < 0, "the program is stopped");
}

/* A pipe into another program: its end is seen by the end of the pipe that the group has inherited. */
static void check_group(void)
{
	struct pollfd fd = { .events = POLLIN };
	char byte;

	start("sh -c 'sleep 1000 | sleep 1000'", "watch", NULL, NULL);
	fd.fd = dup(courier.out);
	weft_courier_stop(&courier);
	test_ok(poll(&fd, 1, 5000) == 1 && !read(fd.fd, &byte, 1), "its own programs end with it");
	close(fd.fd);
}

/* Two writers keep the pipe full, with a line that never ends. */
static void check_endless(void)
{
	int i;

	start("sh -c 'cat /dev/zero & exec cat /dev/zero'", "watch", NULL, NULL);
	for (i = 0; i < 100; i++)
		weft_courier_read(&courier, &text, &len, 100000);
	test_ok(courier.out >= 0 && !len, "what prints without end is read in parts");
	weft_courier_stop(&courier);
}

static bool has_ended(pid_t pid)
{
	int i;

	for (i = 0; i < 5000 && !kill(pid, 0); i++)
		usleep(1000);
	return i < 5000;
}

/* The numbers of the program's processes, which take no signal but KILL. */
static void start_deaf(int report)
{
	start("sh -c 'trap \"\" HUP INT TERM; sleep 1000 & echo $! $$; wait'", "watch", NULL, NULL);
	while (!len && courier.out >= 0) {
		usleep(1000);
		weft_courier_read(&courier, &text, &len, 100000);
	}
	if (write(report, text, len) != (ssize_t)len)
		_exit(1);
	for (;;)
		pause();
}

/* The agent is killed, and cannot end its programs. */
static void check_killed(void)
{
	int ends[2], first = 0, second = 0;
	char line[64] = "";
	pid_t agent;

	if (pipe(ends))
		test_bail("a pipe");
	agent = fork();
	if (!agent)
		start_deaf(ends[1]);
	if (read(ends[0], line, sizeof(line) - 1) <= 0 || sscanf(line, "%d %d", &first, &second) != 2)
		test_bail("the program does not report");
	test_ok(!kill(first, 0) && !kill(second, 0), "a program and its own one run");
	kill(agent, SIGKILL);
	waitpid(agent, NULL, 0);
	test_ok(has_ended(first) && has_ended(second), "... and end with a starter that is killed");
	close(ends[0]);
	close(ends[1]);
}

/* A program that is in the group of its starter. */
static void check_escaped(void)
{
	start("python3 -c 'import os, time; os.setpgid(0, os.getpgid(os.getppid())); print(1, flush=True); time.sleep(1000)'",
	      "watch", NULL, NULL);
	while (!len && courier.out >= 0) {
		usleep(1000);
		weft_courier_read(&courier, &text, &len, 100000);
	}
	weft_courier_stop(&courier);
	test_ok(!courier.pid, "a program in another group is stopped");
}

static void check_user(void)
{
	struct weft_courier_user user;

	test_ok(!weft_courier_find_user(&bench.ctx, "root", &user), "root is refused");
	test_ok(!weft_courier_find_user(&bench.ctx, "no-such-user", &user), "an unknown user is refused");
	if (!geteuid()) {
		test_ok(weft_courier_find_user(&bench.ctx, "daemon", &user) && user.change && user.uid,
			"another user is changed to");
	} else {
		test_ok(weft_courier_find_user(&bench.ctx, NULL, &user) && !user.change,
			"without rights the user stays");
	}
}

/* The route to 10.7.0.0/16 and fd07::/16 is the tunnel. */
static int way(struct weft_host *host, const union weft_endpoint *to, __u32 mark, struct weft_host_way *found)
{
	const unsigned char *at = to->any.sa_family == AF_INET ? (const void *)&to->ip4.sin_addr :
								 (const void *)&to->ip6.sin6_addr;

	(void)host;
	(void)mark;
	*found = (struct weft_host_way){ .asked = true, .found = true };
	strcpy(found->dev, (at[0] == 10 || at[0] == 0xfd) && at[1] == 7 ? "prod" : "eth0");
	return 0;
}

static const char *inside(const char *lines)
{
	struct weft_host host = { .way = way };
	struct weft_context ctx = bench.ctx;
	static char address[64];

	ctx.host = &host;
	return weft_inside_find(&ctx, "prod", lines, strlen(lines), address, sizeof(address)) ? address : "outside";
}

static void check_inside(void)
{
	test_text("a store outside", inside("weft-store-at 192.0.2.1\nweft-store-at 2001:db8::7\n"), "outside");
	test_text("a store inside", inside("x\nweft-store-at 192.0.2.1\nweft-store-at 10.7.0.1\n"), "10.7.0.1");
	test_text("... by IPv6", inside("weft-store-at fd07::1\n"), "fd07::1");
	test_text("no address", inside("weft-store-at localhost\nweft-store-at \nweft-store-at 10.7.0.1x\n"), "outside");
	test_text("a line without an end", inside("weft-store-at 10.7.0.1"), "outside");
	test_text("a word among records, which nodes write", inside("weft-fleet/1 x\nweft-store-at 10.7.0.1\n"), "outside");
	test_text("a long word", inside("weft-store-at 10.7.0.1                                                             "
					"                                    \n"), "outside");
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	test_bench_start(&bench, "");
	check_lines();
	check_limit();
	check_group();
	check_endless();
	check_escaped();
	check_killed();
	check_user();
	check_inside();
	free(text);
	test_bench_end(&bench);
	return test_end();
}
