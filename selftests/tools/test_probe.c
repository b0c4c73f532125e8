// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors for a tunnel's packets, in a network namespace of this program's own: the kernel's
 * messages, and made-up ones.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "host/host.h"
#include "support.h"

#define SKIPPED	4
#define PORT	51820
#define PEERS	6

/* Two peers share an endpoint; the fourth has none. */
static const char conf[] =
	"[Interface]\nListenPort = 51820\nPrivateKey = " KEY_P "\n"
	"[Peer]\nPublicKey = " KEY_A "\nEndpoint = 127.0.0.1:9\n"
	"[Peer]\nPublicKey = " KEY_B "\nEndpoint = 192.0.2.1:7\n"
	"[Peer]\nPublicKey = " KEY_C "\nEndpoint = 127.0.0.1:9\n"
	"[Peer]\nPublicKey = " KEY_P "\n"
	"[Peer]\nPublicKey = REREREREREREREREREREREREREREREREREREREREREQ=\nEndpoint = [2001:db8::1]:7\n"
	"[Peer]\nPublicKey = RUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUU=\nEndpoint = [::1]:9\n";

static struct weft_device *dev;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			fprintf(stderr, "# %s: %s\n", path, strerror(errno));
		close(fd);
	}
}

/* Returns false if user namespaces are not permitted. */
static bool enter_namespace(void)
{
	struct weft_change change = { .kind = WEFT_CHANGE_LINK_UP, .dev = "lo" };
	struct weft_host *host = weft_host_kernel();
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1", getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", map);
	/* The kernel's rate limit of ICMP messages is off. */
	put("/proc/sys/net/ipv4/icmp_ratelimit", "0");
	put("/proc/sys/net/ipv6/icmp/ratelimit", "0");
	return !host->change(host, &change);
}

/* A letter for each peer: none, refused, unreachable. */
static void test_results(const char *name, const struct weft_doctor_probes *probes,
			 const char *want)
{
	char got[PEERS + 1] = "";
	size_t i;

	for (i = 0; i < PEERS; i++)
		got[i] = "-ru"[weft_doctor_probe_result(probes, i)];
	test_text(name, got, want);
}

/* On loopback the message has arrived when the send returns. */
static void test_heard(const char *name, struct weft_doctor_probes *probes,
		       const char *want)
{
	weft_doctor_probe_hear(probes);
	test_results(name, probes, want);
	weft_doctor_probe_end(probes);
}

static void send_udp(unsigned int from, const char *to, unsigned int port)
{
	bool is_ip6 = strchr(to, ':');
	union weft_endpoint own = { }, there = { };
	socklen_t len = is_ip6 ? sizeof(own.ip6) : sizeof(own.ip4);
	int fd = socket(is_ip6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	own.any.sa_family = is_ip6 ? AF_INET6 : AF_INET;
	own.ip4.sin_port = htons(from);
	there.any.sa_family = own.any.sa_family;
	there.ip4.sin_port = htons(port);
	if (inet_pton(own.any.sa_family, to, is_ip6 ? (void *)&there.ip6.sin6_addr : &there.ip4.sin_addr) != 1 ||
	    fd < 0 || bind(fd, &own.any, len) || sendto(fd, "x", 1, 0, &there.any, len) != 1)
		test_bail(strerror(errno));
	close(fd);
}

static void test_kernel(void)
{
	struct weft_doctor_probes *probes = weft_doctor_probe_start(dev);

	send_udp(PORT, "127.0.0.1", 9);
	test_heard("port unreachable from this host, for both peers there", probes, "r-r---");
	probes = weft_doctor_probe_start(dev);
	send_udp(PORT, "::1", 9);
	test_heard("port unreachable from this host, over IPv6", probes, "-----r");
	probes = weft_doctor_probe_start(dev);
	send_udp(PORT + 1, "127.0.0.1", 9);
	send_udp(PORT + 1, "::1", 9);
	send_udp(PORT, "127.0.0.1", 10);
	test_heard("ignored for packets from another port, or to one", probes, "------");
}

/**
 * struct message - a made-up ICMP message
 * @to: the destination of the packet, with the port @to_port
 * @from_port: the source port of the packet
 * @type: the type of the message
 * @code: the code of the message
 * @protocol: the protocol of the packet
 * @options: words of IP options in the packet
 * @cut: bytes missing at the end
 */
struct message {
	const char *to;
	unsigned int to_port;
	unsigned int from_port;
	unsigned char type;
	unsigned char code;
	unsigned char protocol;
	unsigned int options;
	size_t cut;
};

static __be16 checksum(const unsigned char *at, size_t len)
{
	unsigned int sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += at[i] << (i & 1 ? 0 : 8);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~(sum + (sum >> 16)));
}

