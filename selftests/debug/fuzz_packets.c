// SPDX-License-Identifier: GPL-2.0
/*
 * The injector of fuzz_packets.py: frames of all kinds, directly to a link, for a tunnel's socket.
 *
 *   fuzz_packets INTERFACE SEED COUNT SECONDS HANDSHAKES <INPUT
 *
 * Ends after COUNT frames, or SECONDS. HANDSHAKES percent of the messages are handshake messages,
 * the others are data or noise. The input has one item a line, bytes in hexadecimal:
 *
 *   session KEY INDEX COUNTER    the session for data; INDEX and COUNTER are numbers
 *   message BYTES                a message that the tunnel would accept; several
 *   target PORT KEY              a tunnel's port, and its public key, for mac1; several
 *
 * The messages are mutated, and get a valid mac1 again. Data is of three kinds: invalid packets in
 * messages that authenticate, messages mutated after sealing, and noise. The messages are in UDP
 * over IPv4 or IPv6, valid or not, in fragments, in packets for UDP segmentation, or in rows of
 * messages that GRO merges.
 *
 * The last line holds the number of frames sent, of those that the packet socket refused, and the
 * next counter of the session.
 */
#include <arpa/inet.h>
#include <blake2.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define MAX_MESSAGE	2048
#define MAX_PACKET	65535
#define MAC_LEN		16
#define TAG_LEN		16
#define DATA_HEADER_LEN	16
#define REJECT_AFTER	(UINT64_MAX - (1 << 13))

/* The addresses of lib.sh's pair; the tunnel's link has 02:00:00:00:00:01. */
static const uint8_t tunnel_link[6] = {2, 0, 0, 0, 0, 1}, own_link[6] = {2, 0, 0, 0, 0, 2};
static const char *const tunnel4 = "192.0.2.1", *const own4 = "192.0.2.2";
static const char *const tunnel6 = "2001:db8::1", *const own6 = "2001:db8::2";
static const char *const inner_tunnel4 = "10.9.0.1", *const inner_own4 = "10.9.0.2";
static const char *const inner_tunnel6 = "fd09::1", *const inner_own6 = "fd09::2";

struct message {
	size_t len;
	uint8_t bytes[MAX_MESSAGE];
};

static struct {
	uint8_t session_key[32];
	uint32_t index;
	uint64_t counter;
	struct message messages[64];
	unsigned int message_count;
	struct target {
		uint16_t port;
		uint8_t mac1_key[32];
	} targets[64];
	unsigned int target_count;
	unsigned int handshakes;
} plan;

static struct rng rng;
static int link_socket;
static uint64_t sent, refused, wanted, end_ms;
static const struct target *target;		/* of the current frames */

/* ---- input ---- */

static size_t from_hex(uint8_t *to, size_t room, const char *hex)
{
	size_t len;

	if (!hex || sodium_hex2bin(to, room, hex, strlen(hex), NULL, &len, NULL))
		die("'%s' are no bytes, or too many", hex ?: "");
	return len;
}

static void add_target(const char *port, const char *key)
{
	struct target *added = &plan.targets[plan.target_count++];
	uint8_t labelled[8 + 32] = "mac1----";

	added->port = strtoul(port, NULL, 10);
	from_hex(labelled + 8, 32, key);
	blake2s(added->mac1_key, labelled, NULL, 32, sizeof(labelled), 0);
}

static void read_line(char *line)
{
	char *word = strtok(line, " \n"), *first = strtok(NULL, " \n");

	if (!word || !first)
		die("a line is a word and something behind it");
	if (!strcmp(word, "session")) {
		from_hex(plan.session_key, 32, first);
		plan.index = strtoul(strtok(NULL, " \n") ?: "", NULL, 10);
		plan.counter = strtoull(strtok(NULL, " \n") ?: "", NULL, 10);
	} else if (!strcmp(word, "target") && plan.target_count < ARRAY_SIZE(plan.targets)) {
		add_target(first, strtok(NULL, " \n"));
	} else if (!strcmp(word, "message") && plan.message_count < ARRAY_SIZE(plan.messages)) {
		struct message *message = &plan.messages[plan.message_count++];

		message->len = from_hex(message->bytes, MAX_MESSAGE / 2, first);
	} else {
		die("'%s' is not expected, or not again", word);
	}
}

