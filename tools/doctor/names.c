// SPDX-License-Identifier: GPL-2.0
/* Peers as the interface's file has them, and names of endpoints that have no address. */
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "conf/profile.h"
#include "conf/resolve.h"
#include "doctor/doctor.h"

static int names_compare(const void *a, const void *b)
{
	const struct weft_peer *x = *(const struct weft_peer *const *)a;
	const struct weft_peer *y = *(const struct weft_peer *const *)b;

	return memcmp(&x->public_key, &y->public_key, sizeof(x->public_key));
}

/* The file's peers by key, or NULL: no memory. */
static const struct weft_peer **names_sort(const struct weft_device *dev,
					   size_t count)
{
	const struct weft_peer **sorted = calloc(count + 1, sizeof(*sorted));
	const struct weft_peer *peer;
	size_t i = 0;

	for (peer = dev->peers; sorted && peer; peer = peer->next)
		sorted[i++] = peer;
	if (sorted)
		qsort(sorted, count, sizeof(*sorted), names_compare);
	return sorted;
}

static void names_gather_wanted(struct weft_doctor_facts *facts)
{
	size_t count = weft_model_peer_count(facts->profile->dev), i;
	const struct weft_peer **sorted = names_sort(facts->profile->dev, count);
	const struct weft_peer **found;

	for (i = 0; sorted && i < facts->peer_count; i++) {
		found = bsearch(&facts->peers[i].last, sorted, count,
				sizeof(*sorted), names_compare);
		facts->peers[i].wanted = found ? *found : NULL;
	}
	free(sorted);
}

/* The lookup consumes the texts: copies of the names are kept. */
static void names_keep(struct weft_doctor_facts *facts)
{
	struct weft_doctor_peer *peer;
	size_t i;

	for (i = 0; i < facts->peer_count; i++) {
		peer = &facts->peers[i];
		peer->calls = peer->wanted && !peer->wanted->endpoint_text;
		if (peer->wanted && peer->wanted->endpoint_text &&
		    weft_resolve_is_name(peer->wanted->endpoint_text))
			peer->unresolved = strdup(peer->wanted->endpoint_text);
	}
}

static void names_drop_resolved(struct weft_doctor_facts *facts)
{
	struct weft_doctor_peer *peer;
	size_t i;

	for (i = 0; i < facts->peer_count; i++) {
		peer = &facts->peers[i];
		if (!peer->unresolved || !peer->wanted ||
		    peer->wanted->endpoint.any.sa_family == AF_UNSPEC)
			continue;
		free(peer->unresolved);
		peer->unresolved = NULL;
	}
}

void weft_doctor_gather_names(const struct weft_context *ctx,
			      struct weft_doctor_facts *facts)
{
	struct weft_context quiet = *ctx;

	if (!facts->profile)
		return;
	names_gather_wanted(facts);
	names_keep(facts);
	quiet.retries = 0;
	quiet.err = fopen("/dev/null", "we");
	if (!quiet.err)
		return;
	weft_resolve_device(&quiet, facts->path, facts->profile->dev);
	fclose(quiet.err);
	names_drop_resolved(facts);
}
