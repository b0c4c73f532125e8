/* SPDX-License-Identifier: GPL-2.0 */
/* The state of a service for systemd, as sd_notify(3) describes the protocol. */
#ifndef _WEFT_TOOLS_NOTIFY_H
#define _WEFT_TOOLS_NOTIFY_H

#include <stdbool.h>

#ifndef __printf
#define __printf(a, b) __attribute((format(printf, a, b)))
#endif

/* Send lines as "READY=1". Without systemd, and where it does not listen, nothing happens. */
__printf(1, 2)
void weft_notify(const char *fmt, ...);
/* The time between signs of life that systemd waits for, in ms; 0: it does not wait. */
long long weft_notify_watchdog_ms(void);

#endif /* _WEFT_TOOLS_NOTIFY_H */
