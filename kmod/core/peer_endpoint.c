// SPDX-License-Identifier: GPL-2.0

#include "core/peer_endpoint.h"
#include "core/device.h"
#include "core/peer_ref.h"

/**
 * weft_peer_alloc_dst_cache() - allocate the dst cache that only a peer in use needs
 * @peer: the peer
 *
 * The cache is per-CPU memory, which takes longer to allocate than all the rest of a peer. To be
 * called before the first message to the peer is made. Earlier lookups of the path MTU use no
 * cache.
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

/* Sets a peer's endpoint. Returns whether it differs from the one last known to be right. */
static bool peer_endpoint_goes_to(struct weft_peer_endpoint *own,
				  const struct weft_endpoint *endpoint)
{
	bool moves = !weft_endpoint_same_remote(weft_candidates_last(own->candidates, &own->now),
						endpoint);

	lockdep_assert_held(&own->lock.lock);
	own->now = *endpoint;
	weft_candidates_found(own->candidates);
	return moves;
}

/*
 * Drops the cached routes, after the endpoint or its source, and its number, have changed. The
 * barrier pairs with that in weft_peer_has_moved(): if that reads the old number, the reset follows
 * the caching, else the other side resets.
 */
static void peer_endpoint_reset_routes(struct weft_peer *peer)
{
	smp_mb();	/* pairs with weft_peer_has_moved() */
	dst_cache_reset(&peer->dst_cache);
}

/* The routes and the path MTU to the old endpoint are invalid. */
static void peer_endpoint_moved(struct weft_peer *peer)
{
	peer_endpoint_reset_routes(peer);
	weft_pmtu_path_forget(&peer->path);
}

/**
 * weft_peer_set_endpoint() - set a peer's endpoint
 * @peer: the peer
 * @endpoint: the endpoint
 * @cause: the cause for listeners; WEFT_CAUSE_NONE: send no event
 *
 * Context: any but hard interrupt.
 */
void weft_peer_set_endpoint(struct weft_peer *peer, const struct weft_endpoint *endpoint,
			    enum weft_event_cause cause)
{
	bool moves;

	write_seqlock_bh(&peer->endpoint.lock);
	moves = peer_endpoint_goes_to(&peer->endpoint, endpoint);
	write_sequnlock_bh(&peer->endpoint.lock);
	peer_endpoint_moved(peer);
	if (moves && cause != WEFT_CAUSE_NONE)
		weft_peer_event(peer, WEFT_EVENT_ENDPOINT_CHANGED, cause, NULL);
}

/* Whether a packet from @endpoint may change the peer's endpoint. */
static bool peer_endpoint_may_go(const struct weft_peer_endpoint *own,
				 const struct weft_endpoint *endpoint)
{
	return !own->pinned || !own->now.addr.sa_family ||
	       weft_endpoint_same_remote(&own->now, endpoint) ||
	       weft_candidates_hold(own->candidates, endpoint);
}

/**
 * weft_peer_learn_endpoint() - update a peer's endpoint by the source of an authenticated packet
 * @peer: the peer
 * @endpoint: the source; ignored if it is the endpoint already, or a pinned peer may not roam there
 *
 * Context: any but hard interrupt.
 */
void weft_peer_learn_endpoint(struct weft_peer *peer, const struct weft_endpoint *endpoint)
{
	struct weft_endpoint known;
	bool goes, moves = false;

	weft_endpoint_read(&peer->endpoint, &known);
	if (likely(weft_endpoint_equal(&known, endpoint)))
		return;
	write_seqlock_bh(&peer->endpoint.lock);
	goes = peer_endpoint_may_go(&peer->endpoint, endpoint);
	if (goes)
		moves = peer_endpoint_goes_to(&peer->endpoint, endpoint);
	write_sequnlock_bh(&peer->endpoint.lock);
	if (goes)
		peer_endpoint_moved(peer);
	if (moves)
		weft_peer_event(peer, WEFT_EVENT_ENDPOINT_CHANGED, WEFT_CAUSE_PACKET, NULL);
}

/**
 * weft_peer_candidate_count() - the number of endpoints that a peer may have
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 * Return: at least 1.
 */
unsigned int weft_peer_candidate_count(struct weft_peer *peer)
{
	struct weft_peer_endpoint *own = &peer->endpoint;
	unsigned int count;

	read_seqlock_excl_bh(&own->lock);
	count = 1 + (own->candidates ? own->candidates->count : 0);
	read_sequnlock_excl_bh(&own->lock);
	return count;
}

/**
 * weft_peer_next_candidate() - set a peer's endpoint to its next candidate
 * @peer: the peer, which does not answer at its endpoint or cannot be reached there
 *
 * Context: any but hard interrupt.
 * Return: whether there is another.
 */
bool weft_peer_next_candidate(struct weft_peer *peer)
{
	bool moved;

	write_seqlock_bh(&peer->endpoint.lock);
	moved = weft_candidates_next(peer->endpoint.candidates, &peer->endpoint.now);
	write_sequnlock_bh(&peer->endpoint.lock);
	if (moved)
		peer_endpoint_moved(peer);
	return moved;
}

/**
 * weft_peer_set_candidates() - set the candidates of a peer
 * @peer: the peer; its endpoint becomes the first of them if it has none
 * @candidates: the new ones, or NULL for none; set to the previous ones, to be freed
 *
 * Context: process, device->config_lock.
 */
void weft_peer_set_candidates(struct weft_peer *peer, struct weft_candidates **candidates)
{
	struct weft_peer_endpoint *own = &peer->endpoint;

	lockdep_assert_held(&peer->device->config_lock);
	write_seqlock_bh(&own->lock);
	if (own->candidates && *candidates)
		weft_candidates_inherit(*candidates, own->candidates);
	swap(own->candidates, *candidates);
	if (own->candidates && !own->now.addr.sa_family)
		own->now = own->candidates->list[0];
	write_sequnlock_bh(&own->lock);
}

/**
 * weft_peer_pin() - set whether a peer may roam
 * @peer: the peer
 * @pinned: it may not, except to a candidate
 *
 * Context: process, device->config_lock.
 */
void weft_peer_pin(struct weft_peer *peer, bool pinned)
{
	lockdep_assert_held(&peer->device->config_lock);
	write_seqlock_bh(&peer->endpoint.lock);
	peer->endpoint.pinned = pinned;
	write_sequnlock_bh(&peer->endpoint.lock);
}

/**
 * weft_peer_forget_source() - let routing choose the source address for a peer again
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 */
void weft_peer_forget_source(struct weft_peer *peer)
{
	write_seqlock_bh(&peer->endpoint.lock);
	weft_endpoint_forget_source(&peer->endpoint.now);
	write_sequnlock_bh(&peer->endpoint.lock);
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
 * weft_peer_has_moved() - whether a route that has just been cached may be out of date
 * @peer: the peer
 * @number: of the endpoint that the route was looked up for
 *
 * The caller then resets the cache, as the reset of the change may have come before the route was
 * cached.
 *
 * Context: any but hard interrupt.
 */
bool weft_peer_has_moved(struct weft_peer *peer, unsigned int number)
{
	smp_mb();	/* pairs with peer_endpoint_reset_routes() */
	return read_seqretry(&peer->endpoint.lock, number);
}
