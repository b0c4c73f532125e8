/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Questions to the host of a kernel that is a program, where the environment has METER: the terminal at whose other end
 * meter.py answers. Without it these functions do nothing.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdint.h>

/* Nanoseconds so far. */
struct machine_cpu {
	uint64_t kernel;	/* CPU time of the kernel's process */
	uint64_t system;	/* of that, in the host's kernel: exact to a tick */
	uint64_t programs;	/* CPU time of the guest's programs */
	uint64_t busy;		/* CPU time of everything on the host: exact to a tick */
	uint64_t clock;		/* the host's clock */
};

void machine_cpu_read(struct machine_cpu *cpu);

/* The host's perf samples the kernel's process, where PROFILE_NAME names the result. */
void machine_profile_begin(void);
void machine_profile_end(void);

#endif
