// SPDX-License-Identifier: GPL-2.0
/* Events: as messages, as lines and as JSON, and the commands that read them. */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "model/attr.h"
#include "support.h"

/* 2001-09-09 01:46:40.123 UTC. */
#define THEN	1000000000123456789ULL

static struct weft_key test_key(char letter)
{
	struct weft_key key;

	memset(key.bytes, letter, sizeof(key.bytes));
	return key;
}

/* An event with all attributes. */
static struct weft_event test_event(__u32 type, __u32 cause, __u64 sequence)
{
	struct weft_event event = {
		.type = type, .cause = cause, .sequence = sequence,
		.time_ns = THEN, .ifindex = 7, .ifname = "wft0",
		.has_key = true, .public_key = test_key('A'),
	};

	return event;
}

static void test_put(struct nl_msg *msg, const struct weft_event *event)
{
	nla_put_u32(msg, WEFT_EVENT_A_TYPE, event->type);
	nla_put_u32(msg, WEFT_EVENT_A_CAUSE, event->cause);
	nla_put_u64(msg, WEFT_EVENT_A_SEQUENCE, event->sequence);
	nla_put_u64(msg, WEFT_EVENT_A_TIME, event->time_ns);
	nla_put_u32(msg, WEFT_EVENT_A_IFINDEX, event->ifindex);
	nla_put_string(msg, WEFT_EVENT_A_IFNAME, event->ifname);
	nla_put(msg, WEFT_EVENT_A_PUBLIC_KEY, WEFT_KEY_BYTES,
		event->public_key.bytes);
	nla_put(msg, WEFT_EVENT_A_OLD_PUBLIC_KEY, WEFT_KEY_BYTES,
		event->old_public_key.bytes);
	nla_put_string(msg, WEFT_EVENT_A_PEER_NAME, event->peer_name);
	nla_put(msg, WEFT_EVENT_A_ENDPOINT, sizeof(event->endpoint.ip4),
		&event->endpoint.ip4);
	nla_put_u32(msg, WEFT_EVENT_A_HANDSHAKE_RTT, event->rtt_us);
}

static struct weft_event test_full_event(void)
{
	struct weft_event event = test_event(WEFT_EVENT_PEER_KEY_CHANGED,
					     WEFT_CAUSE_PACKET, 3);

	event.has_old_key = true;
	event.old_public_key = test_key('B');
	strcpy(event.peer_name, "b\xc3\xa4r \"1\"");
	event.endpoint.ip4.sin_family = AF_INET;
	event.endpoint.ip4.sin_port = htons(51820);
	event.endpoint.ip4.sin_addr.s_addr = htonl(0xc0000201);
	event.rtt_us = 1234;
	return event;
}

static void test_messages(void)
{
	struct weft_event sent = test_full_event(), got;
	struct nl_msg *msg = nlmsg_alloc_simple(20, 0);
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	int len, cut, bad = 0;

	test_put(msg, &sent);
	len = nlmsg_datalen(hdr);
	test_ok(!weft_event_parse(nlmsg_data(hdr), len, &got) &&
		!memcmp(&sent, &got, sizeof(got)), "an event comes through whole");
	for (cut = 0; cut < len; cut += 4)
		bad += weft_event_parse(nlmsg_data(hdr), cut, &got) == -EBADMSG;
	test_ok(bad > 10, "an event cut off before its name does not");
	nlmsg_free(msg);
}

static void test_run(struct test_bench *bench, int status, const char *name,
		     int argc, char **argv)
{
	test_ok(weft_command_main(&bench->ctx, argc, argv) == status, name);
	test_bench_flush(bench);
	test_ok(!bench->watched, "the command has unsubscribed");
}

static void test_monitor(const char *name, struct weft_event *events,
			 size_t count, int argc, char **argv, const char *out,
			 const char *err)
{
	struct test_bench bench;

	test_bench_start(&bench, "");
	bench.events = events;
	bench.event_count = count;
	bench.last = -EINTR;
	test_run(&bench, 0, name, argc, argv);
	test_text("the output", bench.out, out);
	test_text("the errors", bench.err, err);
	test_bench_end(&bench);
}

