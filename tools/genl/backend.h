/* SPDX-License-Identifier: GPL-2.0 */
/* The commands' interface to the kernel; tests provide a replacement. */
#ifndef _WEFT_TOOLS_BACKEND_H
#define _WEFT_TOOLS_BACKEND_H

#include "model/model.h"

struct weft_context;
struct weft_event;

/**
 * struct weft_backend - the calls for interfaces
 * @ready: whether the kernel has weft's family, for which it loads the module if it
 *         can; NULL: always
 * @loaded: the same without loading a module; NULL: always
 * @list: the existing interfaces, to be freed with weft_model_links_free()
 * @get: one interface, to be freed with weft_model_device_free(); sets *@dev in any
 *       case, after a failure to NULL
 * @set: apply @dev to the interface of its name
 * @rotate: replace the key of an interface
 * @watch: subscribe to events; SIGINT and SIGTERM are blocked
 * @next: wait for an event, for a number of milliseconds or, if negative, without
 *        limit: 1 is an event, 0 a timeout, -EAGAIN no event yet, -ENOBUFS that
 *        events were lost, -EINTR a signal that asks the program to end
 * @unwatch: end the subscription
 * @watch_fd: a descriptor that is readable when next() has an event, or -1; NULL: none
 * @error: why the last call failed, in words
 *
 * Each returns 0, unless it says otherwise above, or a negative errno, and then
 * has @error filled in.
 */
struct weft_backend {
	int (*ready)(struct weft_backend *backend);
	int (*loaded)(struct weft_backend *backend);
	int (*list)(struct weft_backend *backend, struct weft_link **list);
	int (*get)(struct weft_backend *backend, const char *name,
		   struct weft_device **dev);
	int (*set)(struct weft_backend *backend, const struct weft_device *dev);
	int (*rotate)(struct weft_backend *backend, const char *name,
		      const struct weft_rotation *rotation);
	int (*watch)(struct weft_backend *backend);
	int (*next)(struct weft_backend *backend, struct weft_event *event,
		    int timeout_ms);
	void (*unwatch)(struct weft_backend *backend);
	int (*watch_fd)(struct weft_backend *backend);
	char error[512];
};

/* @list and @get, false after a complaint. */
bool weft_backend_list(const struct weft_context *ctx, struct weft_link **links);
bool weft_backend_get(const struct weft_context *ctx, const char *name,
		      struct weft_device **dev);

#endif /* _WEFT_TOOLS_BACKEND_H */
