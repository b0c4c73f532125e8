// SPDX-License-Identifier: GPL-2.0
/*
 * The model as netlink attributes: a message written and read back is the same, across any number
 * of messages; split dumps are joined; malformed messages are refused.
 */
#include <errno.h>
#include <limits.h>
#include <linux/weft.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "genl/message.h"
#include "model/attr.h"
#include "support.h"

/* A message whose payload is attributes alone. */
static struct nl_msg *message_new(void)
{
	struct nl_msg *msg = nlmsg_alloc_size(WEFT_MESSAGE_BYTES);

	nlmsg_put(msg, 0, 0, 0, 0, 0);
	return msg;
}

static int message_read(struct nl_msg *msg, struct weft_device *dev)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);

	return weft_message_parse(nlmsg_attrdata(hdr, 0),
				  nlmsg_attrlen(hdr, 0), dev);
}

/* Strict kernels require NLA_F_NESTED on every nest, and nowhere else. */
static bool message_flags_right(const struct nlattr *attr, int len, int depth)
{
	static const int nests[] = {
		WEFT_DEVICE_A_PEERS, -1, WEFT_PEER_A_ALLOWEDIPS, -1, 0,
	};
	const struct nlattr *pos;
	bool nested, want;
	int left;

	nla_for_each_attr(pos, (struct nlattr *)attr, len, left) {
		nested = pos->nla_type & NLA_F_NESTED;
		want = nests[depth] < 0 || nla_type(pos) == nests[depth] ||
		       (nests[depth] == WEFT_PEER_A_ALLOWEDIPS &&
			nla_type(pos) == WEFT_PEER_A_CANDIDATES);
		if (nested != want)
			return false;
		if (nested && !message_flags_right(nla_data(pos), nla_len(pos),
						   depth + 1))
			return false;
	}
	return true;
}

/* Sends @from as the command would, and reads the messages into @to. */
static int message_cross(const struct weft_device *from,
			 struct weft_device *to, bool *strict)
{
	struct weft_message_cursor cursor;
	struct nl_msg *msg;
	int count = 0;

	*strict = true;
	weft_message_start(&cursor, from, 7);
	do {
		msg = message_new();
		if (weft_message_put(msg, &cursor) || message_read(msg, to))
			count = -1000000;
		*strict &= message_flags_right(nlmsg_attrdata(nlmsg_hdr(msg), 0),
					       nlmsg_attrlen(nlmsg_hdr(msg), 0),
					       0);
		nlmsg_free(msg);
	} while (++count > 0 && !weft_message_done(&cursor));
	return count;
}

static void test_small(void)
{
	struct weft_device *from, *to = weft_model_device_new("wg0");
	char *want, *got;
	bool strict;

	from = test_device("wg0", WEFT_KIND_WEFT,
			   "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\nFwMark = 7\n"
			   "ListenAddress = 2001:db8::9,192.0.2.9\nBindDevice = eth0\n"
			   "[Peer]\nPublicKey = " KEY_A "\nPresharedKey = " KEY_B "\nEndpoint = 1.2.3.4:5\n"
			   "AllowedIPs = 10.0.0.0/8, fd00::/64\nPersistentKeepalive = 5\n"
			   "[Peer]\nPublicKey = " KEY_B "\nEndpoint = [2001:db8::1]:7,1.2.3.4:7\nRoam = off\nName = a b\n"
			   "[Peer]\nPublicKey = " KEY_C "\nAllowedIPs = ::/0\n");
	test_ok(message_cross(from, to, &strict) == 1, "a small device is one message");
	test_ok(strict, "every nest is marked");
	want = test_describe(from);
	got = test_describe(to);
	test_text("the device is read back", got, want);
	weft_model_device_free(from);
	weft_model_device_free(to);
	free(want);
	free(got);
}

