/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stands between "up" and the kernel: describes each change, and in a dry run makes
 * none of them.
 */
#ifndef _WEFT_TOOLS_FLEET_RECORDER_H
#define _WEFT_TOOLS_FLEET_RECORDER_H

#include "conf/profile.h"
#include "genl/backend.h"
#include "host/host.h"

struct weft_context;

/**
 * struct weft_recorder - the changes of one command
 * @host: passes on to @real_host
 * @backend: passes on to @real_backend
 * @real_host: the kernel
 * @real_backend: the kernel
 * @dry: make no change
 * @added: in a dry run, the link that would exist now; "" for none
 * @changes: the changes, in words
 * @failed: memory was short
 */
struct weft_recorder {
	struct weft_host host;
	struct weft_backend backend;
	struct weft_host *real_host;
	struct weft_backend *real_backend;
	bool dry;
	char added[IFNAMSIZ];
	struct weft_words changes;
	bool failed;
};

/* Fill in @recorder, and let @through, a copy of @ctx, use it. */
void weft_recorder_begin(struct weft_recorder *recorder, const struct weft_context *ctx,
			 struct weft_context *through);
void weft_recorder_free(struct weft_recorder *recorder);

#endif /* _WEFT_TOOLS_FLEET_RECORDER_H */
