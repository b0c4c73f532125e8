/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spokes that exchange small datagrams with a hub all the time, while the hub restarts.
 */
#ifndef BENCH_RESTART_H
#define BENCH_RESTART_H

/*
 * FROM TO ADDRESS COUNT DOWN UP: in namespace FROM a datagram leaves for each of COUNT addresses four times a second, and
 * is sent back from TO. When all have been answered the shell commands DOWN and UP are run one after the other. Prints
 * the nanoseconds from the start of DOWN until UP has ended ("back"), and until an answer to a datagram that left after
 * DOWN: for the first, the median, the 99th percentile and the last of the addresses. A restart in which the machine stood
 * still for more than two seconds, because a host stopped it, is repeated.
 */
void run_restart(char **args);

#endif