static bool message_same_prefixes(const struct weft_peer *a,
				  const struct weft_peer *b)
{
	const struct weft_allowedip *x = a->allowedips, *y = b->allowedips;

	while (x && y && !weft_model_allowedip_compare(x, y)) {
		x = x->next;
		y = y->next;
	}
	return !x && !y;
}

static bool message_same_peers(const struct weft_device *a,
			       const struct weft_device *b)
{
	const struct weft_peer *x = a->peers, *y = b->peers;

	while (x && y && weft_key_equal(&x->public_key, &y->public_key) &&
	       weft_key_equal(&x->preshared_key, &y->preshared_key) &&
	       x->keepalive == y->keepalive &&
	       weft_model_endpoint_equal(&x->endpoint, &y->endpoint) &&
	       message_same_prefixes(x, y)) {
		x = x->next;
		y = y->next;
	}
	return !x && !y;
}

static void message_add_prefixes(struct weft_peer *peer, unsigned int count)
{
	struct weft_allowedip *ip;
	unsigned int i;

	for (i = 0; i < count; i++) {
		ip = weft_model_allowedip_add(peer);
		ip->family = i % 3 ? AF_INET6 : AF_INET;
		ip->cidr = i % 3 ? 128 : 32;
		ip->ip6.s6_addr32[0] = htonl(i);
	}
}

/* @count peers that differ in all attributes, with up to @prefixes each. */
static struct weft_device *message_device(unsigned int count,
					  unsigned int prefixes)
{
	struct weft_device *dev = weft_model_device_new("wg0");
	struct weft_peer *peer;
	unsigned int i;

	dev->has = WEFT_DEVICE_REPLACE_PEERS;
	for (i = 0; i < count; i++) {
		peer = weft_model_peer_add(dev);
		memcpy(peer->public_key.bytes, &i, sizeof(i));
		peer->public_key.bytes[31] = 1;
		memset(peer->preshared_key.bytes, i % 7, WEFT_KEY_BYTES);
		peer->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_HAS_KEEPALIVE |
			    WEFT_PEER_HAS_PRESHARED_KEY |
			    WEFT_PEER_REPLACE_ALLOWEDIPS;
		peer->keepalive = i;
		if (i % 2) {
			peer->endpoint.ip4.sin_family = AF_INET;
			peer->endpoint.ip4.sin_port = i;
		}
		message_add_prefixes(peer, prefixes ? i % prefixes : 0);
	}
	return dev;
}

static void test_large(const char *name, struct weft_device *from)
{
	struct weft_device *to = weft_model_device_new("wg0");
	char title[128];
	bool strict;
	int count;

	count = message_cross(from, to, &strict);
	snprintf(title, sizeof(title), "%s arrive completely, in more than one message",
		 name);
	test_ok(count > 1 && message_same_peers(from, to), title);
	snprintf(title, sizeof(title), "%s: every nest is marked", name);
	test_ok(strict, title);
	printf("# %s: %d messages\n", name, count);
	weft_model_device_free(from);
	weft_model_device_free(to);
}

static void test_sizes(void)
{
	struct weft_device *dev = message_device(2, 0);

	message_add_prefixes(dev->peers, 130000);
	test_large("130,000 prefixes of one peer", dev);
	test_large("100,000 peers", message_device(100000, 0));
	test_large("3,000 peers with prefixes", message_device(3000, 40));
}

