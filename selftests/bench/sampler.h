/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Samples where all CPUs are, at a fixed distance in CPU time, when the environment has SAMPLES: the name of the file
 * that sampler_write() makes. Each of its lines is a number of samples, and the functions that they were in, the
 * innermost first, those of modules with their module: "12 memcpy;crypt_seal[weft];...". Programs are "program".
 */
#ifndef BENCH_SAMPLER_H
#define BENCH_SAMPLER_H

void sampler_start(void);
void sampler_stop(void);
void sampler_write(void);

#endif
