/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Core dumps: the command's memory contains private keys, so its dumps are disabled.
 * Programs that it starts get the limit of its caller.
 */
#ifndef _WEFT_TOOLS_CORE_H
#define _WEFT_TOOLS_CORE_H

void weft_core_forbid(void);
/* Restores the caller's limit, around the start of a program. */
void weft_core_allow(void);

#endif /* _WEFT_TOOLS_CORE_H */
