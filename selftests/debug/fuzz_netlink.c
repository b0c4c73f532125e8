// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of generic netlink for weft, built by its own policy and then spoiled, from several
 * processes at once: on Linux as a program the threads of one process take turns.
 *
 *   fuzz_netlink FAMILY SEED COUNT SECONDS PROCESSES DEVICE...
 *
 * FAMILY is weft or wireguard. Ends after COUNT messages, or SECONDS. PROCESSES processes send
 * messages of all commands. Another one reads dumps, in part or completely, with small and large
 * buffers, while the others change the devices. One more subscribes to events, if the family has
 * any, and unsubscribes. Each reply of the kernel must be well-formed, and each refusal have an
 * extack.
 *
 * The last line holds the number of messages sent, and of their outcomes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "control/netlink-gen.c"

#define MAX_MESSAGE	32768
#define MAX_BATCH	(4 * MAX_MESSAGE)
#define ANSWERS		32	/* read at once */
#define MAX_PROCESSES	16
#define KEY_LEN		32
#define KEYS		96
#define PRIVATE_KEYS	4	/* fuzz_packets.py has them, too, and the ports */
#define FIRST_OWN	64	/* attributes from this number on are weft's own */
#define FIRST_PORT	30000
#define PORTS		10

struct counts {
	uint64_t accepted, refused, dumps, parts, interrupted, broken_off, events;
	uint64_t by_errno[134];
};

struct fuzzer {
	struct rng rng;
	struct counts counts;
	unsigned int spoil;		/* percent of spoilt attributes */
	bool v6;			/* of the current allowed IP */
	size_t len, batch_len;
	uint8_t bytes[MAX_MESSAGE + 1024];
	uint8_t batch[MAX_BATCH];
	uint8_t answers[ANSWERS][MAX_MESSAGE];
};

static const char *family_name;
static bool own_family;
static uint16_t family_id;
static uint32_t events_group;
static char **devices;
static unsigned int device_count;
static int device_socket;			/* for requests about the devices */
static uint64_t wanted, end_ms;

/* Shared by all processes. */
static struct shared {
	uint64_t sent;
	bool failed;			/* a process has failed */
	struct fuzzer fuzzers[MAX_PROCESSES];
} *shared;

static bool over(void)
{
	return __atomic_load_n(&shared->sent, __ATOMIC_RELAXED) >= wanted || now_ms() >= end_ms ||
	       __atomic_load_n(&shared->failed, __ATOMIC_RELAXED);
}

/* ---- attributes ---- */

static void put_bytes(struct fuzzer *fuzzer, const void *bytes, size_t len)
{
	if (fuzzer->len + len > MAX_MESSAGE)
		return;
	memcpy(fuzzer->bytes + fuzzer->len, bytes, len);
	fuzzer->len += len;
}

static void put_random(struct fuzzer *fuzzer, size_t len)
{
	if (fuzzer->len + len > MAX_MESSAGE)
		return;
	rng_bytes(&fuzzer->rng, fuzzer->bytes + fuzzer->len, len);
	fuzzer->len += len;
}

static void pad(struct fuzzer *fuzzer)
{
	while (fuzzer->len % 4)
		fuzzer->bytes[fuzzer->len++] = 0;
}

static size_t begin_attribute(struct fuzzer *fuzzer, uint16_t type)
{
	size_t at = fuzzer->len;

	put_bytes(fuzzer, &(struct nlattr){ .nla_type = type }, sizeof(struct nlattr));
	return at;
}

/* Repairs the surrounding lengths, so that the kernel parses up to this attribute. */
static void spoil_attribute(struct fuzzer *fuzzer, size_t at)
{
	struct nlattr *attr = (struct nlattr *)(fuzzer->bytes + at);
	size_t len = fuzzer->len - at, payload = len - sizeof(*attr);
	struct rng *rng = &fuzzer->rng;

	switch (rng_below(rng, 9)) {
	case 0:
		attr->nla_len = rng_percent(rng, 50) ? rng_odd_number(rng) : attr->nla_len + rng_below(rng, 9) - 4;
		break;
	case 1:
		attr->nla_type = rng_percent(rng, 70) ? rng_below(rng, 90) : rng_next(rng);
		break;
	case 2:
		attr->nla_type ^= rng_percent(rng, 50) ? NLA_F_NESTED : NLA_F_NET_BYTEORDER;
		break;
	case 3:
		fuzzer->len -= rng_below(rng, payload + 1);
		attr->nla_len = fuzzer->len - at;
		break;
	case 4:
		put_random(fuzzer, rng_below(rng, 40));
		attr->nla_len = fuzzer->len - at;
		break;
	case 5:
		pad(fuzzer);
		put_bytes(fuzzer, attr, len);
		break;
	case 6:
		fuzzer->len = at;
		break;
	default:
		rng_spoil(rng, (uint8_t *)(attr + 1), payload);
	}
}