/* Flags and device attributes are in the first part only. */
static void test_continued(void)
{
	struct weft_device *dev = message_device(1, 0);
	struct weft_message_cursor cursor;
	struct nlattr *peers, *flags;
	struct nl_msg *msg;
	int first, second;

	message_add_prefixes(dev->peers, 2000);
	weft_message_start(&cursor, dev, 7);
	msg = message_new();
	weft_message_put(msg, &cursor);
	flags = nlmsg_find_attr(nlmsg_hdr(msg), 0, WEFT_DEVICE_A_FLAGS);
	test_ok(flags && nla_get_u32(flags) == WEFT_DEVICE_F_REPLACE_PEERS,
		"the first part replaces the peers");
	peers = nlmsg_find_attr(nlmsg_hdr(msg), 0, WEFT_DEVICE_A_PEERS);
	first = nla_get_u32(nla_find(nla_data(nla_data(peers)),
				     nla_len(nla_data(peers)),
				     WEFT_PEER_A_FLAGS));
	test_ok(first == WEFT_PEER_F_REPLACE_ALLOWEDIPS,
		"the first part replaces the prefixes");
	nlmsg_free(msg);
	msg = message_new();
	weft_message_put(msg, &cursor);
	test_ok(!nlmsg_find_attr(nlmsg_hdr(msg), 0, WEFT_DEVICE_A_FLAGS),
		"the second part replaces nothing");
	peers = nlmsg_find_attr(nlmsg_hdr(msg), 0, WEFT_DEVICE_A_PEERS);
	second = nla_get_u32(nla_find(nla_data(nla_data(peers)),
				      nla_len(nla_data(peers)),
				      WEFT_PEER_A_FLAGS));
	test_ok(second == WEFT_PEER_F_UPDATE_ONLY,
		"the second part adds no peer that was removed meanwhile");
	nlmsg_free(msg);
	weft_model_device_free(dev);
}

/* Requests beyond a file's settings: those of weft go to weft's links only. */
static void test_requests(bool own)
{
	struct weft_device *dev = message_device(1, 0);
	struct nl_msg *msg = message_new();
	struct weft_message_cursor cursor;
	struct nlattr *pmtu, *peers, *peer;

	dev->has |= WEFT_DEVICE_HAS_PMTU;
	dev->pmtu = 1;
	dev->peers->has |= WEFT_PEER_CONNECT;
	weft_message_start(&cursor, dev, 7);
	cursor.own = own;
	weft_message_put(msg, &cursor);
	pmtu = nlmsg_find_attr(nlmsg_hdr(msg), 0, WEFT_DEVICE_A_PMTU);
	test_ok(own ? pmtu && nla_get_u8(pmtu) == 1 : !pmtu, "path MTU discovery is requested");
	peers = nlmsg_find_attr(nlmsg_hdr(msg), 0, WEFT_DEVICE_A_PEERS);
	peer = nla_data(peers);
	test_ok(nla_find(nla_data(peer), nla_len(peer), WEFT_PEER_A_CONNECT),
		"a handshake is requested");
	nlmsg_free(msg);
	weft_model_device_free(dev);
}

/* A kernel may split a dump after any attribute of a peer. */
static void test_joined(void)
{
	static const unsigned char key_a[WEFT_KEY_BYTES] = { 'A' };
	static const unsigned char key_b[WEFT_KEY_BYTES] = { 'B' };
	const unsigned char *keys[] = { key_a, key_a, key_b, key_a };
	struct weft_device *dev = weft_model_device_new("wg0");
	struct weft_allowedip ip = { .family = AF_INET, .cidr = 32 };
	struct nlattr *peers, *peer, *list, *item;
	struct nl_msg *msg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		msg = message_new();
		peers = nla_nest_start(msg, WEFT_DEVICE_A_PEERS);
		peer = nla_nest_start(msg, 0);
		nla_put(msg, WEFT_PEER_A_PUBLIC_KEY, WEFT_KEY_BYTES, keys[i]);
		if (!i)
			nla_put_u64(msg, WEFT_PEER_A_RX_BYTES, 77);
		list = nla_nest_start(msg, WEFT_PEER_A_ALLOWEDIPS);
		item = nla_nest_start(msg, 0);
		ip.ip4.s_addr = htonl(i);
		nla_put_u16(msg, WEFT_ALLOWEDIP_A_FAMILY, ip.family);
		nla_put(msg, WEFT_ALLOWEDIP_A_IPADDR, sizeof(ip.ip4), &ip.ip4);
		nla_put_u8(msg, WEFT_ALLOWEDIP_A_CIDR_MASK, ip.cidr);
		nla_nest_end(msg, item);
		nla_nest_end(msg, list);
		nla_nest_end(msg, peer);
		nla_nest_end(msg, peers);
		message_read(msg, dev);
		nlmsg_free(msg);
	}
	test_ok(weft_model_peer_count(dev) == 3, "only adjacent parts of a peer are joined");
	test_ok(dev->peers->allowedips && dev->peers->allowedips->next &&
		!dev->peers->allowedips->next->next,
		"the second part's prefix is the first peer's");
	test_ok(dev->peers->rx_bytes == 77,
		"the joined peer keeps the attributes of its first part");
	weft_model_device_free(dev);
}

