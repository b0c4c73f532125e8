// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "model/model.h"

static const char * const kind_names[] = {
	[WEFT_KIND_NONE] = "none",
	[WEFT_KIND_WEFT] = "weft",
	[WEFT_KIND_WIREGUARD] = "wireguard",
};

const char *weft_model_kind_name(enum weft_kind kind)
{
	return kind_names[kind];
}

enum weft_kind weft_model_kind_of(const char *name)
{
	if (!strcmp(name, kind_names[WEFT_KIND_WEFT]))
		return WEFT_KIND_WEFT;
	if (!strcmp(name, kind_names[WEFT_KIND_WIREGUARD]))
		return WEFT_KIND_WIREGUARD;
	return WEFT_KIND_NONE;
}

/* As the kernel's dev_valid_name(). */
bool weft_model_name_is_valid(const char *name)
{
	if (!*name || strlen(name) >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
			return false;
	return true;
}

struct weft_device *weft_model_device_new(const char *name)
{
	struct weft_device *dev = calloc(1, sizeof(*dev));

	if (dev)
		snprintf(dev->name, sizeof(dev->name), "%s", name);
	return dev;
}

static void model_append_peer(struct weft_device *dev, struct weft_peer *peer)
{
	peer->next = NULL;
	if (dev->last_peer)
		dev->last_peer->next = peer;
	else
		dev->peers = peer;
	dev->last_peer = peer;
}

struct weft_peer *weft_model_peer_add(struct weft_device *dev)
{
	struct weft_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->roam = true;
	model_append_peer(dev, peer);
	return peer;
}

static void model_append_allowedip(struct weft_peer *peer,
				   struct weft_allowedip *ip)
{
	ip->next = NULL;
	if (peer->last_allowedip)
		peer->last_allowedip->next = ip;
	else
		peer->allowedips = ip;
	peer->last_allowedip = ip;
}

struct weft_allowedip *weft_model_allowedip_add(struct weft_peer *peer)
{
	struct weft_allowedip *ip = calloc(1, sizeof(*ip));

	if (ip)
		model_append_allowedip(peer, ip);
	return ip;
}

struct weft_link *weft_model_link_add(struct weft_link **list,
				      const char *name, enum weft_kind kind)
{
	struct weft_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	snprintf(link->name, sizeof(link->name), "%s", name);
	link->kind = kind;
	while (*list)
		list = &(*list)->next;
	*list = link;
	return link;
}

static void model_free_allowedips(struct weft_peer *peer)
{
	struct weft_allowedip *ip, *next;

	for (ip = peer->allowedips; ip; ip = next) {
		next = ip->next;
		free(ip);
	}
	peer->allowedips = NULL;
	peer->last_allowedip = NULL;
}

static void model_free_peer(struct weft_peer *peer)
{
	model_free_allowedips(peer);
	free(peer->endpoint_text);
	free(peer->candidates);
	free(peer->name);
	sodium_memzero(peer, sizeof(*peer));
	free(peer);
}

void weft_model_peers_prune(struct weft_device *dev)
{
	struct weft_peer *peer = dev->peers, *next;

	dev->peers = NULL;
	dev->last_peer = NULL;
	for (; peer; peer = next) {
		next = peer->next;
		if (peer->drop)
			model_free_peer(peer);
		else
			model_append_peer(dev, peer);
	}
}

void weft_model_allowedips_prune(struct weft_peer *peer)
{
	struct weft_allowedip *ip = peer->allowedips, *next;

	peer->allowedips = NULL;
	peer->last_allowedip = NULL;
	for (; ip; ip = next) {
		next = ip->next;
		if (ip->drop)
			free(ip);
		else
			model_append_allowedip(peer, ip);
	}
}

void weft_model_allowedips_move(struct weft_peer *to, struct weft_peer *from)
{
	struct weft_allowedip *ip = from->allowedips, *next;

	from->allowedips = NULL;
	from->last_allowedip = NULL;
	for (; ip; ip = next) {
		next = ip->next;
		model_append_allowedip(to, ip);
	}
}

static void model_peer_plain(struct weft_peer *peer)
{
	peer->has &= WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_HAS_PRESHARED_KEY |
		     WEFT_PEER_HAS_KEEPALIVE;
	peer->known = 0;
	peer->roam = true;
	free(peer->name);
	peer->name = NULL;
	weft_model_candidates_clear(peer);
}

void weft_model_device_plain(struct weft_device *dev)
{
	struct weft_peer *peer;

	dev->has &= ~(WEFT_DEVICE_HAS_LISTEN_ADDRESS |
		      WEFT_DEVICE_HAS_BIND_DEVICE | WEFT_DEVICE_HAS_PMTU |
		      WEFT_DEVICE_HAS_DSCP | WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY);
	dev->known = 0;
	memset(&dev->listen4, 0, sizeof(dev->listen4));
	memset(&dev->listen6, 0, sizeof(dev->listen6));
	dev->bind_device[0] = '\0';
	for (peer = dev->peers; peer; peer = peer->next)
		model_peer_plain(peer);
}

void weft_model_device_free(struct weft_device *dev)
{
	struct weft_peer *peer, *next;

	if (!dev)
		return;
	for (peer = dev->peers; peer; peer = next) {
		next = peer->next;
		model_free_peer(peer);
	}
	sodium_memzero(dev, sizeof(*dev));
	free(dev);
}

void weft_model_links_free(struct weft_link *list)
{
	struct weft_link *next;

	for (; list; list = next) {
		next = list->next;
		free(list);
	}
}

struct weft_peer *weft_model_peer_find(const struct weft_device *dev,
				       const struct weft_key *public_key)
{
	struct weft_peer *peer;

	for (peer = dev->peers; peer; peer = peer->next)
		if (weft_key_equal(&peer->public_key, public_key))
			return peer;
	return NULL;
}

struct weft_peer *weft_model_peer_find_word(const struct weft_device *dev,
					    const char *word)
{
	struct weft_peer *peer;
	struct weft_key key;

	if (weft_key_decode(&key, word))
		return weft_model_peer_find(dev, &key);
	for (peer = dev->peers; peer; peer = peer->next)
		if (peer->name && !strcmp(peer->name, word))
			return peer;
	return NULL;
}

size_t weft_model_peer_count(const struct weft_device *dev)
{
	const struct weft_peer *peer;
	size_t count = 0;

	for (peer = dev->peers; peer; peer = peer->next)
		count++;
	return count;
}

static int model_compare_keys(const void *a, const void *b)
{
	const struct weft_peer *x = *(struct weft_peer * const *)a;
	const struct weft_peer *y = *(struct weft_peer * const *)b;

	return memcmp(x->public_key.bytes, y->public_key.bytes,
		      WEFT_KEY_BYTES);
}

bool weft_model_index(const struct weft_device *dev,
		      struct weft_peer_index *index)
{
	const struct weft_peer *peer;

	index->count = 0;
	index->peers = calloc(weft_model_peer_count(dev) + 1,
			      sizeof(*index->peers));
	if (!index->peers)
		return false;
	for (peer = dev->peers; peer; peer = peer->next)
		index->peers[index->count++] = peer;
	qsort(index->peers, index->count, sizeof(*index->peers),
	      model_compare_keys);
	return true;
}

const struct weft_peer *
weft_model_index_find(const struct weft_peer_index *index,
		      const struct weft_key *public_key)
{
	const struct weft_peer wanted = { .public_key = *public_key };
	const struct weft_peer *key = &wanted, **found;

	found = bsearch(&key, index->peers, index->count,
			sizeof(*index->peers), model_compare_keys);
	return found ? *found : NULL;
}

void weft_model_index_free(struct weft_peer_index *index)
{
	free(index->peers);
	memset(index, 0, sizeof(*index));
}

static void model_mask_bytes(unsigned char *bytes, size_t len, __u8 cidr)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (cidr >= 8) {
			cidr -= 8;
			continue;
		}
		bytes[i] &= 0xff00 >> cidr;
		cidr = 0;
	}
}

