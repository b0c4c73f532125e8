// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "base/text.h"
#include "model/attr.h"
#include "model/model.h"
#include "top/live.h"
#include "top/screen.h"

/* Lines besides those of peers: sums, titles and keys. */
#define LIVE_OTHER_LINES	3
/* A terminal of more columns shows keys whole. */
#define LIVE_WIDE_COLUMNS	132
#define LIVE_NAME_COLUMNS	24
#define LIVE_KEY_COLUMNS	44

#define LIVE_KEYS	"q quit  left/right sort by  r reverse  / filter  up/down scroll  space now"

/**
 * struct live - the state of the screen
 * @job: the run
 * @screen: the terminal
 * @first: the number of the first row on it
 * @typing: the filter is being typed
 * @before: the filter before that
 * @ended: the user wants no more
 */
struct live {
	struct weft_top_job *job;
	const struct weft_screen *screen;
	size_t first;
	bool typing;
	char before[WEFT_TOP_FILTER_BYTES];
	bool ended;
};

/* ---- drawing ---- */

/* A line that its printer has written, cut to what fits. */
struct live_line {
	FILE *out;
	char *text;
	size_t size;
};

static bool live_begin(struct live_line *line)
{
	*line = (struct live_line){ };
	line->out = open_memstream(&line->text, &line->size);
	return line->out;
}

/* A terminal may wrap a line that is written to its last column. */
static bool live_end(const struct live *live, struct live_line *line, int number,
		     enum weft_look look)
{
	int lines, columns, used;
	bool good = !fclose(line->out);

	live->screen->size(&lines, &columns);
	if (good) {
		line->text[weft_safe_fit(line->text, columns - 1, &used)] = '\0';
		live->screen->put(number, line->text, look);
	}
	free(line->text);
	return good;
}

static enum weft_look live_look(const struct weft_top_row *row)
{
	__u32 state = row->peer->state;
	bool known = row->peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE);

	return known && (state == WEFT_PEER_STATE_SILENT || state == WEFT_PEER_STATE_GIVEN_UP) ?
	       WEFT_LOOK_WARNING : WEFT_LOOK_PLAIN;
}

static bool live_draw_head(const struct live *live, const struct weft_top_layout *layout,
			   size_t count)
{
	struct live_line line;

	if (!live_begin(&line))
		return false;
	weft_top_print_sums(line.out, &live->job->view, &live->job->reading, count);
	if (!live_end(live, &line, 0, WEFT_LOOK_PLAIN) || !live_begin(&line))
		return false;
	weft_top_print_titles(line.out, layout);
	return live_end(live, &line, 1, WEFT_LOOK_TITLE);
}

static bool live_draw_row(const struct live *live, const struct weft_top_layout *layout, int number,
			  const struct weft_top_row *row)
{
	struct live_line line;

	if (!live_begin(&line))
		return false;
	weft_top_print_row(line.out, layout, row);
	return live_end(live, &line, number, live_look(row));
}

static bool live_draw_foot(const struct live *live, int number)
{
	struct weft_safe filter;
	struct live_line line;

	if (!live_begin(&line))
		return false;
	weft_safe_take(&filter, live->job->view.filter);
	if (live->typing)
		fprintf(line.out, "filter (state, part of name, key, endpoint; ! for others): %s_",
			filter.text);
	else
		fputs(LIVE_KEYS, line.out);
	return live_end(live, &line, number, WEFT_LOOK_PLAIN);
}

static int live_room(const struct live *live)
{
	int lines, columns;

	live->screen->size(&lines, &columns);
	return lines > LIVE_OTHER_LINES ? lines - LIVE_OTHER_LINES : 0;
}

static bool live_draw_rows(struct live *live, const struct weft_top_row **rows, size_t count)
{
	int room = live_room(live), lines, columns, i;
	struct weft_top_layout layout;

	if (live->first + room > count)
		live->first = count > (size_t)room ? count - room : 0;
	live->screen->size(&lines, &columns);
	weft_top_layout(&layout, rows, count,
			columns > LIVE_WIDE_COLUMNS ? LIVE_KEY_COLUMNS : LIVE_NAME_COLUMNS);
	if (!live_draw_head(live, &layout, count))
		return false;
	for (i = 0; i < room; i++)
		if (live->first + i >= count)
			live->screen->put(i + 2, "", WEFT_LOOK_PLAIN);
		else if (!live_draw_row(live, &layout, i + 2, rows[live->first + i]))
			return false;
	return live_draw_foot(live, room + 2);
}

