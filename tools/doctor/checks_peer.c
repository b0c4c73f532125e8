// SPDX-License-Identifier: GPL-2.0
/* Checks of a peer. Findings are worded for administrators, not in the protocol's terms. */
#include <string.h>

#include "conf/profile.h"
#include "doctor/checks.h"
#include "doctor/doctor.h"
#include "model/attr.h"
#include "model/format.h"

/* A message adds headers and a tag to an inner packet: 20 or 40, 8, 16, 16 bytes. */
#define DOCTOR_OVERHEAD_IP4	60
#define DOCTOR_OVERHEAD_IP6	80
#define DOCTOR_IP6_MTU_MIN	1280

/* One change of endpoint is roaming; two returns mean that two hosts share the key. */
#define DOCTOR_RETURNS_MIN	2

static struct weft_shell_text doctor_peer_word(const struct weft_peer *peer)
{
	return weft_format_shell(weft_format_peer(peer).chars);
}

static __u64 doctor_peer_counts(const struct weft_doctor_facts *facts,
				const struct weft_doctor_peer *peer, int reason)
{
	__u64 count = peer->last->drops[reason];

	if (count > peer->first->drops[reason])
		return count;
	return weft_doctor_is_up(facts, peer) ? 0 : count;
}

static bool check_unresolved(const struct weft_doctor_facts *facts,
			     const struct weft_doctor_peer *peer,
			     struct weft_doctor_finding *finding)
{
	if (!peer->unresolved)
		return false;
	fprintf(finding->what, "its endpoint, '%s' in %s, does not resolve to an address",
		peer->unresolved, facts->path ? facts->path : "the file");
	fprintf(finding->mend, "correct the name, or the name servers; then: weft resolve %s",
		weft_doctor_word(facts).chars);
	return true;
}

static bool check_no_endpoint(const struct weft_doctor_facts *facts,
			      const struct weft_doctor_peer *peer,
			      struct weft_doctor_finding *finding)
{
	if (weft_doctor_has_endpoint(peer) || peer->unresolved ||
	    !peer->last->drops[WEFT_DROPS_A_NO_ENDPOINT])
		return false;
	fprintf(finding->what, "%llu packets to the peer were dropped: its endpoint is not known",
		weft_doctor_number(peer->last->drops[WEFT_DROPS_A_NO_ENDPOINT]));
	fprintf(finding->mend, "weft set %s peer %s endpoint HOST:PORT",
		weft_doctor_word(facts).chars, doctor_peer_word(peer->last).chars);
	return true;
}

static bool check_no_way(const struct weft_doctor_facts *facts,
			 const struct weft_doctor_peer *peer,
			 struct weft_doctor_finding *finding)
{
	(void)facts;
	if (!weft_doctor_has_endpoint(peer) || !peer->way.asked || peer->way.found)
		return false;
	fprintf(finding->what, "no route leads to its endpoint, %s",
		weft_format_endpoint(&peer->last->endpoint).chars);
	fputs("ip route add ADDRESS via GATEWAY, or bring up the interface that leads there",
	      finding->mend);
	return true;
}

static bool check_loop(const struct weft_doctor_facts *facts,
		       const struct weft_doctor_peer *peer,
		       struct weft_doctor_finding *finding)
{
	if (!peer->way.found || strcmp(peer->way.dev, weft_doctor_name(facts)))
		return false;
	fprintf(finding->what, "the route to its endpoint, %s, leads into the tunnel itself",
		weft_format_endpoint(&peer->last->endpoint).chars);
	fprintf(finding->mend,
		"ip route add ADDRESS via GATEWAY dev DEVICE; or a mark with a routing table of its own, as 'weft up' sets it: weft set %s fwmark MARK",
		weft_doctor_word(facts).chars);
	return true;
}

/* Findings about packets from and to any peer are reported once, for the interface. */
static bool check_barred_peer_in(const struct weft_doctor_facts *facts,
				 const struct weft_doctor_peer *peer,
				 struct weft_doctor_finding *finding)
{
	if (peer->in.bars != WEFT_BARS || peer->in.reverse ||
	    weft_doctor_is_up(facts, peer) || weft_doctor_wall(facts, false))
		return false;
	fprintf(finding->what, "this machine's firewall blocks incoming UDP from %s: %s",
		weft_format_endpoint(&peer->last->endpoint).chars,
		peer->in.culprit);
	weft_doctor_tell_mend(&peer->in, finding);
	return true;
}