/* Attributes of weft beyond wireguard's: the model marks those that are present. */
static struct nl_msg *message_own(int packets_len)
{
	static const __u64 three = 3;
	struct nl_msg *msg = message_new();
	struct nlattr *peers, *peer, *drops;

	nla_put_u64(msg, WEFT_DEVICE_A_EVENT_SEQUENCE, 77);
	drops = nla_nest_start(msg, WEFT_DEVICE_A_DROPS);
	nla_put_u64(msg, WEFT_DROPS_A_MAC, 5);
	nla_put_u64(msg, WEFT_DROPS_A_MAX + 1, 6);
	nla_put_u32(msg, WEFT_DROPS_A_TOO_BIG, 7);
	nla_nest_end(msg, drops);
	peers = nla_nest_start(msg, WEFT_DEVICE_A_PEERS);
	peer = nla_nest_start(msg, 0);
	nla_put(msg, WEFT_PEER_A_PUBLIC_KEY, WEFT_KEY_BYTES, "0123456789abcdef0123456789abcdef");
	nla_put(msg, WEFT_PEER_A_RX_PACKETS, packets_len, &three);
	nla_put_u32(msg, WEFT_PEER_A_PATH_MTU, 1280);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, peers);
	return msg;
}

static void test_own(void)
{
	struct weft_device *dev = weft_model_device_new("wg0");
	struct nl_msg *msg = message_own(8);
	const struct weft_peer *peer;

	message_read(msg, dev);
	nlmsg_free(msg);
	peer = dev->peers;
	test_ok(dev->event_sequence == 77 && dev->drops[WEFT_DROPS_A_MAC] == 5 &&
		dev->known == (WEFT_ATTR_BIT(WEFT_DEVICE_A_EVENT_SEQUENCE) |
			       WEFT_ATTR_BIT(WEFT_DEVICE_A_DROPS)),
		"a device's own values are read");
	test_ok(!dev->drops[WEFT_DROPS_A_TOO_BIG],
		"a drop counter of another length, or an unknown one, is ignored");
	test_ok(peer->rx_packets == 3 && peer->path_mtu == 1280 &&
		peer->known == (WEFT_ATTR_BIT(WEFT_PEER_A_RX_PACKETS) |
				WEFT_ATTR_BIT(WEFT_PEER_A_PATH_MTU)),
		"a peer's values are read, and missing ones are not marked");
	weft_model_device_free(dev);
	dev = weft_model_device_new("wg0");
	msg = message_own(4);
	message_read(msg, dev);
	nlmsg_free(msg);
	test_ok(!dev->peers->rx_packets && dev->peers->path_mtu == 1280,
		"a number of another length is ignored");
	weft_model_device_free(dev);
}