static void end_attribute(struct fuzzer *fuzzer, size_t at)
{
	struct nlattr *attr = (struct nlattr *)(fuzzer->bytes + at);

	/* The attribute did not fit. */
	if (fuzzer->len < at + sizeof(*attr))
		return;
	attr->nla_len = fuzzer->len - at;
	if (rng_percent(&fuzzer->rng, fuzzer->spoil))
		spoil_attribute(fuzzer, at);
	pad(fuzzer);
}

static void put_u8(struct fuzzer *fuzzer, uint8_t value)
{
	put_bytes(fuzzer, &value, sizeof(value));
}

static void put_u16(struct fuzzer *fuzzer, uint16_t value)
{
	put_bytes(fuzzer, &value, sizeof(value));
}

static void put_u32(struct fuzzer *fuzzer, uint32_t value)
{
	put_bytes(fuzzer, &value, sizeof(value));
}

/* ---- valid values ---- */

/* The key of a number; now and then an invalid one. */
static void put_numbered_key(struct fuzzer *fuzzer, uint8_t number)
{
	uint8_t key[KEY_LEN];

	memset(key, number, sizeof(key));
	key[31] = 7;
	if (rng_percent(&fuzzer->rng, 2))
		memset(key, 0, sizeof(key));
	put_bytes(fuzzer, key, sizeof(key));
}

/* A few keys, which repeat. */
static void put_key(struct fuzzer *fuzzer)
{
	put_numbered_key(fuzzer, 1 + rng_below(&fuzzer->rng, KEYS));
}

static void put_private_key(struct fuzzer *fuzzer)
{
	put_numbered_key(fuzzer, 1 + rng_below(&fuzzer->rng, PRIVATE_KEYS));
}

static void put_device_flags(struct fuzzer *fuzzer)
{
	put_u32(fuzzer, rng_percent(&fuzzer->rng, 10));
}

static void put_port(struct fuzzer *fuzzer)
{
	put_u16(fuzzer, FIRST_PORT + rng_below(&fuzzer->rng, PORTS));
}

static void put_grace(struct fuzzer *fuzzer)
{
	put_u32(fuzzer, rng_percent(&fuzzer->rng, 80) ? rng_below(&fuzzer->rng, 5) : rng_odd_number(&fuzzer->rng));
}

static void put_address4(struct fuzzer *fuzzer)
{
	put_u32(fuzzer, rng_percent(&fuzzer->rng, 80) ? 0 : htonl(INADDR_LOOPBACK));
}

static void put_address6(struct fuzzer *fuzzer)
{
	put_bytes(fuzzer, rng_percent(&fuzzer->rng, 80) ? &in6addr_any : &in6addr_loopback, sizeof(in6addr_any));
}

static void put_bind_index(struct fuzzer *fuzzer)
{
	put_u32(fuzzer, rng_percent(&fuzzer->rng, 20));
}

static void put_bind_name(struct fuzzer *fuzzer)
{
	const char *name = rng_percent(&fuzzer->rng, 20) ? "lo" : "";

	put_bytes(fuzzer, name, strlen(name) + 1);
}

static void put_peer_flags(struct fuzzer *fuzzer)
{
	put_u32(fuzzer, rng_below(&fuzzer->rng, 8));
}

static void put_endpoint(struct fuzzer *fuzzer)
{
	struct sockaddr_in v4 = {
		.sin_family = AF_INET, .sin_port = htons(1 + rng_below(&fuzzer->rng, 9)),
		.sin_addr.s_addr = htonl(0xc0000200 + rng_below(&fuzzer->rng, 256)),
	};
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = v4.sin_port };

	inet_pton(AF_INET6, "2001:db8::9", &v6.sin6_addr);
	if (rng_percent(&fuzzer->rng, 50))
		put_bytes(fuzzer, &v4, sizeof(v4));
	else
		put_bytes(fuzzer, &v6, sizeof(v6));
}

static void put_keepalive(struct fuzzer *fuzzer)
{
	static const uint16_t seconds[] = { 0, 0, 0, 0, 1, 25, 65535 };

	put_u16(fuzzer, seconds[rng_below(&fuzzer->rng, ARRAY_SIZE(seconds))]);
}

static void put_name(struct fuzzer *fuzzer)
{
	char name[16];

	snprintf(name, sizeof(name), "node-%u", rng_below(&fuzzer->rng, KEYS));
	put_bytes(fuzzer, name, strlen(name) + !rng_percent(&fuzzer->rng, 2));
}