static bool live_draw(struct live *live)
{
	const struct weft_top_row **rows;
	size_t count;
	bool good;

	rows = weft_top_choose(&live->job->view, &live->job->reading, &count);
	good = rows && live_draw_rows(live, rows, count);
	free(rows);
	live->screen->show();
	return good;
}

/* ---- keys ---- */

static void live_scroll(struct live *live, long by)
{
	if (by < 0 && live->first < (size_t)-by)
		live->first = 0;
	else
		live->first += by;
}

static void live_sort(struct live *live, int by)
{
	struct weft_top_view *view = &live->job->view;
	int now = view->sort - weft_top_columns;

	view->sort = &weft_top_columns[(now + by + WEFT_TOP_COLUMNS) % WEFT_TOP_COLUMNS];
}

/* Appends a character in UTF-8; one that does not fit is left out. */
static void live_type(char *filter, unsigned int code)
{
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	int bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, i;
	size_t len = strlen(filter);

	if (code < ' ' || code > 0x10ffff || len + bytes >= WEFT_TOP_FILTER_BYTES)
		return;
	filter[len + bytes] = '\0';
	for (i = bytes - 1; i; i--, code >>= 6)
		filter[len + i] = 0x80 | (code & 0x3f);
	filter[len] = marks[bytes] | code;
}

static void live_erase(char *filter)
{
	size_t len = strlen(filter);

	while (len && ((unsigned char)filter[--len] & 0xc0) == 0x80)
		;
	filter[len] = '\0';
}

static void live_type_key(struct live *live, int key)
{
	char *filter = live->job->view.filter;

	switch (key) {
	case WEFT_PRESS_ENTER:
		live->typing = false;
		break;
	case WEFT_PRESS_ESCAPE:
		memcpy(filter, live->before, sizeof(live->before));
		live->typing = false;
		break;
	case WEFT_PRESS_ERASE:
		live_erase(filter);
		break;
	default:
		if (key >= 0)
			live_type(filter, key);
	}
}

static void live_begin_typing(struct live *live)
{
	memcpy(live->before, live->job->view.filter, sizeof(live->before));
	live->job->view.filter[0] = '\0';
	live->first = 0;
	live->typing = true;
}

static void live_command_key(struct live *live, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		live->ended = true;
		break;
	case 'r':
		live->job->view.reverse = !live->job->view.reverse;
		break;
	case '/':
		live_begin_typing(live);
		break;
	case '<':
	case WEFT_PRESS_LEFT:
		live_sort(live, -1);
		break;
	case '>':
	case WEFT_PRESS_RIGHT:
		live_sort(live, 1);
		break;
	case WEFT_PRESS_UP:
		live_scroll(live, -1);
		break;
	case WEFT_PRESS_DOWN:
		live_scroll(live, 1);
		break;
	case WEFT_PRESS_PAGE_UP:
		live_scroll(live, -live_room(live));
		break;
	case WEFT_PRESS_PAGE_DOWN:
		live_scroll(live, live_room(live));
		break;
	case WEFT_PRESS_HOME:
		live->first = 0;
		break;
	case WEFT_PRESS_LAST:
		live->first = live->job->reading.count;
	}
}

/* Whether the peers have to be read before they are drawn again. */
static bool live_key(struct live *live, int key)
{
	if (key == WEFT_PRESS_END)
		live->ended = true;
	else if (key != WEFT_PRESS_NONE && live->typing)
		live_type_key(live, key);
	else
		live_command_key(live, key);
	return key == WEFT_PRESS_NONE || (key == ' ' && !live->typing);
}

bool weft_top_live(struct weft_top_job *job, const struct weft_screen *screen)
{
	struct live live = { .job = job, .screen = screen };
	__s64 next = weft_top_clock_ms() + job->every_ms, left;
	int err = 0;

	while (!err && !live.ended) {
		if (!live_draw(&live)) {
			err = -ENOMEM;
			break;
		}
		left = next - weft_top_clock_ms();
		if (live_key(&live, screen->press(left > 0 ? left : 0))) {
			err = weft_top_renew(job);
			next = weft_top_clock_ms() + job->every_ms;
		}
	}
	screen->close();
	return !err || weft_top_complain(job->ctx, job->iface, err);
}
