// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/journal.h"
#include "apply/sync.h"
#include "base/complain.h"
#include "genl/backend.h"
#include "host/host.h"
#include "model/attr.h"

/**
 * struct weft_journal_entry - one change that was made
 * @change: the change
 * @old: for a configuration, the device before; otherwise NULL
 */
struct weft_journal_entry {
	struct weft_change change;
	struct weft_device *old;
};

/* Allocated before the change: no change that was made may be missing here. */
static struct weft_journal_entry *journal_reserve(struct weft_journal *journal)
{
	struct weft_journal_entry *entries, *entry;

	entries = reallocarray(journal->entries, journal->count + 1,
			       sizeof(*entries));
	if (!entries) {
		weft_complain(journal->ctx, "%s: out of memory", journal->name);
		return NULL;
	}
	journal->entries = entries;
	entry = &entries[journal->count];
	memset(entry, 0, sizeof(*entry));
	return entry;
}

/* IPv6 addresses and routes vanish with a link that goes down. */
static bool journal_is_gone(int err)
{
	return err == -EADDRNOTAVAIL || err == -ESRCH || err == -ENODEV;
}

static bool journal_apply(struct weft_journal *journal,
			  const struct weft_change *change, bool undo)
{
	struct weft_host *host = journal->ctx->host;
	int err = host->change(host, change);
	char *what;

	if (!err || (undo && journal_is_gone(err)))
		return true;
	what = weft_change_describe(change);
	weft_complain(journal->ctx, "%s: %scannot %s: %s", journal->name, undo ? "undo: " : "",
		      what ? what : "make a change", host->error);
	free(what);
	return false;
}

bool weft_journal_do(struct weft_journal *journal, struct weft_change *change)
{
	struct weft_journal_entry *entry = journal_reserve(journal);

	bool good = entry && journal_apply(journal, change, false);

	if (!entry || (!good && !change->partial)) {
		weft_change_clear(change);
		return false;
	}
	entry->change = *change;
	memset(change, 0, sizeof(*change));
	journal->count++;
	return good;
}

bool weft_journal_leave(struct weft_journal *journal, struct weft_change *change)
{
	bool good = journal_apply(journal, change, false);

	weft_change_clear(change);
	return good;
}

bool weft_journal_configure(struct weft_journal *journal,
			    const struct weft_device *change,
			    struct weft_device *old)
{
	struct weft_journal_entry *entry = journal_reserve(journal);
	struct weft_backend *backend = journal->ctx->backend;

	if (!entry)
		return false;
	/* With several messages the first may be applied although a later one is refused. */
	if (old) {
		entry->old = old;
		journal->count++;
	}
	if (!backend->set(backend, change))
		return true;
	return weft_complain(journal->ctx, "%s: cannot configure the interface: %s", journal->name,
			     backend->error);
}

/* Turns a device that was read into one that is to be configured. */
static void journal_make_wish(struct weft_device *dev)
{
	struct weft_allowedip *ip;
	struct weft_peer *peer;

	dev->has |= WEFT_DEVICE_HAS_PRIVATE_KEY | WEFT_DEVICE_HAS_LISTEN_PORT |
		    WEFT_DEVICE_HAS_FWMARK | WEFT_DEVICE_REPLACE_PEERS;
	if (dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU))
		dev->has |= WEFT_DEVICE_HAS_PMTU;
	if (dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_DSCP))
		dev->has |= WEFT_DEVICE_HAS_DSCP;
	for (peer = dev->peers; peer; peer = peer->next) {
		if (peer->has & WEFT_PEER_HAS_ROAM)
			peer->has |= WEFT_PEER_HAS_CANDIDATES;
		peer->has |= WEFT_PEER_HAS_PUBLIC_KEY |
			     WEFT_PEER_HAS_PRESHARED_KEY |
			     WEFT_PEER_HAS_KEEPALIVE |
			     WEFT_PEER_REPLACE_ALLOWEDIPS;
		peer->drop = false;
		for (ip = peer->allowedips; ip; ip = ip->next)
			ip->drop = false;
	}
}

static bool journal_restore(struct weft_journal *journal,
			    struct weft_device *old)
{
	struct weft_backend *backend = journal->ctx->backend;
	const char *error = backend->error;
	struct weft_device *now = NULL;
	bool good;

	journal_make_wish(old);
	good = !backend->get(backend, old->name, &now);
	if (good && !weft_sync_reduce(now, old)) {
		error = "out of memory";
		good = false;
	}
	good = good && (weft_sync_is_empty(old) || !backend->set(backend, old));
	if (!good)
		weft_complain(journal->ctx, "%s: cannot restore the configuration: %s",
			      journal->name, error);
	weft_model_device_free(now);
	return good;
}

/* A change without an inverse has replaced an unknown state. */
static bool journal_complain(struct weft_journal *journal, const struct weft_change *change)
{
	char *what = weft_change_describe(change);

	weft_complain(journal->ctx,
		      "%s: cannot undo: %s: the former state is not recorded",
		      journal->name, what ? what : "a change");
	free(what);
	return false;
}

bool weft_journal_undo(struct weft_journal *journal)
{
	struct weft_journal_entry *entry;
	bool good = true;

	while (journal->count) {
		entry = &journal->entries[--journal->count];
		if (entry->old)
			good &= journal_restore(journal, entry->old);
		else if (weft_change_invert(&entry->change))
			good &= journal_apply(journal, &entry->change, true);
		else
			good = journal_complain(journal, &entry->change);
		weft_change_clear(&entry->change);
	}
	return good;
}

void weft_journal_free(struct weft_journal *journal)
{
	while (journal->count)
		weft_change_clear(&journal->entries[--journal->count].change);
	free(journal->entries);
	journal->entries = NULL;
}