static void put_version(struct fuzzer *fuzzer)
{
	put_u32(fuzzer, 1 + rng_percent(&fuzzer->rng, 2));
}

static void put_ip_family(struct fuzzer *fuzzer)
{
	fuzzer->v6 = rng_percent(&fuzzer->rng, 50);
	put_u16(fuzzer, fuzzer->v6 ? AF_INET6 : AF_INET);
}

/* Few networks, so that they move between peers, and contain each other. */
static void put_ip_address(struct fuzzer *fuzzer)
{
	struct in6_addr v6;

	if (!fuzzer->v6) {
		put_u32(fuzzer, htonl(10u << 24 | rng_below(&fuzzer->rng, 256) << 16 | rng_below(&fuzzer->rng, 4)));
		return;
	}
	inet_pton(AF_INET6, "fd00::", &v6);
	v6.s6_addr[1] = rng_below(&fuzzer->rng, 256);
	v6.s6_addr[15] = rng_below(&fuzzer->rng, 4);
	put_bytes(fuzzer, &v6, sizeof(v6));
}

static void put_cidr(struct fuzzer *fuzzer)
{
	put_u8(fuzzer, rng_below(&fuzzer->rng, fuzzer->v6 ? 129 : 33));
}

/* The frequency of an attribute in a good message, and its value; other attributes are rare. */
static const struct hint {
	const struct nla_policy *set;
	uint16_t type;
	uint8_t percent;
	void (*put)(struct fuzzer *fuzzer);	/* NULL: by the policy */
} hints[] = {
	{ weft_device_nl_policy, WEFT_DEVICE_A_IFINDEX, 0, NULL },
	{ weft_device_nl_policy, WEFT_DEVICE_A_IFNAME, 0, NULL },
	{ weft_device_nl_policy, WEFT_DEVICE_A_PRIVATE_KEY, 1, put_private_key },
	{ weft_device_nl_policy, WEFT_DEVICE_A_FLAGS, 10, put_device_flags },
	{ weft_device_nl_policy, WEFT_DEVICE_A_LISTEN_PORT, 2, put_port },
	{ weft_device_nl_policy, WEFT_DEVICE_A_FWMARK, 10, NULL },
	{ weft_device_nl_policy, WEFT_DEVICE_A_PEERS, 90, NULL },
	{ weft_device_nl_policy, WEFT_DEVICE_A_LISTEN_ADDRESS4, 1, put_address4 },
	{ weft_device_nl_policy, WEFT_DEVICE_A_LISTEN_ADDRESS6, 1, put_address6 },
	{ weft_device_nl_policy, WEFT_DEVICE_A_BIND_IFINDEX, 1, put_bind_index },
	{ weft_device_nl_policy, WEFT_DEVICE_A_BIND_IFNAME, 1, put_bind_name },
	{ weft_device_nl_policy, WEFT_DEVICE_A_PMTU, 5, NULL },
	{ weft_device_nl_policy, WEFT_DEVICE_A_DSCP, 5, NULL },
	{ weft_peer_nl_policy, WEFT_PEER_A_PUBLIC_KEY, 98, put_key },
	{ weft_peer_nl_policy, WEFT_PEER_A_PRESHARED_KEY, 20, NULL },
	{ weft_peer_nl_policy, WEFT_PEER_A_FLAGS, 25, put_peer_flags },
	{ weft_peer_nl_policy, WEFT_PEER_A_ENDPOINT, 30, put_endpoint },
	{ weft_peer_nl_policy, WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 10, put_keepalive },
	{ weft_peer_nl_policy, WEFT_PEER_A_ALLOWEDIPS, 60, NULL },
	{ weft_peer_nl_policy, WEFT_PEER_A_PROTOCOL_VERSION, 10, put_version },
	{ weft_peer_nl_policy, WEFT_PEER_A_NAME, 10, put_name },
	{ weft_peer_nl_policy, WEFT_PEER_A_NEXT_PUBLIC_KEY, 5, put_key },
	{ weft_peer_nl_policy, WEFT_PEER_A_NEXT_PRESHARED_KEY, 5, NULL },
	{ weft_peer_nl_policy, WEFT_PEER_A_GRACE, 5, put_grace },
	{ weft_peer_nl_policy, WEFT_PEER_A_CANDIDATES, 5, NULL },
	{ weft_peer_nl_policy, WEFT_PEER_A_ROAM, 5, NULL },
	{ weft_peer_nl_policy, WEFT_PEER_A_CONNECT, 1, NULL },
	{ weft_peer_nl_policy, WEFT_PEER_A_FORGET_TIMESTAMP, 2, NULL },
	{ weft_peer_nl_policy, WEFT_PEER_A_EXCLUSIVE, 1, NULL },
	{ weft_allowedip_nl_policy, WEFT_ALLOWEDIP_A_FAMILY, 100, put_ip_family },
	{ weft_allowedip_nl_policy, WEFT_ALLOWEDIP_A_IPADDR, 100, put_ip_address },
	{ weft_allowedip_nl_policy, WEFT_ALLOWEDIP_A_CIDR_MASK, 100, put_cidr },
	{ weft_allowedip_nl_policy, WEFT_ALLOWEDIP_A_FLAGS, 20, NULL },
	{ weft_candidate_nl_policy, WEFT_CANDIDATE_A_ENDPOINT, 100, put_endpoint },
	{ NULL, 0, 0, NULL },
};

