// SPDX-License-Identifier: GPL-2.0

#include "core/peer_ref.h"
#include "core/home.h"

#include <linux/slab.h>
#include <linux/string.h>

static struct kmem_cache *peer_ref_cache;

/* Once at load. Returns 0 or -ENOMEM. */
int weft_peer_ref_init(void)
{
	peer_ref_cache = KMEM_CACHE(weft_peer, 0);
	return peer_ref_cache ? 0 : -ENOMEM;
}

/* Once at unload, when no RCU callback for a peer is pending. */
void weft_peer_ref_exit(void)
{
	kmem_cache_destroy(peer_ref_cache);
}

/**
 * weft_peer_ref_alloc() - allocate a peer
 *
 * Context: process; may sleep.
 * Return: a zeroed peer with one reference, or NULL when memory is short.
 */
struct weft_peer *weft_peer_ref_alloc(void)
{
	struct weft_peer *peer = kmem_cache_zalloc(peer_ref_cache, GFP_KERNEL);

	if (peer)
		refcount_set(&peer->refs, 1);
	return peer;
}

/**
 * weft_peer_get() - take another reference
 * @peer: a peer that the caller has a reference to, or sees under a lock or in a session that has
 * one
 */
void weft_peer_get(struct weft_peer *peer)
{
	refcount_inc(&peer->refs);
}

static void peer_ref_free(struct rcu_head *rcu)
{
	struct weft_peer *peer = container_of(rcu, struct weft_peer, rcu);
	struct weft_home *home = peer->dead ? peer->home : NULL;

	weft_staged_purge(&peer->staged);
	dst_cache_destroy(&peer->dst_cache);
	kfree(rcu_access_pointer(peer->name));
	kfree(peer->endpoint.candidates);
	weft_pmtu_path_free(&peer->path);
	memzero_explicit(peer, sizeof(*peer));
	kmem_cache_free(peer_ref_cache, peer);
	weft_home_leave(home);
}

/**
 * weft_peer_put() - drop a reference; with the last one the peer is wiped and freed, after a grace
 * period
 * @peer: the peer, or NULL
 */
void weft_peer_put(struct weft_peer *peer)
{
	if (peer && refcount_dec_and_test(&peer->refs))
		call_rcu(&peer->rcu, peer_ref_free);
}
