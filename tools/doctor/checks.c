// SPDX-License-Identifier: GPL-2.0
/* Helpers shared by the checks, and the loop over their tables. */
#include "base/array.h"
#include "doctor/checks.h"
#include "doctor/doctor.h"
#include "model/attr.h"
#include "model/format.h"

/* The longest life of a session (WireGuard paper, section 6.1, Reject-After-Time). */
#define DOCTOR_SESSION_S	180

#define DOCTOR_INITIATION_BYTES	148

const char *weft_doctor_name(const struct weft_doctor_facts *facts)
{
	return facts->last->name;
}

/* As a word of a suggested command. */
struct weft_shell_text weft_doctor_word(const struct weft_doctor_facts *facts)
{
	return weft_format_shell(weft_doctor_name(facts));
}

bool weft_doctor_has_endpoint(const struct weft_doctor_peer *peer)
{
	return peer->last->endpoint.any.sa_family != AF_UNSPEC;
}

bool weft_doctor_has_heard(const struct weft_doctor_peer *peer)
{
	return peer->last->rx_bytes > peer->first->rx_bytes;
}

/*
 * In-tree wireguard does not count initiations: sent bytes that are a multiple
 * of an initiation's length are taken for initiations.
 */
bool weft_doctor_initiates(const struct weft_doctor_peer *peer)
{
	__u64 sent = peer->last->tx_bytes - peer->first->tx_bytes;

	if (peer->last->known & WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKES_SENT))
		return peer->last->handshakes_sent > peer->first->handshakes_sent;
	return sent && !(sent % DOCTOR_INITIATION_BYTES);
}

/*
 * A peer that was up was not called: if its session ends during the checks, no
 * handshake is under way.
 */
static bool doctor_state_is_up(const struct weft_doctor_peer *peer)
{
	return peer->last->state == WEFT_PEER_STATE_UP ||
	       (peer->last->state == WEFT_PEER_STATE_IDLE &&
		peer->first->state == WEFT_PEER_STATE_UP);
}

bool weft_doctor_is_up(const struct weft_doctor_facts *facts,
		       const struct weft_doctor_peer *peer)
{
	if (peer->last->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE))
		return doctor_state_is_up(peer);
	return peer->last->handshake_s &&
	       facts->now - peer->last->handshake_s < DOCTOR_SESSION_S &&
	       (weft_doctor_has_heard(peer) || !weft_doctor_initiates(peer));
}

unsigned long long weft_doctor_number(__u64 number)
{
	return number;
}

const struct weft_doctor_wall *
weft_doctor_wall(const struct weft_doctor_facts *facts, bool out)
{
	const struct weft_doctor_wall *wall;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(facts->walls); i++) {
		wall = &facts->walls[i];
		if (wall->used && !(out ? &wall->out : &wall->in)->reverse &&
		    (out ? &wall->out : &wall->in)->bars == WEFT_BARS)
			return wall;
	}
	return NULL;
}

void weft_doctor_tell_mend(const struct weft_bar *bar,
			   struct weft_doctor_finding *finding)
{
	fputs(bar->mend ? bar->mend : "add a rule that accepts the packets before that rule",
	      finding->mend);
}

/* Runs one check of the interface, or of @peer; true: it has a finding. */
static bool doctor_make(const struct weft_doctor_check *check,
			const struct weft_doctor_facts *facts,
			const struct weft_doctor_peer *peer,
			struct weft_doctor_report *report, bool *no_memory)
{
	struct weft_doctor_writing writing;
	bool found = false, good;

	good = weft_doctor_write_begin(&writing);
	if (good)
		found = peer ? check->peer(facts, peer, &writing.finding) :
			       check->device(facts, &writing.finding);
	good &= weft_doctor_write_end(&writing, found, report, (struct weft_doctor_result){
		.code = check->code, .severity = check->severity,
		.name = facts->last->name, .peer = peer,
	});
	*no_memory |= !good;
	return found;
}

/* Runs all checks of one kind; true: a finding explains the silence. */
static bool doctor_make_all(const struct weft_doctor_facts *facts,
			    const struct weft_doctor_peer *peer,
			    struct weft_doctor_report *report, bool silenced,
			    bool *no_memory)
{
	const struct weft_doctor_check *check;

	for (check = peer ? weft_doctor_peer_checks : weft_doctor_device_checks;
	     check->code; check++) {
		if (check->last && silenced)
			continue;
		if (doctor_make(check, facts, peer, report, no_memory))
			silenced |= check->silences;
	}
	return silenced;
}

bool weft_doctor_look(struct weft_doctor_facts *facts,
		      struct weft_doctor_report *report)
{
	bool no_memory = false, silenced;
	size_t i;

	facts->index = weft_doctor_index_new(facts);
	if (!facts->index)
		return false;
	silenced = doctor_make_all(facts, NULL, report, false, &no_memory);
	for (i = 0; i < facts->peer_count; i++)
		doctor_make_all(facts, &facts->peers[i], report, silenced,
				&no_memory);
	weft_doctor_index_free(facts->index);
	facts->index = NULL;
	return !no_memory;
}
