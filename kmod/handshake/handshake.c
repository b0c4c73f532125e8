// SPDX-License-Identifier: GPL-2.0
/*
 * One handshake: the initiator on the left, the responder on the right, each message by way of the
 * other end's queue.
 *
 *   weft_actions_do(): a peer's timers
 *           |
 *   weft_handshake_initiate()
 *     handshake_create_initiation()
 *     handshake_send() -- initiation --> recv_dispatch() -> weft_queue_add()
 *                                                           |
 *                                        queue_worker() -> weft_handshake_receive()
 *                                                            handshake_admit(): mac1, cookie, rate
 *                                                            handshake_receive_initiation()
 *                                                              handshake_accept()
 *                                                              handshake_create_response()
 *   weft_handshake_receive() <--- response --------------------- handshake_send()
 *     handshake_admit()
 *     handshake_receive_response()
 *       handshake_complete(): the session is current
 *       weft_xmit_keepalive() or data --> recv_report() -> weft_timers_confirmed()
 */

#include "handshake/handshake.h"
#include "core/device.h"
#include "core/drop.h"
#include "core/handshake_state.h"
#include "core/identity.h"
#include "core/lookup.h"
#include "core/peer_endpoint.h"
#include "core/peer_keys.h"
#include "core/peer_ref.h"
#include "core/session.h"
#include "core/timers.h"
#include "core/trace.h"
#include "datapath/xmit.h"
#include "handshake/ratelimit.h"
#include "handshake/recent.h"
#include "lib/cookie.h"
#include "lib/fsm.h"
#include "lib/noise.h"
#include "udp/output.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/math64.h>
#include <linux/random.h>
#include <linux/timekeeping.h>
#include <linux/udp.h>

/* DSCP AF41: handshakes take precedence over bulk data. */
#define HANDSHAKE_DS		0x88

#define HANDSHAKE_COOKIE_SECRET_NS	weft_seconds_ns(WEFT_COOKIE_SECRET_MAX_AGE_S)
#define HANDSHAKE_COOKIE_NS									   \
	weft_seconds_ns(WEFT_COOKIE_SECRET_MAX_AGE_S - WEFT_COOKIE_LATENCY_S)
#define HANDSHAKE_INTERVAL_NS	(NSEC_PER_SEC / WEFT_INITIATIONS_PER_S)

/* Nesting of weft_handshake_hold(); read under a peer's handshake_lock. */
static atomic_t handshake_holds = ATOMIC_INIT(0);

/**
 * weft_handshake_hold() - prevent new sessions until weft_handshake_resume()
 *
 * A peer gets no further session once its handshake_lock has been taken and released after this
 * call; initiations are retried later. Calls nest.
 *
 * Context: process.
 */
void weft_handshake_hold(void)
{
	atomic_inc(&handshake_holds);
}

/**
 * weft_handshake_resume() - undo one weft_handshake_hold(), if there was one
 *
 * Context: process.
 */
void weft_handshake_resume(void)
{
	atomic_dec_if_positive(&handshake_holds);
}

static bool handshake_is_held(void)
{
	return atomic_read(&handshake_holds);
}

static enum weft_msg_type handshake_type(const struct sk_buff *skb)
{
	return le32_to_cpu(((const struct weft_msg_header *)skb->data)->type);
}

static bool handshake_is_message(const struct sk_buff *skb)
{
	unsigned int type = weft_msg_type((const struct weft_msg_header *)skb->data, skb->len);

	return type && type != WEFT_MSG_DATA;
}

/*
 * Traces a received message, and counts it if it is refused. @peer: its sender if known, else NULL.
 * Returns @refused.
 */
static enum weft_drop handshake_verdict(struct weft_device *device, struct weft_peer *peer,
					const struct sk_buff *skb, enum weft_drop refused)
{
	trace_weft_handshake(device, peer, handshake_type(skb), false, refused);
	if (refused && peer)
		weft_peer_drop(peer, refused, 1);
	else if (refused)
		weft_drop(device, refused, 1);
	return refused;
}

/*
 * Computes the cookie for the sender of @skb, bound to its address and port (WireGuard paper,
 * section 5.4.7).
 */
