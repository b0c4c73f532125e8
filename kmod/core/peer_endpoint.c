// SPDX-License-Identifier: GPL-2.0

#include "core/peer_endpoint.h"
#include "core/device.h"
#include "core/peer_ref.h"

/**
 * weft_peer_alloc_dst_cache() - give a peer what only those need that are spoken to: its cache of
 * routes
 * @peer: the peer
 *
 * The cache is memory of every processor, which takes longer to get than all the rest of a peer.
 * To be called before the first message to the peer is made. Lookups of the path's MTU that come
 * earlier go without a cache.
 *
 * Context: process, peer->handshake_lock; may sleep.
 * Return: false when memory is short.
 */
bool weft_peer_alloc_dst_cache(struct weft_peer *peer)
{
	lockdep_assert_held(&peer->handshake_lock);
	if (!peer->has_dst_cache && !dst_cache_init(&peer->dst_cache, GFP_KERNEL))
		/* pairs with weft_peer_dst_cache() */
		smp_store_release(&peer->has_dst_cache, true);
	return peer->has_dst_cache;
}

/**
 * weft_peer_dst_cache() - the cache of a peer's routes
 * @peer: the peer
 *
 * Context: any.
 * Return: the cache, or NULL: there is none yet.
 */
struct dst_cache *weft_peer_dst_cache(struct weft_peer *peer)
{
	/* pairs with weft_peer_alloc_dst_cache() */
	return likely(smp_load_acquire(&peer->has_dst_cache)) ? &peer->dst_cache : NULL;
}

/* Notes where a peer is. Returns whether it was somewhere else when that was known last. */
static bool peer_endpoint_goes_to(struct weft_peer *peer, const struct weft_endpoint *endpoint)
{
	bool moves = !weft_endpoint_same_place(weft_candidates_last(peer->candidates,
								    &peer->endpoint), endpoint);

	lockdep_assert_held(&peer->endpoint_lock.lock);
	peer->endpoint = *endpoint;
	weft_candidates_found(peer->candidates);
	return moves;
}

/*
 * Drops the cached routes, after a change of what they follow from and a new number of the
 * endpoint. The barrier pairs with that in weft_peer_has_moved(): if that sees the old number, the
 * reset comes after what was cached, and else the other side resets.
 */
static void peer_endpoint_reset_routes(struct weft_peer *peer)
{
	smp_mb();	/* pairs with weft_peer_has_moved() */
	dst_cache_reset(&peer->dst_cache);
}

/* What was known of the way to the peer is of no use any more. */
static void peer_endpoint_moved(struct weft_peer *peer)
{
	peer_endpoint_reset_routes(peer);
	weft_pmtu_path_forget(&peer->path);
}

/**
 * weft_peer_set_endpoint() - say where a peer is to be spoken to
 * @peer: the peer
 * @endpoint: where
 * @cause: who says so, for listeners; WEFT_CAUSE_NONE tells nobody
 *
 * Context: any but hard interrupt.
 */
void weft_peer_set_endpoint(struct weft_peer *peer, const struct weft_endpoint *endpoint,
			    enum weft_event_cause cause)
{
	bool moves;

	write_seqlock_bh(&peer->endpoint_lock);
	moves = peer_endpoint_goes_to(peer, endpoint);
	write_sequnlock_bh(&peer->endpoint_lock);
	peer_endpoint_moved(peer);
	if (moves && cause != WEFT_CAUSE_NONE)
		weft_peer_event(peer, WEFT_EVENT_ENDPOINT_CHANGED, cause, NULL);
}

/* Whether what a peer sends from @endpoint moves it there. */
static bool peer_endpoint_may_go(const struct weft_peer *peer, const struct weft_endpoint *endpoint)
{
	return !peer->pinned || !peer->endpoint.addr.sa_family ||
	       weft_endpoint_same_place(&peer->endpoint, endpoint) ||
	       weft_candidates_hold(peer->candidates, endpoint);
}

/**
 * weft_peer_learn_endpoint() - say where something has come from that only a peer can have sent
 * @peer: the peer
 * @endpoint: where; nothing is written if it is known already, or is not where a pinned peer may be
 *
 * Context: any but hard interrupt.
 */
void weft_peer_learn_endpoint(struct weft_peer *peer, const struct weft_endpoint *endpoint)
{
	struct weft_endpoint known;
	bool goes, moves = false;

	weft_peer_endpoint(peer, &known);
	if (likely(weft_endpoint_equal(&known, endpoint)))
		return;
	write_seqlock_bh(&peer->endpoint_lock);
	goes = peer_endpoint_may_go(peer, endpoint);
	if (goes)
		moves = peer_endpoint_goes_to(peer, endpoint);
	write_sequnlock_bh(&peer->endpoint_lock);
	if (goes)
		peer_endpoint_moved(peer);
	if (moves)
		weft_peer_event(peer, WEFT_EVENT_ENDPOINT_CHANGED, WEFT_CAUSE_PACKET, NULL);
}