static bool check_barred(const struct weft_doctor_facts *facts,
			 const struct weft_doctor_peer *peer,
			 struct weft_doctor_finding *finding)
{
	if (peer->out.bars != WEFT_BARS || weft_doctor_is_up(facts, peer) ||
	    weft_doctor_wall(facts, true))
		return false;
	fprintf(finding->what, "this machine's firewall blocks outgoing UDP to %s: %s",
		weft_format_endpoint(&peer->last->endpoint).chars,
		peer->out.culprit);
	weft_doctor_tell_mend(&peer->out, finding);
	return true;
}

static bool check_refused(const struct weft_doctor_facts *facts,
			  const struct weft_doctor_peer *peer,
			  struct weft_doctor_finding *finding)
{
	if (peer->probe != WEFT_PROBE_REFUSED || weft_doctor_is_up(facts, peer))
		return false;
	fprintf(finding->what, "ICMP errors report that no socket listens at %s",
		weft_format_endpoint(&peer->last->endpoint).chars);
	fprintf(finding->mend,
		"on the peer: bring the interface up, and compare 'weft show IFACE listen-port'; then here: weft set %s peer %s endpoint HOST:PORT",
		weft_doctor_word(facts).chars, doctor_peer_word(peer->last).chars);
	return true;
}

static bool check_unreachable(const struct weft_doctor_facts *facts,
			      const struct weft_doctor_peer *peer,
			      struct weft_doctor_finding *finding)
{
	if (peer->probe != WEFT_PROBE_UNREACHABLE || weft_doctor_is_up(facts, peer) ||
	    !peer->way.found || !strcmp(peer->way.dev, weft_doctor_name(facts)))
		return false;
	fprintf(finding->what, "ICMP errors report that %s is unreachable",
		weft_format_endpoint(&peer->last->endpoint).chars);
	fprintf(finding->mend, "ping that address; weft set %s peer %s endpoint HOST:PORT",
		weft_doctor_word(facts).chars, doctor_peer_word(peer->last).chars);
	return true;
}

static bool check_preshared(const struct weft_doctor_facts *facts,
			    const struct weft_doctor_peer *peer,
			    struct weft_doctor_finding *finding)
{
	__u64 count = doctor_peer_counts(facts, peer, WEFT_DROPS_A_PRESHARED);

	if (!count)
		return false;
	fprintf(finding->what,
		"%llu of its handshake responses do not match the preshared key here%s",
		weft_doctor_number(count),
		peer->last->has & WEFT_PEER_HAS_PRESHARED_KEY ? "" :
		", which is not set");
	fprintf(finding->mend,
		"set the same key on both sides: weft set %s peer %s preshared-key KEYFILE",
		weft_doctor_word(facts).chars, doctor_peer_word(peer->last).chars);
	return true;
}

static bool check_answers(const struct weft_doctor_facts *facts,
			  const struct weft_doctor_peer *peer,
			  struct weft_doctor_finding *finding)
{
	__u64 count = doctor_peer_counts(facts, peer, WEFT_DROPS_A_HANDSHAKE);

	if (!count || weft_doctor_is_up(facts, peer))
		return false;
	fprintf(finding->what,
		"%llu of its handshake messages fail to authenticate: this interface's public key there, or the peer's here, is wrong",
		weft_doctor_number(count));
	fprintf(finding->mend,
		"compare 'weft show IFACE public-key' with 'weft show IFACE peers' of the other side, both ways; the key here is %s",
		weft_key_encode(&facts->last->public_key).chars);
	return true;
}

static bool doctor_is_two(const struct weft_doctor_peer *peer)
{
	return peer->returns >= DOCTOR_RETURNS_MIN;
}