/* The kernel fills in the checksum of ICMPv6. */
static void send_raw(int family, int protocol, const void *message, size_t len)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol);
	union weft_endpoint self = { .any.sa_family = family };

	if (family == AF_INET)
		self.ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		self.ip6.sin6_addr = in6addr_loopback;
	if (fd < 0 || sendto(fd, message, len, 0, &self.any, family == AF_INET ?
			     sizeof(self.ip4) : sizeof(self.ip6)) != (ssize_t)len)
		test_bail(strerror(errno));
	close(fd);
}

static void send_ip4(const struct message *test)
{
	struct iphdr ip = {
		.ihl = 5 + test->options, .version = 4, .protocol = test->protocol,
		.saddr = htonl(INADDR_LOOPBACK),
	};
	struct udphdr udp = {
		.source = htons(test->from_port), .dest = htons(test->to_port),
	};
	struct icmphdr icmp = { .type = test->type, .code = test->code };
	unsigned char bytes[sizeof(icmp) + 60 + sizeof(udp)] = { };
	size_t len = sizeof(icmp) + ip.ihl * 4;

	inet_pton(AF_INET, test->to, &ip.daddr);
	memcpy(bytes + sizeof(icmp), &ip, sizeof(ip));
	memcpy(bytes + len, &udp, sizeof(udp));
	len += sizeof(udp) - test->cut;
	memcpy(bytes, &icmp, sizeof(icmp));
	icmp.checksum = checksum(bytes, len);
	memcpy(bytes, &icmp, sizeof(icmp));
	send_raw(AF_INET, IPPROTO_ICMP, bytes, len);
}

static void send_ip6(const struct message *test)
{
	struct icmp6_hdr icmp = { .icmp6_type = test->type, .icmp6_code = test->code };
	struct udphdr udp = {
		.source = htons(test->from_port), .dest = htons(test->to_port),
	};
	struct ip6_hdr ip = { .ip6_nxt = test->protocol, .ip6_src = in6addr_loopback };
	unsigned char bytes[sizeof(icmp) + sizeof(ip) + sizeof(udp)];

	ip.ip6_vfc = 6 << 4;
	inet_pton(AF_INET6, test->to, &ip.ip6_dst);
	memcpy(bytes, &icmp, sizeof(icmp));
	memcpy(bytes + sizeof(icmp), &ip, sizeof(ip));
	memcpy(bytes + sizeof(icmp) + sizeof(ip), &udp, sizeof(udp));
	send_raw(AF_INET6, IPPROTO_ICMPV6, bytes, sizeof(bytes) - test->cut);
}

