// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ends.h"

#define DEFAULT_PORT	7010
#define RECEIVE_S	2
#define RECEIVE_BUFFER	(8 << 20)

uint64_t number(const char *what, const char *text, uint64_t low, uint64_t high)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || end == text || value < low || value > high)
		error(2, 0, "%s is '%s', wanted a number from %" PRIu64 " to %" PRIu64, what, text, low, high);
	return value;
}

uint16_t ends_port(void)
{
	static uint16_t port;
	const char *text = getenv("TRAFFIC_PORT");

	if (!port)
		port = text ? number("TRAFFIC_PORT", text, 1, 65535) : DEFAULT_PORT;
	return port;
}

void enter(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		error(1, errno, "namespace '%s'", name);
	close(fd);
}

pid_t fork_into(const char *name)
{
	pid_t pid = fork();

	if (pid < 0)
		error(1, errno, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(name);
	}
	return pid;
}

void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct sockaddr_in target(const char *text, unsigned int which)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(ends_port()) };
	char first[INET_ADDRSTRLEN] = "";
	const char *plus = strchrnul(text, '+');
	uint32_t stride = *plus ? number("stride", plus + 1, 1, 65536) : 0;

	if ((size_t)(plus - text) < sizeof(first))
		memcpy(first, text, plus - text);
	if (inet_pton(AF_INET, first, &address.sin_addr) != 1)
		error(2, 0, "'%s' is no IPv4 address", text);
	address.sin_addr.s_addr = htonl(ntohl(address.sin_addr.s_addr) + which * stride);
	return address;
}

int make_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		error(1, errno, "socket");
	return fd;
}

void set_option(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		error(1, errno, "option %d", option);
}

int receiver_socket(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(ends_port()) };
	struct timeval limit = { .tv_sec = RECEIVE_S };
	int fd = make_socket(SOCK_DGRAM);

	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (bind(fd, (void *)&any, sizeof(any)) < 0)
		error(1, errno, "bind");
	return fd;
}

uint64_t *times_for(uint64_t count)
{
	uint64_t *times = calloc(count, sizeof(*times));

	if (!times)
		error(1, ENOMEM, "times");
	return times;
}

static int compare_times(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void sort_times(uint64_t *times, uint64_t count)
{
	qsort(times, count, sizeof(*times), compare_times);
}
