// SPDX-License-Identifier: GPL-2.0

#include "core/cells.h"

#include <linux/math64.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

/* Maximum queue length. */
#define CELLS_MAX_PACKETS	4096

struct weft_cell {
	struct sk_buff_head queue;	/* of its CPU; emptied by another if that is offline */
	struct napi_struct napi;
};

/* Outlives the device: readers walk the list of a device's NAPIs under RCU. */
struct weft_cells_memory {
	struct rcu_head rcu;
	struct weft_cell __percpu *cells;
};

static int cells_poll(struct napi_struct *napi, int budget)
{
	struct weft_cell *cell = container_of(napi, struct weft_cell, napi);
	struct sk_buff *skb;
	int done = 0;

	while (done < budget && (skb = skb_dequeue(&cell->queue))) {
		napi_gro_receive(napi, skb);
		done++;
	}
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

/* Under rtnl. Returns 0 or -ENOMEM. */
int weft_cells_init(struct weft_cells *cells, struct net_device *dev)
{
	struct weft_cells_memory *memory = kmalloc(sizeof(*memory), GFP_KERNEL);
	int cpu;

	if (!memory)
		return -ENOMEM;
	cells->memory = memory;
	cells->cells = alloc_percpu(struct weft_cell);
	if (!cells->cells) {
		kfree(memory);
		return -ENOMEM;
	}
	memory->cells = cells->cells;
	for_each_possible_cpu(cpu) {
		struct weft_cell *cell = per_cpu_ptr(cells->cells, cpu);

		skb_queue_head_init(&cell->queue);
		set_bit(NAPI_STATE_NO_BUSY_POLL, &cell->napi.state);
		netif_napi_add(dev, &cell->napi, cells_poll);
		napi_enable(&cell->napi);
	}
	return 0;
}

static void cells_free(struct rcu_head *rcu)
{
	struct weft_cells_memory *memory = container_of(rcu, struct weft_cells_memory, rcu);

	free_percpu(memory->cells);
	kfree(memory);
}

/* Under rtnl, when no packet is added any more. Frees the queues after a grace period. */
void weft_cells_exit(struct weft_cells *cells)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct weft_cell *cell = per_cpu_ptr(cells->cells, cpu);

		napi_disable(&cell->napi);
		__netif_napi_del(&cell->napi);
		skb_queue_purge(&cell->queue);
	}
	call_rcu(&cells->memory->rcu, cells_free);
}

/**
 * weft_cells_this() - the cell of this CPU
 * @cells: the device's
 *
 * For packets of a peer that only this CPU receives from.
 *
 * Context: bottom halves off.
 */
struct weft_cell *weft_cells_this(struct weft_cells *cells)
{
	return this_cpu_ptr(cells->cells);
}

/**
 * weft_cells_of() - the cell that belongs to a number
 * @cells: the device's
 * @number: any
 *
 * For packets of a peer that several CPUs receive from in turn.
 */
struct weft_cell *weft_cells_of(struct weft_cells *cells, u64 number)
{
	u32 cpu;

	div_u64_rem(number, nr_cpu_ids, &cpu);
	return per_cpu_ptr(cells->cells, likely(cpu_possible(cpu)) ? cpu : 0);
}

/*
 * Whether the stack takes a packet from this CPU's backlog before any packet that cells get from
 * now on: a backlog that is already scheduled may run after the cells.
 */
static bool cells_backlog_is_next(const struct weft_cell *cell)
{
	const unsigned long busy = NAPIF_STATE_SCHED | NAPIF_STATE_THREADED;

	return !((READ_ONCE(cell->napi.state) |
		  READ_ONCE(this_cpu_ptr(&softnet_data)->backlog.state)) & busy);
}

/**
 * weft_cells_receive() - pass inner packets to the stack
 * @cell: the cell for them
 * @packets: the packets; emptied
 * @alone: there is one packet, it came without others that GRO could merge it with, and no other
 * CPU puts packets of its peer into cells: other packets may overtake one in this CPU's backlog
 *
 * Packets that one CPU passes to a cell reach the stack in the same order, by either path.
 *
 * Context: bottom halves off.
 * Return: the number of packets dropped.
 */
unsigned int weft_cells_receive(struct weft_cell *cell, struct sk_buff_head *packets, bool alone)
{
	unsigned int dropped;

	if (alone && cells_backlog_is_next(cell))
		return __netif_rx(__skb_dequeue(packets)) != NET_RX_SUCCESS;
	if (unlikely(skb_queue_len_lockless(&cell->queue) >= CELLS_MAX_PACKETS)) {
		dropped = skb_queue_len(packets);
		__skb_queue_purge(packets);
		return dropped;
	}
	spin_lock(&cell->queue.lock);
	skb_queue_splice_tail_init(packets, &cell->queue);
	spin_unlock(&cell->queue.lock);
	napi_schedule(&cell->napi);
	return 0;
}
