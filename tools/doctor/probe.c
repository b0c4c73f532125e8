// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel tunnel's socket does not report ICMP errors to user space; a raw
 * socket receives them, too. The probes are the tunnel's own handshakes, so that
 * the peer's counters see no additional packet.
 */
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor/doctor.h"

/* From linux/icmp.h, which conflicts with netinet/ip_icmp.h. */
#define PROBE_ICMP_FILTER	1

#define PROBE_MESSAGE_BYTES	1500
#define PROBE_BUFFER_BYTES	(1024 * 1024)

/**
 * struct probe_peer - an endpoint that an ICMP error may quote
 * @endpoint: the endpoint
 * @peer: the peer's index in the device
 */
struct probe_peer {
	union weft_endpoint endpoint;
	size_t peer;
};

/**
 * struct weft_doctor_probes - the raw sockets and their results
 * @ip4: the ICMP socket, or -1
 * @ip6: the ICMPv6 socket, or -1
 * @port: the tunnel's port, in network byte order
 * @count: peers
 * @known: how many of them have an endpoint
 * @sorted: peers with an endpoint, by endpoint
 * @results: of each peer
 */
struct weft_doctor_probes {
	int ip4;
	int ip6;
	__be16 port;
	size_t count;
	size_t known;
	struct probe_peer *sorted;
	enum weft_doctor_probe *results;
};

/* Compares family, address and port, but no scope ID. */
static int probe_compare_endpoints(const union weft_endpoint *a,
				   const union weft_endpoint *b)
{
	int order = a->any.sa_family - b->any.sa_family;

	if (!order)
		order = a->ip4.sin_port - b->ip4.sin_port;
	if (order)
		return order;
	if (a->any.sa_family == AF_INET)
		return memcmp(&a->ip4.sin_addr, &b->ip4.sin_addr,
			      sizeof(a->ip4.sin_addr));
	return memcmp(&a->ip6.sin6_addr, &b->ip6.sin6_addr,
		      sizeof(a->ip6.sin6_addr));
}

static int probe_compare(const void *a, const void *b)
{
	const struct probe_peer *x = a, *y = b;

	return probe_compare_endpoints(&x->endpoint, &y->endpoint);
}

static void probe_buffer(int fd)
{
	static const int bytes = PROBE_BUFFER_BYTES;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
}

static int probe_open_ip4(void)
{
	__u32 filter = ~((1U << ICMP_DEST_UNREACH) | (1U << ICMP_TIME_EXCEEDED));
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			IPPROTO_ICMP);

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_RAW, PROBE_ICMP_FILTER, &filter, sizeof(filter));
	probe_buffer(fd);
	return fd;
}

static int probe_open_ip6(void)
{
	struct icmp6_filter filter;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			IPPROTO_ICMPV6);

	if (fd < 0)
		return fd;
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &filter);
	ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &filter);
	setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
	probe_buffer(fd);
	return fd;
}

struct weft_doctor_probes *weft_doctor_probe_start(const struct weft_device *dev)
{
	struct weft_doctor_probes *probes = calloc(1, sizeof(*probes));
	const struct weft_peer *peer;
	size_t i = 0;

	if (!probes)
		return NULL;
	probes->ip4 = -1;
	probes->ip6 = -1;
	probes->port = htons(dev->listen_port);
	probes->count = weft_model_peer_count(dev);
	probes->sorted = calloc(probes->count + 1, sizeof(*probes->sorted));
	probes->results = calloc(probes->count + 1, sizeof(*probes->results));
	if (!probes->sorted || !probes->results) {
		weft_doctor_probe_end(probes);
		return NULL;
	}
	for (peer = dev->peers; peer; peer = peer->next, i++)
		if (peer->endpoint.any.sa_family != AF_UNSPEC)
			probes->sorted[probes->known++] = (struct probe_peer){
				.endpoint = peer->endpoint, .peer = i,
			};
	qsort(probes->sorted, probes->known, sizeof(*probes->sorted),
	      probe_compare);
	probes->ip4 = probe_open_ip4();
	probes->ip6 = probe_open_ip6();
	return probes;
}

/* Peers may share an endpoint. */
static void probe_note(struct weft_doctor_probes *probes,
		       const union weft_endpoint *to,
		       enum weft_doctor_probe result)
{
	struct probe_peer key = { .endpoint = *to }, *found, *end;

	found = bsearch(&key, probes->sorted, probes->known, sizeof(key),
			probe_compare);
	if (!found)
		return;
	while (found > probes->sorted && !probe_compare(found - 1, &key))
		found--;
	end = probes->sorted + probes->known;
	for (; found < end && !probe_compare(found, &key); found++)
		probes->results[found->peer] = result;
}

