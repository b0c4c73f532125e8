// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "base/core.h"

/* The caller's limit. */
static struct rlimit core_limit;
static bool core_forbidden;

/*
 * A process that the kernel calls undumpable hides its descriptors in /proc from
 * commands of hooks that have no CAP_SYS_PTRACE, and ancestor.c looks there. With
 * a limit of 0 bytes a program in core_pattern still gets the dump; with 1, which
 * is less than any core file, the kernel starts none (fs/coredump.c). Above a hard
 * limit of 0 only CAP_SYS_RESOURCE can set it.
 */
void weft_core_forbid(void)
{
	struct rlimit limit;

	if (core_forbidden || getrlimit(RLIMIT_CORE, &core_limit))
		return;
	limit = core_limit;
	limit.rlim_cur = 1;
	if (!limit.rlim_max)
		limit.rlim_max = 1;
	core_forbidden = !setrlimit(RLIMIT_CORE, &limit);
	if (core_forbidden || errno != EPERM)
		return;
	limit = core_limit;
	limit.rlim_cur = 0;
	core_forbidden = !setrlimit(RLIMIT_CORE, &limit);
}

void weft_core_allow(void)
{
	if (core_forbidden)
		core_forbidden = setrlimit(RLIMIT_CORE, &core_limit);
}
