// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "meter.h"
#include "sampler.h"

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

uint64_t spent_ns(void)
{
	struct machine_cpu cpu;

	machine_cpu_read(&cpu);
	return cpu.clock ? cpu.kernel + cpu.programs : now_ns();
}

/* /proc/stat has it in hundredths of a second; this is exact. */
static uint64_t idle_ns(void)
{
	static const char field[] = ".idle_sleeptime";
	FILE *file = fopen("/proc/timer_list", "r");
	uint64_t sum = 0, value;
	char line[256], *at;

	while (file && fgets(line, sizeof(line), file)) {
		at = strstr(line, field);
		if (at && sscanf(at + sizeof(field) - 1, " : %" SCNu64, &value) == 1)
			sum += value;
	}
	if (file)
		fclose(file);
	return sum;
}

void meter_start(struct meter *meter, uint64_t count)
{
	memset(meter, 0, sizeof(*meter));
	meter->count = count;
	sampler_start();
	machine_profile_begin();
	meter->idle_begin = idle_ns();
	machine_cpu_read(&meter->cpu_begin);
	meter->begin = now_ns();
}

void meter_lap(struct meter *meter)
{
	uint64_t now = now_ns();

	meter->rounds[meter->laps++] = now - meter->begin;
	meter->begin = now;
}

void meter_stop(struct meter *meter)
{
	machine_cpu_read(&meter->cpu);
	meter->idle = idle_ns() - meter->idle_begin;
	machine_profile_end();
	sampler_stop();
}

static void cpu_print(const struct machine_cpu *begin, const struct machine_cpu *end)
{
	uint64_t kernel = end->kernel - begin->kernel, programs = end->programs - begin->programs;

	printf(",\"cpu\":{\"kernel\":%" PRIu64 ",\"system\":%" PRIu64 ",\"programs\":%" PRIu64 ",\"busy\":%" PRIu64
	       ",\"clock\":%" PRIu64 "}", kernel, end->system - begin->system, programs, end->busy - begin->busy,
	       end->clock - begin->clock);
}

void meter_print(const struct meter *meter, uint64_t lost)
{
	unsigned int i;

	sampler_write();
	printf("{\"count\":%" PRIu64 ",\"rounds\":[", meter->count);
	for (i = 0; i < meter->laps; i++)
		printf("%s%" PRIu64, i ? "," : "", meter->rounds[i]);
	printf("],\"idle\":%" PRIu64 ",\"lost\":%" PRIu64, meter->idle, lost);
	if (meter->cpu.clock)
		cpu_print(&meter->cpu_begin, &meter->cpu);
}