static void test_values(void)
{
	const struct weft_attr *value;
	size_t i, names = 0;
	bool good = true;

	for (value = weft_peer_attrs; value->name; value++)
		good &= value->attribute >= WEFT_ATTR_OWN &&
			value->attribute <= WEFT_PEER_A_MAX;
	for (value = weft_device_attrs; value->name; value++)
		good &= value->attribute >= WEFT_ATTR_OWN &&
			value->attribute <= WEFT_DEVICE_A_MAX;
	test_ok(good, "plain values are of weft's own attributes");
	for (i = 1; i <= WEFT_DROPS_A_MAX; i++)
		names += !!weft_drop_names[i].name;
	test_ok(names == WEFT_DROPS_A_MAX, "every reason has a name");
}

/* Messages of a broken or hostile family. */
struct message_broken {
	const char *name;
	int key_len;
	int family;
	int address_len;
	int port_len;
	int cidr_len;
};

static const struct message_broken broken[] = {
	{ "a key of 31 bytes", 31, AF_INET, 4, 2, 1 },
	{ "no key", 0, AF_INET, 4, 2, 1 },
	{ "an unknown family", 32, AF_UNIX, 4, 2, 1 },
	{ "an IPv4 address of 3 bytes", 32, AF_INET, 3, 2, 1 },
	{ "an IPv4 address of 16 bytes", 32, AF_INET, 16, 2, 1 },
	{ "an IPv6 address of 4 bytes", 32, AF_INET6, 4, 2, 1 },
	{ "no address", 32, AF_INET, 0, 2, 1 },
	{ "no length", 32, AF_INET, 4, 2, 0 },
	{ "a port of one byte", 32, AF_INET, 4, 1, 1 },
};

static struct nl_msg *message_make(const struct message_broken *shape)
{
	static const unsigned char zero[32];
	struct nl_msg *msg = message_new();
	struct nlattr *peers, *peer, *list, *item;

	nla_put(msg, WEFT_DEVICE_A_LISTEN_PORT, shape->port_len, zero);
	peers = nla_nest_start(msg, WEFT_DEVICE_A_PEERS);
	peer = nla_nest_start(msg, 0);
	if (shape->key_len)
		nla_put(msg, WEFT_PEER_A_PUBLIC_KEY, shape->key_len, zero);
	list = nla_nest_start(msg, WEFT_PEER_A_ALLOWEDIPS);
	item = nla_nest_start(msg, 0);
	nla_put_u16(msg, WEFT_ALLOWEDIP_A_FAMILY, shape->family);
	if (shape->address_len)
		nla_put(msg, WEFT_ALLOWEDIP_A_IPADDR, shape->address_len, zero);
	if (shape->cidr_len)
		nla_put(msg, WEFT_ALLOWEDIP_A_CIDR_MASK, shape->cidr_len, zero);
	nla_nest_end(msg, item);
	nla_nest_end(msg, list);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, peers);
	return msg;
}

static void test_broken(void)
{
	static const struct message_broken good = {
		"", 32, AF_INET, 4, 2, 1,
	};
	struct weft_device *dev;
	struct nl_msg *msg;
	size_t i;

	msg = message_make(&good);
	dev = weft_model_device_new("wg0");
	test_ok(!message_read(msg, dev), "a valid message is accepted");
	weft_model_device_free(dev);
	nlmsg_free(msg);
	for (i = 0; i < ARRAY_SIZE(broken); i++) {
		msg = message_make(&broken[i]);
		dev = weft_model_device_new("wg0");
		test_ok(message_read(msg, dev) == -EBADMSG, broken[i].name);
		weft_model_device_free(dev);
		nlmsg_free(msg);
	}
}