static void read_plan(void)
{
	char line[2 * MAX_MESSAGE + 64];

	while (fgets(line, sizeof(line), stdin))
		read_line(line);
	if (!plan.message_count || !plan.target_count)
		die("messages and targets are needed");
}

/* ---- sums ---- */

static uint32_t sum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *bytes = data;
	uint64_t total = start;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += bytes[i] << 8 | bytes[i + 1];
	if (len & 1)
		total += bytes[len - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* Without the covered checksum: the sum of a packet that the kernel completes. */
static uint32_t pseudo_sum(const void *addresses, size_t len, uint8_t protocol, uint32_t payload)
{
	return sum(addresses, len, protocol + (payload >> 16) + (payload & 0xffff));
}

/* ---- messages ---- */

static void repair_mac1(struct message *message)
{
	size_t before = message->len - 2 * MAC_LEN;

	blake2s(message->bytes + before, message->bytes, target->mac1_key, MAC_LEN, before, 32);
}

static void mutate(struct message *message)
{
	switch (rng_below(&rng, 8)) {
	case 0:
		message->len = rng_below(&rng, message->len + 1);
		break;
	case 1: {
		size_t more = rng_below(&rng, 200);

		rng_bytes(&rng, message->bytes + message->len, more);
		message->len += more;
		break;
	}
	case 2:
		message->bytes[0] = rng_below(&rng, 6);
		break;
	default:
		rng_spoil(&rng, message->bytes, message->len);
	}
}

static void make_handshake(struct message *message)
{
	*message = plan.messages[rng_below(&rng, plan.message_count)];
	if (rng_percent(&rng, 5))
		return;
	mutate(message);
	if (message->len >= 2 * MAC_LEN && rng_percent(&rng, 70))
		repair_mac1(message);
}

static void make_noise(struct message *message)
{
	static const size_t lengths[] = { 0, 1, 4, 16, 31, 32, 33, 48, 64, 92, 148 };

	message->len = rng_percent(&rng, 60) ? lengths[rng_below(&rng, ARRAY_SIZE(lengths))] : rng_below(&rng, 1500);
	rng_bytes(&rng, message->bytes, message->len);
	if (message->len >= 4 && rng_percent(&rng, 80))
		memcpy(message->bytes, &(uint32_t){ htole32(rng_below(&rng, 6)) }, 4);
	if (message->len >= 8 && rng_percent(&rng, 30))
		memcpy(message->bytes + 4, &plan.index, 4);
}

static const uint8_t protocols[] = { 1, 17, 6, 58, 59, 41, 4, 0, 43, 44, 60, 50, 255 };

static size_t make_inner4(uint8_t *inner, size_t payload)
{
	struct iphdr *ip = (struct iphdr *)inner;

	memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = rng_below(&rng, 256);
	ip->tot_len = htons(20 + payload);
	ip->ttl = 64;
	ip->protocol = protocols[rng_below(&rng, ARRAY_SIZE(protocols))];
	inet_pton(AF_INET, inner_own4, &ip->saddr);
	inet_pton(AF_INET, inner_tunnel4, &ip->daddr);
	rng_bytes(&rng, inner + 20, payload);
	return 20 + payload;
}

static size_t make_inner6(uint8_t *inner, size_t payload)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)inner;

	ip->ip6_flow = htonl(6 << 28 | rng_below(&rng, 256) << 20);
	ip->ip6_plen = htons(payload);
	ip->ip6_nxt = protocols[rng_below(&rng, ARRAY_SIZE(protocols))];
	ip->ip6_hlim = 64;
	inet_pton(AF_INET6, inner_own6, &ip->ip6_src);
	inet_pton(AF_INET6, inner_tunnel6, &ip->ip6_dst);
	rng_bytes(&rng, inner + 40, payload);
	return 40 + payload;
}

