// SPDX-License-Identifier: GPL-2.0
/*
 * Makes traffic between two network namespaces of one machine, in a closed loop: nothing is sent faster than it
 * arrives, so that on one CPU hardly any time is idle, and what the clock says is what the traffic cost.
 *
 *   traffic stream FROM TO ADDRESS FLOWS WARM BYTES [BACK]
 *                                                      TCP; with a flow for each of several addresses where ADDRESS has
 *                                                      a stride: 10.8.0.1+1 is 10.8.0.1, 10.8.0.2, ...; and as many
 *                                                      flows the other way, to the address BACK, that count as well
 *   traffic datagrams FROM TO ADDRESS SIZE WARM COUNT [WAY]
 *                                                      UDP, in bursts: all of one is sent, then received; WAY is send,
 *                                                      sendmmsg or segments (burst.h), and SIZE may be imix
 *   traffic pingpong FROM TO ADDRESS WARM COUNT        a byte there and a byte back over TCP, between two processes
 *   traffic first FROM TO ADDRESS COUNT                one datagram to each address: a handshake, where it takes one
 *   traffic restart FROM TO ADDRESS COUNT DOWN UP      as datagrams are answered again after two commands (restart.h)
 *   traffic lookups FROM FIRST RANGE COUNT             datagrams to random addresses, which need not arrive
 *   traffic command COUNT PROGRAM [ARGUMENTS...]       what it takes to run a program on COUNT things, but its output
 *
 * BYTES, and COUNT of datagrams and pingpong, may be a time: "2s" is as much as takes two seconds by what WARM took: by
 * the clock, or CPU seconds where a host knows them (machine.h).
 * Prints one line of JSON: what was counted, the nanoseconds of each of the rounds, those that no CPU had work in, and
 * for a ping-pong the median and the 99th percentile, for a command those in user space. Where SAMPLES is set, it names
 * a file to be written: where in the kernel the time went. TRAFFIC_PORT is the port (default 7010).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "burst.h"
#include "ends.h"
#include "meter.h"
#include "restart.h"

#define EVENTS		64
#define BLOCK		(128 * 1024)
#define ACCEPT_S	60

static char block[BLOCK];

/* A number of units, or how long they are to take, which is "2s". */
struct amount {
	uint64_t least;
	uint64_t units;
	uint64_t seconds;
};

static struct amount amount_of(const char *what, const char *text, uint64_t least)
{
	struct amount amount = { .least = least };
	size_t length = strlen(text);
	char digits[16] = "";

	if (length < 2 || length > sizeof(digits) || text[length - 1] != 's') {
		amount.units = number(what, text, least, UINT64_MAX / 2);
		return amount;
	}
	memcpy(digits, text, length - 1);
	amount.seconds = number(what, digits, 1, 3600);
	return amount;
}

/* By the nanoseconds that WARM units took. */
static uint64_t amount_count(const struct amount *amount, uint64_t warm, uint64_t warm_ns)
{
	uint64_t count = amount->units;

	if (amount->seconds)
		count = (double)warm * amount->seconds * NS_PER_S / (warm_ns ?: 1);
	return count < amount->least ? amount->least : count;
}

/* accept() ends with an error after a while: the other end may have failed before it connects. */
static int listen_on(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(ends_port()) };
	struct timeval limit = { .tv_sec = ACCEPT_S };
	int fd = make_socket(SOCK_STREAM);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (void *)&any, sizeof(any)) < 0 || listen(fd, 4096) < 0)
		error(1, errno, "listen");
	return fd;
}

static int connect_to(const char *address, unsigned int which)
{
	struct sockaddr_in to = target(address, which);
	int fd = make_socket(SOCK_STREAM);

	if (connect(fd, (void *)&to, sizeof(to)) < 0)
		error(1, errno, "connect to %s", inet_ntoa(to.sin_addr));
	return fd;
}

static int accept_from(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		error(1, errno, "accept");
	return fd;
}

static void poll_add(int poll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
		error(1, errno, "epoll_ctl");
}

static int poll_wait(int poll, struct epoll_event *events)
{
	int ready = epoll_wait(poll, events, EVENTS, -1);

	if (ready < 0)
		error(1, errno, "epoll_wait");
	return ready;
}

