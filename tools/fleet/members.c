// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/members.h"

static int members_compare(const void *a, const void *b)
{
	return strcmp(((const struct weft_member *)a)->name,
		      ((const struct weft_member *)b)->name);
}

struct weft_member *weft_fleet_find(const struct weft_fleet *fleet, const char *name)
{
	struct weft_member wanted;

	if (!fleet->count || strlen(name) >= sizeof(wanted.name))
		return NULL;
	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	return bsearch(&wanted, fleet->members, fleet->count, sizeof(wanted), members_compare);
}

static int members_compare_names(const void *a, const void *b)
{
	return strcmp(*(const char * const *)a, *(const char * const *)b);
}

/* The names without a member, sorted, each once; to be freed. NULL: no memory. */
static const char **members_missing(const struct weft_fleet *fleet, const char * const *names,
				    size_t count, size_t *missing)
{
	const char **sorted = calloc(count + 1, sizeof(*sorted));
	size_t i, kept = 0;

	*missing = 0;
	if (!sorted)
		return NULL;
	for (i = 0; i < count; i++)
		if (!weft_fleet_find(fleet, names[i]))
			sorted[(*missing)++] = names[i];
	qsort(sorted, *missing, sizeof(*sorted), members_compare_names);
	for (i = 0; i < *missing; i++)
		if (!kept || strcmp(sorted[kept - 1], sorted[i]))
			sorted[kept++] = sorted[i];
	*missing = kept;
	return sorted;
}

bool weft_fleet_add(struct weft_fleet *fleet, const char * const *names, size_t count)
{
	struct weft_member *members;
	size_t i, missing;
	const char **fresh = members_missing(fleet, names, count, &missing);

	if (!fresh)
		return false;
	members = reallocarray(fleet->members, fleet->count + missing + 1, sizeof(*members));
	if (!members) {
		free(fresh);
		return false;
	}
	fleet->members = members;
	memset(members + fleet->count, 0, (missing + 1) * sizeof(*members));
	for (i = 0; i < missing; i++)
		snprintf(members[fleet->count + i].name, sizeof(members->name), "%s", fresh[i]);
	fleet->count += missing;
	if (missing)
		qsort(members, fleet->count, sizeof(*members), members_compare);
	free(fresh);
	return true;
}

bool weft_member_renew(struct weft_member *member)
{
	size_t i;

	for (i = 0; i < member->made.count; i++)
		if (!weft_keys_add(&member->former, &member->made.items[i]))
			return false;
	weft_keys_free(&member->made);
	return true;
}

bool weft_member_is_in(const struct weft_member *member)
{
	return member->node && member->node->number > member->revoked;
}

const struct weft_key *weft_member_key(const struct weft_member *member)
{
	if (member->hello)
		return &member->hello->public_key;
	if (member->node && weft_key_is_zero(&member->node->identity))
		return &member->node->public_key;
	return NULL;
}

__u64 weft_fleet_epoch(const struct weft_fleet *fleet)
{
	return fleet->terms ? fleet->terms->number : 0;
}

size_t weft_fleet_size(const struct weft_fleet *fleet)
{
	size_t i, count = 0;

	for (i = 0; i < fleet->count; i++)
		count += weft_member_is_in(&fleet->members[i]);
	return count;
}

static bool members_same_keys(const struct weft_keys *a, const struct weft_keys *b)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (!weft_keys_have(b, &a->items[i]))
			return false;
	return a->count == b->count;
}

bool weft_fleet_hands_over(const struct weft_fleet_record *terms,
			   const struct weft_fleet_record *next)
{
	return !weft_key_equal(&terms->signer, &next->signer) ||
	       !members_same_keys(&terms->admins, &next->admins);
}

bool weft_fleet_keep_older(struct weft_fleet *fleet, struct weft_fleet_record *terms)
{
	struct weft_fleet_record **older;

	older = reallocarray(fleet->older, fleet->older_count + 1, sizeof(*older));
	if (!older)
		return false;
	fleet->older = older;
	older[fleet->older_count++] = terms;
	return true;
}

static bool members_set_trust(struct weft_fleet *fleet, const struct weft_keys *admins)
{
	struct weft_keys trust = { };
	size_t i;

	for (i = 0; i < admins->count; i++) {
		if (!weft_keys_add(&trust, &admins->items[i])) {
			weft_keys_free(&trust);
			return false;
		}
	}
	weft_keys_free(&fleet->trust);
	fleet->trust = trust;
	return true;
}

bool weft_fleet_set_terms(struct weft_fleet *fleet, struct weft_fleet_record *terms)
{
	bool keep = fleet->terms && weft_fleet_hands_over(fleet->terms, terms);

	if (!weft_fleet_take_revocations(fleet, &terms->revoked) ||
	    !members_set_trust(fleet, &terms->admins) ||
	    (keep && !weft_fleet_keep_older(fleet, fleet->terms))) {
		weft_fleet_record_free(terms);
		return false;
	}
	if (!keep)
		weft_fleet_record_free(fleet->terms);
	fleet->terms = terms;
	return true;
}

bool weft_fleet_take_revocations(struct weft_fleet *fleet, const struct weft_revocations *revoked)
{
	const char **names = calloc(revoked->count + 1, sizeof(*names));
	struct weft_member *member;
	bool good;
	size_t i;

	for (i = 0; names && i < revoked->count; i++)
		names[i] = revoked->items[i].node;
	good = names && weft_fleet_add(fleet, names, revoked->count);
	for (i = 0; good && i < revoked->count; i++) {
		member = weft_fleet_find(fleet, revoked->items[i].node);
		if (member && member->revoked < revoked->items[i].serial)
			member->revoked = revoked->items[i].serial;
	}
	free(names);
	return good;
}

void weft_fleet_free(struct weft_fleet *fleet)
{
	size_t i;

	if (!fleet)
		return;
	for (i = 0; i < fleet->count; i++) {
		weft_fleet_record_free(fleet->members[i].node);
		weft_fleet_record_free(fleet->members[i].hello);
		weft_keys_free(&fleet->members[i].made);
		weft_keys_free(&fleet->members[i].former);
	}
	for (i = 0; i < fleet->older_count; i++)
		weft_fleet_record_free(fleet->older[i]);
	weft_fleet_record_free(fleet->terms);
	weft_keys_free(&fleet->trust);
	free(fleet->older);
	free(fleet->members);
	free(fleet);
}