static const struct hint *hint_of(const struct nla_policy *set, uint16_t type)
{
	const struct hint *hint = hints;

	while (hint->set && (hint->set != set || hint->type != type))
		hint++;
	return hint;
}

static void put_set(struct fuzzer *fuzzer, const struct nla_policy *set, uint16_t max);

static uint32_t some_number(struct fuzzer *fuzzer, uint32_t max)
{
	if (max && !rng_percent(&fuzzer->rng, fuzzer->spoil))
		return rng_below(&fuzzer->rng, max + 1);
	return rng_percent(&fuzzer->rng, 50) ? rng_next(&fuzzer->rng) : rng_odd_number(&fuzzer->rng);
}

static void put_array(struct fuzzer *fuzzer, const struct nla_policy *policy)
{
	unsigned int count = rng_percent(&fuzzer->rng, 98) ? rng_below(&fuzzer->rng, 5) : rng_below(&fuzzer->rng, 60), i;

	for (i = 0; i < count; i++) {
		size_t at = begin_attribute(fuzzer, NLA_F_NESTED | (rng_percent(&fuzzer->rng, 90) ? 0 : i));

		put_set(fuzzer, policy->nested, policy->nested_max);
		end_attribute(fuzzer, at);
	}
}

static void put_by_policy(struct fuzzer *fuzzer, const struct nla_policy *policy)
{
	switch (policy->type) {
	case NLA_U8:
		put_u8(fuzzer, some_number(fuzzer, policy->max));
		break;
	case NLA_U16:
		put_u16(fuzzer, some_number(fuzzer, policy->max));
		break;
	case NLA_U32:
		put_u32(fuzzer, some_number(fuzzer, policy->max));
		break;
	case NLA_NESTED:
		put_set(fuzzer, policy->nested, policy->nested_max);
		break;
	case NLA_NESTED_ARRAY:
		put_array(fuzzer, policy);
		break;
	case NLA_FLAG:
		break;
	case NLA_U64:
		put_random(fuzzer, 8);
		break;
	default:
		put_random(fuzzer, policy->len ?: rng_below(&fuzzer->rng, 40));
	}
}

static void put_attribute(struct fuzzer *fuzzer, const struct nla_policy *set, uint16_t type)
{
	const struct nla_policy *policy = &set[type];
	const struct hint *hint = hint_of(set, type);
	bool nests = policy->type == NLA_NESTED || policy->type == NLA_NESTED_ARRAY;
	size_t at = begin_attribute(fuzzer, type | (nests ? NLA_F_NESTED : 0));

	if (hint->put)
		hint->put(fuzzer);
	else
		put_by_policy(fuzzer, policy);
	end_attribute(fuzzer, at);
}

static unsigned int chance_of(struct fuzzer *fuzzer, const struct nla_policy *set, uint16_t type)
{
	const struct hint *hint = hint_of(set, type);

	if (hint->set && (own_family || type < FIRST_OWN))
		return hint->percent;
	/* Not sent by any program, or not to this family. */
	return fuzzer->spoil && rng_percent(&fuzzer->rng, 10);
}

static void put_set(struct fuzzer *fuzzer, const struct nla_policy *set, uint16_t max)
{
	uint16_t type;

	for (type = 1; type <= max; type++)
		if (rng_percent(&fuzzer->rng, chance_of(fuzzer, set, type)))
			put_attribute(fuzzer, set, type);
}

/* ---- messages ---- */

static const char *pick_device(struct fuzzer *fuzzer)
{
	return rng_percent(&fuzzer->rng, 97) ? devices[rng_below(&fuzzer->rng, device_count)] : "lo";
}

/* Returns 0 without such a link. The library's if_nametoindex() opens a socket for each call. */
static uint32_t index_of(const char *name)
{
	struct ifreq request = { 0 };

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(device_socket, SIOCGIFINDEX, &request) ? 0 : request.ifr_ifindex;
}

