// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/complain.h"
#include "model/attr.h"
#include "model/format.h"
#include "model/model.h"
#include "top/view.h"

static bool view_is_state(const char *text)
{
	const char *name;
	__u32 state;

	for (state = 0; (name = weft_peer_state_name(state)); state++)
		if (!strcmp(name, text))
			return true;
	return false;
}

static bool view_has_state(const struct weft_peer *peer, const char *text)
{
	const char *name = weft_peer_state_name(peer->state);

	return peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE) && name && !strcmp(name, text);
}

static bool view_matches(const struct weft_peer *peer, const char *filter)
{
	if (*filter == '!' && filter[1])
		return !view_matches(peer, filter + 1);
	if (view_is_state(filter))
		return view_has_state(peer, filter);
	if (peer->name && strstr(peer->name, filter))
		return true;
	if (strstr(weft_key_encode(&peer->public_key).chars, filter))
		return true;
	return peer->endpoint.any.sa_family != AF_UNSPEC &&
	       strstr(weft_format_endpoint(&peer->endpoint).chars, filter);
}

static int view_compare(const void *x, const void *y, void *data)
{
	const struct weft_top_row *a = *(const struct weft_top_row **)x;
	const struct weft_top_row *b = *(const struct weft_top_row **)y;
	const struct weft_top_view *view = data;
	int diff = view->sort->compare(a, b);

	if (!diff)
		return a < b ? -1 : a > b;
	return view->reverse ? -diff : diff;
}

const struct weft_top_row **weft_top_choose(const struct weft_top_view *view,
					    const struct weft_top_reading *reading, size_t *count)
{
	const struct weft_top_row **rows = calloc(reading->count + 1, sizeof(*rows));
	size_t i;

	*count = 0;
	for (i = 0; rows && i < reading->count; i++)
		if (view_matches(reading->rows[i].peer, view->filter))
			rows[(*count)++] = &reading->rows[i];
	if (rows)
		qsort_r(rows, *count, sizeof(*rows), view_compare, (void *)view);
	return rows;
}

void weft_top_print_sums(FILE *out, const struct weft_top_view *view,
			 const struct weft_top_reading *reading, size_t shown)
{
	char clock[16] = "", rx[16], tx[16];
	double rx_sum = 0, tx_sum = 0;
	struct weft_safe name, filter;
	time_t now = reading->now;
	struct tm broken;
	size_t i, up = 0;

	for (i = 0; i < reading->count; i++) {
		rx_sum += reading->rows[i].rx_rate;
		tx_sum += reading->rows[i].tx_rate;
		up += view_has_state(reading->rows[i].peer, "up");
	}
	weft_top_format_rate(rx, sizeof(rx), rx_sum);
	weft_top_format_rate(tx, sizeof(tx), tx_sum);
	if (localtime_r(&now, &broken))
		strftime(clock, sizeof(clock), "%H:%M:%S", &broken);
	weft_safe_take(&name, reading->dev->name);
	fprintf(out, "%s %s: %zu peer%s", name.text, clock, reading->count,
		reading->count == 1 ? "" : "s");
	if (reading->dev->kind == WEFT_KIND_WEFT)
		fprintf(out, ", %zu up", up);
	fprintf(out, ", %s/s received, %s/s sent, by %s%s", rx, tx,
		view->reverse ? "reverse " : "", view->sort->name);
	if (!*view->filter)
		return;
	weft_safe_take(&filter, view->filter);
	fprintf(out, ", %zu with %s", shown, filter.text);
}
