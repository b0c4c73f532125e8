// SPDX-License-Identifier: GPL-2.0
/* Sorted peers and prefixes, for binary search. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "doctor/doctor.h"

/**
 * struct index_prefix - an allowed IP of a peer that is not up
 * @ip: the allowed IP
 * @owner: the peer
 */
struct index_prefix {
	const struct weft_allowedip *ip;
	const struct weft_doctor_peer *owner;
};

/**
 * struct weft_doctor_index - sorted peers and prefixes of a device
 * @all_up: every peer is up
 * @up: peers that are up and have an endpoint, by its address
 * @up_count: their number
 * @prefixes: allowed IPs of peers that are not up, by address and then length
 * @prefix_count: their number
 */
struct weft_doctor_index {
	bool all_up;
	const struct weft_doctor_peer **up;
	size_t up_count;
	struct index_prefix *prefixes;
	size_t prefix_count;
};

static size_t index_address_bytes(__u16 family)
{
	return family == AF_INET ? sizeof(struct in_addr) :
				   sizeof(struct in6_addr);
}

static const void *index_endpoint_address(const union weft_endpoint *endpoint)
{
	if (endpoint->any.sa_family == AF_INET)
		return &endpoint->ip4.sin_addr;
	return &endpoint->ip6.sin6_addr;
}

static int index_compare_endpoints(const struct weft_doctor_peer *a,
				   const struct weft_doctor_peer *b)
{
	const union weft_endpoint *x = &a->last->endpoint;
	const union weft_endpoint *y = &b->last->endpoint;
	int order = x->any.sa_family - y->any.sa_family;

	return order ? order :
	       memcmp(index_endpoint_address(x), index_endpoint_address(y),
		      index_address_bytes(x->any.sa_family));
}

/* Among those with one endpoint, in the device's own order. */
static int index_compare_up(const void *a, const void *b)
{
	const struct weft_doctor_peer *x = *(const struct weft_doctor_peer **)a;
	const struct weft_doctor_peer *y = *(const struct weft_doctor_peer **)b;
	int order = index_compare_endpoints(x, y);

	return order ? order : (x > y) - (x < y);
}

static int index_compare_ips(const struct weft_allowedip *x,
			     const struct weft_allowedip *y)
{
	int order = x->family - y->family;

	if (!order)
		order = memcmp(&x->ip4, &y->ip4, index_address_bytes(x->family));
	return order ? order : x->cidr - y->cidr;
}

static int index_compare_prefixes(const void *a, const void *b)
{
	const struct index_prefix *x = a, *y = b;

	return index_compare_ips(x->ip, y->ip);
}

static void index_add(struct weft_doctor_index *index,
		      const struct weft_doctor_facts *facts,
		      const struct weft_doctor_peer *peer)
{
	const struct weft_allowedip *ip;

	if (weft_doctor_is_up(facts, peer)) {
		if (peer->last->endpoint.any.sa_family != AF_UNSPEC)
			index->up[index->up_count++] = peer;
		return;
	}
	index->all_up = false;
	for (ip = peer->last->allowedips; ip; ip = ip->next)
		index->prefixes[index->prefix_count++] = (struct index_prefix){
			.ip = ip, .owner = peer,
		};
}

struct weft_doctor_index *weft_doctor_index_new(const struct weft_doctor_facts *facts)
{
	struct weft_doctor_index *index = calloc(1, sizeof(*index));
	const struct weft_allowedip *ip;
	size_t i, prefixes = 0;

	if (!index)
		return NULL;
	for (i = 0; i < facts->peer_count; i++)
		for (ip = facts->peers[i].last->allowedips; ip; ip = ip->next)
			prefixes++;
	index->all_up = true;
	index->up = calloc(facts->peer_count + 1, sizeof(*index->up));
	index->prefixes = calloc(prefixes + 1, sizeof(*index->prefixes));
	if (!index->up || !index->prefixes) {
		weft_doctor_index_free(index);
		return NULL;
	}
	for (i = 0; i < facts->peer_count; i++)
		index_add(index, facts, &facts->peers[i]);
	qsort(index->up, index->up_count, sizeof(*index->up), index_compare_up);
	qsort(index->prefixes, index->prefix_count, sizeof(*index->prefixes),
	      index_compare_prefixes);
	return index;
}

void weft_doctor_index_free(struct weft_doctor_index *index)
{
	if (!index)
		return;
	free(index->up);
	free(index->prefixes);
	free(index);
}

bool weft_doctor_index_all_up(const struct weft_doctor_index *index)
{
	return index->all_up;
}

/* The first entry that is not before @peer's endpoint. */
const struct weft_doctor_peer *
weft_doctor_index_neighbour(const struct weft_doctor_index *index,
			    const struct weft_doctor_peer *peer)
{
	size_t from = 0, to = index->up_count, middle;

	if (peer->last->endpoint.any.sa_family == AF_UNSPEC)
		return NULL;
	while (from < to) {
		middle = from + (to - from) / 2;
		if (index_compare_endpoints(index->up[middle], peer) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (from < index->up_count && index->up[from] == peer)
		from++;
	if (from == index->up_count || index_compare_endpoints(index->up[from], peer))
		return NULL;
	return index->up[from];
}

static bool index_covers(const struct weft_allowedip *outer,
			 const struct weft_allowedip *inner)
{
	struct weft_allowedip cut = *inner;

	if (outer->family != inner->family || outer->cidr >= inner->cidr)
		return false;
	cut.cidr = outer->cidr;
	weft_model_allowedip_mask(&cut);
	return !weft_model_allowedip_compare(&cut, outer);
}

/* Prefixes within @ip directly follow it in the order. */
const struct weft_allowedip *
weft_doctor_index_within(const struct weft_doctor_index *index,
			 const struct weft_allowedip *ip,
			 const struct weft_doctor_peer **owner)
{
	size_t from = 0, to = index->prefix_count, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (index_compare_ips(index->prefixes[middle].ip, ip) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == index->prefix_count ||
	    !index_covers(ip, index->prefixes[from].ip))
		return NULL;
	*owner = index->prefixes[from].owner;
	return index->prefixes[from].ip;
}