static void test_lines(void)
{
	char *text[] = { "weft", "monitor", NULL };
	char *json[] = { "weft", "monitor", "-j", NULL };
	char *other[] = { "weft", "monitor", "wft1", NULL };
	struct weft_event events[] = {
		test_event(WEFT_EVENT_DEVICE_ADDED, WEFT_CAUSE_ADMINISTRATION, 1),
		test_event(WEFT_EVENT_SESSION_GIVEN_UP, WEFT_CAUSE_UNANSWERED, 2),
		test_full_event(),
		test_event(99, 98, 4),
	};

	events[0].has_key = false;
	test_monitor("monitor", events, ARRAY_SIZE(events), 2, text,
		     "2001-09-09 01:46:40.123 wft0: device added (administration)\n"
		     "2001-09-09 01:46:40.123 wft0 " KEY_A ": session given up (unanswered)\n"
		     "2001-09-09 01:46:40.123 wft0 b\xc3\xa4r \"1\": peer key changed (packet), before: " KEY_B
		     ", at 192.0.2.1:51820, in 1.234 ms\n"
		     "2001-09-09 01:46:40.123 wft0 " KEY_A ": unknown (unknown)\n", "");
	test_monitor("monitor -j", events, ARRAY_SIZE(events), 3, json,
		     "{\"time\":\"2001-09-09T01:46:40.123456Z\",\"interface\":\"wft0\",\"sequence\":1,"
		     "\"event\":\"device-added\",\"cause\":\"administration\"}\n"
		     "{\"time\":\"2001-09-09T01:46:40.123456Z\",\"interface\":\"wft0\",\"sequence\":2,"
		     "\"event\":\"session-given-up\",\"cause\":\"unanswered\",\"public-key\":\"" KEY_A "\"}\n"
		     "{\"time\":\"2001-09-09T01:46:40.123456Z\",\"interface\":\"wft0\",\"sequence\":3,"
		     "\"event\":\"peer-key-changed\",\"cause\":\"packet\",\"public-key\":\"" KEY_A "\","
		     "\"old-public-key\":\"" KEY_B "\",\"name\":\"b\xc3\xa4r \\\"1\\\"\","
		     "\"endpoint\":\"192.0.2.1:51820\",\"handshake-rtt-us\":1234}\n"
		     "{\"time\":\"2001-09-09T01:46:40.123456Z\",\"interface\":\"wft0\",\"sequence\":4,"
		     "\"event\":\"unknown\",\"cause\":\"unknown\",\"public-key\":\"" KEY_A "\"}\n", "");
	test_monitor("monitor of another interface", events, ARRAY_SIZE(events),
		     3, other, "", "");
}

/* A time_t of 32 bits ends in 2038. */
static void test_times(void)
{
	char *text[] = { "weft", "monitor", NULL };
	char *json[] = { "weft", "monitor", "-j", NULL };
	struct weft_event event = test_event(WEFT_EVENT_PEER_ADDED, WEFT_CAUSE_NONE, 1);

	event.time_ns = 4500000000123456789ULL;
	test_monitor("monitor in the year 2112", &event, 1, 2, text,
		     "2112-08-07 08:00:00.123 wft0 " KEY_A ": peer added\n", "");
	test_monitor("monitor -j in the year 2112", &event, 1, 3, json,
		     "{\"time\":\"2112-08-07T08:00:00.123456Z\",\"interface\":\"wft0\",\"sequence\":1,"
		     "\"event\":\"peer-added\",\"cause\":\"none\",\"public-key\":\"" KEY_A "\"}\n", "");
}

