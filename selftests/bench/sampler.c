// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sampler.h"

/* In nanoseconds; no multiple of anything that a kernel does at intervals. */
#define PERIOD		99991
#define MAX_CPUS	16
#define BUFFER		(32UL << 20)
#define DEPTH		10
#define NAME		80

struct symbol {
	uint64_t address;
	char name[NAME];
};

struct stack {
	uint64_t frames[DEPTH];
};

struct ring {
	int fd;
	struct perf_event_mmap_page *head;
};

static struct ring rings[MAX_CPUS];
static struct symbol *symbols;
static size_t symbol_count;
static struct stack *stacks;
static size_t stack_count;

static struct perf_event_attr attributes = {
	.size = sizeof(attributes),
	.type = PERF_TYPE_SOFTWARE,
	.config = PERF_COUNT_SW_CPU_CLOCK,
	.sample_period = PERIOD,
	.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN,
	.sample_max_stack = DEPTH,
	.exclude_callchain_user = 1,
};

/* The buffer holds all of it: nothing is read while it is measured. */
static void ring_open(struct ring *ring, int cpu)
{
	size_t page = sysconf(_SC_PAGESIZE);

	ring->fd = syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		error(1, errno, "perf_event_open");
	ring->head = mmap(NULL, BUFFER + page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->head == MAP_FAILED)
		error(1, errno, "mmap of samples");
}

void sampler_start(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu;

	for (cpu = 0; getenv("SAMPLES") && cpu < cpus && cpu < MAX_CPUS; cpu++)
		ring_open(&rings[cpu], cpu);
}

void sampler_stop(void)
{
	int cpu;

	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (rings[cpu].head)
			ioctl(rings[cpu].fd, PERF_EVENT_IOC_DISABLE, 0);
	}
}

static int compare_symbols(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static void symbol_parse(const char *line)
{
	struct symbol *symbol = &symbols[symbol_count];
	char name[256], module[64] = "", kind;

	if (sscanf(line, "%" SCNx64 " %c %255s %63s", &symbol->address, &kind, name, module) < 3 || !symbol->address)
		return;
	if (!strchr("tTwW", kind))
		return;
	snprintf(symbol->name, NAME, "%.45s%.30s", name, module);
	symbol_count++;
}

static void symbols_read(void)
{
	size_t room = 0;
	char line[512];
	FILE *file = fopen("/proc/kallsyms", "r");

	if (!file)
		error(1, errno, "/proc/kallsyms");
	while (fgets(line, sizeof(line), file)) {
		if (symbol_count == room) {
			room = room ? room * 2 : 65536;
			symbols = realloc(symbols, room * sizeof(*symbols));
			if (!symbols)
				error(1, ENOMEM, "symbols");
		}
		symbol_parse(line);
	}
	fclose(file);
	qsort(symbols, symbol_count, sizeof(*symbols), compare_symbols);
}

/* The last that begins at or before it. */
static const char *symbol_of(uint64_t address)
{
	size_t low = 0, high = symbol_count, middle;

	if (!(address >> 63))
		return "program";
	while (low < high) {
		middle = (low + high) / 2;
		if (symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? symbols[low - 1].name : "unknown";
}

/* By the function's name, so that equal stacks are equal; the names are constants of this process. */
static void stack_add(uint64_t ip, const uint64_t *chain, uint64_t length)
{
	struct stack *stack = &stacks[stack_count++];
	unsigned int depth = 0;
	uint64_t i;

	memset(stack, 0, sizeof(*stack));
	stack->frames[depth++] = (uintptr_t)symbol_of(ip);
	/* The chain begins with the same address, behind a marker. */
	for (i = 0; i < length && depth < DEPTH; i++) {
		if (chain[i] < (uint64_t)PERF_CONTEXT_MAX && chain[i] != ip)
			stack->frames[depth++] = (uintptr_t)symbol_of(chain[i] - 1);
	}
}

static void ring_copy(const struct ring *ring, uint64_t at, void *to, size_t size)
{
	const char *data = (const char *)ring->head + ring->head->data_offset;
	size_t i;

	for (i = 0; i < size; i++)
		((char *)to)[i] = data[(at + i) % BUFFER];
}

static void ring_read(const struct ring *ring)
{
	uint64_t at = 0, end = ring->head->data_head, sample[256];
	struct perf_event_header header;

	if (end > BUFFER)
		error(1, 0, "more samples than there is room for");
	for (; at < end; at += header.size) {
		ring_copy(ring, at, &header, sizeof(header));
		if (header.type != PERF_RECORD_SAMPLE || header.size > sizeof(sample))
			continue;
		ring_copy(ring, at + sizeof(header), sample, header.size - sizeof(header));
		stacks = realloc(stacks, (stack_count + 1) * sizeof(*stacks));
		if (!stacks)
			error(1, ENOMEM, "stacks");
		stack_add(sample[0], sample + 2, sample[1]);
	}
}

static int compare_stacks(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct stack));
}

static void stack_print(FILE *file, const struct stack *stack, size_t times)
{
	unsigned int i;

	fprintf(file, "%zu ", times);
	for (i = 0; i < DEPTH && stack->frames[i]; i++)
		fprintf(file, "%s%s", i ? ";" : "", (const char *)(uintptr_t)stack->frames[i]);
	fputc('\n', file);
}

static void stacks_print(FILE *file)
{
	size_t i, begin = 0;

	qsort(stacks, stack_count, sizeof(*stacks), compare_stacks);
	for (i = 1; i <= stack_count; i++) {
		if (i < stack_count && !compare_stacks(&stacks[i], &stacks[begin]))
			continue;
		stack_print(file, &stacks[begin], i - begin);
		begin = i;
	}
}

void sampler_write(void)
{
	FILE *file;
	int cpu;

	if (!rings[0].head)
		return;
	symbols_read();
	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (rings[cpu].head)
			ring_read(&rings[cpu]);
	}
	file = fopen(getenv("SAMPLES"), "w");
	if (!file)
		error(1, errno, "%s", getenv("SAMPLES"));
	stacks_print(file);
	fclose(file);
}
