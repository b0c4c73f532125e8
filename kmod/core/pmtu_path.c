// SPDX-License-Identifier: GPL-2.0

#include "core/pmtu_path.h"

#include <linux/slab.h>
#include <linux/string.h>

/* Initialises a path: no MTU is known and no search runs. */
void weft_pmtu_path_init(struct weft_pmtu_path *path)
{
	memset(path, 0, sizeof(*path));
	spin_lock_init(&path->lock);
	path->mtu = U32_MAX;
	path->found = U32_MAX;
}

/**
 * weft_pmtu_path_forget() - reset a path when the peer's endpoint changes
 * @path: the path
 *
 * Context: any but hard interrupt.
 */
void weft_pmtu_path_forget(struct weft_pmtu_path *path)
{
	spin_lock_bh(&path->lock);
	/* The timer then finds that no search runs. */
	if (path->probe)
		weft_plpmtud_init(&path->probe->pmtu);
	WRITE_ONCE(path->mtu, U32_MAX);
	WRITE_ONCE(path->found, U32_MAX);
	atomic64_set(&path->ask_at_ns, 0);
	spin_unlock_bh(&path->lock);
}

/**
 * weft_pmtu_path_start() - allow searches, when the device has come up
 * @path: the path
 *
 * Context: process.
 */
void weft_pmtu_path_start(struct weft_pmtu_path *path)
{
	spin_lock_bh(&path->lock);
	path->running = true;
	spin_unlock_bh(&path->lock);
}

/**
 * weft_pmtu_path_stop() - end a search, when the device goes down or the peer is removed
 * @path: the path
 *
 * Context: process; may sleep. Afterwards the timer does not run.
 * Return: whether the timer was armed: then the caller drops its reference to the peer.
 */
bool weft_pmtu_path_stop(struct weft_pmtu_path *path)
{
	struct weft_pmtu_probe *probe;
	bool armed;

	spin_lock_bh(&path->lock);
	path->running = false;
	probe = path->probe;
	spin_unlock_bh(&path->lock);
	if (!probe)
		return false;
	armed = timer_delete_sync(&probe->timer);
	weft_pmtu_path_forget(path);
	return armed;
}

/**
 * weft_pmtu_path_free() - free the memory of a search
 * @path: the path, which has no users any more
 */
void weft_pmtu_path_free(struct weft_pmtu_path *path)
{
	kfree_sensitive(path->probe);
}
