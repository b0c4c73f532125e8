// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program, and asks the kernel meanwhile, at each millisecond and before everything else, for what it can only
 * say under the lock of network configuration.
 *
 *   waits PROGRAM [ARGUMENTS...]
 *
 * Prints one line of JSON: the longest time that an answer took, in nanoseconds, and the median.
 */
#include <errno.h>
#include <error.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000ULL
#define PAUSE_NS	1000000
#define LOOPBACK	1

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static uint64_t ask(int fd)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.link.ifi_index = LOOPBACK,
	};
	uint64_t begin = now_ns();
	char answer[16384];

	if (send(fd, &request, sizeof(request), 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
		error(1, errno, "RTM_GETLINK");
	return now_ns() - begin;
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		error(1, errno, "fork");
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			error(1, errno, "/dev/null");
		execvp(argv[0], argv);
		error(127, errno, "%s", argv[0]);
	}
	return pid;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	const struct sched_param first = { .sched_priority = 1 };
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t *times = NULL;
	size_t count = 0;
	int status = 0, fd;
	pid_t pid;

	if (argc < 2)
		error(2, 0, "expected a program");
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		error(1, errno, "socket");
	pid = start(argv + 1);
	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		error(1, errno, "sched_setscheduler");
	while (waitpid(pid, &status, WNOHANG) == 0) {
		times = realloc(times, (count + 1) * sizeof(*times));
		if (!times)
			error(1, ENOMEM, "times");
		times[count++] = ask(fd);
		nanosleep(&pause, NULL);
	}
	if (status || !count)
		error(1, 0, "%s: status %d, asked %zu times", argv[1], status, count);
	qsort(times, count, sizeof(*times), compare);
	printf("{\"count\":1,\"rounds\":[%" PRIu64 "],\"idle\":0,\"lost\":0,\"median\":%" PRIu64 ",\"asked\":%zu}\n",
	       times[count - 1], times[count / 2], count);
	free(times);
	return 0;
}