static void mutate_header(uint8_t *inner, size_t len)
{
	size_t header = len < 40 ? len : 40;

	switch (rng_below(&rng, 6)) {
	case 0:
		inner[0] = rng_next(&rng);		/* version and header length */
		break;
	case 1:
		inner[2 + 2 * (inner[0] >> 4 == 6)] = rng_odd_number(&rng) >> 8;
		inner[3 + 2 * (inner[0] >> 4 == 6)] = rng_odd_number(&rng);
		break;
	default:
		rng_spoil(&rng, inner, header);
	}
}

/* A packet, valid or not, and padding up to the end of the message. */
static size_t make_inner(uint8_t *inner, size_t payload)
{
	bool v6 = rng_percent(&rng, 50);
	size_t len = v6 ? make_inner6(inner, payload) : make_inner4(inner, payload);
	size_t padded = (len + 15) & ~15u;

	if (rng_percent(&rng, 60))
		mutate_header(inner, len);
	if (!v6 && rng_percent(&rng, 90)) {
		memset(inner + 10, 0, 2);
		*(uint16_t *)(inner + 10) = htons(~sum(inner, 20, 0));
	}
	if (rng_percent(&rng, 10))
		return rng_below(&rng, len + 1);
	if (rng_percent(&rng, 10))
		padded = len + rng_below(&rng, 64);
	memset(inner + len, rng_percent(&rng, 90) ? 0 : 0xa5, padded - len);
	return padded;
}

static uint64_t pick_counter(void)
{
	switch (rng_below(&rng, 50)) {
	case 0:
		return plan.counter - rng_below(&rng, 20000) % (plan.counter + 1);
	case 1:
		return REJECT_AFTER + rng_below(&rng, 1 << 13);
	case 2:
		plan.counter += rng_below(&rng, 10000);
	}
	return plan.counter++;
}

static void seal(struct message *message, const uint8_t *inner, size_t len)
{
	uint64_t counter = pick_counter(), little = htole64(counter);
	uint8_t nonce[12] = { 0 };

	memcpy(nonce + 4, &little, 8);
	memcpy(message->bytes, "\4\0\0\0", 4);
	memcpy(message->bytes + 4, &plan.index, 4);
	memcpy(message->bytes + 8, &little, 8);
	crypto_aead_chacha20poly1305_ietf_encrypt(message->bytes + DATA_HEADER_LEN, NULL, inner, len, NULL, 0, NULL, nonce,
						  plan.session_key);
	message->len = DATA_HEADER_LEN + len + TAG_LEN;
}

static size_t pick_payload(void)
{
	return rng_percent(&rng, 70) ? rng_below(&rng, 80) : rng_below(&rng, 1500);
}

static void make_data(struct message *message)
{
	uint8_t inner[MAX_MESSAGE];

	seal(message, inner, rng_percent(&rng, 3) ? 0 : make_inner(inner, pick_payload()));
	if (rng_percent(&rng, 15))
		mutate(message);
}

static void make_message(struct message *message)
{
	if (rng_percent(&rng, plan.handshakes))
		make_handshake(message);
	else if (rng_percent(&rng, 80))
		make_data(message);
	else
		make_noise(message);
}

/* ---- frames ---- */

struct frame {
	struct virtio_net_hdr offload;
	uint8_t bytes[ETH_HLEN + 40 + 8 + 8 + MAX_PACKET];
	size_t len;
	size_t udp;		/* offset of the UDP header */
	uint32_t identity;	/* of its fragments */
	bool v6;
};

static void send_frame(struct frame *frame)
{
	struct iovec parts[] = {
		{ .iov_base = &frame->offload, .iov_len = sizeof(frame->offload) },
		{ .iov_base = frame->bytes, .iov_len = frame->len },
	};
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = 2 };

	sent++;
	if (sendmsg(link_socket, &header, 0) < 0) {
		if (errno == ENETDOWN || errno == ENXIO)
			die("the link is gone: %m");
		refused++;
	}
}

static void put_link(struct frame *frame)
{
	uint16_t type = htons(frame->v6 ? ETH_P_IPV6 : ETH_P_IP);

	memcpy(frame->bytes, tunnel_link, 6);
	memcpy(frame->bytes + 6, own_link, 6);
	memcpy(frame->bytes + 12, &type, 2);
	memset(&frame->offload, 0, sizeof(frame->offload));
}