static bool check_same_key(const struct weft_doctor_facts *facts,
			   const struct weft_doctor_peer *peer,
			   struct weft_doctor_finding *finding)
{
	(void)facts;
	if (!doctor_is_two(peer))
		return false;
	fprintf(finding->what, "its endpoint alternates between %s and ",
		weft_format_endpoint(&peer->endpoints[0]).chars);
	fprintf(finding->what, "%s: two machines use its private key",
		weft_format_endpoint(&peer->endpoints[1]).chars);
	fprintf(finding->mend,
		"give one of the two a private key of its own, and add its public key as another peer here");
	return true;
}

static bool check_timestamp(const struct weft_doctor_facts *facts,
			    const struct weft_doctor_peer *peer,
			    struct weft_doctor_finding *finding)
{
	__u64 count = doctor_peer_counts(facts, peer, WEFT_DROPS_A_TIMESTAMP);

	if (!count || doctor_is_two(peer))
		return false;
	fprintf(finding->what,
		"%llu of its handshake initiations are older than the last accepted one: its clock went back",
		weft_doctor_number(count));
	fprintf(finding->mend, "correct its clock, or: weft set %s peer %s forget-timestamp",
		weft_doctor_word(facts).chars, doctor_peer_word(peer->last).chars);
	return true;
}

static bool check_unconfirmed(const struct weft_doctor_facts *facts,
			      const struct weft_doctor_peer *peer,
			      struct weft_doctor_finding *finding)
{
	const struct weft_peer *last = peer->last;

	if (last->handshakes_received <= last->handshakes_completed ||
	    last->handshakes_received < 2 || weft_doctor_is_up(facts, peer) ||
	    doctor_peer_counts(facts, peer, WEFT_DROPS_A_PRESHARED))
		return false;
	fprintf(finding->what,
		"it sends handshake initiations, and ignores the responses: its preshared key differs, or the responses are lost");
	fprintf(finding->mend,
		"set the same key on both sides: weft set %s peer %s preshared-key KEYFILE; or run 'weft doctor' on the peer",
		weft_doctor_word(facts).chars, doctor_peer_word(last).chars);
	return true;
}

static void doctor_mend_marks(const struct weft_doctor_facts *facts,
			      struct weft_doctor_finding *finding)
{
	if (facts->profile && facts->unmarked_table)
		fprintf(finding->mend, "weft up %s, which restores the nft table; or: ",
			weft_doctor_word(facts).chars);
}

/*
 * A strict reverse path filter looks the route back up without a mark. Its drop
 * counter may not move while the doctor watches.
 */
static bool check_rp_filter_outer(const struct weft_doctor_facts *facts,
				  const struct weft_doctor_peer *peer,
				  struct weft_doctor_finding *finding)
{
	if (!peer->outer_strict || weft_doctor_is_up(facts, peer) ||
	    !peer->way.found || !strcmp(peer->way.dev, peer->unmarked.dev) ||
	    !strcmp(peer->way.dev, weft_doctor_name(facts)))
		return false;
	fprintf(finding->what,
		"rp_filter is strict on %s, and drops packets from %s: without the interface's mark the route back is another one",
		peer->way.dev, weft_format_endpoint(&peer->last->endpoint).chars);
	doctor_mend_marks(facts, finding);
	fprintf(finding->mend,
		"sysctl -w %s net.ipv4.conf.all.rp_filter=2",
		weft_format_sysctl(peer->way.dev, "rp_filter", "=2").chars);
	return true;
}

static bool check_rp_filter_rule(const struct weft_doctor_facts *facts,
				 const struct weft_doctor_peer *peer,
				 struct weft_doctor_finding *finding)
{
	if (peer->in.bars != WEFT_BARS || !peer->in.reverse ||
	    weft_doctor_is_up(facts, peer))
		return false;
	fprintf(finding->what,
		"%s drops packets from %s: without the interface's mark the route back is another one",
		peer->in.culprit,
		weft_format_endpoint(&peer->last->endpoint).chars);
	doctor_mend_marks(facts, finding);
	weft_doctor_tell_mend(&peer->in, finding);
	return true;
}

static bool doctor_way_is_own(const struct weft_doctor_facts *facts,
			      const struct weft_doctor_prefix *prefix)
{
	return !prefix->way.asked ||
	       (prefix->way.found && !strcmp(prefix->way.dev, weft_doctor_name(facts)));
}

