// SPDX-License-Identifier: GPL-2.0
/* Checks of the interface. Findings are worded for administrators, not in the protocol's terms. */
#include "base/array.h"
#include "conf/profile.h"
#include "doctor/checks.h"
#include "doctor/doctor.h"
#include "model/attr.h"

/* Drops that grow now, or earlier ones while a fault persists. */
static __u64 doctor_counts(const struct weft_doctor_facts *facts, int reason)
{
	__u64 count = facts->last->drops[reason];

	if (count > facts->first->drops[reason])
		return count;
	return weft_doctor_index_all_up(facts->index) ? 0 : count;
}

static bool check_no_key(const struct weft_doctor_facts *facts,
			 struct weft_doctor_finding *finding)
{
	if (facts->last->has & WEFT_DEVICE_HAS_PRIVATE_KEY)
		return false;
	fputs("the interface has no private key: no handshake is possible",
	      finding->what);
	fprintf(finding->mend, "(umask 077; weft genkey >KEYFILE); weft set %s private-key KEYFILE",
		weft_doctor_word(facts).chars);
	return true;
}

static bool check_down(const struct weft_doctor_facts *facts,
		       struct weft_doctor_finding *finding)
{
	if (facts->link.up)
		return false;
	fputs("the interface is down", finding->what);
	fprintf(finding->mend, "ip link set %s up", weft_doctor_word(facts).chars);
	return true;
}

static bool check_no_peers(const struct weft_doctor_facts *facts,
			   struct weft_doctor_finding *finding)
{
	if (facts->peer_count)
		return false;
	fputs("the interface has no peers", finding->what);
	fprintf(finding->mend, "weft set %s peer KEY allowed-ips IP/LENGTH endpoint HOST:PORT",
		weft_doctor_word(facts).chars);
	return true;
}

static bool check_barred_in(const struct weft_doctor_facts *facts,
			    struct weft_doctor_finding *finding)
{
	const struct weft_doctor_wall *wall = weft_doctor_wall(facts, false);

	if (!wall)
		return false;
	fprintf(finding->what, "this machine's firewall blocks incoming UDP to port %u: %s",
		facts->last->listen_port, wall->in.culprit);
	weft_doctor_tell_mend(&wall->in, finding);
	return true;
}

static bool check_barred_out(const struct weft_doctor_facts *facts,
			     struct weft_doctor_finding *finding)
{
	const struct weft_doctor_wall *wall = weft_doctor_wall(facts, true);

	if (!wall)
		return false;
	fprintf(finding->what, "this machine's firewall blocks outgoing UDP from port %u: %s",
		facts->last->listen_port, wall->out.culprit);
	weft_doctor_tell_mend(&wall->out, finding);
	return true;
}

/*
 * The firewall accepts only answers, in every family that the tunnel uses. Below
 * WEFT_BARS that is uncertain, and the least certain family is returned.
 */
static const struct weft_bar *doctor_shuts_out(const struct weft_doctor_facts *facts,
					       enum weft_bars least)
{
	const struct weft_doctor_wall *wall;
	const struct weft_bar *bar = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(facts->walls); i++) {
		wall = &facts->walls[i];
		if (!wall->used)
			continue;
		if (wall->fresh.bars < least || wall->in.bars == WEFT_BARS)
			return NULL;
		if (!bar || wall->fresh.bars < bar->bars)
			bar = &wall->fresh;
	}
	return bar;
}

static const struct weft_bar *doctor_bars_calls(const struct weft_doctor_facts *facts)
{
	return doctor_shuts_out(facts, WEFT_BARS);
}

/* A peer without an endpoint has to initiate, and does not. */
static bool doctor_misses_caller(const struct weft_doctor_facts *facts)
{
	size_t i;

	for (i = 0; i < facts->peer_count; i++)
		if (!weft_doctor_has_endpoint(&facts->peers[i]) &&
		    !weft_doctor_is_up(facts, &facts->peers[i]))
			return true;
	return false;
}

static bool doctor_tell_bars_calls(const struct weft_doctor_facts *facts,
				   struct weft_doctor_finding *finding)
{
	const struct weft_bar *bar = doctor_bars_calls(facts);

	if (!bar)
		return false;
	fprintf(finding->what,
		"this machine's firewall accepts only replies, and blocks handshake initiations to UDP port %u: %s",
		facts->last->listen_port, bar->culprit);
	weft_doctor_tell_mend(bar, finding);
	return true;
}

static bool check_barred_calls(const struct weft_doctor_facts *facts,
			       struct weft_doctor_finding *finding)
{
	return doctor_misses_caller(facts) &&
	       doctor_tell_bars_calls(facts, finding);
}

/* A rule that may accept initiations may be meant for other hosts. */
static bool check_perhaps_barred_calls(const struct weft_doctor_facts *facts,
				       struct weft_doctor_finding *finding)
{
	const struct weft_bar *bar = doctor_shuts_out(facts, WEFT_BARS_UNLESS);

	if (!bar || bar->bars == WEFT_BARS || !doctor_misses_caller(facts))
		return false;
	fprintf(finding->what,
		"this machine's firewall may block handshake initiations to UDP port %u: %s, with conditions that weft cannot evaluate",
		facts->last->listen_port, bar->culprit);
	weft_doctor_tell_mend(bar, finding);
	return true;
}

