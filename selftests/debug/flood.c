// SPDX-License-Identifier: GPL-2.0
/*
 * Floods a host with UDP packets, with a fixed share of a CPU, in turns of two milliseconds.
 *
 *   flood DEVICE MAC FIRST SOURCES TO PORT LENGTH FILE SHARE
 *
 * FILE holds messages of LENGTH bytes each. They are sent in turn over DEVICE, to the host with the
 * Ethernet address MAC and the IPv4 address TO; the first from the address FIRST, the next from the
 * following address, up to SOURCES addresses. SHARE is in percent. The flooder's share includes the
 * kernel's work for a packet within the call that sends it: over veth that is the receiver's stack,
 * too.
 *
 * Prints "flooding" when it begins, and at SIGTERM one line of JSON: packets sent, and the
 * nanoseconds of CPU time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_NS	2000000ULL
#define NS_PER_S	1000000000ULL
#define BATCH		16
#define LENGTH_MAX	1480
#define SOURCE_PORT	7000

struct frame {
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	char message[LENGTH_MAX];
} __attribute__((packed));

struct flood {
	int socket;
	struct sockaddr_ll to;
	uint32_t first_source;
	uint32_t sources;
	size_t length;
	char *messages;
	uint32_t message_count;
	uint64_t sent;
};

static struct frame frames[BATCH];
static volatile sig_atomic_t ended;

static void end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static uint64_t number(const char *what, const char *text, uint64_t low, uint64_t high)
{
	char *rest;
	uint64_t value = strtoull(text, &rest, 10);

	if (*rest || rest == text || value < low || value > high)
		error(2, 0, "%s is '%s', wanted a number from %" PRIu64 " to %" PRIu64, what, text, low, high);
	return value;
}

static in_addr_t address(const char *text)
{
	struct in_addr found;

	if (inet_pton(AF_INET, text, &found) != 1)
		error(2, 0, "'%s' is no IPv4 address", text);
	return found.s_addr;
}

static uint16_t ip_checksum(const void *header)
{
	const uint8_t *bytes = header;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < sizeof(struct iphdr); i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~(sum + (sum >> 16)));
}

/* All but message and source. UDP over IPv4 needs no checksum. */
static void make_frame(struct frame *frame, const char *mac, in_addr_t to, uint16_t port, size_t length)
{
	const struct ether_addr *ether = ether_aton(mac);

	if (!ether)
		error(2, 0, "'%s' is no Ethernet address", mac);
	memcpy(frame->ether.ether_dhost, ether, sizeof(frame->ether.ether_dhost));
	frame->ether.ether_type = htons(ETHERTYPE_IP);
	frame->ip.version = 4;
	frame->ip.ihl = sizeof(frame->ip) / 4;
	frame->ip.ttl = 64;
	frame->ip.protocol = IPPROTO_UDP;
	frame->ip.tot_len = htons(sizeof(frame->ip) + sizeof(frame->udp) + length);
	frame->ip.daddr = to;
	frame->udp.source = htons(SOURCE_PORT);
	frame->udp.dest = htons(port);
	frame->udp.len = htons(sizeof(frame->udp) + length);
}

static void fill_frame(const struct flood *flood, struct frame *frame, uint64_t which)
{
	memcpy(frame->message, flood->messages + which % flood->message_count * flood->length, flood->length);
	frame->ip.saddr = htonl(flood->first_source + which % flood->sources);
	frame->ip.check = 0;
	frame->ip.check = ip_checksum(&frame->ip);
}

static void send_batch(struct flood *flood)
{
	struct mmsghdr headers[BATCH] = {};
	struct iovec parts[BATCH];
	int i, sent;

	for (i = 0; i < BATCH; i++) {
		fill_frame(flood, &frames[i], flood->sent + i);
		parts[i].iov_base = &frames[i];
		parts[i].iov_len = offsetof(struct frame, message) + flood->length;
		headers[i].msg_hdr.msg_iov = &parts[i];
		headers[i].msg_hdr.msg_iovlen = 1;
		headers[i].msg_hdr.msg_name = &flood->to;
		headers[i].msg_hdr.msg_namelen = sizeof(flood->to);
	}
	sent = sendmmsg(flood->socket, headers, BATCH, 0);
	if (sent < 0 && errno != ENOBUFS)
		error(1, errno, "sendmmsg");
	flood->sent += sent > 0 ? sent : 0;
}

static void read_messages(struct flood *flood, const char *name)
{
	FILE *file = fopen(name, "r");
	long size;

	if (!file || fseek(file, 0, SEEK_END) < 0)
		error(1, errno, "%s", name);
	size = ftell(file);
	rewind(file);
	flood->message_count = size / flood->length;
	flood->messages = malloc(size);
	if (!flood->message_count || fread(flood->messages, 1, size, file) != (size_t)size)
		error(1, errno, "%s", name);
	fclose(file);
}

static void open_device(struct flood *flood, const char *name)
{
	int yes = 1;

	flood->socket = socket(AF_PACKET, SOCK_RAW, 0);
	flood->to.sll_family = AF_PACKET;
	flood->to.sll_ifindex = if_nametoindex(name);
	if (flood->socket < 0 || !flood->to.sll_ifindex ||
	    setsockopt(flood->socket, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) < 0)
		error(1, errno, "%s", name);
}

/* Runs before all other programs, so that it gets its full share. */
static void go_first(void)
{
	struct sched_param priority = { .sched_priority = 10 };
	struct sigaction action = { .sa_handler = end };

	sigaction(SIGTERM, &action, NULL);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0 || sched_setscheduler(0, SCHED_FIFO, &priority) < 0)
		error(1, errno, "priority");
}

int main(int argc, char **argv)
{
	uint64_t begin, turn, used = 0, allowed = 0, share;
	struct flood flood = {};
	size_t i;

	if (argc != 10)
		error(2, 0, "expected DEVICE MAC FIRST SOURCES TO PORT LENGTH FILE SHARE");
	flood.first_source = ntohl(address(argv[3]));
	flood.sources = number("SOURCES", argv[4], 1, 1 << 24);
	flood.length = number("LENGTH", argv[7], 1, LENGTH_MAX);
	share = number("SHARE", argv[9], 1, 90) * PERIOD_NS / 100;
	for (i = 0; i < BATCH; i++)
		make_frame(&frames[i], argv[2], address(argv[5]), number("PORT", argv[6], 1, 65535), flood.length);
	open_device(&flood, argv[1]);
	read_messages(&flood, argv[8]);
	go_first();
	puts("flooding");
	fflush(stdout);
	for (turn = now_ns(); !ended; turn += PERIOD_NS) {
		sleep_until(turn);
		begin = now_ns();
		/* A turn that took too long shortens the next one. */
		allowed += share;
		while (used + now_ns() - begin < allowed)
			send_batch(&flood);
		used += now_ns() - begin;
	}
	printf("{\"sent\":%" PRIu64 ",\"ns\":%" PRIu64 "}\n", flood.sent, used);
	return 0;
}