static const struct weft_doctor_prefix *
doctor_first_astray(const struct weft_doctor_facts *facts,
		    const struct weft_doctor_peer *peer, bool found)
{
	size_t i;

	/* A link that is down has no routes. */
	for (i = 0; facts->link.up && i < peer->prefix_count; i++)
		if (!doctor_way_is_own(facts, &peer->prefixes[i]) &&
		    peer->prefixes[i].way.found == found)
			return &peer->prefixes[i];
	return NULL;
}

static bool doctor_rp_filters(const struct weft_doctor_facts *facts,
			      const struct weft_doctor_peer *peer)
{
	const struct weft_doctor_prefix *astray;

	astray = doctor_first_astray(facts, peer, true);
	if (!astray)
		astray = doctor_first_astray(facts, peer, false);
	return facts->strict && facts->grew.rp_filtered && astray &&
	       astray->ip->family == AF_INET;
}

static bool check_rp_filter(const struct weft_doctor_facts *facts,
			    const struct weft_doctor_peer *peer,
			    struct weft_doctor_finding *finding)
{
	if (!doctor_rp_filters(facts, peer))
		return false;
	fprintf(finding->what,
		"rp_filter is strict, and drops packets from allowed IPs of the peer whose route back is not through %s",
		weft_doctor_name(facts));
	fprintf(finding->mend,
		"sysctl -w %s net.ipv4.conf.all.rp_filter=2, or add the routes",
		weft_format_sysctl(weft_doctor_name(facts), "rp_filter", "=2").chars);
	return true;
}

static bool check_no_route(const struct weft_doctor_facts *facts,
			   const struct weft_doctor_peer *peer,
			   struct weft_doctor_finding *finding)
{
	const struct weft_doctor_prefix *prefix;

	prefix = doctor_first_astray(facts, peer, false);
	if (!prefix || doctor_rp_filters(facts, peer))
		return false;
	fprintf(finding->what, "no route leads to its allowed IP %s/%u",
		weft_format_address(prefix->ip).chars, prefix->ip->cidr);
	fprintf(finding->mend, "ip route add %s/%u dev %s",
		weft_format_address(prefix->ip).chars, prefix->ip->cidr,
		weft_doctor_word(facts).chars);
	return true;
}

static bool check_shadowed(const struct weft_doctor_facts *facts,
			   const struct weft_doctor_peer *peer,
			   struct weft_doctor_finding *finding)
{
	const struct weft_doctor_prefix *prefix;

	prefix = doctor_first_astray(facts, peer, true);
	if (!prefix || doctor_rp_filters(facts, peer))
		return false;
	fprintf(finding->what,
		"the route to its allowed IP %s/%u leads to %s, and not into the tunnel",
		weft_format_address(prefix->ip).chars, prefix->ip->cidr,
		prefix->way.dev);
	fprintf(finding->mend,
		"remove the route through %s, or add more specific ones: ip route add IP/LENGTH dev %s",
		prefix->way.dev, weft_doctor_word(facts).chars);
	return true;
}

/*
 * The longest prefix wins by design, under a default route as with a hub beside
 * direct peers. The finding is a prefix of a peer that is up, of which a part belongs
 * to a peer that is not.
 */
static bool check_overlap(const struct weft_doctor_facts *facts,
			  const struct weft_doctor_peer *peer,
			  struct weft_doctor_finding *finding)
{
	const struct weft_allowedip *ip, *other = NULL;
	const struct weft_doctor_peer *taker = NULL;

	if (!weft_doctor_is_up(facts, peer))
		return false;
	for (ip = peer->last->allowedips; ip; ip = ip->next) {
		other = ip->cidr ? weft_doctor_index_within(facts->index, ip, &taker) :
				   NULL;
		if (other)
			break;
	}
	if (!other)
		return false;
	fprintf(finding->what, "a part of its allowed IP %s/%u belongs to another peer: ",
		weft_format_address(ip).chars, ip->cidr);
	fprintf(finding->what, "%s/%u to peer %s, which is not up",
		weft_format_address(other).chars, other->cidr,
		weft_format_peer(taker->last).chars);
	fprintf(finding->mend, "if that is not intended: weft set %s peer %s allowed-ips -%s/%u",
		weft_doctor_word(facts).chars, doctor_peer_word(taker->last).chars,
		weft_format_address(other).chars, other->cidr);
	return true;
}