static void put_interface(struct fuzzer *fuzzer)
{
	const char *name = pick_device(fuzzer);
	size_t at;

	if (rng_percent(&fuzzer->rng, 60)) {
		at = begin_attribute(fuzzer, WEFT_DEVICE_A_IFNAME);
		put_bytes(fuzzer, name, strlen(name) + 1);
	} else {
		at = begin_attribute(fuzzer, WEFT_DEVICE_A_IFINDEX);
		put_u32(fuzzer, index_of(name));
	}
	end_attribute(fuzzer, at);
}

static void put_rotation(struct fuzzer *fuzzer)
{
	put_attribute(fuzzer, weft_device_nl_policy, WEFT_DEVICE_A_ROTATE_ACTION);
	if (rng_percent(&fuzzer->rng, 40))
		put_attribute(fuzzer, weft_device_nl_policy, WEFT_DEVICE_A_PRIVATE_KEY);
	if (rng_percent(&fuzzer->rng, 40)) {
		size_t at = begin_attribute(fuzzer, WEFT_DEVICE_A_GRACE);

		put_grace(fuzzer);
		end_attribute(fuzzer, at);
	}
}

static void put_header(struct fuzzer *fuzzer, uint8_t command, uint16_t flags)
{
	struct nlmsghdr header = { .nlmsg_type = family_id, .nlmsg_flags = flags, .nlmsg_seq = rng_next(&fuzzer->rng) };
	struct genlmsghdr genl = { .cmd = command, .version = 1 };

	fuzzer->len = 0;
	put_bytes(fuzzer, &header, sizeof(header));
	put_bytes(fuzzer, &genl, sizeof(genl));
}

static void end_message(struct fuzzer *fuzzer)
{
	((struct nlmsghdr *)fuzzer->bytes)->nlmsg_len = fuzzer->len;
}

/* After netlink's header: a message for another family is of no use. */
static void spoil_message(struct fuzzer *fuzzer)
{
	struct nlmsghdr *header = (struct nlmsghdr *)fuzzer->bytes;

	switch (rng_below(&fuzzer->rng, 5)) {
	case 0:
		fuzzer->len -= rng_below(&fuzzer->rng, fuzzer->len - sizeof(*header) + 1);
		end_message(fuzzer);
		break;
	case 1:
		header->nlmsg_flags ^= 1 << rng_below(&fuzzer->rng, 16);
		break;
	case 2:
		put_random(fuzzer, rng_below(&fuzzer->rng, 64));
		end_message(fuzzer);
		break;
	default:
		rng_spoil(&fuzzer->rng, fuzzer->bytes + sizeof(*header), fuzzer->len - sizeof(*header));
	}
}

static uint8_t pick_command(struct fuzzer *fuzzer)
{
	if (rng_percent(&fuzzer->rng, 2))
		return rng_next(&fuzzer->rng);
	if (rng_percent(&fuzzer->rng, 3))
		return WEFT_CMD_GET_DEVICE;
	if (own_family && rng_percent(&fuzzer->rng, 5))
		return WEFT_CMD_ROTATE;
	return WEFT_CMD_SET_DEVICE;
}

static void make_message(struct fuzzer *fuzzer)
{
	uint8_t command = pick_command(fuzzer);

	put_header(fuzzer, command, NLM_F_REQUEST | NLM_F_ACK | (command == WEFT_CMD_GET_DEVICE ? NLM_F_DUMP : 0));
	if (!fuzzer->spoil || !rng_percent(&fuzzer->rng, 2))
		put_interface(fuzzer);
	if (command == WEFT_CMD_ROTATE)
		put_rotation(fuzzer);
	else if (command != WEFT_CMD_GET_DEVICE || fuzzer->spoil)
		put_set(fuzzer, weft_device_nl_policy, ARRAY_SIZE(weft_device_nl_policy) - 1);
	end_message(fuzzer);
	if (fuzzer->spoil && rng_percent(&fuzzer->rng, 20))
		spoil_message(fuzzer);
}

/*
 * One to 32 messages in one system call, which takes most of the time. All of them have the same
 * rate of spoilt attributes, against which each reply is checked.
 */
static void make_batch(struct fuzzer *fuzzer)
{
	static const uint8_t spoils[] = { 0, 0, 1, 5 };
	unsigned int count = 1 + rng_below(&fuzzer->rng, 32);

	fuzzer->spoil = spoils[rng_below(&fuzzer->rng, ARRAY_SIZE(spoils))];
	fuzzer->batch_len = 0;
	while (count-- && fuzzer->batch_len + MAX_MESSAGE + 1024 <= MAX_BATCH) {
		make_message(fuzzer);
		pad(fuzzer);
		memcpy(fuzzer->batch + fuzzer->batch_len, fuzzer->bytes, fuzzer->len);
		fuzzer->batch_len += fuzzer->len;
		__atomic_add_fetch(&shared->sent, 1, __ATOMIC_RELAXED);
	}
}

