/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a closed loop costs: rounds by the clock, idle time, samples (sampler.h) and the CPU seconds of a machine that is a
 * program (machine.h).
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdint.h>

#include "machine.h"

#define NS_PER_S	1000000000ULL
#define ROUNDS		12

struct meter {
	uint64_t begin;
	uint64_t idle_begin;
	uint64_t rounds[ROUNDS];
	unsigned int laps;
	uint64_t idle;
	uint64_t count;
	struct machine_cpu cpu_begin;
	struct machine_cpu cpu;
};

uint64_t now_ns(void);

/* CPU time of kernel and programs where machine.h knows it, else the clock's: differences count. */
uint64_t spent_ns(void);

/* COUNT is the number of units in a round. */
void meter_start(struct meter *meter, uint64_t count);
void meter_lap(struct meter *meter);
void meter_stop(struct meter *meter);

/* All but the closing brace of a line of JSON. */
void meter_print(const struct meter *meter, uint64_t lost);

#endif