static void put_ip4(struct frame *frame, size_t payload)
{
	struct iphdr *ip = (struct iphdr *)(frame->bytes + ETH_HLEN);

	memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = rng_percent(&rng, 20) ? rng_below(&rng, 256) : 0;
	ip->tot_len = htons(20 + payload);
	ip->id = frame->identity;
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	inet_pton(AF_INET, own4, &ip->saddr);
	inet_pton(AF_INET, tunnel4, &ip->daddr);
	if (rng_percent(&rng, 5))
		ip->saddr ^= htonl(rng_below(&rng, 256));
	ip->check = htons(~sum(ip, 20, 0));
}

static void put_ip6(struct frame *frame, size_t payload)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)(frame->bytes + ETH_HLEN);

	ip->ip6_flow = htonl(6 << 28 | (rng_percent(&rng, 20) ? rng_below(&rng, 256) << 20 : 0));
	ip->ip6_plen = htons(payload);
	ip->ip6_nxt = IPPROTO_UDP;
	ip->ip6_hlim = 64;
	inet_pton(AF_INET6, own6, &ip->ip6_src);
	inet_pton(AF_INET6, tunnel6, &ip->ip6_dst);
	if (rng_percent(&rng, 5))
		ip->ip6_src.s6_addr[15] ^= rng_below(&rng, 256);
}

static uint32_t frame_pseudo_sum(const struct frame *frame, size_t udp_len)
{
	const uint8_t *ip = frame->bytes + ETH_HLEN;

	return frame->v6 ? pseudo_sum(ip + 8, 32, IPPROTO_UDP, udp_len) : pseudo_sum(ip + 12, 8, IPPROTO_UDP, udp_len);
}

static void put_checksum(struct frame *frame, size_t udp_len)
{
	struct udphdr *udp = (struct udphdr *)(frame->bytes + frame->udp);
	uint32_t pseudo = frame_pseudo_sum(frame, udp_len);

	udp->check = 0;
	udp->check = htons(~sum(udp, udp_len, pseudo));
	if (!udp->check)
		udp->check = 0xffff;
}

/* The kernel completes the checksum. */
static void leave_checksum(struct frame *frame, size_t udp_len)
{
	struct udphdr *udp = (struct udphdr *)(frame->bytes + frame->udp);

	udp->check = htons(frame_pseudo_sum(frame, udp_len));
	frame->offload.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame->offload.csum_start = frame->udp;
	frame->offload.csum_offset = offsetof(struct udphdr, check);
}

/* Builds a valid frame, which is spoilt afterwards. */
static void wrap(struct frame *frame, const void *payload, size_t len)
{
	struct udphdr *udp;

	frame->v6 = rng_percent(&rng, 50);
	frame->identity = rng_next(&rng);
	frame->udp = ETH_HLEN + (frame->v6 ? 40 : 20);
	frame->len = frame->udp + sizeof(*udp) + len;
	put_link(frame);
	if (frame->v6)
		put_ip6(frame, sizeof(*udp) + len);
	else
		put_ip4(frame, sizeof(*udp) + len);
	udp = (struct udphdr *)(frame->bytes + frame->udp);
	udp->source = htons(rng_percent(&rng, 90) ? 51820 : rng_next(&rng));
	udp->dest = htons(target->port);
	udp->len = htons(sizeof(*udp) + len);
	memcpy(udp + 1, payload, len);
	put_checksum(frame, sizeof(*udp) + len);
}

/* ---- frames sent ---- */

static struct frame frame;

static void send_plain(void)
{
	struct message message;
	struct udphdr *udp;

	make_message(&message);
	wrap(&frame, message.bytes, message.len);
	udp = (struct udphdr *)(frame.bytes + frame.udp);
	if (rng_percent(&rng, 40))
		leave_checksum(&frame, sizeof(*udp) + message.len);
	else if (rng_percent(&rng, 10))
		udp->check = 0;
	else if (rng_percent(&rng, 5))
		udp->check ^= 1 << rng_below(&rng, 16);
	send_frame(&frame);
}

