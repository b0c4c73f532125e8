/* SPDX-License-Identifier: GPL-2.0 */
/* A node of the fleet of fleet.h, with a state folder, on a host whose links cannot be read. */
#ifndef _WEFT_SELFTESTS_TOOLS_FLEET_NODE_H
#define _WEFT_SELFTESTS_TOOLS_FLEET_NODE_H

#include <errno.h>
#include <stdio.h>

#include "fleet.h"
#include "fleet/folder.h"
#include "fleet/self.h"
#include "host/host.h"
#include "support.h"

static int fleet_node_link(struct weft_host *host, const char *name, struct weft_host_link *link)
{
	(void)name;
	(void)link;
	snprintf(host->error, sizeof(host->error), "broken");
	return -EIO;
}

static struct weft_host fleet_node_host = { .link = fleet_node_link };

/* Writes the state of node @name, whose tunnel key comes from @tunnel and is as old as @since. */
static void fleet_node_create(struct weft_context *ctx, const char *name,
			      const struct weft_key *tunnel, time_t since)
{
	struct weft_self *self = calloc(1, sizeof(*self));
	struct weft_key admin = fleet_signer('A');
	struct weft_folder folder;
	bool changed;

	snprintf(self->fleet, sizeof(self->fleet), "prod");
	snprintf(self->node, sizeof(self->node), "%s", name);
	self->identity = fleet_seed(name[0]);
	self->tunnel = *tunnel;
	self->since = since;
	weft_keys_add(&self->trust, &admin);
	if (!weft_folder_read(&folder, ctx, "prod", WEFT_FOLDER_MADE) || !weft_folder_begin(&folder, self) ||
	    !weft_folder_write(&folder, &changed))
		test_bail("the state cannot be made");
	weft_folder_free(&folder);
}

#endif