/* No garbled byte makes the parser read outside the message. */
static void test_garbled(void)
{
	struct weft_device *from = message_device(20, 20), *to;
	struct weft_message_cursor cursor;
	struct nl_msg *msg = message_new();
	unsigned char *copy;
	int len, i, refused = 0;

	weft_message_start(&cursor, from, 7);
	weft_message_put(msg, &cursor);
	len = nlmsg_attrlen(nlmsg_hdr(msg), 0);
	srandom(1);
	for (i = 0; i < 20000; i++) {
		/* A copy of exactly this size, so that the sanitizer sees reads beyond it. */
		copy = malloc(len);
		memcpy(copy, nlmsg_attrdata(nlmsg_hdr(msg), 0), len);
		copy[random() % len] = random();
		copy[random() % len] ^= 1 << random() % 8;
		to = weft_model_device_new("wg0");
		refused += !!weft_message_parse((struct nlattr *)copy,
						i % 4 ? len : random() % len,
						to);
		weft_model_device_free(to);
		free(copy);
	}
	/* A read beyond ends the program; both outcomes occur. */
	test_ok(refused > 100 && refused < 19900,
		"of 20,000 garbled messages some are refused, some accepted");
	weft_model_device_free(from);
	nlmsg_free(msg);
}

/* Times of handshakes: seconds and nanoseconds since 1970. */
static const struct {
	const char *name;
	__s64 time[2];
	int len;
	__s64 want[2];
} times[] = {
	{ "a handshake's time is read", { 1234567890, 987654321 }, 16, { 1234567890, 987654321 } },
	{ "a handshake of the first second", { 1, 0 }, 16, { 1, 0 } },
	{ "no handshake", { 0, 0 }, 16, { 0, 0 } },
	/* Ages are computed from it without an overflow. */
	{ "a handshake before 1970 is ignored", { -1, 5 }, 16, { 0, 0 } },
	{ "a handshake at the smallest time is ignored", { LLONG_MIN, 5 }, 16, { 0, 0 } },
	{ "a time of another length is ignored", { 1, 2 }, 8, { 0, 0 } },
};

static void test_time(const char *name, const __s64 *time, int len, const __s64 *want)
{
	struct weft_device *dev = weft_model_device_new("wg0");
	struct nl_msg *msg = message_new();
	struct nlattr *peers, *peer;

	peers = nla_nest_start(msg, WEFT_DEVICE_A_PEERS);
	peer = nla_nest_start(msg, 0);
	nla_put(msg, WEFT_PEER_A_PUBLIC_KEY, WEFT_KEY_BYTES,
		"0123456789abcdef0123456789abcdef");
	nla_put(msg, WEFT_PEER_A_LAST_HANDSHAKE_TIME, len, time);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, peers);
	test_ok(!message_read(msg, dev) && dev->peers &&
		dev->peers->handshake_s == want[0] &&
		dev->peers->handshake_ns == want[1], name);
	nlmsg_free(msg);
	weft_model_device_free(dev);
}

static void test_times(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(times); i++)
		test_time(times[i].name, times[i].time, times[i].len, times[i].want);
}