/* UDP's length differs from the packet's. */
static void send_wrong_length(void)
{
	struct message message;
	struct udphdr *udp;
	size_t len;

	make_message(&message);
	wrap(&frame, message.bytes, message.len);
	udp = (struct udphdr *)(frame.bytes + frame.udp);
	len = rng_percent(&rng, 50) ? rng_below(&rng, message.len + 32) : rng_odd_number(&rng) & 0xffff;
	udp->len = htons(len);
	udp->check = 0;
	if (frame.v6 && len >= sizeof(*udp) && len <= sizeof(*udp) + message.len)
		put_checksum(&frame, len);
	send_frame(&frame);
}

/* Truncates the frame; IP's own length may include that. */
static void send_truncated(void)
{
	struct message message;
	size_t ip_len;

	make_message(&message);
	wrap(&frame, message.bytes, message.len);
	frame.len = ETH_HLEN + rng_below(&rng, frame.len - ETH_HLEN);
	ip_len = frame.len - ETH_HLEN;
	if (rng_percent(&rng, 70) && frame.v6 && ip_len >= 40) {
		((struct ip6_hdr *)(frame.bytes + ETH_HLEN))->ip6_plen = htons(ip_len - 40);
	} else if (rng_percent(&rng, 70) && !frame.v6 && ip_len >= 20) {
		struct iphdr *ip = (struct iphdr *)(frame.bytes + ETH_HLEN);

		ip->tot_len = htons(ip_len);
		ip->check = 0;
		ip->check = htons(~sum(ip, 20, 0));
	}
	send_frame(&frame);
}

static void send_odd_ip(void)
{
	struct message message;
	struct iphdr *ip = (struct iphdr *)(frame.bytes + ETH_HLEN);

	make_message(&message);
	wrap(&frame, message.bytes, message.len);
	/* Not the addresses, so that the packet arrives. */
	rng_spoil(&rng, frame.bytes + ETH_HLEN, frame.v6 ? 8 : 12);
	if (!frame.v6) {
		ip->check = 0;
		ip->check = htons(~sum(ip, 20, 0));
	}
	send_frame(&frame);
}

/*
 * Messages of one session and one length in a row, which GRO merges; sometimes one in between that
 * it must not merge.
 */
static size_t make_row(uint8_t *row, size_t *piece)
{
	unsigned int count = 2 + rng_below(&rng, rng_percent(&rng, 80) ? 8 : 60);
	size_t payload = pick_payload(), len = 0;
	uint8_t inner[MAX_MESSAGE];
	struct message message;

	*piece = 0;
	while (count--) {
		memset(inner, 0, sizeof(inner));
		make_inner4(inner, payload);
		if (rng_percent(&rng, 10))
			mutate_header(inner, 20 + payload);
		seal(&message, inner, (20 + payload + 15) & ~15u);
		if (!*piece)
			*piece = message.len;
		if (rng_percent(&rng, 5))
			rng_spoil(&rng, message.bytes, message.len);
		if (len + message.len > 65000)
			break;
		memcpy(row + len, message.bytes, message.len);
		len += message.len;
	}
	/* The last message may be shorter. */
	if (rng_percent(&rng, 30))
		len -= rng_below(&rng, *piece);
	return len;
}

static void send_row(void)
{
	static uint8_t row[MAX_PACKET];
	size_t piece, len = make_row(row, &piece), at;
	uint64_t state = rng.state;

	for (at = 0; at < len; at += piece) {
		/* The same ports and family for all. */
		rng.state = state;
		wrap(&frame, row + at, len - at < piece ? len - at : piece);
		send_frame(&frame);
	}
}

/* The same as one packet for segmentation, into pieces of the right length or of another one. */
static void send_for_segmentation(void)
{
	static uint8_t row[MAX_PACKET];
	size_t piece, len = make_row(row, &piece);

	wrap(&frame, row, len);
	leave_checksum(&frame, sizeof(struct udphdr) + len);
	frame.offload.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	frame.offload.hdr_len = frame.udp + sizeof(struct udphdr);
	frame.offload.gso_size = rng_percent(&rng, 85) ? piece : rng_percent(&rng, 50) ? 1 + rng_below(&rng, len) :
				 rng_odd_number(&rng);
	send_frame(&frame);
}