/* ---- replies ---- */

/* Steps through attributes, to the last byte. */
static const struct nlattr *next_attribute(const uint8_t **at, size_t *left)
{
	const struct nlattr *attr = (const struct nlattr *)*at;
	size_t step;

	if (!*left)
		return NULL;
	if (*left < sizeof(*attr) || attr->nla_len < sizeof(*attr) || attr->nla_len > *left)
		die("an answer with an attribute of %u bytes where %zu are left", *left < sizeof(*attr) ? 0 : attr->nla_len, *left);
	step = NLA_ALIGN(attr->nla_len);
	*at += step < *left ? step : *left;
	*left -= step < *left ? step : *left;
	return attr;
}

static void check_length(const struct nlattr *attr, const struct nla_policy *policy, uint16_t type)
{
	static const uint32_t numbers[] = { [NLA_U8] = 1, [NLA_U16] = 2, [NLA_U32] = 4, [NLA_U64] = 8 };
	uint32_t len = attr->nla_len - sizeof(*attr), right = policy->type == NLA_BINARY ? policy->len : 0;

	if (policy->type >= NLA_U8 && policy->type <= NLA_U64)
		right = numbers[policy->type];
	if (right && len != right)
		die("an answer with attribute %u of %u bytes, and not %u", type, len, right);
}

static void check_set(const uint8_t *at, size_t left, const struct nla_policy *set, uint16_t max)
{
	const struct nlattr *attr;

	while ((attr = next_attribute(&at, &left))) {
		uint16_t type = attr->nla_type & NLA_TYPE_MASK;
		const uint8_t *payload = (const uint8_t *)(attr + 1), *inner = payload;
		size_t len = attr->nla_len - sizeof(*attr);
		const struct nlattr *element;

		/* Type 0 is the padding of a number. */
		if (!type && !len)
			continue;
		if (!type || type > max)
			die("an answer with attribute %u", type);
		check_length(attr, &set[type], type);
		if (set[type].type == NLA_NESTED)
			check_set(payload, len, set[type].nested, set[type].nested_max);
		while (set[type].type == NLA_NESTED_ARRAY && (element = next_attribute(&inner, &len)))
			check_set((const uint8_t *)(element + 1), element->nla_len - sizeof(*element), set[type].nested,
				  set[type].nested_max);
	}
}

/* Whether a refusal has an extack. */
static bool has_text(const struct nlmsghdr *header)
{
	const uint8_t *at = (const uint8_t *)header + NLMSG_HDRLEN + sizeof(struct nlmsgerr);
	size_t left = header->nlmsg_len - NLMSG_HDRLEN - sizeof(struct nlmsgerr);
	const struct nlattr *attr;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return false;
	while ((attr = next_attribute(&at, &left)))
		if (attr->nla_type == NLMSGERR_ATTR_MSG)
			return true;
	return false;
}

static void take_verdict(struct fuzzer *fuzzer, const struct nlmsghdr *header)
{
	int error = -*(const int *)NLMSG_DATA(header);

	if (!error) {
		fuzzer->counts.accepted++;
		return;
	}
	fuzzer->counts.refused++;
	if (error < 0 || error >= (int)ARRAY_SIZE(fuzzer->counts.by_errno))
		die("an error of number %d", error);
	fuzzer->counts.by_errno[error]++;
	if (error == EINVAL && own_family && !fuzzer->spoil && !has_text(header))
		die("a whole message was refused without a word");
}

/* Returns whether the message ends the request. */
static bool take_message(struct fuzzer *fuzzer, const struct nlmsghdr *header)
{
	if (header->nlmsg_type == NLMSG_ERROR) {
		take_verdict(fuzzer, header);
		return true;
	}
	if (header->nlmsg_type == NLMSG_DONE)
		return true;
	if (header->nlmsg_type != family_id || header->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		die("an answer of type %u and %u bytes", header->nlmsg_type, header->nlmsg_len);
	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		fuzzer->counts.interrupted++;
	check_set((const uint8_t *)NLMSG_DATA(header) + GENL_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN,
		  weft_device_nl_policy, ARRAY_SIZE(weft_device_nl_policy) - 1);
	return false;
}

/* Returns whether one of the messages ends the request. */
static bool take_answer(struct fuzzer *fuzzer, uint8_t *buffer, ssize_t len)
{
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	bool last = false;

	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len))
		last |= take_message(fuzzer, header);
	if (len)
		die("%zd bytes behind an answer", len);
	return last;
}