static void handshake_cookie_of(struct weft_device *device, const struct sk_buff *skb,
				u8 cookie[WEFT_COOKIE_LEN])
{
	u8 source[sizeof(struct in6_addr) + sizeof(__be16)], secret[WEFT_KEY_LEN];
	u64 now = ktime_get_coarse_boottime_ns();
	size_t len;

	spin_lock_bh(&device->cookie_lock);
	if (!device->cookie_secret_born_ns ||
	    now - device->cookie_secret_born_ns >= HANDSHAKE_COOKIE_SECRET_NS) {
		get_random_bytes(device->cookie_secret, sizeof(device->cookie_secret));
		device->cookie_secret_born_ns = now;
	}
	memcpy(secret, device->cookie_secret, sizeof(secret));
	spin_unlock_bh(&device->cookie_lock);

	if (skb->protocol == htons(ETH_P_IP)) {
		len = sizeof(struct in_addr);
		memcpy(source, &ip_hdr(skb)->saddr, len);
	} else {
		len = sizeof(struct in6_addr);
		memcpy(source, &ipv6_hdr(skb)->saddr, len);
	}
	memcpy(source + len, &udp_hdr(skb)->source, sizeof(__be16));
	weft_cookie_make(cookie, secret, source, len + sizeof(__be16));
	memzero_explicit(secret, sizeof(secret));
}

static void handshake_send_cookie(struct weft_device *device, const struct weft_identity *identity,
				  const struct sk_buff *skb, const u8 cookie[WEFT_COOKIE_LEN])
{
	/*
	 * The sender's index is at the same offset in both messages; so are, from the end, the
	 * MACs.
	 */
	const struct weft_msg_initiation *msg = (const struct weft_msg_initiation *)skb->data;
	const struct weft_msg_macs *macs =
		(const struct weft_msg_macs *)(skb->data + skb->len - sizeof(*macs));
	struct weft_msg_cookie_reply reply;
	u8 nonce[WEFT_COOKIE_NONCE_LEN];

	get_random_bytes(nonce, sizeof(nonce));
	weft_cookie_reply_create(&reply, &identity->cookie_keys, cookie, nonce, macs->mac1,
				 msg->sender);
	weft_output_reply(device, skb, &reply, sizeof(reply));
}

/*
 * The identity of ours that a message is addressed to, referenced; or NULL. There are two only
 * while the device's key is being replaced.
 */
static struct weft_identity *handshake_addressee(struct weft_device *device,
						 const struct sk_buff *skb)
{
	struct weft_identity __rcu *const *slots[] = {
		&device->identity, &device->previous_identity,
	};
	struct weft_identity *identity;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(slots); i++) {
		identity = weft_identity_get(slots[i]);
		if (identity && weft_cookie_mac1_valid(skb->data, skb->len, &identity->cookie_keys))
			return identity;
		weft_identity_put(identity);
	}
	return NULL;
}

/*
 * Whether a message may be processed: under load it needs a valid cookie and its source must be
 * within the rate limit (WireGuard paper, section 5.3). Returns a drop reason.
 */
static enum weft_drop handshake_admit(struct weft_device *device,
				      const struct weft_identity *identity,
				      const struct sk_buff *skb, bool loaded)
{
	enum weft_drop refused = WEFT_DROP_NONE;
	u8 cookie[WEFT_COOKIE_LEN];

	if (!loaded)
		return WEFT_DROP_NONE;

	handshake_cookie_of(device, skb, cookie);
	if (!weft_cookie_mac2_valid(skb->data, skb->len, cookie)) {
		handshake_send_cookie(device, identity, skb, cookie);
		refused = WEFT_DROP_MAC;
	} else if (!weft_ratelimit_allow(skb, device)) {
		refused = WEFT_DROP_RATE_LIMIT;
	}
	memzero_explicit(cookie, sizeof(cookie));
	return refused;
}

/*
 * The secret shared by both static keys: computed at first use, and again after either key has
 * changed.
 */
static bool handshake_static_static(struct weft_peer *peer, const struct weft_identity *identity,
				    const struct weft_public *public)
{
	struct weft_peer_handshake *state = &peer->handshake;

	lockdep_assert_held(&peer->handshake_lock);
	if (state->static_static_identity == identity->serial &&
	    state->static_static_public == public->serial)
		return true;
	state->static_static_identity = 0;
	if (!weft_noise_static_static(state->static_static, identity->key.private, public->bytes))
		return false;
	state->static_static_identity = identity->serial;
	state->static_static_public = public->serial;
	return true;
}