static void put_fragment(struct frame *to, const struct frame *whole, size_t offset, size_t len, bool more)
{
	size_t header = whole->udp - ETH_HLEN, at = whole->udp;

	memcpy(to->bytes, whole->bytes, whole->udp);
	memset(&to->offload, 0, sizeof(to->offload));
	if (whole->v6) {
		struct ip6_hdr *ip = (struct ip6_hdr *)(to->bytes + ETH_HLEN);
		struct ip6_frag *fragment = (struct ip6_frag *)(to->bytes + at);

		ip->ip6_nxt = IPPROTO_FRAGMENT;
		ip->ip6_plen = htons(sizeof(*fragment) + len);
		fragment->ip6f_nxt = IPPROTO_UDP;
		fragment->ip6f_reserved = 0;
		fragment->ip6f_offlg = htons(offset | more);
		fragment->ip6f_ident = whole->identity;
		at += sizeof(*fragment);
	} else {
		struct iphdr *ip = (struct iphdr *)(to->bytes + ETH_HLEN);

		ip->frag_off = htons(offset / 8 | (more ? IP_MF : 0));
		ip->tot_len = htons(header + len);
		ip->check = 0;
		ip->check = htons(~sum(ip, 20, 0));
	}
	memcpy(to->bytes + at, whole->bytes + whole->udp + offset, len);
	to->len = at + len;
}

/* In any order, with duplicates, gaps and overlaps. */
static void send_fragments(void)
{
	static struct frame fragment;
	size_t piece, whole, offset;
	struct message message;
	unsigned int missing;

	make_message(&message);
	wrap(&frame, message.bytes, message.len);
	whole = frame.len - frame.udp;
	piece = (whole / (1 + rng_below(&rng, 8)) + 8) & ~7u;
	missing = rng_percent(&rng, 15) ? rng_below(&rng, 8) : UINT32_MAX;
	for (offset = 0; offset < whole; offset += piece) {
		size_t len = whole - offset < piece ? whole - offset : piece;
		size_t where = rng_percent(&rng, 5) && offset ? offset - 8 : offset;

		if (offset / piece == missing)
			continue;
		put_fragment(&fragment, &frame, where, len, where + len < whole);
		send_frame(&fragment);
		if (rng_percent(&rng, 5))
			send_frame(&fragment);
	}
}

static void send_some(void)
{
	static const struct {
		unsigned int weight;
		void (*send)(void);
	} ways[] = {
		{ 600, send_plain }, { 80, send_wrong_length }, { 60, send_truncated }, { 60, send_odd_ip },
		{ 60, send_fragments }, { 25, send_row }, { 25, send_for_segmentation },
	};
	unsigned int total = 0, pick;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ways); i++)
		total += ways[i].weight;
	target = &plan.targets[rng_below(&rng, plan.target_count)];
	pick = rng_below(&rng, total);
	for (i = 0; pick >= ways[i].weight; i++)
		pick -= ways[i].weight;
	ways[i].send();
}

static void open_link(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(name) };
	int on = 1;

	/* With protocol 0 the socket sends, and receives nothing. */
	link_socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (link_socket < 0 || setsockopt(link_socket, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    bind(link_socket, (struct sockaddr *)&address, sizeof(address)))
		die("a packet socket on %s: %m", name);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		die("usage: fuzz_packets INTERFACE SEED COUNT SECONDS HANDSHAKES");
	rng_seed(&rng, strtoull(argv[2], NULL, 10));
	wanted = strtoull(argv[3], NULL, 10);
	end_ms = now_ms() + strtoull(argv[4], NULL, 10) * 1000;
	plan.handshakes = strtoul(argv[5], NULL, 10);
	read_plan();
	open_link(argv[1]);
	while (sent < wanted && now_ms() < end_ms)
		send_some();
	printf("sent %" PRIu64 " refused %" PRIu64 " counter %" PRIu64 "\n", sent, refused, plan.counter);
	return 0;
}
