/* SPDX-License-Identifier: GPL-2.0 */
/* The way to the kernel, as the commands see it; tests bring their own. */
#ifndef _WEFT_TOOLS_BACKEND_H
#define _WEFT_TOOLS_BACKEND_H

#include "model/model.h"

struct weft_context;
struct weft_event;

/**
 * struct weft_backend - where interfaces are
 * @ready: whether the kernel speaks weft at all, for which it loads the module
 *         if it can; NULL: it does
 * @loaded: whether it does now, and no module is loaded; NULL: it does
 * @list: the interfaces there are, to be freed with weft_model_links_free()
 * @get: one interface, to be freed with weft_model_device_free()
 * @set: apply @dev to the interface of its name
 * @rotate: replace the key of an interface
 * @watch: begin to listen to events; Ctrl-C and its like are held back
 * @next: wait for one, so many milliseconds or, negative, for ever: 1 is one,
 *        0 that the time is over, -EAGAIN nothing yet, -ENOBUFS that some were
 *        lost, -EINTR that somebody wants this program to end
 * @unwatch: listen no longer
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
	char error[512];
};

/* The same with a complaint, after which they return false. */
bool weft_backend_list(const struct weft_context *ctx, struct weft_link **links);
/* @dev is then NULL. */
bool weft_backend_get(const struct weft_context *ctx, const char *name,
		      struct weft_device **dev);

#endif /* _WEFT_TOOLS_BACKEND_H */