/*
 * Whether an identity that was read before the lock is still one of the device's. Its removal takes
 * each peer's handshake_lock afterwards, so no handshake begins under it unnoticed.
 */
static bool handshake_is_ours(const struct weft_peer *peer, const struct weft_identity *identity)
{
	lockdep_assert_held(&peer->handshake_lock);
	/* In this order: it may be moving from the first slot to the second. */
	return rcu_access_pointer(peer->device->identity) == identity ||
	       rcu_access_pointer(peer->device->previous_identity) == identity;
}

/*
 * Adds the MACs to a message for @public of @peer's, the second one if a fresh cookie is held, and
 * remembers the first.
 */
static void handshake_add_macs(struct weft_peer *peer, const struct weft_public *public, void *msg,
			       size_t len)
{
	struct weft_peer_handshake *state = &peer->handshake;
	const struct weft_msg_macs *macs = msg + len - sizeof(*macs);
	u64 now = ktime_get_coarse_boottime_ns();
	struct weft_cookie_keys keys;
	bool fresh;

	lockdep_assert_held(&peer->handshake_lock);
	fresh = state->cookie_born_ns && now - state->cookie_born_ns < HANDSHAKE_COOKIE_NS;
	weft_cookie_keys(&keys, public->bytes);
	weft_cookie_add_macs(msg, len, &keys, fresh ? state->cookie : NULL);
	memcpy(state->mac1, macs->mac1, sizeof(state->mac1));
	memcpy(state->mac1_public, public->bytes, sizeof(state->mac1_public));
	state->mac1_sent = true;
}

/*
 * Creates the session for a message about to be made; NULL if the peer's timers do not run, which
 * would end the session.
 */
static struct weft_session *handshake_begin(struct weft_peer *peer)
{
	struct weft_session *fresh = NULL;

	lockdep_assert_held(&peer->handshake_lock);
	if (handshake_is_held() || !READ_ONCE(peer->running))
		return NULL;
	if (weft_peer_alloc_dst_cache(peer))
		fresh = weft_session_create(peer, &peer->device->index);
	if (!fresh)
		weft_peer_drop(peer, WEFT_DROP_NO_MEMORY, 1);
	return fresh;
}

/*
 * Chooses the identity of an initiation, which is returned with a reference or NULL, and the peer's
 * key for it.
 */
static struct weft_identity *handshake_choose(struct weft_peer *peer, bool path_alive,
					      struct weft_public **public)
{
	struct weft_peer_handshake *state = &peer->handshake;
	struct weft_device *device = peer->device;
	unsigned int identities = BIT(WEFT_KEY_SLOT_CURRENT);
	struct weft_keyselect selected;

	lockdep_assert_held(&peer->handshake_lock);
	if (!state->unanswered)
		state->spare = path_alive && weft_sessions_carry(&peer->sessions);
	if (rcu_access_pointer(device->previous_identity))
		identities |= BIT(WEFT_KEY_SLOT_PREVIOUS);
	selected.identity = weft_identity_is(&device->previous_identity, state->likely_identity) ?
				WEFT_KEY_SLOT_PREVIOUS : WEFT_KEY_SLOT_CURRENT;
	selected.peer = weft_peer_keys_slot(peer, state->likely_public);
	selected = weft_keyselect_choose(state->unanswered, state->spare, identities,
					 weft_peer_keys_slots(peer, WEFT_KEY_PUBLIC), selected);
	*public = peer->keys.public[selected.peer];
	if (selected.identity == WEFT_KEY_SLOT_PREVIOUS)
		return weft_identity_get(&device->previous_identity);
	return weft_identity_get(&device->identity);
}

static bool handshake_create_initiation(struct weft_peer *peer,
					const struct weft_identity *identity,
					const struct weft_public *public,
					struct weft_msg_initiation *msg)
{
	struct weft_peer_handshake *state = &peer->handshake;
	u8 ephemeral[WEFT_KEY_LEN], timestamp[WEFT_TIMESTAMP_LEN];
	struct weft_session *fresh;
	struct timespec64 now;
	bool created;

