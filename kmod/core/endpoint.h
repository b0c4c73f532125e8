/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An endpoint: the address and port of a peer, and the local address and interface last used with
 * it.
 */
#ifndef WEFT_ENDPOINT_H
#define WEFT_ENDPOINT_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/seqlock.h>
#include <linux/socket.h>
#include <linux/types.h>

struct sk_buff;
struct weft_candidates;

struct weft_endpoint {
	union {
		struct sockaddr addr;		/* sa_family 0: unknown */
		struct sockaddr_in addr4;
		struct sockaddr_in6 addr6;
	};
	union {
		struct {
			struct in_addr src4;	/* 0: routing chooses */
			int src_if4;		/* 0: any */
		};
		struct in6_addr src6;		/* all zeros: routing chooses */
	};
};

/* The endpoint that a peer has now, and those that it may have. */
struct weft_peer_endpoint {
	seqlock_t lock;			/* the fields below */
	bool pinned;			/* the peer does not roam */
	struct weft_endpoint now;
	struct weft_candidates *candidates;	/* config_lock as well; or NULL */
};

/**
 * weft_endpoint_read() - read a peer's endpoint
 * @from: the peer's
 * @copy: gets a copy
 *
 * Context: any but hard interrupt.
 * Return: the number of this endpoint, for weft_peer_has_moved().
 */
static inline unsigned int weft_endpoint_read(const struct weft_peer_endpoint *from,
					      struct weft_endpoint *copy)
{
	unsigned int seq;

	do {
		seq = read_seqbegin(&from->lock);
		*copy = from->now;
	} while (read_seqretry(&from->lock, seq));
	return seq;
}

bool weft_endpoint_from_skb(struct weft_endpoint *endpoint, const struct sk_buff *skb);
bool weft_endpoint_equal(const struct weft_endpoint *a, const struct weft_endpoint *b);
bool weft_endpoint_same_remote(const struct weft_endpoint *a, const struct weft_endpoint *b);
void weft_endpoint_forget_source(struct weft_endpoint *endpoint);

#endif /* WEFT_ENDPOINT_H */