static const struct weft_allowedip *doctor_lost(const struct weft_peer *wanted,
						const struct weft_peer *peer)
{
	const struct weft_allowedip *ip, *have;
	struct weft_allowedip masked;

	for (ip = wanted->allowedips; ip; ip = ip->next) {
		masked = *ip;
		weft_model_allowedip_mask(&masked);
		have = peer->allowedips;
		while (have && weft_model_allowedip_compare(&masked, have))
			have = have->next;
		if (!have)
			return ip;
	}
	return NULL;
}

static bool check_twice(const struct weft_doctor_facts *facts,
			const struct weft_doctor_peer *peer,
			struct weft_doctor_finding *finding)
{
	const struct weft_allowedip *lost = NULL;

	if (peer->wanted)
		lost = doctor_lost(peer->wanted, peer->last);
	if (!lost)
		return false;
	fprintf(finding->what,
		"%s lists allowed IP %s/%u for it, and the interface does not have that: an allowed IP belongs to one peer",
		facts->path ? facts->path : "the file",
		weft_format_address(lost).chars, lost->cidr);
	fprintf(finding->mend, "list it for one peer only, in the file; then: weft up %s",
		weft_doctor_word(facts).chars);
	return true;
}

/* Of an interface with a smaller MTU than IPv6 needs the kernel removes the IPv6 addresses. */
static void doctor_mend_mtu(const struct weft_doctor_facts *facts, unsigned int mtu,
			    unsigned int overhead, FILE *mend)
{
	if (mtu < DOCTOR_IP6_MTU_MIN)
		fprintf(mend, "a path with an MTU of %u, for IPv6 in the tunnel; without IPv6: ",
			DOCTOR_IP6_MTU_MIN + overhead);
	fprintf(mend, "ip link set %s mtu %u", weft_doctor_word(facts).chars, mtu);
	if (facts->last->kind == WEFT_KIND_WEFT)
		fprintf(mend, ", or: weft set %s pmtu on", weft_doctor_word(facts).chars);
}

static bool check_mtu(const struct weft_doctor_facts *facts,
		      const struct weft_doctor_peer *peer,
		      struct weft_doctor_finding *finding)
{
	unsigned int overhead = DOCTOR_OVERHEAD_IP4;

	if (peer->last->endpoint.any.sa_family == AF_INET6)
		overhead = DOCTOR_OVERHEAD_IP6;
	if (facts->pmtu || !peer->way.found || peer->way.mtu <= overhead ||
	    !strcmp(peer->way.dev, weft_doctor_name(facts)) ||
	    facts->link.mtu + overhead <= peer->way.mtu)
		return false;
	fprintf(finding->what,
		"the MTU of %s, %u, is too large: the path MTU to %s is %u, which leaves %u",
		weft_doctor_name(facts), facts->link.mtu,
		weft_format_endpoint(&peer->last->endpoint).chars, peer->way.mtu,
		peer->way.mtu - overhead);
	doctor_mend_mtu(facts, peer->way.mtu - overhead, overhead, finding->mend);
	return true;
}

/*
 * The state decides, not only the handshakes sent meanwhile: while a silent session
 * lives, no handshake need be due.
 */
static bool doctor_is_unanswered(const struct weft_doctor_facts *facts,
				 const struct weft_doctor_peer *peer)
{
	bool tried = peer->last->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE) ?
		     !weft_doctor_has_heard(peer) : weft_doctor_initiates(peer);

	return weft_doctor_has_endpoint(peer) && !weft_doctor_is_up(facts, peer) &&
	       tried;
}

/* A rule with a condition that is not understood: a hint, in the absence of a reason. */
static bool check_perhaps_barred(const struct weft_doctor_facts *facts,
				 const struct weft_doctor_peer *peer,
				 struct weft_doctor_finding *finding)
{
	const struct weft_bar *bar = &peer->in;
	bool out;

