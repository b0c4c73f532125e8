/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queues from which inner packets leave the tunnel for the stack: one for each CPU, and a NAPI
 * that empties it through GRO. As the kernel's gro_cells, except that a single packet bypasses
 * them.
 */
#ifndef WEFT_CELLS_H
#define WEFT_CELLS_H

#include <linux/percpu.h>
#include <linux/types.h>

struct net_device;
struct sk_buff_head;
struct weft_cell;
struct weft_cells_memory;

struct weft_cells {
	struct weft_cell __percpu *cells;
	struct weft_cells_memory *memory;
};

int weft_cells_init(struct weft_cells *cells, struct net_device *dev);
void weft_cells_exit(struct weft_cells *cells);
struct weft_cell *weft_cells_this(struct weft_cells *cells);
struct weft_cell *weft_cells_of(struct weft_cells *cells, u64 number);
unsigned int weft_cells_receive(struct weft_cell *cell, struct sk_buff_head *packets, bool alone);

#endif /* WEFT_CELLS_H */