	lockdep_assert_held(&peer->handshake_lock);
	if (peer->dead || !identity || !handshake_is_ours(peer, identity) ||
	    !handshake_static_static(peer, identity, public))
		return false;
	fresh = handshake_begin(peer);
	if (!fresh)
		return false;
	weft_handshake_state_forget(peer);
	get_random_bytes(ephemeral, sizeof(ephemeral));
	ktime_get_real_ts64(&now);
	weft_noise_timestamp(timestamp, now.tv_sec, now.tv_nsec);
	created = weft_noise_initiation_create(msg, &state->noise, &identity->key, public->bytes,
					       state->static_static, ephemeral, timestamp,
					       fresh->entry.id);
	memzero_explicit(ephemeral, sizeof(ephemeral));
	if (!created) {
		weft_session_revoke(fresh);
		return false;
	}
	state->pending = fresh;
	state->initiated_ns = ktime_get_boottime_ns();
	state->pending_identity = identity->serial;
	state->pending_public = public->serial;
	if (!state->unanswered && state->spare)
		WRITE_ONCE(state->untried, false);
	if (state->unanswered < U8_MAX)
		state->unanswered++;
	handshake_add_macs(peer, public, msg, sizeof(*msg));
	return true;
}

/* Sends a message. Returns 0 or a negative errno; then the failure has been counted. */
static int handshake_send(struct weft_peer *peer, const void *msg, size_t len,
			  enum weft_msg_type type)
{
	trace_weft_handshake(peer->device, peer, type, true, WEFT_DROP_NONE);
	return weft_output_send_message(peer, msg, len, weft_device_ds(peer->device, HANDSHAKE_DS));
}

/**
 * weft_handshake_initiate() - send a peer an initiation, or report the failure to its timers
 * @peer: the peer
 * @path_alive: there is no sign that the path is dead
 *
 * Context: process; may sleep. Waits for randomness, without the peer's lock.
 */
void weft_handshake_initiate(struct weft_peer *peer, bool path_alive)
{
	struct weft_identity *identity;
	struct weft_msg_initiation msg;
	struct weft_endpoint endpoint;
	struct weft_public *public;
	bool created, held;

	weft_endpoint_read(&peer->endpoint, &endpoint);
	if (!rcu_access_pointer(peer->device->identity) || !endpoint.addr.sa_family) {
		/* Staged packets wait for a key, or until the peer is given up. */
		weft_timers_event(peer, WEFT_FSM_INITIATION_BARRED);
		return;
	}
	wait_for_random_bytes();
	held = handshake_is_held();
	mutex_lock(&peer->handshake_lock);
	identity = handshake_choose(peer, path_alive, &public);
	created = handshake_create_initiation(peer, identity, public, &msg);
	mutex_unlock(&peer->handshake_lock);
	weft_identity_put(identity);
	if (created)
		atomic64_set(&peer->tx_at_ns, ktime_get_coarse_boottime_ns());
	/*
	 * An initiation that could not be made counts as a try: the timers make another one, up to
	 * their limit. While sessions are held, the try after suspension need not wait for this
	 * one.
	 */
	if (created)
		weft_timers_event(peer, WEFT_FSM_INITIATION_SENT | WEFT_FSM_ANY_SENT);
	else
		weft_timers_event(peer, held || handshake_is_held() ? WEFT_FSM_INITIATION_BARRED :
								     WEFT_FSM_INITIATION_SENT);
	if (created && !handshake_send(peer, &msg, sizeof(msg), WEFT_MSG_INITIATION))
		atomic64_inc(&peer->handshakes_sent);
	else
		weft_timers_event(peer, WEFT_FSM_INITIATION_LOST);
}

/* Updates of the peer's state for every authenticated handshake message. */
static void handshake_heard(struct weft_peer *peer, const struct sk_buff *skb, u32 events)
{
	struct weft_endpoint endpoint;

	if (weft_endpoint_from_skb(&endpoint, skb))
		weft_peer_learn_endpoint(peer, &endpoint);
	atomic64_set(&peer->rx_at_ns, ktime_get_coarse_boottime_ns());
	atomic64_add(skb->len, &peer->rx_bytes);
	atomic64_inc(&peer->rx_packets);
	local_bh_disable();
	dev_sw_netstats_rx_add(peer->device->dev, skb->len);
	local_bh_enable();
	weft_recent_note(skb, peer->device);
	weft_timers_event(peer, events | WEFT_FSM_ANY_RECEIVED);
}