static unsigned int message_count_prefixes(const struct weft_device *dev)
{
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;
	unsigned int count = 0;

	for (peer = dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			count++;
	return count;
}

/* Three peers; @shift bytes and @prefixes come before the second. */
static bool message_boundary(unsigned int prefixes, unsigned int shift, int *count)
{
	struct weft_device *from = message_device(3, 0), *to = weft_model_device_new("wg0");
	struct weft_peer *peer = from->peers;
	bool strict, good;

	peer->has |= WEFT_PEER_HAS_NAME;
	peer->name = calloc(1, shift + 1);
	memset(peer->name, 'x', shift);
	message_add_prefixes(peer, prefixes);
	message_add_prefixes(peer->next, 3);
	message_add_prefixes(peer->next->next, 3);
	*count = message_cross(from, to, &strict);
	good = strict && message_same_peers(from, to) &&
	       message_count_prefixes(to) == prefixes + 6;
	weft_model_device_free(from);
	weft_model_device_free(to);
	return good;
}

/* A head, a list or a prefix that does not fit is in the next message. */
static void test_boundaries(void)
{
	unsigned int most = 800, prefixes, shift, bad = 0;
	int count = 1, ones = 0, twos = 0;

	while (message_boundary(most, 0, &count) && count == 1)
		most++;
	for (prefixes = most - 16; prefixes < most + 4; prefixes++) {
		for (shift = 0; shift < 44; shift += 4) {
			bad += !message_boundary(prefixes, shift, &count);
			ones += count == 1;
			twos += count == 2;
		}
	}
	test_ok(ones > 10 && twos > 10, "some devices are one message, some two");
	test_ok(!bad, "no peer and no prefix is lost between messages");
}

/**
 * struct attribute_case - one flag of a peer in the model, and its attribute
 * @name: the case
 * @has: the flag
 * @attribute: the attribute of the peer
 * @first: its number or its first byte, or -1 without a value
 * @own: not sent to links of wireguard
 */
static const struct attribute_case {
	const char *name;
	unsigned int has;
	int attribute;
	int first;
	bool own;
} attributes[] = {
	{ "replace-ips", WEFT_PEER_REPLACE_ALLOWEDIPS, WEFT_PEER_A_FLAGS, WEFT_PEER_F_REPLACE_ALLOWEDIPS },
	{ "update-only", WEFT_PEER_UPDATE_ONLY, WEFT_PEER_A_FLAGS, WEFT_PEER_F_UPDATE_ONLY },
	{ "remove", WEFT_PEER_REMOVE, WEFT_PEER_A_FLAGS, WEFT_PEER_F_REMOVE_ME },
	{ "all settings of a removed peer", ~WEFT_PEER_REPLACE_ALLOWEDIPS & ~WEFT_PEER_UPDATE_ONLY, WEFT_PEER_A_FLAGS,
	  WEFT_PEER_F_REMOVE_ME },
	{ "connect", WEFT_PEER_CONNECT, WEFT_PEER_A_CONNECT, -1 },
	{ "preshared key", WEFT_PEER_HAS_PRESHARED_KEY, WEFT_PEER_A_PRESHARED_KEY, 'P' },
	{ "keepalive", WEFT_PEER_HAS_KEEPALIVE, WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 5 },
	{ "no candidates", WEFT_PEER_HAS_CANDIDATES, WEFT_PEER_A_CANDIDATES, -1, true },
	{ "roam", WEFT_PEER_HAS_ROAM, WEFT_PEER_A_ROAM, 1, true },
	{ "name", WEFT_PEER_HAS_NAME, WEFT_PEER_A_NAME, 'x', true },
	{ "next key", WEFT_PEER_HAS_NEXT_PUBLIC_KEY, WEFT_PEER_A_NEXT_PUBLIC_KEY, 'B', true },
	{ "previous key", WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY, WEFT_PEER_A_PREVIOUS_PUBLIC_KEY, 'C', true },
	{ "next preshared key", WEFT_PEER_HAS_NEXT_PRESHARED_KEY, WEFT_PEER_A_NEXT_PRESHARED_KEY, 'D', true },
	{ "previous preshared key", WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY, WEFT_PEER_A_PREVIOUS_PRESHARED_KEY, 'E', true },
	{ "grace", WEFT_PEER_HAS_GRACE, WEFT_PEER_A_GRACE, 7, true },
	{ "exclusive", WEFT_PEER_EXCLUSIVE, WEFT_PEER_A_EXCLUSIVE, -1, true },
	{ "forget timestamp", WEFT_PEER_FORGET_TIMESTAMP, WEFT_PEER_A_FORGET_TIMESTAMP, -1, true },
};

static struct weft_device *device_with(unsigned int has)
{
	struct weft_device *dev = test_device("wft0", WEFT_KIND_WEFT, "[Peer]\nPublicKey = " KEY_A "\nName = x\n");
	struct weft_peer *peer = dev->peers;

	dev->has = 0;
	peer->has = has;
	peer->keepalive = 5;
	peer->grace = 7;
	memset(&peer->preshared_key, 'P', WEFT_KEY_BYTES);
	memset(&peer->next_public_key, 'B', WEFT_KEY_BYTES);
	memset(&peer->previous_public_key, 'C', WEFT_KEY_BYTES);
	memset(&peer->next_preshared_key, 'D', WEFT_KEY_BYTES);
	memset(&peer->previous_preshared_key, 'E', WEFT_KEY_BYTES);
	return dev;
}

/* The peer has that attribute alone, besides its public key. */
static bool has_alone(struct nlattr *peers, const struct attribute_case *test, bool told)
{
	struct nlattr *tb[WEFT_PEER_A_MAX + 1], *attr;
	int i, count = 0;

	if (!peers || nla_parse_nested(tb, WEFT_PEER_A_MAX, nla_data(peers), NULL))
		return false;
	for (i = 0; i <= WEFT_PEER_A_MAX; i++)
		count += !!tb[i];
	if (!tb[WEFT_PEER_A_PUBLIC_KEY] || *(char *)nla_data(tb[WEFT_PEER_A_PUBLIC_KEY]) != 'A' || count != 1 + told)
		return false;
	attr = tb[test->attribute];
	if (!told || !attr)
		return !told && !attr;
	if (test->first < 0)
		return !nla_len(attr);
	return test->first == (nla_len(attr) == sizeof(__u32) ? (int)nla_get_u32(attr) :
			       nla_len(attr) == sizeof(__u16) && test->attribute != WEFT_PEER_A_NAME ?
			       nla_get_u16(attr) : nla_get_u8(attr));
}

static void test_attribute(const struct attribute_case *test, bool own)
{
	struct weft_device *dev = device_with(test->has);
	struct nlattr *tb[WEFT_DEVICE_A_MAX + 1];
	struct weft_message_cursor cursor;
	struct nl_msg *msg = message_new();
	char name[128];

	weft_message_start(&cursor, dev, 7);
	cursor.own = own;
	snprintf(name, sizeof(name), "%s of a link of %s", test->name, own ? "weft" : "wireguard");
	test_ok(!weft_message_put(msg, &cursor) && weft_message_done(&cursor) &&
		!nla_parse(tb, WEFT_DEVICE_A_MAX, nlmsg_attrdata(nlmsg_hdr(msg), 0), nlmsg_attrlen(nlmsg_hdr(msg), 0), NULL) &&
		has_alone(tb[WEFT_DEVICE_A_PEERS], test, own || !test->own), name);
	nlmsg_free(msg);
	weft_model_device_free(dev);
}

static void test_attributes(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attributes); i++) {
		test_attribute(&attributes[i], true);
		test_attribute(&attributes[i], false);
	}
}