static const struct {
	const char *name;
	struct message message;
	const char *want;
} cases[] = {
	{ "port unreachable, from the endpoint", { "127.0.0.1", 9, PORT, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, IPPROTO_UDP },
	  "r-r---" },
	{ "port unreachable, from another host: a firewall",
	  { "192.0.2.1", 7, PORT, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, IPPROTO_UDP }, "-u----" },
	{ "host unreachable", { "192.0.2.1", 7, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP }, "-u----" },
	{ "host unreachable, from the endpoint",
	  { "127.0.0.1", 9, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP }, "u-u---" },
	{ "time exceeded", { "192.0.2.1", 7, PORT, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, IPPROTO_UDP }, "-u----" },
	{ "time exceeded, with another code",
	  { "127.0.0.1", 9, PORT, ICMP_TIME_EXCEEDED, ICMP_PORT_UNREACH, IPPROTO_UDP }, "u-u---" },
	{ "a packet that is too large", { "192.0.2.1", 7, PORT, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, IPPROTO_UDP },
	  "------" },
	{ "a packet with IP options", { "192.0.2.1", 7, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP, 3 },
	  "-u----" },
	{ "a packet of another protocol", { "192.0.2.1", 7, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_TCP },
	  "------" },
	{ "a packet of another port", { "192.0.2.1", 7, PORT + 1, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP },
	  "------" },
	{ "a packet to another port", { "192.0.2.1", 8, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP },
	  "------" },
	{ "a packet to another address", { "192.0.2.2", 7, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP },
	  "------" },
	{ "a packet with one byte missing",
	  { "192.0.2.1", 7, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP, 0, 1 }, "------" },
	{ "a packet without its UDP header",
	  { "192.0.2.1", 7, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP, 0, 8 }, "------" },
	{ "IPv6: port unreachable, from the endpoint",
	  { "::1", 9, PORT, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, IPPROTO_UDP }, "-----r" },
	{ "IPv6: port unreachable, from another host",
	  { "2001:db8::1", 7, PORT, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, IPPROTO_UDP }, "----u-" },
	{ "IPv6: host unreachable", { "::1", 9, PORT, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, IPPROTO_UDP }, "-----u" },
	{ "IPv6: time exceeded", { "::1", 9, PORT, ICMP6_TIME_EXCEEDED, ICMP6_DST_UNREACH_NOPORT, IPPROTO_UDP },
	  "-----u" },
	{ "IPv6: a packet that is too large", { "2001:db8::1", 7, PORT, ICMP6_PACKET_TOO_BIG, 0, IPPROTO_UDP },
	  "------" },
	{ "IPv6: a packet of another protocol", { "::1", 9, PORT, ICMP6_DST_UNREACH, 3, IPPROTO_TCP }, "------" },
	{ "IPv6: a packet of another port", { "::1", 9, PORT + 1, ICMP6_DST_UNREACH, 3, IPPROTO_UDP }, "------" },
	{ "IPv6: a packet with one byte missing", { "::1", 9, PORT, ICMP6_DST_UNREACH, 3, IPPROTO_UDP, 0, 1 },
	  "------" },
	{ "IPv6: a packet without its UDP header", { "::1", 9, PORT, ICMP6_DST_UNREACH, 3, IPPROTO_UDP, 0, 8 },
	  "------" },
};

static void test_messages(void)
{
	struct weft_doctor_probes *probes;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		probes = weft_doctor_probe_start(dev);
		if (strchr(cases[i].message.to, ':'))
			send_ip6(&cases[i].message);
		else
			send_ip4(&cases[i].message);
		test_heard(cases[i].name, probes, cases[i].want);
	}
}

/* Several messages are read at once, and the last one of an endpoint counts. */
static void test_several(void)
{
	static const struct message refused = {
		"127.0.0.1", 9, PORT, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, IPPROTO_UDP,
	}, lost = {
		"192.0.2.1", 7, PORT, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, IPPROTO_UDP,
	}, lost6 = {
		"2001:db8::1", 7, PORT, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, IPPROTO_UDP,
	}, refused6 = {
		"::1", 9, PORT, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, IPPROTO_UDP,
	};
	struct weft_doctor_probes *probes = weft_doctor_probe_start(dev);

	test_results("before any message", probes, "------");
	send_ip4(&refused);
	send_ip4(&lost);
	send_ip6(&lost6);
	send_ip6(&refused6);
	test_heard("messages for all endpoints", probes, "rur-ur");
}

static void test_nothing(void)
{
	struct weft_doctor_probes *probes = weft_doctor_probe_start(dev);

	test_ok(weft_doctor_probe_result(probes, PEERS) == WEFT_PROBE_NONE,
		"no result for a peer beyond the last one");
	weft_doctor_probe_end(probes);
	weft_doctor_probe_hear(NULL);
	weft_doctor_probe_end(NULL);
	test_ok(weft_doctor_probe_result(NULL, 0) == WEFT_PROBE_NONE, "no result without probes");
}