/*
 * Records the keys of an authenticated message. The peer's next key is not used for initiations
 * before it is proved: the message may have been delayed by an attacker, and the peer may have
 * dropped that key.
 */
static void handshake_agreed(struct weft_peer *peer, const struct weft_identity *identity,
			     const struct weft_public *public)
{
	struct weft_peer_handshake *state = &peer->handshake;

	lockdep_assert_held(&peer->handshake_lock);
	/* An initiation of the peer's supersedes ours, whose newer keys have not failed by that. */
	if (state->pending && state->unanswered == 1 && state->spare)
		WRITE_ONCE(state->untried, true);
	state->unanswered = 0;
	state->likely_identity = identity->serial;
	if (public != peer->keys.public[WEFT_KEY_SLOT_NEXT])
		state->likely_public = public->serial;
	atomic64_set(&peer->session_identity, identity->serial);
}

/* A session made with these keys is proved: those that are the peer's next become current ones. */
static void handshake_promote(struct weft_peer *peer, u64 public, u64 preshared)
{
	u8 old[WEFT_KEY_LEN];

	lockdep_assert_held(&peer->handshake_lock);
	if (weft_peer_keys_promote(peer, WEFT_KEY_PUBLIC, public, old)) {
		peer->handshake.likely_public = public;
		atomic_inc(&peer->device->promotions);
		weft_peer_event(peer, WEFT_EVENT_PEER_KEY_CHANGED, WEFT_CAUSE_PACKET, old);
	}
	if (weft_peer_keys_promote(peer, WEFT_KEY_PRESHARED, preshared, NULL))
		weft_peer_event(peer, WEFT_EVENT_PEER_CHANGED, WEFT_CAUSE_PACKET, NULL);
}

/*
 * Whether a session under @identity is to be renewed because there are newer, untried keys:
 * initiations without a session use the keys that the peer is known to have, and keys may be
 * configured while tries go unanswered. Keys that were tried without an answer are not tried again
 * before the session is due for renewal.
 */
static bool handshake_is_dated(struct weft_peer *peer, u64 identity)
{
	lockdep_assert_held(&peer->handshake_lock);
	if (peer->handshake.spare && !peer->handshake.untried)
		return false;
	if (peer->handshake.untried && peer->keys.preshared[WEFT_KEY_SLOT_NEXT].serial)
		return true;
	return peer->keys.public[WEFT_KEY_SLOT_NEXT] ||
	       !weft_identity_is(&peer->device->identity, identity);
}

/**
 * weft_handshake_keys_proved() - promote the keys that a peer's current session was made with
 * @peer: the peer; a packet has come under a session that was made with a next key, or newer keys
 *	were configured but not tried
 *
 * Context: process; may sleep.
 */
void weft_handshake_keys_proved(struct weft_peer *peer)
{
	struct weft_sessions *set = &peer->sessions;

	mutex_lock(&peer->handshake_lock);
	handshake_promote(peer, weft_sessions_current_key(set, WEFT_KEY_PUBLIC),
			  weft_sessions_current_key(set, WEFT_KEY_PRESHARED));
	if (peer->handshake.untried &&
	    handshake_is_dated(peer, weft_sessions_current_key(set, WEFT_KEY_IDENTITY)))
		weft_timers_event(peer, WEFT_FSM_RENEWAL);
	mutex_unlock(&peer->handshake_lock);
}

/* The preshared key for a response, which has to be guessed while there are several. */
static const struct weft_preshared *handshake_guess_preshared(struct weft_peer *peer)
{
	struct weft_peer_handshake *state = &peer->handshake;

	lockdep_assert_held(&peer->handshake_lock);
	state->answered_with =
		weft_keyselect_preshared(weft_peer_keys_slots(peer, WEFT_KEY_PRESHARED),
					 weft_sessions_carry(&peer->sessions),
					 rcu_access_pointer(peer->sessions.next_session),
					 state->answered_with);
	return &peer->keys.preshared[state->answered_with];
}

/* Records the keys that end a session when they end. */
static void handshake_made_with(struct weft_session *session, u64 identity,
				const struct weft_public *public,
				const struct weft_preshared *preshared)
{
	session->made_with[WEFT_KEY_IDENTITY] = identity;
	session->made_with[WEFT_KEY_PUBLIC] = public->serial;
	session->made_with[WEFT_KEY_PRESHARED] = preshared->serial;
}

