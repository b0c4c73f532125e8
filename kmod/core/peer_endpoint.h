/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The endpoint of a peer, the candidates for it, and the dst cache for it.
 */
#ifndef WEFT_PEER_ENDPOINT_H
#define WEFT_PEER_ENDPOINT_H

#include <linux/types.h>

#include <uapi/linux/weft.h>

struct dst_cache;
struct weft_candidates;
struct weft_endpoint;
struct weft_peer;

bool weft_peer_alloc_dst_cache(struct weft_peer *peer);
struct dst_cache *weft_peer_dst_cache(struct weft_peer *peer);
void weft_peer_set_endpoint(struct weft_peer *peer, const struct weft_endpoint *endpoint,
			    enum weft_event_cause cause);
void weft_peer_learn_endpoint(struct weft_peer *peer, const struct weft_endpoint *endpoint);
unsigned int weft_peer_candidate_count(struct weft_peer *peer);
bool weft_peer_next_candidate(struct weft_peer *peer);
void weft_peer_set_candidates(struct weft_peer *peer, struct weft_candidates **candidates);
void weft_peer_pin(struct weft_peer *peer, bool pinned);
void weft_peer_forget_source(struct weft_peer *peer);
void weft_peer_leave_home(struct weft_peer *peer);
bool weft_peer_has_moved(struct weft_peer *peer, unsigned int number);

#endif /* WEFT_PEER_ENDPOINT_H */