/* ---- a link without requests for handshakes ---- */

static int fake_link(struct weft_host *host, const char *name, struct weft_host_link *link)
{
	(void)host;
	(void)name;
	*link = (struct weft_host_link){ .index = 1, .up = true };
	return 0;
}

static int fake_addresses(struct weft_host *host, unsigned int index, struct weft_routes *addresses)
{
	(void)host;
	(void)index;
	(void)addresses;
	return -EPERM;
}

static int fake_way(struct weft_host *host, const union weft_endpoint *to, __u32 mark,
		    struct weft_host_way *way)
{
	(void)host;
	(void)to;
	(void)mark;
	memset(way, 0, sizeof(*way));
	return -EPERM;
}

static int fake_read(struct weft_host *host, const char *path, char **text)
{
	(void)host;
	(void)path;
	(void)text;
	return -ENOENT;
}

static int fake_run(struct weft_host *host, const struct weft_program *program, char **output)
{
	(void)host;
	(void)program;
	(void)output;
	return -ENOENT;
}

static struct weft_host fake = {
	.link = fake_link, .addresses = fake_addresses, .way = fake_way, .read = fake_read, .run = fake_run,
};

static void no_pause(unsigned int us)
{
	(void)us;
}

static int listen_udp(const char *address, unsigned int port)
{
	union weft_endpoint own = { };
	int fd;

	own.any.sa_family = strchr(address, ':') ? AF_INET6 : AF_INET;
	own.ip4.sin_port = htons(port);
	inet_pton(own.any.sa_family, address, own.any.sa_family == AF_INET ? (void *)&own.ip4.sin_addr :
									     &own.ip6.sin6_addr);
	fd = socket(own.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, &own.any, own.any.sa_family == AF_INET ? sizeof(own.ip4) : sizeof(own.ip6)))
		test_bail(strerror(errno));
	return fd;
}

/* A datagram to the discard port carries no data. */
static void test_knock(const char *name, const char *link, const char *allowed, const char *address, int want)
{
	int fd = listen_udp(address, 9), len, count = 0;
	struct weft_doctor_facts facts;
	struct test_bench bench;
	char text[256], byte;

	snprintf(text, sizeof(text), "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A
		 "\nEndpoint = 192.0.2.1:7\n%s", allowed);
	test_bench_start(&bench, "");
	bench.ctx.host = &fake;
	bench.ctx.pause = no_pause;
	bench.devices[0] = test_device(link, WEFT_KIND_WIREGUARD, text);
	test_ok(weft_doctor_gather(&bench.ctx, link, &facts), name);
	while ((len = recv(fd, &byte, 1, MSG_TRUNC)) >= 0)
		count += !len;
	test_ok(count == want, "  datagrams without bytes");
	weft_doctor_facts_free(&facts);
	test_bench_end(&bench);
	close(fd);
}

static void test_knocks(void)
{
	test_knock("a packet through the tunnel starts a handshake", "lo", "AllowedIPs = 127.0.0.1/32\n", "127.0.0.1", 1);
	test_knock("a packet through the first allowed IP", "lo", "AllowedIPs = 127.0.0.1/32, 127.0.0.1/8\n", "127.0.0.1", 1);
	test_knock("a packet to the second address of a prefix", "lo", "AllowedIPs = 127.0.0.0/8\n", "127.0.0.1", 1);
	test_knock("a packet over IPv6", "lo", "AllowedIPs = ::1/128\n", "::1", 1);
	test_knock("no packet without an allowed IP", "lo", "", "127.0.0.1", 0);
	test_knock("no packet through another link", "nope", "AllowedIPs = 127.0.0.1/32\n", "127.0.0.1", 0);
}

int main(void)
{
	if (!enter_namespace()) {
		printf("1..0 # SKIP no namespaces for users: %s\n", strerror(errno));
		return SKIPPED;
	}
	dev = test_device("wft0", WEFT_KIND_WEFT, conf);
	test_kernel();
	test_messages();
	test_several();
	test_nothing();
	test_knocks();
	weft_model_device_free(dev);
	return test_end();
}
