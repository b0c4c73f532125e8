/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Core dumps: the command's memory has private keys, so it leaves none. Programs
 * that it starts keep the limit that the caller gave.
 */
#ifndef _WEFT_TOOLS_CORE_H
#define _WEFT_TOOLS_CORE_H

void weft_core_forbid(void);
/* The caller's limit again, around the start of a program. */
void weft_core_allow(void);

#endif /* _WEFT_TOOLS_CORE_H */
