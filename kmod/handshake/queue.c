// SPDX-License-Identifier: GPL-2.0

#include "handshake/queue.h"
#include "core/device.h"
#include "core/drop.h"
#include "core/session.h"
#include "handshake/handshake.h"
#include "handshake/recent.h"
#include "lib/wire.h"

#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

/* Maximum queue length; the device is under load from an eighth of it on, and a second after. */
#define QUEUE_MAX		4096
#define QUEUE_LOADED		(QUEUE_MAX / 8)
#define QUEUE_LOADED_NS		NSEC_PER_SEC

/* Maximum length of device->expected, the queue for messages of known peers under load. */
#define QUEUE_EXPECTED_MAX	512

/* The nice value of a worker under load: a tenth of the share of others on the same CPU. */
#define QUEUE_LOADED_NICE	10

/* Maximum number of workers of a device, and so of messages processed at once. */
#define QUEUE_WORKERS_MAX	8U

/* Every so many messages a worker serves device->incoming before device->expected. */
#define QUEUE_TURNS		4

struct weft_handshake_worker {
	struct work_struct work;
	struct weft_device *device;
	unsigned int turn;
};

static struct workqueue_struct *queue_workqueue;
static unsigned int queue_worker_count;

static bool queue_is_loaded(struct weft_device *device)
{
	u64 now = ktime_get_coarse_boottime_ns(), since = atomic64_read(&device->loaded_ns);

	if (skb_queue_len_lockless(&device->incoming) >= QUEUE_LOADED) {
		atomic64_set(&device->loaded_ns, now);
		return true;
	}
	return since && now - since < QUEUE_LOADED_NS;
}

/* Known peers go first, except in one turn: a peer can flood device->expected by its own index. */
static struct sk_buff *queue_next(struct weft_handshake_worker *worker)
{
	struct weft_device *device = worker->device;
	struct sk_buff *skb = NULL;

	if (++worker->turn % QUEUE_TURNS && !skb_queue_empty_lockless(&device->expected))
		skb = skb_dequeue(&device->expected);
	return skb ?: skb_dequeue(&device->incoming) ?: skb_dequeue(&device->expected);
}

/*
 * At the usual priority a flood would take as much of the CPU as the traffic: under load the worker
 * yields to others. It does not sleep under a peer's lock for randomness or for memory to be
 * written out.
 */
static void queue_worker(struct work_struct *work)
{
	struct weft_handshake_worker *worker =
		container_of(work, struct weft_handshake_worker, work);
	struct weft_device *device = worker->device;
	unsigned int flags = memalloc_noio_save();
	int usual = task_nice(current);
	struct sk_buff *skb;

	wait_for_random_bytes();
	while (READ_ONCE(device->listens) && (skb = queue_next(worker))) {
		bool loaded = queue_is_loaded(device);
		enum weft_drop refused;

		set_user_nice(current, loaded ? QUEUE_LOADED_NICE : usual);
		refused = weft_handshake_receive(device, skb, loaded);
		if (refused)
			weft_drop_free(skb, refused);
		else
			consume_skb(skb);
		cond_resched();
	}
	set_user_nice(current, usual);
	memalloc_noio_restore(flags);
}

/* Once at load. Returns 0 or -ENOMEM. */
int weft_queue_init(void)
{
	queue_worker_count = min(num_possible_cpus(), QUEUE_WORKERS_MAX);
	/* Swapping out over the tunnel may depend on a handshake. */
	queue_workqueue =
		alloc_workqueue("weft-handshake", WQ_UNBOUND | WQ_CPU_INTENSIVE | WQ_FREEZABLE |
						  WQ_MEM_RECLAIM, 0);
	return queue_workqueue ? 0 : -ENOMEM;
}

/* Once at unload, when no device is left. */
void weft_queue_exit(void)
{
	destroy_workqueue(queue_workqueue);
}

