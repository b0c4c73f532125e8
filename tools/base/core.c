// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "base/core.h"

/* The caller's limit. */
static struct rlimit core_limit;
static bool core_forbidden;

/*
 * PR_SET_DUMPABLE is no alternative: an undumpable process hides its descriptors in
 * /proc from hooks' commands without CAP_SYS_PTRACE, and ancestor.c reads them. With
 * a limit of 0 bytes a program in core_pattern still gets the dump; with 1, which
 * is less than any core file, the kernel starts none (fs/coredump.c). Under a hard
 * limit of 0 only CAP_SYS_RESOURCE can set 1.
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
