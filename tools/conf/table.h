/* SPDX-License-Identifier: GPL-2.0 */
/* Routing tables by their names, from iproute2's files. */
#ifndef _WEFT_TOOLS_TABLE_H
#define _WEFT_TOOLS_TABLE_H

#include <linux/types.h>

/* The files of ip(8), by precedence, up to a NULL; each may have a folder NAME.d. */
extern const char * const weft_table_files[];

/* The table called @name, or 0. */
__u32 weft_table_find(const char * const *files, const char *name);

#endif /* _WEFT_TOOLS_TABLE_H */