static void test_gaps(void)
{
	char *text[] = { "weft", "monitor", NULL };
	char *json[] = { "weft", "monitor", "-j", NULL };
	struct weft_event events[] = {
		test_event(WEFT_EVENT_PEER_ADDED, WEFT_CAUSE_NONE, 10),
		test_event(0, 0, 0),
		test_event(WEFT_EVENT_PEER_ADDED, WEFT_CAUSE_NONE, 14),
		/* Another interface, then the first one's index again. */
		test_event(WEFT_EVENT_PEER_ADDED, WEFT_CAUSE_NONE, 100),
		test_event(WEFT_EVENT_DEVICE_ADDED, WEFT_CAUSE_NONE, 1),
		test_event(WEFT_EVENT_PEER_ADDED, WEFT_CAUSE_NONE, 2),
	};

	events[3].ifindex = 8;
	test_monitor("monitor, with a gap", events, ARRAY_SIZE(events), 2, text,
		     "2001-09-09 01:46:40.123 wft0 " KEY_A ": peer added\n"
		     "wft0: 3 events missed\n"
		     "2001-09-09 01:46:40.123 wft0 " KEY_A ": peer added\n"
		     "2001-09-09 01:46:40.123 wft0 " KEY_A ": peer added\n"
		     "2001-09-09 01:46:40.123 wft0 " KEY_A ": device added\n"
		     "2001-09-09 01:46:40.123 wft0 " KEY_A ": peer added\n",
		     "weft: warning: monitor: the queue of events was full, and events were lost\n");
	events[1] = events[2];
	strcpy(events[1].ifname, "w\"\xff" "0");
	events[1].sequence = 12;
	test_monitor("monitor -j, with a gap", events + 1, 2, 3, json,
		     "{\"time\":\"2001-09-09T01:46:40.123456Z\",\"interface\":\"w\\\"\xef\xbf\xbd" "0\",\"sequence\":12,"
		     "\"event\":\"peer-added\",\"cause\":\"none\",\"public-key\":\"" KEY_A "\"}\n"
		     "{\"interface\":\"wft0\",\"missed\":1}\n"
		     "{\"time\":\"2001-09-09T01:46:40.123456Z\",\"interface\":\"wft0\",\"sequence\":14,"
		     "\"event\":\"peer-added\",\"cause\":\"none\",\"public-key\":\"" KEY_A "\"}\n", "");
}

static void test_monitor_fails(void)
{
	char *words[] = { "weft", "monitor", NULL };
	struct weft_event event = test_full_event();
	struct test_bench bench;
	FILE *out;

	test_bench_start(&bench, "");
	bench.fail_watch = "no permission";
	test_run(&bench, 1, "monitor without the permission to subscribe", 2, words);
	test_text("the error is printed", bench.err, "weft: monitor: no permission\n");
	test_bench_end(&bench);

	test_bench_start(&bench, "");
	bench.events = &event;
	bench.event_count = 1;
	bench.last = -EIO;
	test_run(&bench, 1, "monitor whose socket fails", 2, words);
	test_text("the error is printed", bench.err, "weft: monitor: no more\n");
	test_bench_end(&bench);

	test_bench_start(&bench, "");
	bench.events = &event;
	bench.event_count = 1;
	bench.last = -EINTR;
	out = bench.ctx.out;
	bench.ctx.out = fopen("/dev/full", "w");
	test_run(&bench, 1, "monitor ends when its output cannot be written", 2, words);
	fclose(bench.ctx.out);
	bench.ctx.out = out;
	test_bench_end(&bench);
}

/* Peers A (idle), B (up) and C (given up, and named). */
static struct weft_device *test_peers(enum weft_kind kind)
{
	struct weft_device *dev = test_device("wft0", kind,
					      "[Peer]\nPublicKey = " KEY_A "\n"
					      "[Peer]\nPublicKey = " KEY_B "\n"
					      "[Peer]\nPublicKey = " KEY_C "\nEndpoint = 192.0.2.1:7\n");
	struct weft_peer *peer;

	for (peer = dev->peers; peer; peer = peer->next)
		peer->known = WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
	dev->peers->next->state = WEFT_PEER_STATE_UP;
	dev->last_peer->state = WEFT_PEER_STATE_GIVEN_UP;
	dev->last_peer->state_age_ms = 5999;
	dev->last_peer->known |= WEFT_ATTR_BIT(WEFT_PEER_A_RX_AGE);
	dev->peers->next->next_public_key = test_key('N');
	dev->peers->next->previous_public_key = test_key('Q');
	return dev;
}

#define WAIT_MAX	8