void weft_model_allowedip_mask(struct weft_allowedip *ip)
{
	if (ip->family == AF_INET)
		model_mask_bytes((unsigned char *)&ip->ip4, sizeof(ip->ip4),
				 ip->cidr);
	else
		model_mask_bytes((unsigned char *)&ip->ip6, sizeof(ip->ip6),
				 ip->cidr);
}

int weft_model_allowedip_compare(const struct weft_allowedip *a,
				 const struct weft_allowedip *b)
{
	int diff = a->family - b->family;

	if (diff)
		return diff;
	if (a->family == AF_INET)
		diff = memcmp(&a->ip4, &b->ip4, sizeof(a->ip4));
	else
		diff = memcmp(&a->ip6, &b->ip6, sizeof(a->ip6));
	return diff ? diff : a->cidr - b->cidr;
}

bool weft_model_endpoint_equal(const union weft_endpoint *a,
			       const union weft_endpoint *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->ip4.sin_port == b->ip4.sin_port &&
		       a->ip4.sin_addr.s_addr == b->ip4.sin_addr.s_addr;
	if (a->any.sa_family == AF_INET6)
		return a->ip6.sin6_port == b->ip6.sin6_port &&
		       a->ip6.sin6_scope_id == b->ip6.sin6_scope_id &&
		       !memcmp(&a->ip6.sin6_addr, &b->ip6.sin6_addr,
			       sizeof(a->ip6.sin6_addr));
	return true;
}

bool weft_model_candidate_find(const struct weft_peer *peer,
			       const union weft_endpoint *endpoint)
{
	size_t i;

	for (i = 0; i < peer->candidate_count; i++)
		if (weft_model_endpoint_equal(&peer->candidates[i], endpoint))
			return true;
	return false;
}

void weft_model_candidates_clear(struct weft_peer *peer)
{
	free(peer->candidates);
	peer->candidates = NULL;
	peer->candidate_count = 0;
}

bool weft_model_candidate_add(struct weft_peer *peer,
			      const union weft_endpoint *endpoint)
{
	union weft_endpoint *candidates;

	if (peer->candidate_count == WEFT_CANDIDATES_MAX ||
	    weft_model_candidate_find(peer, endpoint))
		return true;
	candidates = reallocarray(peer->candidates, peer->candidate_count + 1,
				  sizeof(*candidates));
	if (!candidates)
		return false;
	peer->candidates = candidates;
	candidates[peer->candidate_count++] = *endpoint;
	return true;
}

bool weft_model_candidates_keep(struct weft_peer *want,
				const struct weft_peer *have)
{
	bool good = true;
	size_t i;

	if (!want->unresolved || !want->candidate_count)
		return true;
	for (i = 0; good && i < have->candidate_count; i++)
		good = weft_model_candidate_add(want, &have->candidates[i]);
	return good;
}

bool weft_model_candidates_equal(const struct weft_peer *a,
				 const struct weft_peer *b)
{
	size_t i;

	/* No candidate occurs twice. */
	if (a->candidate_count != b->candidate_count)
		return false;
	for (i = 0; i < a->candidate_count; i++)
		if (!weft_model_candidate_find(b, &a->candidates[i]))
			return false;
	return true;
}

bool weft_model_has_listen_address(const struct weft_device *dev)
{
	return dev->listen4.s_addr || !IN6_IS_ADDR_UNSPECIFIED(&dev->listen6);
}