/*
 * Reads once. Returns 0 without a reply, 1 if more follow, 2 after the last of a dump or a verdict,
 * 3 if the buffer was too small: the lost message may have been the last.
 */
static int read_answer(struct fuzzer *fuzzer, int sock, size_t room)
{
	/* The true length, whatever the size of the buffer. */
	ssize_t len = recv(sock, fuzzer->bytes, room, MSG_TRUNC);

	if (len <= 0)
		return 0;
	if ((size_t)len > room)
		return 3;
	return take_answer(fuzzer, fuzzer->bytes, len) ? 2 : 1;
}

/* Reads all queued replies. */
static void read_answers(struct fuzzer *fuzzer, int sock)
{
	struct mmsghdr heads[ANSWERS] = { 0 };
	struct iovec pieces[ANSWERS];
	int count, i;

	for (i = 0; i < ANSWERS; i++) {
		pieces[i] = (struct iovec){ fuzzer->answers[i], MAX_MESSAGE };
		heads[i].msg_hdr.msg_iov = &pieces[i];
		heads[i].msg_hdr.msg_iovlen = 1;
	}
	while ((count = recvmmsg(sock, heads, ANSWERS, MSG_DONTWAIT, NULL)) > 0)
		for (i = 0; i < count; i++)
			take_answer(fuzzer, fuzzer->answers[i], heads[i].msg_len);
}

/* ---- sockets ---- */