/* Until the receiver has had enough and ends it. */
static void stream_send(const char *address, unsigned int flows)
{
	struct epoll_event events[EVENTS];
	int poll = epoll_create1(EPOLL_CLOEXEC), ready, i;
	unsigned int flow;

	for (flow = 0; flow < flows; flow++)
		poll_add(poll, connect_to(address, flow), EPOLLOUT);
	for (;;) {
		ready = poll_wait(poll, events);
		for (i = 0; i < ready; i++) {
			if (send(events[i].data.fd, block, sizeof(block), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
				error(1, errno, "send");
		}
	}
}

/* Bytes received: here, and by the process that receives in the opposite direction. */
struct streams {
	int poll;
	uint64_t got;
	_Atomic uint64_t *back;
};

static uint64_t stream_total(const struct streams *streams)
{
	return streams->got + (streams->back ? *streams->back : 0);
}

/* What is ready at once. */
static uint64_t stream_take(int poll)
{
	struct epoll_event events[EVENTS];
	int ready = poll_wait(poll, events), i;
	uint64_t got = 0;
	ssize_t length;

	for (i = 0; i < ready; i++) {
		length = recv(events[i].data.fd, block, sizeof(block), 0);
		if (length == 0 || (length < 0 && errno != EAGAIN))
			error(1, errno, "recv");
		got += length > 0 ? length : 0;
	}
	return got;
}

/* Until WANTED bytes have been received in all, or some more: what was read too much counts for the next round. */
static uint64_t stream_receive(struct streams *streams, uint64_t wanted)
{
	while (stream_total(streams) < wanted)
		streams->got += stream_take(streams->poll);
	return stream_total(streams);
}

/* Returns the sender's process. */
static pid_t stream_open(struct streams *streams, const char *from, const char *to, const char *address, unsigned int flows)
{
	int listener;
	unsigned int i;
	pid_t sender;

	streams->poll = epoll_create1(EPOLL_CLOEXEC);
	enter(to);
	listener = listen_on();
	sender = fork_into(from);
	if (sender == 0)
		stream_send(address, flows);
	for (i = 0; i < flows; i++)
		poll_add(streams->poll, accept_from(listener), EPOLLIN);
	close(listener);
	return sender;
}

/* The opposite direction, in processes of its own, until they are ended. */
static pid_t stream_open_back(struct streams *streams, const char *from, const char *to, const char *address,
			      unsigned int flows)
{
	struct streams own = {};
	pid_t receiver;

	streams->back = mmap(NULL, sizeof(*streams->back), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (streams->back == MAP_FAILED)
		error(1, errno, "mmap");
	receiver = fork_into(to);
	if (receiver)
		return receiver;
	stream_open(&own, from, to, address, flows);
	for (;;)
		*streams->back += stream_take(own.poll);
}

static void run_stream(char **args)
{
	unsigned int flows = number("FLOWS", args[3], 1, 100000), i;
	uint64_t warm = number("WARM", args[4], 0, UINT32_MAX);
	struct amount amount = amount_of("BYTES", args[5], ROUNDS);
	struct streams streams = {};
	struct meter meter;
	uint64_t begin;
	pid_t sender, back = 0;

	if (args[6])
		back = stream_open_back(&streams, args[1], args[0], args[6], flows);
	sender = stream_open(&streams, args[0], args[1], args[2], flows);
	begin = spent_ns();
	warm = stream_receive(&streams, warm);
	meter_start(&meter, amount_count(&amount, warm, spent_ns() - begin) / ROUNDS);
	for (i = 0; i < ROUNDS; i++) {
		stream_receive(&streams, warm + (i + 1) * meter.count);
		meter_lap(&meter);
	}
	meter_stop(&meter);
	end_child(sender);
	if (back)
		end_child(back);
	meter_print(&meter, 0);
	puts("}");
}

static void run_datagrams(char **args)
{
	uint64_t warm = number("WARM", args[4], 0, UINT32_MAX), begin, lost = 0;
	struct amount amount = amount_of("COUNT", args[5], ROUNDS * BURST);
	struct burst burst = {};
	struct sockaddr_in to;
	struct meter meter;
	unsigned int i;

	burst_sizes(&burst, args[3]);
	enter(args[1]);
	burst.to = receiver_socket();
	enter(args[0]);
	burst.from = make_socket(SOCK_DGRAM);
	to = target(args[2], 0);
	if (connect(burst.from, (void *)&to, sizeof(to)) < 0)
		error(1, errno, "connect");
	burst_way(&burst, args[6] ?: "send");
	begin = spent_ns();
	burst_pass_all(&burst, warm);
	meter_start(&meter, amount_count(&amount, warm, spent_ns() - begin) / BURST / ROUNDS * BURST);
	for (i = 0; i < ROUNDS; i++) {
		lost += burst_pass_all(&burst, meter.count);
		meter_lap(&meter);
	}
	meter_stop(&meter);
	meter_print(&meter, lost);
	puts("}");
}

static void pong(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
		;
	exit(0);
}

static void ping(int fd)
{
	char byte = 0;

	if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
		error(1, errno, "ping");
}

/* With the time of each, which costs a look at the clock. */
static void pings(int fd, uint64_t *times, uint64_t count)
{
	uint64_t i, before = now_ns(), now;

	for (i = 0; i < count; i++) {
		ping(fd);
		now = now_ns();
		times[i] = now - before;
		before = now;
	}
}

static void run_pingpong(char **args)
{
	uint64_t warm = number("WARM", args[3], 1, 1000000), count, begin, *times;
	struct amount amount = amount_of("COUNT", args[4], ROUNDS);
	struct meter meter;
	unsigned int i;
	int listener, fd;
	pid_t server;

	enter(args[1]);
	listener = listen_on();
	server = fork_into(args[1]);
	if (server == 0) {
		fd = accept_from(listener);
		set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		pong(fd);
	}
	enter(args[0]);
	fd = connect_to(args[2], 0);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	times = times_for(warm);
	begin = spent_ns();
	pings(fd, times, warm);
	count = amount_count(&amount, warm, spent_ns() - begin) / ROUNDS * ROUNDS;
	free(times);
	times = times_for(count);
	meter_start(&meter, count / ROUNDS);
	for (i = 0; i < ROUNDS; i++) {
		pings(fd, times + i * meter.count, meter.count);
		meter_lap(&meter);
	}
	meter_stop(&meter);
	end_child(server);
	sort_times(times, count);
	meter_print(&meter, 0);
	printf(",\"median\":%" PRIu64 ",\"p99\":%" PRIu64 "}\n", times[count / 2], times[count * 99 / 100]);
	free(times);
}

static void run_first(char **args)
{
	unsigned int count = number("COUNT", args[3], ROUNDS, 100000), i, j, which = 0;
	struct burst burst = { .way = BURST_SEND, .sizes = { 1 } };
	struct sockaddr_in to;
	struct meter meter;
	uint64_t lost = 0;

	enter(args[1]);
	burst.to = receiver_socket();
	enter(args[0]);
	meter_start(&meter, count / ROUNDS);
	for (i = 0; i < ROUNDS; i++) {
		for (j = 0; j < meter.count; j++, which++) {
			to = target(args[2], which);
			burst.from = make_socket(SOCK_DGRAM);
			if (connect(burst.from, (void *)&to, sizeof(to)) < 0)
				error(1, errno, "connect to %s", inet_ntoa(to.sin_addr));
			lost += burst_pass(&burst, 1);
			close(burst.from);
		}
		meter_lap(&meter);
	}
	meter_stop(&meter);
	meter_print(&meter, lost);
	puts("}");
}

/* What becomes of them does not matter. */
static void run_lookups(char **args)
{
	uint64_t range = number("RANGE", args[2], 1, UINT32_MAX);
	uint64_t count = number("COUNT", args[3], ROUNDS, UINT32_MAX), j;
	struct sockaddr_in to = target(args[1], 0);
	uint32_t first = ntohl(to.sin_addr.s_addr);
	struct meter meter;
	unsigned int i;
	int sender;

	enter(args[0]);
	sender = make_socket(SOCK_DGRAM);
	srandom(1);
	meter_start(&meter, count / ROUNDS);
	for (i = 0; i < ROUNDS; i++) {
		for (j = 0; j < meter.count; j++) {
			to.sin_addr.s_addr = htonl(first + random() % range);
			sendto(sender, block, 64, 0, (void *)&to, sizeof(to));
		}
		meter_lap(&meter);
	}
	meter_stop(&meter);
	meter_print(&meter, 0);
	puts("}");
}

static void run_command(char **args)
{
	uint64_t count = number("COUNT", args[0], 1, UINT32_MAX);
	struct rusage usage;
	struct meter meter;
	int status;
	pid_t pid;

	meter_start(&meter, count);
	pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			error(1, errno, "/dev/null");
		execvp(args[1], args + 1);
		error(127, errno, "%s", args[1]);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
		error(1, errno, "%s", args[1]);
	meter_lap(&meter);
	meter_stop(&meter);
	if (status)
		error(1, 0, "%s: status %d", args[1], status);
	meter_print(&meter, 0);
	/* By the ticks that found it there: good for what takes seconds. */
	printf(",\"user\":%" PRIu64 "}\n", (uint64_t)(usage.ru_utime.tv_sec * NS_PER_S + usage.ru_utime.tv_usec * 1000));
}

static const struct action {
	const char *name;
	int arguments;
	int most;
	void (*run)(char **arguments);
} actions[] = {
	{ "stream", 6, 7, run_stream },
	{ "datagrams", 6, 7, run_datagrams },
	{ "pingpong", 5, 5, run_pingpong },
	{ "first", 4, 4, run_first },
	{ "restart", 6, 6, run_restart },
	{ "lookups", 4, 4, run_lookups },
};

int main(int argc, char **argv)
{
	struct rlimit files = { 200000, 200000 };
	size_t i;

	if (argc > 3 && !strcmp(argv[1], "command")) {
		run_command(argv + 2);
		return 0;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (argc >= actions[i].arguments + 2 && argc <= actions[i].most + 2 && !strcmp(argv[1], actions[i].name)) {
			actions[i].run(argv + 2);
			return 0;
		}
	}
	fputs("traffic: expected one of\n"
	      "  stream FROM TO ADDRESS FLOWS WARM BYTES [BACK]\n"
	      "  datagrams FROM TO ADDRESS SIZE WARM COUNT [WAY]\n"
	      "  pingpong FROM TO ADDRESS WARM COUNT\n"
	      "  first FROM TO ADDRESS COUNT\n"
	      "  restart FROM TO ADDRESS COUNT DOWN UP\n"
	      "  lookups FROM FIRST RANGE COUNT\n"
	      "  command COUNT PROGRAM [ARGUMENTS...]\n", stderr);
	return 2;
}
