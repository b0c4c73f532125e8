/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A home is the network namespace that holds a device's sockets. Its exit waits for peers that are
 * being removed: their cached routes belong to the namespace.
 *
 * Peers on their device's list are not counted. The exit finds them there and drops their routes.
 *
 * The last peers of a removed device are freed when its interface has no references left. Until
 * then the exit of its home, and with it of other namespaces, is delayed.
 */
#ifndef WEFT_HOME_H
#define WEFT_HOME_H

#include <linux/atomic.h>

struct net;

struct weft_home {
	atomic_t leaving;		/* peers, and lists of peers, that are being removed */
};

extern unsigned int weft_home_id;	/* of net_generic(); netdev.c registers it */

struct weft_home *weft_home_enter(struct net *net);
struct weft_home *weft_home_hold(struct weft_home *home);
void weft_home_leave(struct weft_home *home);
void weft_home_wait(struct net *net);

#endif /* WEFT_HOME_H */
