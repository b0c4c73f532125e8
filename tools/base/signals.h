/* SPDX-License-Identifier: GPL-2.0 */
/* The end that a signal asks for comes when what was begun has been undone. */
#ifndef _WEFT_TOOLS_SIGNALS_H
#define _WEFT_TOOLS_SIGNALS_H

#include <stdbool.h>

/* From now on SIGHUP, SIGINT and SIGTERM are noted, unless they are ignored. */
void weft_signals_heed(void);
/*
 * From now on output without a reader fails, and ends no command half-way.
 * Programs that are run still have SIGPIPE as it was before.
 */
void weft_signals_outlive_reader(void);
/* Whether SIGPIPE is ignored by weft alone. */
bool weft_signals_outlives_reader(void);
/* The signal that has come, or 0. */
int weft_signals_caught(void);
/* Whether one of them ends a system call that waits. */
void weft_signals_interrupt(bool on);

#endif /* _WEFT_TOOLS_SIGNALS_H */