/**
 * weft_peer_candidate_count() - how many endpoints a peer may have
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 * Return: at least 1.
 */
unsigned int weft_peer_candidate_count(struct weft_peer *peer)
{
	unsigned int places;

	read_seqlock_excl_bh(&peer->endpoint_lock);
	places = 1 + (peer->candidates ? peer->candidates->count : 0);
	read_sequnlock_excl_bh(&peer->endpoint_lock);
	return places;
}

/**
 * weft_peer_next_candidate() - try a peer at its next candidate
 * @peer: the peer, which does not answer where it is thought to be or cannot be reached there
 *
 * Context: any but hard interrupt.
 * Return: whether there is another.
 */
bool weft_peer_next_candidate(struct weft_peer *peer)
{
	bool moved;

	write_seqlock_bh(&peer->endpoint_lock);
	moved = weft_candidates_next(peer->candidates, &peer->endpoint);
	write_sequnlock_bh(&peer->endpoint_lock);
	if (moved)
		peer_endpoint_moved(peer);
	return moved;
}

/**
 * weft_peer_set_candidates() - say where a peer may be
 * @peer: the peer; its endpoint is the first, if it is not known
 * @candidates: the new ones, or NULL for none; gets those that it had, to be freed
 *
 * Context: process, device->config_lock.
 */
void weft_peer_set_candidates(struct weft_peer *peer, struct weft_candidates **candidates)
{
	lockdep_assert_held(&peer->device->config_lock);
	write_seqlock_bh(&peer->endpoint_lock);
	if (peer->candidates && *candidates)
		weft_candidates_inherit(*candidates, peer->candidates);
	swap(peer->candidates, *candidates);
	if (peer->candidates && !peer->endpoint.addr.sa_family)
		peer->endpoint = peer->candidates->list[0];
	write_sequnlock_bh(&peer->endpoint_lock);
}

/**
 * weft_peer_pin() - say whether a peer's endpoint follows it anywhere
 * @peer: the peer
 * @pinned: it does not, only to a candidate
 *
 * Context: process, device->config_lock.
 */
void weft_peer_pin(struct weft_peer *peer, bool pinned)
{
	lockdep_assert_held(&peer->device->config_lock);
	write_seqlock_bh(&peer->endpoint_lock);
	peer->pinned = pinned;
	write_sequnlock_bh(&peer->endpoint_lock);
}

/**
 * weft_peer_forget_source() - let routing choose again from where a peer is spoken to
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 */
void weft_peer_forget_source(struct weft_peer *peer)
{
	write_seqlock_bh(&peer->endpoint_lock);
	weft_endpoint_forget_source(&peer->endpoint);
	write_sequnlock_bh(&peer->endpoint_lock);
	peer_endpoint_reset_routes(peer);
}

/**
 * weft_peer_leave_home() - release a peer's cached routes before their namespace exits
 * @peer: the peer
 *
 * Context: process, device->config_lock. The device has had no sockets for a grace period and gets
 * no new ones, so the cache has no users.
 */
void weft_peer_leave_home(struct weft_peer *peer)
{
	lockdep_assert_held(&peer->device->config_lock);
	weft_peer_forget_source(peer);
	if (weft_peer_dst_cache(peer))
		dst_cache_reset_now(&peer->dst_cache);
}

/**
 * weft_peer_endpoint() - read where a peer is
 * @peer: the peer
 * @endpoint: gets a copy
 *
 * Context: any but hard interrupt.
 * Return: the number of this endpoint, for weft_peer_has_moved().
 */
unsigned int weft_peer_endpoint(struct weft_peer *peer, struct weft_endpoint *endpoint)
{
	unsigned int seq;

	do {
		seq = read_seqbegin(&peer->endpoint_lock);
		*endpoint = peer->endpoint;
	} while (read_seqretry(&peer->endpoint_lock, seq));
	return seq;
}

/**
 * weft_peer_has_moved() - whether a route that has just been cached may be out of date
 * @peer: the peer
 * @number: of the endpoint that the route was looked up for
 *
 * Then the caller resets the cache, for the reset that came with the change may have been before
 * the route was put there.
 *
 * Context: any but hard interrupt.
 */
bool weft_peer_has_moved(struct weft_peer *peer, unsigned int number)
{
	smp_mb();	/* pairs with peer_endpoint_reset_routes() */
	return read_seqretry(&peer->endpoint_lock, number);
}