static int open_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), on = 1;
	struct timeval patience = { .tv_sec = 60 };

	if (sock < 0 || bind(sock, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		die("a netlink socket: %m");
	return sock;
}

static void find_events_group(const struct nlattr *groups)
{
	const uint8_t *at = (const uint8_t *)(groups + 1);
	size_t left = groups->nla_len - sizeof(*groups);
	const struct nlattr *group, *attr;

	while ((group = next_attribute(&at, &left))) {
		const uint8_t *inner = (const uint8_t *)(group + 1);
		size_t len = group->nla_len - sizeof(*group);

		while ((attr = next_attribute(&inner, &len)))
			if (attr->nla_type == CTRL_ATTR_MCAST_GRP_ID)
				events_group = *(const uint32_t *)(attr + 1);
	}
}

static void find_family(void)
{
	static struct fuzzer asker;
	const struct nlmsghdr *header = (struct nlmsghdr *)asker.bytes;
	const struct nlattr *attr;
	const uint8_t *at;
	int sock = open_socket();
	size_t left, name;

	family_id = GENL_ID_CTRL;
	put_header(&asker, CTRL_CMD_GETFAMILY, NLM_F_REQUEST);
	name = begin_attribute(&asker, CTRL_ATTR_FAMILY_NAME);
	put_bytes(&asker, family_name, strlen(family_name) + 1);
	end_attribute(&asker, name);
	end_message(&asker);
	if (send(sock, asker.bytes, asker.len, 0) < 0 || recv(sock, asker.bytes, MAX_MESSAGE, 0) < 0 ||
	    header->nlmsg_type != GENL_ID_CTRL)
		die("there is no family %s", family_name);
	at = (const uint8_t *)NLMSG_DATA(header) + GENL_HDRLEN;
	left = header->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	while ((attr = next_attribute(&at, &left))) {
		if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
			family_id = *(const uint16_t *)(attr + 1);
		else if ((attr->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_MCAST_GROUPS)
			find_events_group(attr);
	}
	close(sock);
}

/* ---- processes ---- */

static void configure(struct fuzzer *fuzzer)
{
	int sock = open_socket();

	while (!over()) {
		make_batch(fuzzer);
		if (send(sock, fuzzer->batch, fuzzer->batch_len, 0) < 0)
			die("messages could not be sent: %m");
		read_answers(fuzzer, sock);
		if (rng_percent(&fuzzer->rng, 5)) {
			close(sock);
			sock = open_socket();
		}
	}
	close(sock);
}

/* Returns whether the dump was read to its end. */
static bool read_dump(struct fuzzer *fuzzer, int sock)
{
	size_t room = rng_percent(&fuzzer->rng, 70) ? 4096u << rng_below(&fuzzer->rng, 4) : 1 + rng_below(&fuzzer->rng, 4096);
	unsigned int parts = rng_percent(&fuzzer->rng, 25) ? rng_below(&fuzzer->rng, 3) : UINT32_MAX;
	int found = 1;

	while (found == 1 && parts--) {
		found = read_answer(fuzzer, sock, room);
		fuzzer->counts.parts++;
		if (rng_percent(&fuzzer->rng, 30))
			usleep(rng_below(&fuzzer->rng, 5000));
	}
	if (!found)
		die("a dump does not go on: %m");
	fuzzer->counts.dumps++;
	fuzzer->counts.broken_off += found != 2;
	return found == 2;
}

static void dump(struct fuzzer *fuzzer)
{
	int sock = open_socket();

	while (!over()) {
		fuzzer->spoil = 0;
		put_header(fuzzer, WEFT_CMD_GET_DEVICE, NLM_F_REQUEST | NLM_F_DUMP);
		put_interface(fuzzer);
		end_message(fuzzer);
		__atomic_add_fetch(&shared->sent, 1, __ATOMIC_RELAXED);
		if (send(sock, fuzzer->bytes, fuzzer->len, 0) < 0 || read_dump(fuzzer, sock))
			continue;
		close(sock);
		sock = open_socket();
	}
	close(sock);
}

static void listen_in(struct fuzzer *fuzzer)
{
	while (!over()) {
		int sock = open_socket(), reads = rng_below(&fuzzer->rng, 200);
		struct pollfd ready = { .fd = sock, .events = POLLIN };

		if (setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &events_group, sizeof(events_group)))
			die("no events: %m");
		/* Sometimes the subscriber pauses, and misses some. */
		if (rng_percent(&fuzzer->rng, 20))
			usleep(200000);
		while (reads-- && !over())
			if (poll(&ready, 1, 100) > 0 && recv(sock, fuzzer->bytes, MAX_MESSAGE, 0) > 0)
				fuzzer->counts.events++;
		if (rng_percent(&fuzzer->rng, 50))
			setsockopt(sock, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &events_group, sizeof(events_group));
		close(sock);
	}
}

static void add_counts(struct counts *sum, const struct counts *counts)
{
	const uint64_t *from = (const uint64_t *)counts;
	uint64_t *to = (uint64_t *)sum;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

static void report(const struct counts *sum)
{
	size_t i;

	printf("sent %" PRIu64 " accepted %" PRIu64 " refused %" PRIu64 " dumps %" PRIu64 " parts %" PRIu64 " interrupted %" PRIu64
	       " broken-off %" PRIu64 " events %" PRIu64 "\n", shared->sent, sum->accepted, sum->refused, sum->dumps, sum->parts,
	       sum->interrupted, sum->broken_off, sum->events);
	for (i = 0; i < ARRAY_SIZE(sum->by_errno); i++)
		if (sum->by_errno[i])
			printf("errno-%s %" PRIu64 "\n", strerrorname_np(i), sum->by_errno[i]);
}

static void begin(void (*part)(struct fuzzer *), struct fuzzer *fuzzer)
{
	pid_t pid = fork();

	if (pid < 0)
		die("no process: %m");
	if (pid)
		return;
	part(fuzzer);
	_Exit(0);
}

/* Returns whether all succeeded. The first failing process ends the others. */
static bool await_all(void)
{
	int status;

	while (wait(&status) > 0)
		if (status)
			__atomic_store_n(&shared->failed, true, __ATOMIC_RELAXED);
	return !shared->failed;
}

static bool run(uint64_t seed, unsigned int senders)
{
	void (*const parts[])(struct fuzzer *) = { dump, listen_in, configure };
	struct counts sum = { 0 };
	unsigned int i;

	for (i = 0; i < senders + 2; i++) {
		rng_seed(&shared->fuzzers[i].rng, seed * 100 + i);
		if (i != 1 || events_group)
			begin(parts[i < 2 ? i : 2], &shared->fuzzers[i]);
	}
	if (!await_all())
		return false;
	for (i = 0; i < senders + 2; i++)
		add_counts(&sum, &shared->fuzzers[i].counts);
	report(&sum);
	return true;
}

int main(int argc, char **argv)
{
	unsigned int senders;

	if (argc < 7)
		die("usage: fuzz_netlink FAMILY SEED COUNT SECONDS PROCESSES DEVICE...");
	family_name = argv[1];
	own_family = !strcmp(family_name, "weft");
	wanted = strtoull(argv[3], NULL, 10);
	end_ms = now_ms() + strtoull(argv[4], NULL, 10) * 1000;
	senders = strtoul(argv[5], NULL, 10);
	if (!senders || senders > MAX_PROCESSES - 2)
		die("1 to %u processes", MAX_PROCESSES - 2);
	devices = argv + 6;
	device_count = argc - 6;
	device_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("no memory: %m");
	find_family();
	return !run(strtoull(argv[2], NULL, 10), senders);
}