/* Process context. Returns 0 or -ENOMEM. */
int weft_queue_device_init(struct weft_device *device)
{
	unsigned int i;

	device->workers = kcalloc(queue_worker_count, sizeof(*device->workers), GFP_KERNEL);
	if (!device->workers)
		return -ENOMEM;
	for (i = 0; i < queue_worker_count; i++) {
		INIT_WORK(&device->workers[i].work, queue_worker);
		device->workers[i].device = device;
	}
	skb_queue_head_init(&device->incoming);
	skb_queue_head_init(&device->expected);
	spin_lock_init(&device->cookie_lock);
	return 0;
}

/**
 * weft_queue_purge() - drop the messages in a device's queues
 * @device: the device
 */
void weft_queue_purge(struct weft_device *device)
{
	skb_queue_purge(&device->incoming);
	skb_queue_purge(&device->expected);
}

/* Sleeps, under none of the device's locks. The sockets are closed: no message is added. */
void weft_queue_device_exit(struct weft_device *device)
{
	unsigned int i;

	for (i = 0; i < queue_worker_count; i++)
		cancel_work_sync(&device->workers[i].work);
	weft_queue_purge(device);
	kfree(device->workers);
	device->workers = NULL;
}

/**
 * weft_queue_listen() - start or stop processing of received messages
 * @device: the device
 * @listen: whether to process them, or leave them in the queue
 *
 * A session that is made before the sockets are the device's could not be announced, and before its
 * peer has been started has no timer that ends it.
 *
 * Context: process, device->config_lock.
 */
void weft_queue_listen(struct weft_device *device, bool listen)
{
	unsigned int i;

	lockdep_assert_held(&device->config_lock);
	WRITE_ONCE(device->listens, listen);
	for (i = 0; listen && i < queue_worker_count; i++)
		queue_work(queue_workqueue, &device->workers[i].work);
}

/*
 * Whether a message may be one that this end waits for: it names a session of ours, whose index is
 * random and known only from its messages, or its source has completed a handshake before.
 */
static bool queue_is_expected(struct weft_device *device, const struct sk_buff *skb)
{
	union {
		struct weft_msg_header header;
		struct weft_msg_response response;
		struct weft_msg_cookie_reply cookie;
	} copy;
	const void *msg = skb_header_pointer(skb, 0, sizeof(copy.cookie), &copy);

	if (!msg)
		return false;
	switch (le32_to_cpu(((const struct weft_msg_header *)msg)->type)) {
	case WEFT_MSG_INITIATION:
		return weft_recent_source(skb, device);
	case WEFT_MSG_RESPONSE:
		return weft_session_find(&device->index,
					 ((const struct weft_msg_response *)msg)->receiver);
	default:
		return weft_session_find(&device->index,
					 ((const struct weft_msg_cookie_reply *)msg)->receiver);
	}
}

/* The queue for a message, or NULL if it is full. */
static struct sk_buff_head *queue_for(struct weft_device *device,
				      const struct sk_buff *skb)
{
	u32 waiting = skb_queue_len_lockless(&device->incoming);

	if (likely(waiting < QUEUE_LOADED))
		return &device->incoming;
	if (skb_queue_len_lockless(&device->expected) < QUEUE_EXPECTED_MAX &&
	    queue_is_expected(device, skb))
		return &device->expected;
	return waiting < QUEUE_MAX ? &device->incoming : NULL;
}

/**
 * weft_queue_add() - queue a handshake message for a worker
 * @device: the device
 * @skb: a message of the right length, UDP and IP headers in front; consumed
 *
 * Context: bottom halves off, RCU.
 */
void weft_queue_add(struct weft_device *device, struct sk_buff *skb)
{
	unsigned int worker = READ_ONCE(device->next_worker) + 1;
	struct sk_buff_head *queue = queue_for(device, skb);

	/*
	 * A message for a full queue is dropped without the queue's lock, so that a flood does not
	 * slow down the workers.
	 */
	if (unlikely(!queue))
		return weft_drop_packet(device, skb, WEFT_DROP_QUEUE_IN);
	/* The device it arrived on may be gone by the time it is processed. */
	skb->dev = device->dev;
	skb_queue_tail(queue, skb);
	WRITE_ONCE(device->next_worker, worker);
	queue_work(queue_workqueue, &device->workers[worker % queue_worker_count].work);
}