static const struct {
	const char *name;
	const char *words[WAIT_MAX];
	struct {
		__u32 type;
		char letter;
		__u64 sequence;
	} events[WAIT_MAX];
	int last;
	int status;
	const char *err;
	const char *sent;
	enum weft_kind kind;
	const char *fail_set;
} waits[] = {
	{
		"for all peers", { "wft0" }, { { WEFT_EVENT_SESSION_UP, 'C', 1 },
					 { WEFT_EVENT_ENDPOINT_CHANGED, 'A', 2 },
					 { WEFT_EVENT_SESSION_UP, 'A', 3 } },
		.sent = "wft0:\npeer A: update-only connect\npeer C: update-only connect\n",
	}, {
		"for one peer", { "wft0", "peer", KEY_A },
		{ { WEFT_EVENT_SESSION_UP, 'C', 1 }, { WEFT_EVENT_SESSION_RENEWED, 'A', 2 } },
		.sent = "wft0:\npeer A: update-only connect\n",
	}, {
		"for a peer that is up", { "wft0", "peer", KEY_B }, .last = -EIO,
	}, {
		"for a peer by its next key", { "wft0", "peer", KEY_N },
	}, {
		"for a peer by its previous key", { "wft0", "peer", KEY_Q },
	}, {
		"for an invalid key", { "wft0", "peer", KEY_NONE }, .status = 1,
		.err = "weft: wait: interface 'wft0' has no peer '" KEY_NONE "'\n",
	}, {
		"a timeout", { "wft0", "timeout", "7" }, .status = 1,
		.sent = "wft0:\npeer A: update-only connect\npeer C: update-only connect\n",
		.err = "weft: wait: peer " KEY_A " is not up after 7 s: idle for 0 s, no endpoint is known, no packet has arrived from it\n"
		       "weft: wait: peer " KEY_C " is not up after 7 s: given-up for 5 s\n",
	}, {
		"a timeout of 0", { "wft0", "peer", KEY_C, "timeout", "0" }, .status = 1,
		.err = "weft: wait: peer " KEY_C " is not up after 0 s: given-up for 5 s\n",
	}, {
		"for an unknown peer", { "wft0", "peer", KEY_P }, .status = 1,
		.err = "weft: wait: interface 'wft0' has no peer '" KEY_P "'\n",
	}, {
		"for an unknown interface", { "wft9" }, .status = 1,
		.err = "weft: cannot read interface 'wft9': No such device\n",
	}, {
		"lost events, and another look", { "wft0", "peer", KEY_A },
		{ { WEFT_EVENT_PEER_CHANGED, 'B', 1 }, { WEFT_EVENT_PEER_CHANGED, 'B', 3 },
		  { 0, 'A', 0 }, { WEFT_EVENT_SESSION_UP, 'A', 9 }, { WEFT_EVENT_SESSION_UP, 'A', 10 } },
		.sent = "wft0:\npeer A: update-only connect\n",
	}, {
		"the peer is removed", { "wft0", "peer", KEY_A }, { { WEFT_EVENT_PEER_REMOVED, 'A', 1 } },
		.status = 1, .sent = "wft0:\npeer A: update-only connect\n",
		.err = "weft: wait: peer '" KEY_A "' has been removed\n",
	}, {
		"one of all peers is removed", { "wft0" },
		{ { WEFT_EVENT_PEER_REMOVED, 'A', 1 }, { WEFT_EVENT_SESSION_UP, 'C', 2 } },
		.sent = "wft0:\npeer A: update-only connect\npeer C: update-only connect\n",
	}, {
		"the interface is removed", { "wft0" }, { { WEFT_EVENT_DEVICE_REMOVED, 'A', 1 } },
		.status = 1,
		.sent = "wft0:\npeer A: update-only connect\npeer C: update-only connect\n",
		.err = "weft: wait: interface 'wft0' has been removed\n",
	}, {
		"interrupted", { "wft0", "peer", KEY_A }, .last = -EINTR, .status = 1,
		.sent = "wft0:\npeer A: update-only connect\n",
		.err = "weft: wait: interrupted\n",
	}, {
		"a link of kind wireguard", { "wft0" }, .kind = WEFT_KIND_WIREGUARD, .status = 1,
		.err = "weft: wait: 'wft0' is a link of kind wireguard, which has no events: only kind weft has\n",
	}, {
		"refused", { "wft0" }, .fail_set = "the interface is down", .status = 1,
		.err = "weft: wait: cannot begin handshakes on interface 'wft0': the interface is down\n",
	}, {
		"no time", { "wft0", "timeout", "soon" }, .status = 1,
		.err = "weft: wait: timeout: 'soon' is not a time: use a number of seconds from 0 (only look) to 86400\n",
	}, {
		"no key", { "wft0", "peer" }, .status = 1,
		.err = "weft: wait: peer: requires a value: KEY|NAME\n",
	}, {
		"no word", { "wft0", "long" }, .status = 1,
		.err = "weft: wait: unexpected argument 'long': use peer KEY|NAME or timeout SECONDS\n",
	},
};