/* A peer's rotated keys, as the kernel reports them. */
static void test_keys_read(void)
{
	struct weft_device *from = device_with(WEFT_PEER_HAS_NEXT_PUBLIC_KEY | WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY |
					       WEFT_PEER_HAS_NEXT_PRESHARED_KEY | WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY);
	struct weft_device *to = weft_model_device_new("wft0"), *none = weft_model_device_new("wft0");
	bool strict;
	char *text;

	test_ok(message_cross(from, to, &strict) == 1 && strict, "keys that are being replaced");
	text = test_describe(to);
	test_text("the rotated keys are read", text, "wft0:\npeer A: next=B previous=C next-psk=D previous-psk=E\n");
	free(text);
	from->peers->has = 0;
	message_cross(from, none, &strict);
	text = test_describe(none);
	test_text("without a rotation they are not marked", text, "wft0:\npeer A:\n");
	free(text);
	weft_model_device_free(from);
	weft_model_device_free(to);
	weft_model_device_free(none);
}

int main(void)
{
	test_small();
	test_attributes();
	test_keys_read();
	test_sizes();
	test_continued();
	test_requests(true);
	test_requests(false);
	test_joined();
	test_own();
	test_times();
	test_boundaries();
	test_values();
	test_broken();
	test_garbled();
	return test_end();
}
