// SPDX-License-Identifier: GPL-2.0

#include "core/home.h"

#include <linux/cache.h>
#include <linux/wait_bit.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

unsigned int weft_home_id __read_mostly;

/**
 * weft_home_enter() - delay the exit of a namespace until weft_home_leave()
 * @net: the namespace
 *
 * Context: a lock of the caller's prevents weft_home_wait() from being called before.
 * Return: its home.
 */
struct weft_home *weft_home_enter(struct net *net)
{
	return weft_home_hold(net_generic(net, weft_home_id));
}

/**
 * weft_home_hold() - take another count of a home
 * @home: a home that the caller has a count of, or NULL
 *
 * Context: any.
 * Return: @home.
 */
struct weft_home *weft_home_hold(struct weft_home *home)
{
	if (home)
		atomic_inc(&home->leaving);
	return home;
}

/**
 * weft_home_leave() - drop a count of a home
 * @home: the home, or NULL; may be freed on return
 *
 * Context: any but hard interrupt.
 */
void weft_home_leave(struct weft_home *home)
{
	if (home && atomic_dec_and_test(&home->leaving))
		wake_up_var(&home->leaving);
}

/**
 * weft_home_wait() - wait until every count of a home has been dropped
 * @net: the namespace; no call of weft_home_enter() follows
 *
 * Context: process; sleeps.
 */
void weft_home_wait(struct net *net)
{
	struct weft_home *home = net_generic(net, weft_home_id);

	wait_var_event(&home->leaving, !atomic_read(&home->leaving));
}
