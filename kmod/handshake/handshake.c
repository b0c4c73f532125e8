// SPDX-License-Identifier: GPL-2.0

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
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/udp.h>

/* Messages that may wait; from an eighth of it on we are under load, and for a second after. */
#define HANDSHAKE_QUEUE_MAX	4096
#define HANDSHAKE_QUEUE_LOADED	(HANDSHAKE_QUEUE_MAX / 8)
#define HANDSHAKE_LOADED_NS	NSEC_PER_SEC

/* Messages that may wait beside them, while we are under load, from those who are known. */
#define HANDSHAKE_EXPECTED_MAX	512

/* Of a worker under load: a tenth of what others get on the same CPU. */
#define HANDSHAKE_LOADED_NICE	10

/* Workers of one device: as many messages are worked on at once, at most. */
#define HANDSHAKE_WORKERS_MAX	8U

/* DSCP AF41: handshakes go before bulk. */
#define HANDSHAKE_DS		0x88

#define HANDSHAKE_COOKIE_SECRET_NS	(WEFT_COOKIE_SECRET_MAX_AGE_S * NSEC_PER_SEC)
#define HANDSHAKE_COOKIE_NS ((WEFT_COOKIE_SECRET_MAX_AGE_S - WEFT_COOKIE_LATENCY_S) * NSEC_PER_SEC)
/* What has been sent is answered in this time, by a keepalive if by nothing else. */
#define HANDSHAKE_HEARS_NS	((WEFT_KEEPALIVE_S + WEFT_REKEY_TIMEOUT_S) * NSEC_PER_SEC)
#define HANDSHAKE_INTERVAL_NS	(NSEC_PER_SEC / WEFT_INITIATIONS_PER_S)

/* Every so many messages a worker serves device->incoming before device->expected. */
#define HANDSHAKE_TURNS		4

struct weft_handshake_worker {
	struct work_struct work;
	struct weft_device *device;
	unsigned int turn;
};

static struct workqueue_struct *handshake_workqueue;
static unsigned int handshake_worker_count;

/* How often sessions are held back; looked at under a peer's handshake_lock. */
static atomic_t handshake_holds = ATOMIC_INIT(0);

static void handshake_work(struct work_struct *work);

/**
 * weft_handshake_init() - make what all devices share
 *
 * Context: process, once at load.
 * Return: 0 or -ENOMEM.
 */
int weft_handshake_init(void)
{
	handshake_worker_count = min(num_possible_cpus(), HANDSHAKE_WORKERS_MAX);
	/* Swapping out may wait for a handshake. */
	handshake_workqueue =
		alloc_workqueue("weft-handshake", WQ_UNBOUND | WQ_CPU_INTENSIVE | WQ_FREEZABLE |
						  WQ_MEM_RECLAIM, 0);
	return handshake_workqueue ? 0 : -ENOMEM;
}

/**
 * weft_handshake_exit() - free what all devices share
 *
 * Context: process, once at unload.
 */
void weft_handshake_exit(void)
{
	destroy_workqueue(handshake_workqueue);
}

/**
 * weft_handshake_hold() - let no session begin until weft_handshake_resume()
 *
 * A session of a peer whose handshake_lock has been taken and released since then is the last one;
 * initiations are tried again by and by. It may be called several times.
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

/**
 * weft_handshake_device_init() - make a device's queue and workers
 * @device: the device
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int weft_handshake_device_init(struct weft_device *device)
{
	unsigned int i;

	device->workers = kcalloc(handshake_worker_count, sizeof(*device->workers), GFP_KERNEL);
	if (!device->workers)
		return -ENOMEM;
	for (i = 0; i < handshake_worker_count; i++) {
		INIT_WORK(&device->workers[i].work, handshake_work);
		device->workers[i].device = device;
	}
	skb_queue_head_init(&device->incoming);
	skb_queue_head_init(&device->expected);
	spin_lock_init(&device->cookie_lock);
	return 0;
}

/**
 * weft_handshake_device_exit() - wait for a device's workers and drop what they have not done
 * @device: the device; its sockets are closed, so nothing is queued any more
 *
 * Context: process; may sleep. Not under any of the device's locks.
 */