	out = peer->out.bars > peer->in.bars;
	if (out)
		bar = &peer->out;
	if (!bar->bars || bar->bars == WEFT_BARS ||
	    !doctor_is_unanswered(facts, peer))
		return false;
	fprintf(finding->what,
		"this machine's firewall may block %s %s: %s, with conditions that weft cannot evaluate",
		out ? "outgoing UDP to" : "incoming UDP from",
		weft_format_endpoint(&peer->last->endpoint).chars, bar->culprit);
	weft_doctor_tell_mend(bar, finding);
	return true;
}

static bool check_unknown_there(const struct weft_doctor_facts *facts,
				const struct weft_doctor_peer *peer,
				struct weft_doctor_finding *finding)
{
	const struct weft_doctor_peer *neighbour;

	neighbour = weft_doctor_index_neighbour(facts->index, peer);

	if (!neighbour || !doctor_is_unanswered(facts, peer))
		return false;
	fprintf(finding->what,
		"it does not answer, and peer %s at the same address does: it does not have this interface's public key, or its own key differs",
		weft_format_peer(neighbour->last).chars);
	fprintf(finding->mend,
		"on the peer: weft set IFACE peer %s allowed-ips IP/LENGTH, and compare 'weft show IFACE public-key' with ",
		weft_key_encode(&facts->last->public_key).chars);
	fputs(weft_key_encode(&peer->last->public_key).chars, finding->mend);
	return true;
}

static bool check_unanswered(const struct weft_doctor_facts *facts,
			     const struct weft_doctor_peer *peer,
			     struct weft_doctor_finding *finding)
{
	if (!doctor_is_unanswered(facts, peer) ||
	    weft_doctor_index_neighbour(facts->index, peer))
		return false;
	fprintf(finding->what,
		"%s does not answer: packets are lost in one of the directions, or the peer does not have this interface's public key, or its own key differs",
		weft_format_endpoint(&peer->last->endpoint).chars);
	fprintf(finding->mend,
		"run 'weft doctor' on the peer. If doctor reports unknown-peer, add this node there: weft set IFACE peer %s allowed-ips IP/LENGTH. If doctor reports nobody-calls, look for a firewall or a NAT on the path",
		weft_key_encode(&facts->last->public_key).chars);
	return true;
}

#define E	WEFT_DOCTOR_ERROR
#define W	WEFT_DOCTOR_WARNING

const struct weft_doctor_check weft_doctor_peer_checks[] = {
	{ "unresolved", E, true, false, NULL, check_unresolved },
	{ "no-endpoint", E, true, false, NULL, check_no_endpoint },
	{ "no-way", E, true, false, NULL, check_no_way },
	{ "loop", E, true, false, NULL, check_loop },
	{ "barred-in", E, true, false, NULL, check_barred_peer_in },
	{ "barred", E, true, false, NULL, check_barred },
	{ "refused", E, true, false, NULL, check_refused },
	{ "preshared", E, true, false, NULL, check_preshared },
	{ "wrong-key", E, true, false, NULL, check_answers },
	{ "same-key", E, true, false, NULL, check_same_key },
	{ "clock", E, true, false, NULL, check_timestamp },
	{ "unconfirmed", E, true, false, NULL, check_unconfirmed },
	{ "rp-filter", E, true, false, NULL, check_rp_filter_outer },
	{ "rp-filter", E, true, false, NULL, check_rp_filter_rule },
	{ "rp-filter", E, false, false, NULL, check_rp_filter },
	{ "unreachable", E, true, true, NULL, check_unreachable },
	{ "perhaps-barred", W, false, true, NULL, check_perhaps_barred },
	{ "unknown-there", E, true, true, NULL, check_unknown_there },
	{ "unanswered", E, true, true, NULL, check_unanswered },
	{ "prefix-lost", W, false, false, NULL, check_twice },
	{ "no-route", W, false, false, NULL, check_no_route },
	{ "shadowed", W, false, false, NULL, check_shadowed },
	{ "overlap", W, false, false, NULL, check_overlap },
	{ "mtu", W, false, false, NULL, check_mtu },
	{ }
};