/*
 * Answers an initiation with a valid timestamp: makes the new session, which is the peer's next
 * one. It supersedes our own initiation if one is in flight: a response to that is refused.
 */
static bool handshake_create_response(struct weft_peer *peer, const struct weft_public *public,
				      struct weft_noise_handshake *noise,
				      struct weft_msg_response *msg)
{
	const struct weft_preshared *preshared = handshake_guess_preshared(peer);
	u8 ephemeral[WEFT_KEY_LEN];
	struct weft_session *fresh;
	bool created;

	lockdep_assert_held(&peer->handshake_lock);
	fresh = handshake_begin(peer);
	if (!fresh)
		return false;
	weft_handshake_state_forget(peer);
	get_random_bytes(ephemeral, sizeof(ephemeral));
	created = weft_noise_response_create(msg, noise, public->bytes, preshared->bytes,
					     ephemeral, fresh->entry.id);
	memzero_explicit(ephemeral, sizeof(ephemeral));
	if (!created) {
		weft_session_revoke(fresh);
		return false;
	}
	fresh->with_next_key = peer->handshake.answered_with == WEFT_KEY_SLOT_NEXT ||
			       public == peer->keys.public[WEFT_KEY_SLOT_NEXT];
	handshake_made_with(fresh, peer->handshake.likely_identity, public, preshared);
	weft_session_begin(fresh, noise, false);
	weft_sessions_add(&peer->sessions, fresh);
	handshake_add_macs(peer, public, msg, sizeof(*msg));
	return true;
}

/*
 * Opens the rest of an initiation from @peer under @public, and checks that it is new. Returns a
 * drop reason.
 */
static enum weft_drop handshake_accept(struct weft_peer *peer,
				       const struct weft_identity *identity,
				       struct weft_public *public,
				       struct weft_noise_handshake *noise,
				       const struct weft_msg_initiation *msg)
{
	struct weft_peer_handshake *state = &peer->handshake;
	u64 now = ktime_get_coarse_boottime_ns();
	u8 timestamp[WEFT_TIMESTAMP_LEN];

	lockdep_assert_held(&peer->handshake_lock);
	if (peer->dead || !public)
		return WEFT_DROP_UNKNOWN_PEER;
	if (!handshake_is_ours(peer, identity) ||
	    !handshake_static_static(peer, identity, public) ||
	    !weft_noise_initiation_accept(noise, timestamp, msg, state->static_static))
		return WEFT_DROP_HANDSHAKE;
	if (memcmp(timestamp, public->timestamp, sizeof(timestamp)) <= 0)
		return WEFT_DROP_TIMESTAMP;
	if (state->consumed_ns && now - state->consumed_ns < HANDSHAKE_INTERVAL_NS)
		return WEFT_DROP_FLOOD;
	memcpy(public->timestamp, timestamp, sizeof(timestamp));
	state->consumed_ns = now;
	handshake_agreed(peer, identity, public);
	return WEFT_DROP_NONE;
}

static enum weft_drop handshake_receive_initiation(struct weft_device *device,
						   const struct weft_identity *identity,
						   const struct sk_buff *skb)
{
	const struct weft_msg_initiation *msg = (const struct weft_msg_initiation *)skb->data;
	struct weft_noise_handshake noise = {};
	struct weft_msg_response response;
	u8 remote_static[WEFT_KEY_LEN];
	struct weft_public *public;
	struct weft_peer *peer;
	enum weft_drop refused;
	bool created = false;

	if (!weft_noise_initiation_open(&noise, remote_static, msg, &identity->key))
		return handshake_verdict(device, NULL, skb, WEFT_DROP_HANDSHAKE);
	peer = weft_lookup_peer(device, remote_static);
	if (!peer) {
		refused = handshake_verdict(device, NULL, skb, WEFT_DROP_UNKNOWN_PEER);
		goto wipe;
	}
	mutex_lock(&peer->handshake_lock);
	public = weft_peer_keys_match(peer, remote_static);
	refused = handshake_accept(peer, identity, public, &noise, msg);
	if (!refused)
		created = handshake_create_response(peer, public, &noise, &response);
	mutex_unlock(&peer->handshake_lock);
	if (handshake_verdict(device, peer, skb, refused))
		goto put;
	atomic64_inc(&peer->handshakes_received);
	handshake_heard(peer, skb, 0);
	if (created) {
		atomic64_set(&peer->tx_at_ns, ktime_get_coarse_boottime_ns());
		weft_timers_event(peer, WEFT_FSM_RESPONSE_SENT | WEFT_FSM_ANY_SENT |
					       WEFT_FSM_SESSION_DERIVED);
		handshake_send(peer, &response, sizeof(response), WEFT_MSG_RESPONSE);
	}
put:
	weft_peer_put(peer);
wipe:
	memzero_explicit(&noise, sizeof(noise));
	return refused;
}

