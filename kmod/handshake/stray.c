// SPDX-License-Identifier: GPL-2.0

#include "handshake/stray.h"
#include "core/device.h"
#include "core/endpoint.h"
#include "core/peer_endpoint.h"
#include "core/peer_ref.h"
#include "core/timers.h"

#include <linux/bitops.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

/* Maximum number of endpoints remembered between two scans of all peers. */
#define STRAY_ENDPOINTS_MAX	64

/*
 * The least pause between two scans, which take a sixteenth of the time at most: a hub with 1,000
 * spokes has to find all of them soon.
 */
#define STRAY_PAUSE_NS		(50 * NSEC_PER_MSEC)
#define STRAY_PAUSE_TIMES	16

struct stray_endpoints {
	unsigned int count;
	u64 hashes;				/* a bit for each endpoint's hash */
	struct weft_endpoint list[STRAY_ENDPOINTS_MAX];
};

struct weft_stray {
	struct weft_device *device;
	struct delayed_work work;
	u32 seed;
	spinlock_t lock;			/* the fields below; count: also READ_ONCE() */
	bool looking;				/* a scan is under way */
	u64 next_look_ns;			/* boot-time clock; unless @looking */
	struct stray_endpoints seen;
	struct stray_endpoints looked_for;	/* the work item's */
};

static u64 stray_hash(const struct weft_stray *stray, const struct weft_endpoint *endpoint)
{
	return BIT_ULL(jhash(&endpoint->addr6, sizeof(endpoint->addr6), stray->seed) %
		       BITS_PER_LONG_LONG);
}

static bool stray_holds(const struct stray_endpoints *known, const struct weft_endpoint *endpoint,
			u64 hash)
{
	unsigned int i;

	if (!(known->hashes & hash))
		return false;
	for (i = 0; i < known->count; i++) {
		if (weft_endpoint_same_remote(&known->list[i], endpoint))
			return true;
	}
	return false;
}

/*
 * Requests a session with each peer whose endpoint a stray came from. Returns the nanoseconds that
 * it took, without those that the lock was waited for.
 */
static u64 stray_look(struct weft_stray *stray)
{
	struct weft_device *device = stray->device;
	struct weft_endpoint endpoint;
	struct weft_peer *peer;
	u64 began, took;

	mutex_lock(&device->config_lock);
	began = ktime_get_ns();
	list_for_each_entry(peer, &device->peers, list) {
		weft_endpoint_read(&peer->endpoint, &endpoint);
		if (stray_holds(&stray->looked_for, &endpoint, stray_hash(stray, &endpoint)))
			weft_timers_event(peer, WEFT_FSM_STRAY);
		cond_resched();
	}
	took = ktime_get_ns() - began;
	mutex_unlock(&device->config_lock);
	return took;
}

static void stray_begin(struct weft_stray *stray)
{
	spin_lock_bh(&stray->lock);
	stray->looking = true;
	stray->looked_for = stray->seen;
	WRITE_ONCE(stray->seen.count, 0);
	stray->seen.hashes = 0;
	spin_unlock_bh(&stray->lock);
}

/* Strays that have come during the scan wait for the next one, as those after it do. */
static void stray_end(struct weft_stray *stray, u64 pause)
{
	spin_lock_bh(&stray->lock);
	stray->looking = false;
	stray->next_look_ns = ktime_get_boottime_ns() + pause;
	if (stray->seen.count)
		schedule_delayed_work(&stray->work, nsecs_to_jiffies(pause) + 1);
	spin_unlock_bh(&stray->lock);
}

static void stray_work(struct work_struct *work)
{
	struct weft_stray *stray = container_of(to_delayed_work(work), struct weft_stray, work);

	stray_begin(stray);
	stray_end(stray, max_t(u64, stray_look(stray) * STRAY_PAUSE_TIMES, STRAY_PAUSE_NS));
}

/* Process context. Returns 0 or -ENOMEM. */
int weft_stray_device_init(struct weft_device *device)
{
	struct weft_stray *stray = kzalloc(sizeof(*stray), GFP_KERNEL);

	if (!stray)
		return -ENOMEM;
	stray->device = device;
	stray->seed = get_random_u32();
	spin_lock_init(&stray->lock);
	INIT_DELAYED_WORK(&stray->work, stray_work);
	device->stray = stray;
	return 0;
}

/* Sleeps, under none of the device's locks. The sockets are closed: no stray is added. */
void weft_stray_device_exit(struct weft_device *device)
{
	cancel_delayed_work_sync(&device->stray->work);
	kfree(device->stray);
	device->stray = NULL;
}

static void stray_schedule(struct weft_stray *stray)
{
	u64 now = ktime_get_boottime_ns(), next = stray->next_look_ns;
	unsigned long delay = next > now ? nsecs_to_jiffies(next - now) + 1 : 0;

	lockdep_assert_held(&stray->lock);
	if (!stray->looking)
		schedule_delayed_work(&stray->work, delay);
}

static void stray_add(struct weft_stray *stray, const struct weft_endpoint *endpoint)
{
	u64 hash = stray_hash(stray, endpoint);

	spin_lock(&stray->lock);
	if (stray->seen.count < STRAY_ENDPOINTS_MAX &&
	    !stray_holds(&stray->seen, endpoint, hash)) {
		stray->seen.list[stray->seen.count] = *endpoint;
		WRITE_ONCE(stray->seen.count, stray->seen.count + 1);
		stray->seen.hashes |= hash;
		stray_schedule(stray);
	}
	spin_unlock(&stray->lock);
}

/**
 * weft_stray_note() - record that data of an unknown session has come
 * @device: the device
 * @skb: the packet, with its IP and UDP headers
 *
 * Its peer is looked up later, at most once in STRAY_PAUSE_NS. The number of sources until then
 * does not matter: the first ones are remembered.
 *
 * Context: bottom halves off.
 */
void weft_stray_note(struct weft_device *device, const struct sk_buff *skb)
{
	struct weft_stray *stray = device->stray;
	struct weft_endpoint endpoint;

	if (READ_ONCE(stray->seen.count) < STRAY_ENDPOINTS_MAX &&
	    weft_endpoint_from_skb(&endpoint, skb))
		stray_add(stray, &endpoint);
}