void weft_handshake_device_exit(struct weft_device *device)
{
	unsigned int i;

	for (i = 0; i < handshake_worker_count; i++)
		cancel_work_sync(&device->workers[i].work);
	weft_handshake_purge(device);
	kfree(device->workers);
	device->workers = NULL;
}

/**
 * weft_handshake_listen() - have the messages worked on that come in, or leave them in the queue
 * @device: the device
 * @listen: whether
 *
 * A session that is made before the sockets are the device's has no way to say so, and before its
 * peer has been started no timer that ends it.
 *
 * Context: process, device->config_lock.
 */
void weft_handshake_listen(struct weft_device *device, bool listen)
{
	unsigned int i;

	lockdep_assert_held(&device->config_lock);
	WRITE_ONCE(device->listens, listen);
	for (i = 0; listen && i < handshake_worker_count; i++)
		queue_work(handshake_workqueue, &device->workers[i].work);
}

/**
 * weft_handshake_purge() - drop what waits in a device's queue
 * @device: the device
 */
void weft_handshake_purge(struct weft_device *device)
{
	skb_queue_purge(&device->incoming);
	skb_queue_purge(&device->expected);
}

/*
 * Whether a message may be one that is waited for: it names a session of ours, which nobody guesses
 * who has not seen a message of it, or comes from where handshakes have come from.
 */
static bool handshake_is_expected(struct weft_device *device, const struct sk_buff *skb)
{
	union {
		struct weft_msg_header header;
		struct weft_msg_response response;
		struct weft_msg_cookie_reply cookie;
	} copy;
	const void *msg = skb_header_pointer(skb, 0, sizeof(copy.cookie), &copy);

	if (!msg)
		return false;
	switch (le32_to_cpu(((const struct weft_msg_header *)msg)->type)) {
	case WEFT_MSG_INITIATION:
		return weft_recent_source(skb, device);
	case WEFT_MSG_RESPONSE:
		return weft_session_find(&device->index,
				       ((const struct weft_msg_response *)msg)->receiver);
	default:
		return weft_session_find(&device->index,
				       ((const struct weft_msg_cookie_reply *)msg)->receiver);
	}
}

/* The queue for a message, or NULL if there is no room. */
static struct sk_buff_head *handshake_queue_for(struct weft_device *device,
						const struct sk_buff *skb)
{
	u32 waiting = skb_queue_len_lockless(&device->incoming);

	if (likely(waiting < HANDSHAKE_QUEUE_LOADED))
		return &device->incoming;
	if (skb_queue_len_lockless(&device->expected) < HANDSHAKE_EXPECTED_MAX &&
	    handshake_is_expected(device, skb))
		return &device->expected;
	return waiting < HANDSHAKE_QUEUE_MAX ? &device->incoming : NULL;
}

/**
 * weft_handshake_queue() - have a handshake message worked on
 * @device: the device
 * @skb: a message of the right length, UDP and IP headers in front; it changes hands
 *
 * Context: bottom halves off, RCU.
 */