/* The session of the index in a message, with a reference, ready or not; or NULL. */
static struct weft_session *handshake_find(struct weft_device *device, __le32 index)
{
	struct weft_session *session;

	rcu_read_lock();
	session = weft_session_find(&device->index, index);
	if (session && !weft_session_get(session))
		session = NULL;
	rcu_read_unlock();
	return session;
}

/*
 * Opens a response with the preshared key that it was made with. Returns its slot, or
 * WEFT_KEY_SLOTS: none of ours.
 */
static enum weft_key_slot handshake_open_response(struct weft_peer *peer,
						  const struct weft_identity *identity,
						  const struct weft_msg_response *msg)
{
	const struct weft_preshared *preshared = peer->keys.preshared;
	enum weft_key_slot i;

	lockdep_assert_held(&peer->handshake_lock);
	for (i = 0; i < WEFT_KEY_SLOTS; i++) {
		if (preshared[i].serial &&
		    weft_noise_response_open(&peer->handshake.noise, msg, &identity->key,
					     preshared[i].bytes))
			break;
	}
	return i;
}

/*
 * Completes the handshake of @session. On success the peer's reference to it goes to its sessions.
 * Returns a drop reason. The sender of a response has opened our initiation, so the static keys
 * match: only the preshared key can be wrong.
 */
static enum weft_drop handshake_complete(struct weft_peer *peer, struct weft_session *session,
					 const struct weft_identity *identity,
					 const struct weft_msg_response *msg)
{
	struct weft_peer_handshake *state = &peer->handshake;
	enum weft_key_slot slot, preshared;

	lockdep_assert_held(&peer->handshake_lock);
	if (peer->dead || state->pending != session || state->pending_identity != identity->serial)
		return WEFT_DROP_HANDSHAKE;
	/* The end of a key also ends the handshakes begun with it. */
	slot = weft_peer_keys_slot(peer, state->pending_public);
	if (WARN_ON_ONCE(slot == WEFT_KEY_SLOTS))
		return WEFT_DROP_HANDSHAKE;
	preshared = handshake_open_response(peer, identity, msg);
	if (preshared == WEFT_KEY_SLOTS)
		return WEFT_DROP_PRESHARED;
	state->pending = NULL;
	/* Never 0, which means that there was none. */
	WRITE_ONCE(peer->handshake_rtt_us,
		   min_t(u64, div_u64(ktime_get_boottime_ns() - state->initiated_ns,
				      NSEC_PER_USEC) + 1, U32_MAX));
	handshake_made_with(session, identity->serial, peer->keys.public[slot],
			    &peer->keys.preshared[preshared]);
	weft_session_begin(session, &state->noise, true);
	weft_sessions_add(&peer->sessions, session);
	handshake_agreed(peer, identity, peer->keys.public[slot]);
	handshake_promote(peer, session->made_with[WEFT_KEY_PUBLIC],
			  session->made_with[WEFT_KEY_PRESHARED]);
	return WEFT_DROP_NONE;
}

/*
 * Records that a session of ours is complete. The timers' events are reported under the lock that
 * erasing its keys takes.
 */
static void handshake_completed(struct weft_peer *peer, const struct weft_session *session,
				const struct sk_buff *skb)
{
	lockdep_assert_held(&peer->handshake_lock);
	handshake_verdict(peer->device, peer, skb, WEFT_DROP_NONE);
	atomic64_inc(&peer->handshakes_completed);
	atomic64_set(&peer->handshake_real_ns, ktime_get_real_ns());
	handshake_heard(peer, skb, WEFT_FSM_SESSION_DERIVED | WEFT_FSM_SESSION_CONFIRMED);
	if (handshake_is_dated(peer, session->made_with[WEFT_KEY_IDENTITY]))
		weft_timers_event(peer, WEFT_FSM_RENEWAL);
}

