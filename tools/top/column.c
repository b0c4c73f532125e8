// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <string.h>

#include "base/array.h"
#include "base/complain.h"
#include "model/attr.h"
#include "model/format.h"
#include "model/model.h"
#include "top/column.h"

#define COLUMN_GAP	2

__printf(2, 3)
static void column_text(struct weft_safe *cell, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cell->width = vsnprintf(cell->text, sizeof(cell->text), fmt, args);
	va_end(args);
}

static bool column_knows(const struct weft_top_row *row, int attribute)
{
	return row->peer->known & WEFT_ATTR_BIT(attribute);
}

static int column_descend(double a, double b)
{
	return a > b ? -1 : a < b;
}

/* ---- name ---- */

static void name_cell(const struct weft_top_row *row, struct weft_safe *cell)
{
	weft_safe_take(cell, weft_format_peer(row->peer).chars);
}

static int name_compare(const struct weft_top_row *a, const struct weft_top_row *b)
{
	/* Peers without a name follow those that have one. */
	if (!a->peer->name != !b->peer->name)
		return a->peer->name ? -1 : 1;
	return strcmp(weft_format_peer(a->peer).chars, weft_format_peer(b->peer).chars);
}

/* ---- state ---- */

static void state_cell(const struct weft_top_row *row, struct weft_safe *cell)
{
	const char *name = weft_peer_state_name(row->peer->state);

	if (column_knows(row, WEFT_PEER_A_STATE))
		column_text(cell, "%s", name ?: "unknown");
	else
		column_text(cell, "-");
}

/* The order of attention. */
static int state_rank(const struct weft_top_row *row)
{
	static const int ranks[] = {
		[WEFT_PEER_STATE_GIVEN_UP] = 1, [WEFT_PEER_STATE_SILENT] = 2,
		[WEFT_PEER_STATE_HANDSHAKING] = 3, [WEFT_PEER_STATE_IDLE] = 4,
		[WEFT_PEER_STATE_UP] = 5,
	};

	if (!column_knows(row, WEFT_PEER_A_STATE))
		return 6;
	return row->peer->state < ARRAY_SIZE(ranks) ? ranks[row->peer->state] : 0;
}

static int state_compare(const struct weft_top_row *a, const struct weft_top_row *b)
{
	return state_rank(a) - state_rank(b);
}

/* ---- rates ---- */

void weft_top_format_rate(char *text, size_t size, double rate)
{
	static const char units[] = "KMGTPE";
	size_t i = 0;

	if (rate < 999.5) {
		snprintf(text, size, "%.0f", rate);
		return;
	}
	for (rate /= 1024; rate >= 999.5 && units[i + 1]; i++)
		rate /= 1024;
	snprintf(text, size, rate < 99.95 ? "%.1f%c" : "%.0f%c", rate, units[i]);
}

static void rate_cell(const struct weft_top_row *row, double rate, struct weft_safe *cell)
{
	column_text(cell, "-");
	if (!row->has_rates)
		return;
	weft_top_format_rate(cell->text, sizeof(cell->text), rate);
	cell->width = strlen(cell->text);
}

static void rx_cell(const struct weft_top_row *row, struct weft_safe *cell)
{
	rate_cell(row, row->rx_rate, cell);
}

static int rx_compare(const struct weft_top_row *a, const struct weft_top_row *b)
{
	return column_descend(a->rx_rate, b->rx_rate);
}

static void tx_cell(const struct weft_top_row *row, struct weft_safe *cell)
{
	rate_cell(row, row->tx_rate, cell);
}

static int tx_compare(const struct weft_top_row *a, const struct weft_top_row *b)
{
	return column_descend(a->tx_rate, b->tx_rate);
}

/* ---- handshakes ---- */

static void rtt_cell(const struct weft_top_row *row, struct weft_safe *cell)
{
	__u32 us = row->peer->handshake_rtt_us;

	if (!column_knows(row, WEFT_PEER_A_HANDSHAKE_RTT))
		column_text(cell, "-");
	else
		column_text(cell, us < 100000 ? "%.2fms" : "%.0fms", us / 1000.0);
}

/* 0 where there is none. */
static int rtt_compare(const struct weft_top_row *a, const struct weft_top_row *b)
{
	return column_descend(a->peer->handshake_rtt_us, b->peer->handshake_rtt_us);
}

static void handshake_cell(const struct weft_top_row *row, struct weft_safe *cell)
{
	unsigned long long age = row->age;

	if (!row->peer->handshake_s)
		column_text(cell, "never");
	else if (row->age < 0)
		column_text(cell, "clock?");
	else if (age < 60)
		column_text(cell, "%llus", age);
	else if (age < 60 * 60)
		column_text(cell, "%llum%02llus", age / 60, age % 60);
	else if (age < 24 * 60 * 60)
		column_text(cell, "%lluh%02llum", age / 3600, age / 60 % 60);
	else
		column_text(cell, "%llud%02lluh", age / 86400, age / 3600 % 24);
}

/* The age of a peer without a handshake is that of the epoch. */
static int handshake_compare(const struct weft_top_row *a, const struct weft_top_row *b)
{
	return column_descend(a->age, b->age);
}