/* The tunnel works only while the firewall tracks the flow. */
static bool check_bars_calls(const struct weft_doctor_facts *facts,
			     struct weft_doctor_finding *finding)
{
	size_t i, callers = 0;

	for (i = 0; i < facts->peer_count; i++)
		callers += facts->peers[i].calls;
	return callers && !doctor_misses_caller(facts) &&
	       doctor_tell_bars_calls(facts, finding);
}

static bool check_unread_firewall(const struct weft_doctor_facts *facts,
				  struct weft_doctor_finding *finding)
{
	if (!facts->unread)
		return false;
	fprintf(finding->what,
		"this machine's firewall cannot be read, and its rules were not checked: %s",
		facts->unread);
	fprintf(finding->mend,
		"install nftables with JSON support, or find out why this fails: nft -j list ruleset; then: weft doctor %s",
		weft_doctor_word(facts).chars);
	return true;
}

static bool check_another_key(const struct weft_doctor_facts *facts,
			      struct weft_doctor_finding *finding)
{
	__u64 count = doctor_counts(facts, WEFT_DROPS_A_MAC);

	if (!count)
		return false;
	fprintf(finding->what,
		"%llu handshake initiations were for another public key than this interface's",
		weft_doctor_number(count));
	fprintf(finding->mend,
		"on the peer, this key has to replace the one that is configured: weft set IFACE peer %s ...",
		weft_key_encode(&facts->last->public_key).chars);
	return true;
}

static bool check_unknown_peer(const struct weft_doctor_facts *facts,
			       struct weft_doctor_finding *finding)
{
	__u64 count = doctor_counts(facts, WEFT_DROPS_A_UNKNOWN_PEER);

	if (!count)
		return false;
	fprintf(finding->what,
		"%llu handshake initiations came from a public key that is not configured here",
		weft_doctor_number(count));
	fprintf(finding->mend,
		"weft set %s peer KEY allowed-ips IP/LENGTH, where KEY is the output of 'weft show IFACE public-key' on the peer",
		weft_doctor_word(facts).chars);
	return true;
}

/*
 * Forwarding is wanted where packets for other hosts arrive, or, for IPv4, where
 * the file asks for it.
 */
static bool check_forwarding(const struct weft_doctor_facts *facts,
			     struct weft_doctor_finding *finding)
{
	bool hub = facts->peer_count > 1;
	bool asked = facts->profile &&
		     facts->profile->forwarding == WEFT_SWITCH_ON;
	bool bad4, bad6;

	bad4 = !facts->forwarding4 &&
	       (asked || (hub && facts->grew.not_forwarded4));
	bad6 = !facts->forwarding6 && hub && facts->grew.not_forwarded6;
	if (!bad4 && !bad6)
		return false;
	fprintf(finding->what,
		"packets for other hosts are not forwarded: %s is off",
		bad4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding");
	fprintf(finding->mend, "sysctl -w %s=1",
		bad4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding");
	return true;
}

static bool check_silent(const struct weft_doctor_facts *facts,
			 struct weft_doctor_finding *finding)
{
	size_t i;

	for (i = 0; i < facts->peer_count; i++)
		if (facts->peers[i].last->rx_bytes ||
		    facts->peers[i].last->drops[WEFT_DROPS_A_NO_ENDPOINT] ||
		    weft_doctor_has_endpoint(&facts->peers[i]))
			return false;
	for (i = 1; i <= WEFT_DROPS_A_MAX; i++)
		if (!weft_drop_names[i].out && facts->last->drops[i])
			return false;
	if (!facts->peer_count || doctor_bars_calls(facts))
		return false;
	fputs("no handshake initiation has arrived, and no peer's endpoint is known",
	      finding->what);
	fprintf(finding->mend,
		"weft set %s peer KEY endpoint HOST:PORT, or run 'weft doctor' on the peer",
		weft_doctor_word(facts).chars);
	return true;
}

#define E	WEFT_DOCTOR_ERROR
#define W	WEFT_DOCTOR_WARNING

const struct weft_doctor_check weft_doctor_device_checks[] = {
	{ "no-private-key", E, true, false, check_no_key, NULL },
	{ "down", E, true, false, check_down, NULL },
	{ "no-peers", W, false, false, check_no_peers, NULL },
	{ "barred-in", E, true, false, check_barred_in, NULL },
	{ "barred-out", E, true, false, check_barred_out, NULL },
	{ "barred-new", E, false, false, check_barred_calls, NULL },
	{ "barred-new", W, false, false, check_bars_calls, NULL },
	{ "perhaps-barred", W, false, true, check_perhaps_barred_calls, NULL },
	{ "unread-firewall", W, false, false, check_unread_firewall, NULL },
	{ "another-key", E, false, false, check_another_key, NULL },
	{ "unknown-peer", E, false, false, check_unknown_peer, NULL },
	{ "forwarding-off", E, false, false, check_forwarding, NULL },
	{ "nobody-calls", W, false, true, check_silent, NULL },
	{ }
};