void weft_handshake_queue(struct weft_device *device, struct sk_buff *skb)
{
	unsigned int worker = READ_ONCE(device->next_worker) + 1;
	struct sk_buff_head *queue = handshake_queue_for(device, skb);

	/*
	 * A full queue is refused without its lock, so that a flood does not slow down those who
	 * read from it.
	 */
	if (unlikely(!queue)) {
		weft_drop(device, WEFT_DROP_QUEUE_IN, 1);
		weft_drop_free(skb, WEFT_DROP_QUEUE_IN);
		return;
	}
	/* The device it came in on may be gone by the time it is looked at. */
	skb->dev = device->dev;
	skb_queue_tail(queue, skb);
	WRITE_ONCE(device->next_worker, worker);
	queue_work(handshake_workqueue, &device->workers[worker % handshake_worker_count].work);
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

/* Counts a message that is refused. @peer is NULL unless it is known to be its. Returns @reason. */
static int handshake_refuse(struct weft_device *device, struct weft_peer *peer,
			    const struct sk_buff *skb, enum weft_drop reason)
{
	trace_weft_handshake(device, peer, handshake_type(skb), false, reason);
	if (peer)
		weft_peer_drop(peer, reason, 1);
	else
		weft_drop(device, reason, 1);
	return reason;
}

/* A message has been good: says what the refusals are in place of. */
static int handshake_good(struct weft_peer *peer, const struct sk_buff *skb)
{
	trace_weft_handshake(peer->device, peer, handshake_type(skb), false, WEFT_TRACE_GOOD);
	return WEFT_TRACE_GOOD;
}

static bool handshake_is_loaded(struct weft_device *device)
{
	u64 now = ktime_get_coarse_boottime_ns(), since = READ_ONCE(device->loaded_ns);

	if (skb_queue_len_lockless(&device->incoming) >= HANDSHAKE_QUEUE_LOADED) {
		WRITE_ONCE(device->loaded_ns, now);
		return true;
	}
	return since && now - since < HANDSHAKE_LOADED_NS;
}

/*
 * The cookie that the sender of @skb should hold: bound to its address and port (WireGuard paper,
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
	 * The sender's index stands at the same place in both messages; so do, from the end, the
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
 * Which of our identities a message is for, referenced; or NULL if it is for none. There is more
 * than one only while the device's key is being replaced.
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
 * Whether a message has earned the work that it asks for (WireGuard paper, section 5.3). Returns
 * why it has not, or -1.
 */
static int handshake_admit(struct weft_device *device, const struct weft_identity *identity,
			   const struct sk_buff *skb)
{
	u8 cookie[WEFT_COOKIE_LEN];
	int refused = -1;

	if (!handshake_is_loaded(device))
		return -1;

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
 * The secret shared by both static keys: computed when it is needed first, and again after either
 * key has changed.
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
 * Whether an identity that was taken before the lock is still one of the device's. Who takes one
 * away goes through the peers under their locks afterwards, so nothing is begun under it behind its
 * back.
 */
static bool handshake_is_ours(const struct weft_peer *peer, const struct weft_identity *identity)
{
	lockdep_assert_held(&peer->handshake_lock);
	/* In this order: it may be on its way from the one place to the other. */
	return rcu_access_pointer(peer->device->identity) == identity ||
	       rcu_access_pointer(peer->device->previous_identity) == identity;
}

/*
 * Puts the MACs on a message to @public of @peer's, the second one if a fresh cookie is held, and
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
 * A session to be, for the message about to be made; NULL where the peer's timers do not run, which
 * would end it.
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
 * Which identity to initiate under, which is returned with a reference or NULL, and to which of the
 * peer's keys.
 */
static struct weft_identity *handshake_choose(struct weft_peer *peer, bool whole,
					      struct weft_public **public)
{
	struct weft_peer_handshake *state = &peer->handshake;
	struct weft_device *device = peer->device;
	unsigned int identities = BIT(WEFT_KEY_SLOT_CURRENT);
	struct weft_keyselect selected;

	lockdep_assert_held(&peer->handshake_lock);
	if (!state->unanswered)
		state->spare = whole && weft_sessions_carry(&peer->sessions);
	if (rcu_access_pointer(device->previous_identity))
		identities |= BIT(WEFT_KEY_SLOT_PREVIOUS);
	selected.identity = weft_identity_is(&device->previous_identity, state->likely_identity) ?
				WEFT_KEY_SLOT_PREVIOUS : WEFT_KEY_SLOT_CURRENT;
	selected.peer = weft_peer_keys_slot(peer, state->likely_public);
	selected = weft_keyselect_choose(state->unanswered, state->spare, identities,
					 weft_peer_keys_slots(peer), selected);
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
	weft_peer_forget_handshake(peer);
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

/* Sends a message. Returns 0 or a negative errno; then it has been counted. */
static int handshake_send(struct weft_peer *peer, const void *msg, size_t len,
			  enum weft_msg_type type)
{
	trace_weft_handshake(peer->device, peer, type, true, WEFT_TRACE_GOOD);
	return weft_output_send_message(peer, msg, len, weft_device_ds(peer->device, HANDSHAKE_DS));
}

/* @whole: nothing says that the path has died. Waits for randomness, without the peer's lock. */
static void handshake_initiate(struct weft_peer *peer, bool whole)
{
	struct weft_identity *identity;
	struct weft_msg_initiation msg;
	struct weft_endpoint endpoint;
	struct weft_public *public;
	bool created, held;

	weft_peer_endpoint(peer, &endpoint);
	if (!rcu_access_pointer(peer->device->identity) || !endpoint.addr.sa_family) {
		/* What waits goes out as soon as there is a key, or is given up. */
		weft_timers_event(peer, WEFT_FSM_INITIATION_BARRED);
		return;
	}
	wait_for_random_bytes();
	held = handshake_is_held();
	mutex_lock(&peer->handshake_lock);
	identity = handshake_choose(peer, whole, &public);
	created = handshake_create_initiation(peer, identity, public, &msg);
	mutex_unlock(&peer->handshake_lock);
	weft_identity_put(identity);
	if (created)
		WRITE_ONCE(peer->tx_at_ns, ktime_get_coarse_boottime_ns());
	/*
	 * One that could not be made counts as a try: there will be another, and an end to it. What
	 * comes after a sleep does not wait for it.
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

/* What every authenticated handshake message tells us about its sender. */
static void handshake_heard(struct weft_peer *peer, const struct sk_buff *skb, u32 events)
{
	struct weft_endpoint endpoint;

	if (weft_endpoint_from_skb(&endpoint, skb))
		weft_peer_learn_endpoint(peer, &endpoint);
	WRITE_ONCE(peer->rx_at_ns, ktime_get_coarse_boottime_ns());
	atomic64_add(skb->len, &peer->rx_bytes);
	atomic64_inc(&peer->rx_packets);
	local_bh_disable();
	dev_sw_netstats_rx_add(peer->device->dev, skb->len);
	local_bh_enable();
	weft_recent_note(skb, peer->device);
	weft_timers_event(peer, events | WEFT_FSM_ANY_RECEIVED);
}

/*
 * Notes with which keys the peer and we understand each other. Its next key is not called by before
 * it is proved: an initiation may have been held back, for a peer that has given that key up.
 */
static void handshake_agreed(struct weft_peer *peer, const struct weft_identity *identity,
			     const struct weft_public *public)
{
	struct weft_peer_handshake *state = &peer->handshake;

	lockdep_assert_held(&peer->handshake_lock);
	state->unanswered = 0;
	state->likely_identity = identity->serial;
	if (public != peer->keys.public[WEFT_KEY_SLOT_NEXT])
		state->likely_public = public->serial;
	WRITE_ONCE(peer->session_identity, identity->serial);
}

/* A session under @public is proved: if that is the peer's next key, it is its key from now on. */
static void handshake_promote(struct weft_peer *peer, const struct weft_public *public)
{
	u8 old[WEFT_KEY_LEN];

	lockdep_assert_held(&peer->handshake_lock);
	if (!weft_peer_keys_promote(peer, public, old))
		return;
	peer->handshake.likely_public = public->serial;
	atomic_inc(&peer->device->promotions);
	weft_peer_event(peer, WEFT_EVENT_PEER_KEY_CHANGED, WEFT_CAUSE_PACKET, old);
}

static void handshake_promote_preshared(struct weft_peer *peer, u64 serial)
{
	lockdep_assert_held(&peer->handshake_lock);
	if (weft_peer_keys_promote_preshared(peer, serial))
		weft_peer_event(peer, WEFT_EVENT_PEER_CHANGED, WEFT_CAUSE_PACKET, NULL);
}

/*
 * Whether a session under @identity is to be renewed because there are newer keys, which were not
 * tried: a peer without a session is called by the keys that it is known to have, and keys may come
 * while tries go unanswered. What was tried in vain is not tried again before the session is old.
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

/*
 * A packet has come under a session of the peer's that was made with a next key, or when keys had
 * come that were not tried.
 */
static void handshake_keys_proved(struct weft_peer *peer)
{
	struct weft_sessions *set = &peer->sessions;
	enum weft_key_slot slot;

	mutex_lock(&peer->handshake_lock);
	slot = weft_peer_keys_slot(peer, weft_sessions_current_key(set, WEFT_KEY_PUBLIC));
	if (slot == WEFT_KEY_SLOT_NEXT)
		handshake_promote(peer, peer->keys.public[slot]);
	handshake_promote_preshared(peer, weft_sessions_current_key(set, WEFT_KEY_PRESHARED));
	if (peer->handshake.untried &&
	    handshake_is_dated(peer, weft_sessions_current_key(set, WEFT_KEY_IDENTITY)))
		weft_timers_event(peer, WEFT_FSM_RENEWAL);
	mutex_unlock(&peer->handshake_lock);
}

/* The preshared key to answer with, which has to be guessed while there are several. */
static const struct weft_preshared *handshake_guess_preshared(struct weft_peer *peer)
{
	struct weft_peer_handshake *state = &peer->handshake;

	lockdep_assert_held(&peer->handshake_lock);
	state->answered_with =
		weft_keyselect_preshared(weft_peer_keys_preshared_slots(peer),
					 weft_sessions_carry(&peer->sessions),
					 rcu_access_pointer(peer->sessions.next_session),
					 state->answered_with);
	return &peer->keys.preshared[state->answered_with];
}

/* Writes down which keys a session ends with. */
static void handshake_made_with(struct weft_session *session, u64 identity,
				const struct weft_public *public,
				const struct weft_preshared *preshared)
{
	session->made_with[WEFT_KEY_IDENTITY] = identity;
	session->made_with[WEFT_KEY_PUBLIC] = public->serial;
	session->made_with[WEFT_KEY_PRESHARED] = preshared->serial;
}

/*
 * Answers an initiation whose place in time has been found good: makes the new session, which is
 * the peer's next one. Our own initiation, if one is out, is overtaken: a response to it will be
 * refused.
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
	weft_peer_forget_handshake(peer);
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
 * Opens the rest of an initiation from @peer under @public, and decides whether it is new. Returns
 * a drop reason, or -1 to go on.
 */
static int handshake_accept(struct weft_peer *peer, const struct weft_identity *identity,
			    struct weft_public *public, struct weft_noise_handshake *noise,
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
	return -1;
}

static int handshake_receive_initiation(struct weft_device *device,
					const struct weft_identity *identity,
					const struct sk_buff *skb)
{
	const struct weft_msg_initiation *msg = (const struct weft_msg_initiation *)skb->data;
	struct weft_noise_handshake noise = {};
	struct weft_msg_response response;
	u8 remote_static[WEFT_KEY_LEN];
	struct weft_public *public;
	struct weft_peer *peer;
	bool created = false;
	int refused;

	if (!weft_noise_initiation_open(&noise, remote_static, msg, &identity->key))
		return handshake_refuse(device, NULL, skb, WEFT_DROP_HANDSHAKE);
	peer = weft_lookup_peer(device, remote_static);
	if (!peer) {
		refused = handshake_refuse(device, NULL, skb, WEFT_DROP_UNKNOWN_PEER);
		goto wipe;
	}
	mutex_lock(&peer->handshake_lock);
	public = weft_peer_keys_match(peer, remote_static);
	refused = handshake_accept(peer, identity, public, &noise, msg);
	if (refused < 0)
		created = handshake_create_response(peer, public, &noise, &response);
	mutex_unlock(&peer->handshake_lock);
	if (refused >= 0) {
		handshake_refuse(device, peer, skb, refused);
		goto put;
	}
	handshake_good(peer, skb);
	atomic64_inc(&peer->handshakes_received);
	handshake_heard(peer, skb, 0);
	if (created) {
		WRITE_ONCE(peer->tx_at_ns, ktime_get_coarse_boottime_ns());
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

/* The session whose index a message gives, with a reference, ready or not; or NULL. */
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
 * WEFT_KEY_SLOTS: it was made with none of ours.
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
 * Completes the handshake that @session was kept for. On success the peer's reference to it has
 * gone over to its sessions. Returns why it could not, or -1. Who answers an initiation has opened
 * it, so the static keys are right: what is left to be wrong is the preshared key.
 */
static int handshake_complete(struct weft_peer *peer, struct weft_session *session,
			      const struct weft_identity *identity,
			      const struct weft_msg_response *msg)
{
	struct weft_peer_handshake *state = &peer->handshake;
	enum weft_key_slot slot, preshared;

	lockdep_assert_held(&peer->handshake_lock);
	if (peer->dead || state->pending != session || state->pending_identity != identity->serial)
		return WEFT_DROP_HANDSHAKE;
	/* What ends a key ends what was begun with it. */
	slot = weft_peer_keys_slot(peer, state->pending_public);
	if (WARN_ON_ONCE(slot == WEFT_KEY_SLOTS))
		return WEFT_DROP_HANDSHAKE;
	preshared = handshake_open_response(peer, identity, msg);
	if (preshared == WEFT_KEY_SLOTS)
		return WEFT_DROP_PRESHARED;
	state->pending = NULL;
	/* Never 0, which says that there has been none. */
	WRITE_ONCE(peer->handshake_rtt_us,
		   min_t(u64, div_u64(ktime_get_boottime_ns() - state->initiated_ns,
				      NSEC_PER_USEC) + 1, U32_MAX));
	handshake_made_with(session, identity->serial, peer->keys.public[slot],
			    &peer->keys.preshared[preshared]);
	weft_session_begin(session, &state->noise, true);
	weft_sessions_add(&peer->sessions, session);
	handshake_agreed(peer, identity, peer->keys.public[slot]);
	handshake_promote(peer, peer->keys.public[slot]);
	handshake_promote_preshared(peer, peer->keys.preshared[preshared].serial);
	return -1;
}

/*
 * A session of ours is complete. The timers hear of it under the lock under which its keys would be
 * erased.
 */
static void handshake_completed(struct weft_peer *peer, const struct weft_session *session,
				const struct sk_buff *skb)
{
	lockdep_assert_held(&peer->handshake_lock);
	handshake_good(peer, skb);
	atomic64_inc(&peer->handshakes_completed);
	WRITE_ONCE(peer->handshake_real_ns, ktime_get_real_ns());
	handshake_heard(peer, skb, WEFT_FSM_SESSION_DERIVED | WEFT_FSM_SESSION_CONFIRMED);
	if (handshake_is_dated(peer, session->made_with[WEFT_KEY_IDENTITY]))
		weft_timers_event(peer, WEFT_FSM_RENEWAL);
}

static int handshake_receive_response(struct weft_device *device,
				      const struct weft_identity *identity,
				      const struct sk_buff *skb)
{
	const struct weft_msg_response *msg = (const struct weft_msg_response *)skb->data;
	struct weft_session *session = handshake_find(device, msg->receiver);
	struct weft_peer *peer;
	int refused;

	if (!session)
		return handshake_refuse(device, NULL, skb, WEFT_DROP_NO_SESSION);
	peer = session->peer;
	mutex_lock(&peer->handshake_lock);
	refused = handshake_complete(peer, session, identity, msg);
	if (refused < 0)
		handshake_completed(peer, session, skb);
	mutex_unlock(&peer->handshake_lock);
	if (refused < 0) {
		/* The responder knows that we have the keys when it hears from us. */
		weft_xmit_keepalive(peer);
	} else {
		handshake_refuse(device, peer, skb, refused);
		weft_timers_event(peer, WEFT_FSM_REFUSED);
	}
	weft_session_put(session);
	return refused;
}

static int handshake_receive_cookie(struct weft_device *device, const struct sk_buff *skb)
{
	const struct weft_msg_cookie_reply *msg = (const struct weft_msg_cookie_reply *)skb->data;
	struct weft_session *session = handshake_find(device, msg->receiver);
	struct weft_peer_handshake *state;
	struct weft_cookie_keys keys;
	bool opened = false;
	int refused;

	if (!session)
		return handshake_refuse(device, NULL, skb, WEFT_DROP_NO_SESSION);
	state = &session->peer->handshake;
	mutex_lock(&session->peer->handshake_lock);
	if (state->mac1_sent) {
		weft_cookie_keys(&keys, state->mac1_public);
		opened = weft_cookie_reply_open(state->cookie, msg, &keys, state->mac1);
	}
	if (opened) {
		state->cookie_born_ns = ktime_get_coarse_boottime_ns();
		state->mac1_sent = false;
	}
	mutex_unlock(&session->peer->handshake_lock);
	refused = opened ? handshake_good(session->peer, skb) :
			   handshake_refuse(device, session->peer, skb, WEFT_DROP_HANDSHAKE);
	weft_session_put(session);
	return refused;
}

/* Takes a message that has been let in by handshake_admit(). Returns why it was refused, or -1. */
static int handshake_receive_admitted(struct weft_device *device,
				      const struct weft_identity *identity,
				      const struct sk_buff *skb)
{
	if (handshake_type(skb) == WEFT_MSG_INITIATION)
		return handshake_receive_initiation(device, identity, skb);
	return handshake_receive_response(device, identity, skb);
}

/* Takes a message. Returns why it was refused, or -1. */
static int handshake_receive(struct weft_device *device, struct sk_buff *skb)
{
	struct weft_identity *identity;
	int refused;

	if (handshake_is_held()) {
		weft_drop(device, WEFT_DROP_QUEUE_IN, 1);
		return WEFT_DROP_QUEUE_IN;
	}
	/* Fragments may be memory that a process writes to: the copy is judged. */
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
		refused = handshake_admit(device, identity, skb);
	else
		refused = rcu_access_pointer(device->identity) ? WEFT_DROP_MAC : WEFT_DROP_NO_KEY;
	if (refused >= 0)
		handshake_refuse(device, NULL, skb, refused);
	else
		refused = handshake_receive_admitted(device, identity, skb);
	weft_identity_put(identity);
	return refused;
}

/* Known peers go first, but for one turn: a peer can flood device->expected by its own index. */
static struct sk_buff *handshake_next(struct weft_handshake_worker *worker)
{
	struct weft_device *device = worker->device;
	struct sk_buff *skb = NULL;

	if (++worker->turn % HANDSHAKE_TURNS && !skb_queue_empty_lockless(&device->expected))
		skb = skb_dequeue(&device->expected);
	return skb ?: skb_dequeue(&device->incoming) ?: skb_dequeue(&device->expected);
}

/*
 * A flood would have as much of the CPU as the traffic that it is to disturb: under load the worker
 * goes behind others. Randomness, and memory that others have to write out first, are not waited
 * for under a peer's lock.
 */
static void handshake_work(struct work_struct *work)
{
	struct weft_handshake_worker *worker =
		container_of(work, struct weft_handshake_worker, work);
	struct weft_device *device = worker->device;
	unsigned int flags = memalloc_noio_save();
	int usual = task_nice(current);
	struct sk_buff *skb;

	wait_for_random_bytes();
	while (READ_ONCE(device->listens) && (skb = handshake_next(worker))) {
		int refused;

		set_user_nice(current, handshake_is_loaded(device) ? HANDSHAKE_LOADED_NICE : usual);
		refused = handshake_receive(device, skb);
		if (refused < 0)
			consume_skb(skb);
		else
			weft_drop_free(skb, refused);
		cond_resched();
	}
	set_user_nice(current, usual);
	memalloc_noio_restore(flags);
}

/* Whether the path to a peer is alive: something has come from it not long ago. */
static bool handshake_hears(const struct weft_peer *peer)
{
	u64 at = READ_ONCE(peer->rx_at_ns);

	return at && ktime_get_coarse_boottime_ns() - at < HANDSHAKE_HEARS_NS;
}

/*
 * Whether an initiation that went unanswered tells more of keys than of the path: one was tried
 * that the peer need not know yet.
 */
static bool handshake_was_for_keys(struct weft_peer *peer)
{
	bool one;

	mutex_lock(&peer->handshake_lock);
	one = weft_peer_keys_slots(peer) == BIT(WEFT_KEY_SLOT_CURRENT) &&
	      !rcu_access_pointer(peer->device->previous_identity);
	mutex_unlock(&peer->handshake_lock);
	return !one && handshake_hears(peer);
}

/**
 * weft_handshake_act() - do what a peer's timers want done
 * @peer: the peer
 * @actions: enum weft_fsm_action
 *
 * Context: process; struct weft_device_ops' act.
 */
void weft_handshake_act(struct weft_peer *peer, u32 actions)
{
	if (actions & WEFT_FSM_DO_GIVE_UP)
		weft_xmit_give_up(peer);
	if (actions & WEFT_FSM_DO_ERASE)
		weft_peer_erase(peer);
	if (actions & WEFT_FSM_DO_FORGET_SOURCE)
		weft_peer_forget_source(peer);
	if (actions & WEFT_FSM_DO_MOVE_ON && !handshake_was_for_keys(peer))
		weft_peer_next_candidate(peer);
	if (actions & WEFT_FSM_DO_KEEPALIVE)
		weft_xmit_keepalive(peer);
	if (actions & WEFT_PEER_DO_SEND)
		weft_xmit_staged(peer);
	if (actions & WEFT_PEER_DO_PROMOTE)
		handshake_keys_proved(peer);
	/* Where the path may have died there is no time to spare. */
	if (actions & WEFT_FSM_DO_INITIATE)
		handshake_initiate(peer,
				   !(actions & WEFT_FSM_DO_FORGET_SOURCE) || handshake_hears(peer));
}