static enum weft_drop handshake_receive_response(struct weft_device *device,
						 const struct weft_identity *identity,
						 const struct sk_buff *skb)
{
	const struct weft_msg_response *msg = (const struct weft_msg_response *)skb->data;
	struct weft_session *session = handshake_find(device, msg->receiver);
	enum weft_drop refused;
	struct weft_peer *peer;

	if (!session)
		return handshake_verdict(device, NULL, skb, WEFT_DROP_NO_SESSION);
	peer = session->peer;
	mutex_lock(&peer->handshake_lock);
	refused = handshake_complete(peer, session, identity, msg);
	if (!refused)
		handshake_completed(peer, session, skb);
	mutex_unlock(&peer->handshake_lock);
	if (refused) {
		handshake_verdict(device, peer, skb, refused);
		weft_timers_event(peer, WEFT_FSM_REFUSED);
	} else {
		/* The responder learns by this packet that we have the keys. */
		weft_xmit_keepalive(peer);
	}
	weft_session_put(session);
	return refused;
}

static enum weft_drop handshake_receive_cookie(struct weft_device *device,
					       const struct sk_buff *skb)
{
	const struct weft_msg_cookie_reply *msg = (const struct weft_msg_cookie_reply *)skb->data;
	struct weft_session *session = handshake_find(device, msg->receiver);
	enum weft_drop refused = WEFT_DROP_HANDSHAKE;
	struct weft_peer_handshake *state;
	struct weft_cookie_keys keys;

	if (!session)
		return handshake_verdict(device, NULL, skb, WEFT_DROP_NO_SESSION);
	state = &session->peer->handshake;
	mutex_lock(&session->peer->handshake_lock);
	if (state->mac1_sent) {
		weft_cookie_keys(&keys, state->mac1_public);
		if (weft_cookie_reply_open(state->cookie, msg, &keys, state->mac1)) {
			state->cookie_born_ns = ktime_get_coarse_boottime_ns();
			state->mac1_sent = false;
			refused = WEFT_DROP_NONE;
		}
	}
	mutex_unlock(&session->peer->handshake_lock);
	handshake_verdict(device, session->peer, skb, refused);
	weft_session_put(session);
	return refused;
}

/* Processes a message that handshake_admit() let pass. Returns a drop reason. */
static enum weft_drop handshake_receive_admitted(struct weft_device *device,
						 const struct weft_identity *identity,
						 const struct sk_buff *skb)
{
	if (handshake_type(skb) == WEFT_MSG_INITIATION)
		return handshake_receive_initiation(device, identity, skb);
	return handshake_receive_response(device, identity, skb);
}

/**
 * weft_handshake_receive() - process a handshake message
 * @device: the device
 * @skb: the message, as weft_queue_add() got it; not consumed
 * @loaded: whether the device is under load
 *
 * Context: process; may sleep.
 * Return: the drop reason, counted.
 */
enum weft_drop weft_handshake_receive(struct weft_device *device, struct sk_buff *skb, bool loaded)
{
	struct weft_identity *identity;
	enum weft_drop refused;

	if (handshake_is_held()) {
		weft_drop(device, WEFT_DROP_QUEUE_IN, 1);
		return WEFT_DROP_QUEUE_IN;
	}
	/* A process may write to the memory of fragments: only the copy is checked. */
	if (skb_linearize(skb)) {
		weft_drop(device, WEFT_DROP_NO_MEMORY_IN, 1);
		return WEFT_DROP_NO_MEMORY_IN;
	}
	if (unlikely(!handshake_is_message(skb))) {
		weft_drop(device, WEFT_DROP_MALFORMED, 1);
		return WEFT_DROP_MALFORMED;
	}
	if (handshake_type(skb) == WEFT_MSG_COOKIE_REPLY)
		return handshake_receive_cookie(device, skb);
	identity = handshake_addressee(device, skb);
	if (identity)
		refused = handshake_admit(device, identity, skb, loaded);
	else
		refused = rcu_access_pointer(device->identity) ? WEFT_DROP_MAC : WEFT_DROP_NO_KEY;
	if (refused)
		handshake_verdict(device, NULL, skb, refused);
	else
		refused = handshake_receive_admitted(device, identity, skb);
	weft_identity_put(identity);
	return refused;
}

