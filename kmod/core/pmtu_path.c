// SPDX-License-Identifier: GPL-2.0

#include "core/pmtu_path.h"

#include <linux/slab.h>
#include <linux/string.h>

/**
 * weft_pmtu_path_init() - nothing is known yet, and nothing is asked
 * @path: filled in
 */
void weft_pmtu_path_init(struct weft_pmtu_path *path)
{
	memset(path, 0, sizeof(*path));
	spin_lock_init(&path->lock);
	path->mtu = U32_MAX;
	path->found = U32_MAX;
}

/**
 * weft_pmtu_path_forget() - the peer is somewhere else: nothing is known any more
 * @path: the path
 *
 * Context: any but hard interrupt.
 */
void weft_pmtu_path_forget(struct weft_pmtu_path *path)
{
	spin_lock_bh(&path->lock);
	/* Its timer finds that there is no search any more. */
	if (path->probe)
		weft_plpmtud_init(&path->probe->pmtu);
	WRITE_ONCE(path->mtu, U32_MAX);
	WRITE_ONCE(path->found, U32_MAX);
	WRITE_ONCE(path->ask_at_ns, 0);
	spin_unlock_bh(&path->lock);
}

/**
 * weft_pmtu_path_start() - let searches begin, because the device has come up
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
 * weft_pmtu_path_stop() - end a search, because the device goes down or the peer is removed
 * @path: the path
 *
 * Context: process; may sleep. Afterwards the timer does not run.
 * Return: whether it was armed: then the caller drops the reference to the peer that it had.
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
 * weft_pmtu_path_free() - free what a search has needed
 * @path: the path, which nobody uses any more
 */
void weft_pmtu_path_free(struct weft_pmtu_path *path)
{
	kfree_sensitive(path->probe);
}
