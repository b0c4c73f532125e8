// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ends.h"
#include "meter.h"
#include "restart.h"

#define INTERVAL_NS	(NS_PER_S / 4)	/* between two datagrams of a spoke */
#define TICK_MS		5
#define STEADY_NS	(2 * NS_PER_S)	/* of traffic before the restart */
#define LIMIT_NS	(180 * NS_PER_S)
#define STOPPED_NS	(2 * NS_PER_S)	/* no load keeps this process from a CPU for so long */
#define TRIES		10

struct datagram {
	uint64_t sent;
	uint32_t spoke;
	char rest[52];
};

struct spokes {
	const char *address;
	unsigned int count;
	int fd;
	uint64_t began;		/* of the traffic */
	uint64_t sent;		/* datagrams, those included that were skipped because they were late */
	uint64_t since;		/* answers to datagrams that left before it do not count */
	uint64_t *answered;	/* by spoke: the time of the first answer that counts, or 0 */
	unsigned int missing;	/* spokes without such an answer */
	uint64_t seen;		/* the clock, when it was last read */
	uint64_t stopped;	/* sum of the times in which the whole machine stood still */
};

/* Each datagram leaves from the address that it came to. */
static void echo(void)
{
	char data[sizeof(struct datagram)], control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	int fd = receiver_socket();
	struct in_pktinfo *info;
	struct sockaddr_in from;
	ssize_t length;

	set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	for (;;) {
		struct iovec vector = { .iov_base = data, .iov_len = sizeof(data) };
		struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &vector,
					  .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };

		length = recvmsg(fd, &message, 0);
		if (length < 0)
			continue;
		info = (struct in_pktinfo *)CMSG_DATA(CMSG_FIRSTHDR(&message));
		info->ipi_ifindex = 0;
		info->ipi_spec_dst = info->ipi_addr;
		vector.iov_len = length;
		/* Without the hub's link there is no route. */
		sendmsg(fd, &message, MSG_DONTWAIT);
	}
}

static uint64_t look_at_clock(struct spokes *spokes)
{
	uint64_t now = now_ns();

	if (now - spokes->seen > STOPPED_NS)
		spokes->stopped += now - spokes->seen;
	spokes->seen = now;
	return now;
}

static void send_due(struct spokes *spokes)
{
	uint64_t now = look_at_clock(spokes), due = (now - spokes->began) * spokes->count / INTERVAL_NS;
	struct datagram datagram = { .sent = now };
	struct sockaddr_in to;

	/* After a delay no spoke sends twice at once. */
	if (due > spokes->sent + spokes->count)
		spokes->sent = due - spokes->count;
	for (; spokes->sent < due; spokes->sent++) {
		datagram.spoke = spokes->sent % spokes->count;
		to = target(spokes->address, datagram.spoke);
		sendto(spokes->fd, &datagram, sizeof(datagram), MSG_DONTWAIT, (void *)&to, sizeof(to));
	}
}

static void receive_all(struct spokes *spokes)
{
	struct datagram datagram;

	while (recv(spokes->fd, &datagram, sizeof(datagram), MSG_DONTWAIT) == sizeof(datagram)) {
		if (datagram.spoke >= spokes->count || spokes->answered[datagram.spoke] || datagram.sent < spokes->since)
			continue;
		spokes->answered[datagram.spoke] = now_ns();
		spokes->missing--;
	}
}

static void exchange(struct spokes *spokes)
{
	struct pollfd ready = { .fd = spokes->fd, .events = POLLIN };

	send_due(spokes);
	poll(&ready, 1, TICK_MS);
	receive_all(spokes);
}

static void expect_all(struct spokes *spokes)
{
	memset(spokes->answered, 0, spokes->count * sizeof(*spokes->answered));
	spokes->missing = spokes->count;
	spokes->since = now_ns();
}

static void exchange_until_all(struct spokes *spokes, const char *what)
{
	uint64_t limit = spokes->since + LIMIT_NS - spokes->stopped;

	while (spokes->missing) {
		if (spokes->seen > limit + spokes->stopped)
			error(1, 0, "%s: %u of %u spokes have no answer after %llu s", what, spokes->missing, spokes->count,
			      LIMIT_NS / NS_PER_S);
		exchange(spokes);
	}
}

/* The traffic goes on meanwhile. */
static void run_beside(struct spokes *spokes, const char *command)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, NULL);
		error(127, errno, "sh");
	}
	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0)
		exchange(spokes);
	if (pid < 0 || status)
		error(1, pid < 0 ? errno : 0, "'%s': status %d", command, status);
}

/* Returns the time at which UP had ended. */
static uint64_t restart(struct spokes *spokes, struct meter *meter, const char *down, const char *up)
{
	uint64_t steady, back;

	expect_all(spokes);
	exchange_until_all(spokes, "before the restart");
	for (steady = now_ns() + STEADY_NS; now_ns() < steady;)
		exchange(spokes);
	spokes->stopped = 0;
	meter_start(meter, spokes->count);
	run_beside(spokes, down);
	expect_all(spokes);
	run_beside(spokes, up);
	back = now_ns();
	exchange_until_all(spokes, "after the restart");
	look_at_clock(spokes);
	return back;
}

static void print_times(const struct spokes *spokes, uint64_t begin, uint64_t back)
{
	uint64_t *times = spokes->answered, count = spokes->count;

	sort_times(times, count);
	printf(",\"back\":%" PRIu64 ",\"first\":%" PRIu64 ",\"median\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"last\":%" PRIu64 "}\n",
	       back - begin, times[0] - begin, times[count / 2] - begin, times[count * 99 / 100] - begin,
	       times[count - 1] - begin);
}

void run_restart(char **args)
{
	struct spokes spokes = { .address = args[2], .count = number("COUNT", args[3], 1, 100000) };
	unsigned int tries = 0;
	uint64_t begin, back;
	struct meter meter;
	pid_t hub;

	hub = fork_into(args[1]);
	if (hub == 0)
		echo();
	enter(args[0]);
	spokes.fd = receiver_socket();
	spokes.answered = times_for(spokes.count);
	spokes.began = spokes.seen = now_ns();
	do {
		if (tries++ == TRIES)
			error(1, 0, "the machine stood still in each of %u restarts", TRIES);
		back = restart(&spokes, &meter, args[4], args[5]);
		begin = meter.begin;
	} while (spokes.stopped);
	meter_lap(&meter);
	meter_stop(&meter);
	end_child(hub);
	meter_print(&meter, 0);
	print_times(&spokes, begin, back);
}
