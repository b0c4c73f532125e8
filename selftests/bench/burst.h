/* SPDX-License-Identifier: GPL-2.0 */
/* Bursts of datagrams: all of a burst is sent, then received, so that nothing is sent faster than it arrives. */
#ifndef BENCH_BURST_H
#define BENCH_BURST_H

#include <stddef.h>
#include <stdint.h>

#define BURST	64

enum burst_way {
	BURST_SEND,		/* send() and recv(), a call for each datagram */
	BURST_SENDMMSG,		/* sendmmsg() and recvmmsg(), one call for all that is there */
	BURST_SEGMENTS,		/* UDP_SEGMENT, two calls: the socket cuts each into datagrams; recvmmsg() */
};

struct burst {
	int from;
	int to;
	enum burst_way way;
	size_t sizes[BURST];
};

/* TEXT is a size, or "imix": 64, 548 and 1,372 bytes as 7 to 4 to 1. */
void burst_sizes(struct burst *burst, const char *text);

/* TEXT is send, sendmmsg or segments. The sockets are to be there. */
void burst_way(struct burst *burst, const char *text);

/* Both return how many did not arrive. */
uint64_t burst_pass(const struct burst *burst, unsigned int count);
uint64_t burst_pass_all(const struct burst *burst, uint64_t count);

#endif
