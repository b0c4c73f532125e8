// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/complain.h"
#include "genl/backend.h"
#include "model/attr.h"
#include "model/model.h"
#include "top/reading.h"

__s64 weft_top_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static __u64 reading_drops(const struct weft_peer *peer)
{
	__u64 sum = 0;
	int i;

	for (i = 1; i <= WEFT_DROPS_A_MAX; i++)
		sum += peer->drops[i];
	return sum;
}

static const struct weft_peer *reading_find(const struct weft_peer_index *old,
					    const struct weft_peer *peer)
{
	const struct weft_peer *found = weft_model_index_find(old, &peer->public_key);

	if (!found && peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY)
		found = weft_model_index_find(old, &peer->previous_public_key);
	return found;
}

/* Counters that are smaller belong to a peer that was removed and added again. */
static void reading_rates(struct weft_top_row *row, const struct weft_peer *old, __s64 ms)
{
	const struct weft_peer *peer = row->peer;

	if (!old || ms <= 0 || peer->rx_bytes < old->rx_bytes || peer->tx_bytes < old->tx_bytes)
		return;
	row->has_rates = true;
	row->rx_rate = (peer->rx_bytes - old->rx_bytes) * 1000.0 / ms;
	row->tx_rate = (peer->tx_bytes - old->tx_bytes) * 1000.0 / ms;
	if (row->drops > reading_drops(old))
		row->new_drops = row->drops - reading_drops(old);
}

bool weft_top_compare(const struct weft_top_reading *before, struct weft_top_reading *reading)
{
	struct weft_peer_index old = { };
	struct weft_top_row *row;
	struct weft_peer *peer;

	reading->count = weft_model_peer_count(reading->dev);
	reading->rows = calloc(reading->count + 1, sizeof(*reading->rows));
	if (!reading->rows || (before->dev && !weft_model_index(before->dev, &old)))
		return false;
	for (peer = reading->dev->peers, row = reading->rows; peer; peer = peer->next, row++) {
		row->peer = peer;
		row->has_drops = peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_DROPS);
		row->drops = reading_drops(peer);
		row->age = reading->now - peer->handshake_s;
		if (before->dev)
			reading_rates(row, reading_find(&old, peer),
				      reading->at_ms - before->at_ms);
	}
	weft_model_index_free(&old);
	return true;
}

int weft_top_read(const struct weft_context *ctx, const char *iface,
		  const struct weft_top_reading *before, struct weft_top_reading *reading)
{
	int err;

	*reading = (struct weft_top_reading){ };
	err = ctx->backend->get(ctx->backend, iface, &reading->dev);
	if (err)
		return err;
	reading->at_ms = weft_top_clock_ms();
	reading->now = time(NULL);
	if (weft_top_compare(before, reading))
		return 0;
	weft_top_forget(reading);
	return -ENOMEM;
}

void weft_top_forget(struct weft_top_reading *reading)
{
	weft_model_device_free(reading->dev);
	free(reading->rows);
	*reading = (struct weft_top_reading){ };
}

bool weft_top_complain(const struct weft_context *ctx, const char *iface, int err)
{
	if (err == -ENOMEM)
		return weft_complain(ctx, "out of memory");
	return weft_complain(ctx, "cannot read interface '%s': %s", iface, ctx->backend->error);
}