/* ---- drops ---- */

static void drops_cell(const struct weft_top_row *row, struct weft_safe *cell)
{
	if (row->has_drops)
		column_text(cell, "%llu", row->drops);
	else
		column_text(cell, "-");
}

/* Those that lose packets now before those that have lost many. */
static int drops_compare(const struct weft_top_row *a, const struct weft_top_row *b)
{
	return column_descend(a->new_drops, b->new_drops) ?: column_descend(a->drops, b->drops);
}

/* ---- endpoint ---- */

static void endpoint_cell(const struct weft_top_row *row, struct weft_safe *cell)
{
	if (row->peer->endpoint.any.sa_family == AF_UNSPEC)
		column_text(cell, "-");
	else
		weft_safe_take(cell, weft_format_endpoint(&row->peer->endpoint).chars);
}

static int endpoint_compare(const struct weft_top_row *a, const struct weft_top_row *b)
{
	const union weft_endpoint *x = &a->peer->endpoint, *y = &b->peer->endpoint;
	int diff;

	if (x->any.sa_family != y->any.sa_family)
		return x->any.sa_family < y->any.sa_family ? -1 : 1;
	if (x->any.sa_family == AF_INET) {
		diff = memcmp(&x->ip4.sin_addr, &y->ip4.sin_addr, sizeof(x->ip4.sin_addr));
		return diff ?: ntohs(x->ip4.sin_port) - ntohs(y->ip4.sin_port);
	}
	diff = memcmp(&x->ip6.sin6_addr, &y->ip6.sin6_addr, sizeof(x->ip6.sin6_addr));
	return diff ?: ntohs(x->ip6.sin6_port) - ntohs(y->ip6.sin6_port);
}

/* ---- the table ---- */

/* The endpoint may be long: it is last. */
const struct weft_top_column weft_top_columns[WEFT_TOP_COLUMNS + 1] = {
	{ "name", "NAME", 12, false, name_cell, name_compare },
	{ "state", "STATE", 8, false, state_cell, state_compare },
	{ "rx", "RX/s", 6, true, rx_cell, rx_compare },
	{ "tx", "TX/s", 6, true, tx_cell, tx_compare },
	{ "rtt", "RTT", 8, true, rtt_cell, rtt_compare },
	{ "handshake", "HANDSHAKE", 9, true, handshake_cell, handshake_compare },
	{ "drops", "DROPS", 6, true, drops_cell, drops_compare },
	{ "endpoint", "ENDPOINT", 8, false, endpoint_cell, endpoint_compare },
	{ }
};

const struct weft_top_column *weft_top_column_default(void)
{
	return weft_top_column_find("rx");
}

const struct weft_top_column *weft_top_column_find(const char *name)
{
	const struct weft_top_column *column;

	for (column = weft_top_columns; column->name; column++)
		if (!strcmp(column->name, name))
			return column;
	return NULL;
}

void weft_top_layout(struct weft_top_layout *layout, const struct weft_top_row **rows, size_t count,
		     int widest)
{
	struct weft_safe cell;
	size_t i, row;

	for (i = 0; i < WEFT_TOP_COLUMNS; i++) {
		layout->widths[i] = weft_top_columns[i].width;
		for (row = 0; row < count; row++) {
			weft_top_columns[i].cell(rows[row], &cell);
			if (cell.width > layout->widths[i])
				layout->widths[i] = cell.width;
		}
	}
	if (layout->widths[0] > widest)
		layout->widths[0] = widest;
}

static void column_pad(FILE *out, int count)
{
	if (count > 0)
		fprintf(out, "%*s", count, "");
}

/* A text that is too wide ends in "~". */
static void column_print(FILE *out, const struct weft_top_layout *layout, size_t i,
			 const struct weft_safe *cell)
{
	bool last = i + 1 == WEFT_TOP_COLUMNS, cut = cell->width > layout->widths[i];
	int used = cell->width, blank;
	size_t len = strlen(cell->text);

	if (cut) {
		len = weft_safe_fit(cell->text, layout->widths[i] - 1, &used);
		used++;
	}
	blank = layout->widths[i] - used;
	if (weft_top_columns[i].right)
		column_pad(out, blank);
	fprintf(out, "%.*s%s", (int)len, cell->text, cut ? "~" : "");
	if (!last)
		column_pad(out, weft_top_columns[i].right ? COLUMN_GAP : blank + COLUMN_GAP);
}

void weft_top_print_titles(FILE *out, const struct weft_top_layout *layout)
{
	struct weft_safe cell;
	size_t i;

	for (i = 0; i < WEFT_TOP_COLUMNS; i++) {
		column_text(&cell, "%s", weft_top_columns[i].title);
		column_print(out, layout, i, &cell);
	}
}

void weft_top_print_row(FILE *out, const struct weft_top_layout *layout,
			const struct weft_top_row *row)
{
	struct weft_safe cell;
	size_t i;

	for (i = 0; i < WEFT_TOP_COLUMNS; i++) {
		weft_top_columns[i].cell(row, &cell);
		column_print(out, layout, i, &cell);
	}
}