/* The UDP header of the quoted packet, if that is the tunnel's. */
static bool probe_read_udp(const struct weft_doctor_probes *probes,
			   const unsigned char *at, size_t len, __be16 *port)
{
	struct udphdr udp;

	if (len < sizeof(udp))
		return false;
	memcpy(&udp, at, sizeof(udp));
	*port = udp.dest;
	return udp.source == probes->port;
}

/*
 * Only the endpoint's host knows its sockets. A firewall that rejects packets, here
 * or on the path, sends the same error from an address of its own.
 */
static enum weft_doctor_probe probe_means(bool no_port, const void *sender,
					  const void *endpoint, size_t bytes)
{
	return no_port && !memcmp(sender, endpoint, bytes) ?
		       WEFT_PROBE_REFUSED : WEFT_PROBE_UNREACHABLE;
}

static void probe_read_ip4(struct weft_doctor_probes *probes,
			   const unsigned char *at, size_t len)
{
	union weft_endpoint to = { .ip4.sin_family = AF_INET };
	size_t outer = (at[0] & 15) * 4, inner;
	const unsigned char *icmp = at + outer;
	struct iphdr ip;

	if (len < outer + 8 + sizeof(ip))
		return;
	memcpy(&ip, icmp + 8, sizeof(ip));
	inner = outer + 8 + ip.ihl * 4;
	if (ip.protocol != IPPROTO_UDP || len < inner ||
	    !probe_read_udp(probes, at + inner, len - inner, &to.ip4.sin_port))
		return;
	to.ip4.sin_addr.s_addr = ip.daddr;
	/* "Fragmentation needed" does not make the host unreachable. */
	if (icmp[0] == ICMP_DEST_UNREACH && icmp[1] == ICMP_FRAG_NEEDED)
		return;
	probe_note(probes, &to,
		   probe_means(icmp[0] == ICMP_DEST_UNREACH &&
			       icmp[1] == ICMP_PORT_UNREACH,
			       at + offsetof(struct iphdr, saddr), &ip.daddr,
			       sizeof(ip.daddr)));
}

static void probe_read_ip6(struct weft_doctor_probes *probes,
			   const struct in6_addr *sender,
			   const unsigned char *at, size_t len)
{
	union weft_endpoint to = { .ip6.sin6_family = AF_INET6 };
	struct ip6_hdr ip;

	if (len < 8 + sizeof(ip))
		return;
	memcpy(&ip, at + 8, sizeof(ip));
	if (ip.ip6_nxt != IPPROTO_UDP ||
	    !probe_read_udp(probes, at + 8 + sizeof(ip), len - 8 - sizeof(ip),
			    &to.ip6.sin6_port))
		return;
	to.ip6.sin6_addr = ip.ip6_dst;
	probe_note(probes, &to,
		   probe_means(at[0] == ICMP6_DST_UNREACH &&
			       at[1] == ICMP6_DST_UNREACH_NOPORT,
			       sender, &ip.ip6_dst, sizeof(ip.ip6_dst)));
}

static void probe_hear_ip4(struct weft_doctor_probes *probes)
{
	unsigned char message[PROBE_MESSAGE_BYTES];
	ssize_t len;

	while (probes->ip4 >= 0 &&
	       (len = recv(probes->ip4, message, sizeof(message), 0)) > 0)
		probe_read_ip4(probes, message, len);
}

/* A raw ICMPv6 socket delivers no IPv6 header: the sender is the socket address. */
static void probe_hear_ip6(struct weft_doctor_probes *probes)
{
	unsigned char message[PROBE_MESSAGE_BYTES];
	struct sockaddr_in6 sender = { };
	socklen_t size = sizeof(sender);
	ssize_t len;

	while (probes->ip6 >= 0 &&
	       (len = recvfrom(probes->ip6, message, sizeof(message), 0,
			       (struct sockaddr *)&sender, &size)) > 0) {
		probe_read_ip6(probes, &sender.sin6_addr, message, len);
		size = sizeof(sender);
	}
}

void weft_doctor_probe_hear(struct weft_doctor_probes *probes)
{
	if (!probes)
		return;
	probe_hear_ip4(probes);
	probe_hear_ip6(probes);
}

enum weft_doctor_probe weft_doctor_probe_result(const struct weft_doctor_probes *probes,
						size_t peer)
{
	if (!probes || peer >= probes->count)
		return WEFT_PROBE_NONE;
	return probes->results[peer];
}

void weft_doctor_probe_end(struct weft_doctor_probes *probes)
{
	if (!probes)
		return;
	if (probes->ip4 >= 0)
		close(probes->ip4);
	if (probes->ip6 >= 0)
		close(probes->ip6);
	free(probes->sorted);
	free(probes->results);
	free(probes);
}