static void test_wait(size_t i)
{
	struct weft_event events[WAIT_MAX];
	char *words[WAIT_MAX + 3] = { "weft", "wait" };
	struct test_bench bench;
	int argc = 2;
	size_t n;

	test_bench_start(&bench, "");
	bench.devices[0] = test_peers(waits[i].kind ?: WEFT_KIND_WEFT);
	for (n = 0; n < WAIT_MAX && waits[i].words[n]; n++)
		words[argc++] = (char *)waits[i].words[n];
	for (n = 0; n < WAIT_MAX && waits[i].events[n].letter; n++) {
		events[n] = test_event(waits[i].events[n].type, WEFT_CAUSE_NONE,
				       waits[i].events[n].sequence);
		events[n].public_key = test_key(waits[i].events[n].letter);
	}
	bench.events = events;
	bench.event_count = n;
	bench.last = waits[i].last;
	bench.fail_set = waits[i].fail_set;
	printf("# wait %s\n", waits[i].name);
	test_run(&bench, waits[i].status, waits[i].name, argc, words);
	test_text("the errors", bench.err, waits[i].err ?: "");
	test_text("the requests to the kernel", bench.sent, waits[i].sent ?: "");
	test_ok(!bench.event_count, "no further event is read");
	test_bench_end(&bench);
}

/* Names of the last numbers, and none beyond. */
static void test_names(void)
{
	test_ok(weft_event_cause_name(WEFT_CAUSE_UNDO) && !weft_event_cause_name(WEFT_CAUSE_UNDO + 1) &&
		!weft_event_cause_name(~0U), "causes behind the last have no name");
	test_ok(!weft_event_type_name(~0U), "types behind the last have no name");
}

static void test_missed(void)
{
	struct weft_event event = test_event(WEFT_EVENT_PEER_CHANGED, WEFT_CAUSE_NONE, 7);
	struct weft_event_cursor *cursors = NULL;

	test_ok(!weft_event_missed(&cursors, &event), "before the first event no event is missed");
	test_ok(!weft_event_missed(&cursors, &event), "a repeated event leaves no gap");
	event.sequence = 8;
	test_ok(!weft_event_missed(&cursors, &event), "the next event leaves no gap");
	event.sequence = 10;
	test_ok(weft_event_missed(&cursors, &event) == 1, "a skipped number is a missed event");
	event.ifindex = 8;
	event.sequence = 20;
	test_ok(!weft_event_missed(&cursors, &event), "each interface counts by itself");
	event.ifindex = 7;
	event.sequence = 3;
	test_ok(!weft_event_missed(&cursors, &event), "numbers may begin again");
	event.sequence = 9;
	event.type = WEFT_EVENT_DEVICE_ADDED;
	test_ok(!weft_event_missed(&cursors, &event), "the numbers of a new interface begin again");
	weft_event_forget(&cursors);
	test_ok(!cursors, "all counts are freed");
}

int main(void)
{
	size_t i;

	setenv("TZ", "UTC", 1);
	tzset();
	test_messages();
	test_lines();
	test_times();
	test_gaps();
	test_monitor_fails();
	for (i = 0; i < ARRAY_SIZE(waits); i++)
		test_wait(i);
	test_names();
	test_missed();
	return test_end();
}
