/* SPDX-License-Identifier: GPL-2.0 */
/* Signals that end the command take effect after its changes have been undone. */
#ifndef _WEFT_TOOLS_SIGNALS_H
#define _WEFT_TOOLS_SIGNALS_H

#include <stdbool.h>

/* From now on SIGHUP, SIGINT and SIGTERM are recorded, unless they are ignored. */
void weft_signals_heed(void);
/*
 * From now on output without a reader fails, instead of killing the command halfway.
 * Programs that are run get the former disposition of SIGPIPE.
 */
void weft_signals_outlive_reader(void);
/* Whether SIGPIPE is ignored by weft's own choice, not its caller's. */
bool weft_signals_outlives_reader(void);
/* The recorded signal, or 0. */
int weft_signals_caught(void);
/* Sets whether a recorded signal interrupts a blocking system call. */
void weft_signals_interrupt(bool on);

#endif /* _WEFT_TOOLS_SIGNALS_H */
