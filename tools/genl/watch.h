/* SPDX-License-Identifier: GPL-2.0 */
/* The subscription to the kernel's events: four of the backend's calls. */
#ifndef _WEFT_TOOLS_WATCH_H
#define _WEFT_TOOLS_WATCH_H

struct weft_backend;
struct weft_event;

int weft_watch_start(struct weft_backend *backend);
int weft_watch_next(struct weft_backend *backend, struct weft_event *event,
		    int timeout_ms);
void weft_watch_stop(struct weft_backend *backend);
int weft_watch_fd(struct weft_backend *backend);

#endif /* _WEFT_TOOLS_WATCH_H */
