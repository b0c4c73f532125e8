// SPDX-License-Identifier: GPL-2.0
/* weft top */
#include <string.h>

#include "base/complain.h"
#include "cli/command.h"
#include "conf/setting.h"
#include "genl/backend.h"
#include "top/live.h"
#include "top/safe.h"
#include "top/screen.h"

#define TOP_EVERY_S	2
#define TOP_EVERY_MOST_S	3600
#define TOP_COUNT_MOST	1000000000

/**
 * struct top_words - the words of one run
 * @job: what they ask for
 * @batch: plain lines, also on a terminal
 */
struct top_words {
	struct weft_top_job job;
	bool batch;
};

static bool top_take_every(struct top_words *words, const char *value)
{
	__u64 seconds;

	if (!weft_setting_number(value, 10, TOP_EVERY_MOST_S, &seconds) || !seconds)
		return weft_complain(words->job.ctx,
				     "top: every: '%s' is not a time: use a number of seconds from 1 to %d",
				     value, TOP_EVERY_MOST_S);
	words->job.every_ms = seconds * 1000;
	return true;
}

static bool top_take_count(struct top_words *words, const char *value)
{
	if (weft_setting_number(value, 10, TOP_COUNT_MOST, &words->job.count) && words->job.count)
		return true;
	return weft_complain(words->job.ctx,
			     "top: count: '%s' is not a number of tables: use 1 to %d", value,
			     TOP_COUNT_MOST);
}

static bool top_take_sort(struct top_words *words, const char *value)
{
	words->job.view.sort = weft_top_column_find(value);
	return words->job.view.sort ||
	       weft_complain_unknown(words->job.ctx, "top: sort: unknown column", value,
				     weft_top_columns, sizeof(weft_top_columns[0]));
}

static bool top_take_filter(struct top_words *words, const char *value)
{
	size_t size = sizeof(words->job.view.filter);

	if (strlen(value) >= size)
		return weft_complain(words->job.ctx,
				     "top: filter: '%s' is too long: use at most %zu characters",
				     value, size - 1);
	memcpy(words->job.view.filter, value, strlen(value) + 1);
	return true;
}

static const struct top_word {
	const char *name;
	const char *value;
	bool (*take)(struct top_words *words, const char *value);
} top_word_table[] = {
	{ "batch" },
	{ "every", "SECONDS", top_take_every },
	{ "count", "NUMBER", top_take_count },
	{ "sort", "COLUMN", top_take_sort },
	{ "reverse" },
	{ "filter", "TEXT", top_take_filter },
	{ }
};

static const struct top_word *top_find_word(const char *name)
{
	const struct top_word *word = top_word_table;

	while (word->name && strcmp(word->name, name))
		word++;
	return word->name ? word : NULL;
}

static bool top_take_words(struct top_words *words, int argc, char **argv)
{
	const struct weft_context *ctx = words->job.ctx;
	const struct top_word *word;

	for (; argc; argc--, argv++) {
		word = top_find_word(argv[0]);
		if (!word)
			return weft_complain_unknown(ctx, "top: unexpected argument", argv[0],
						     top_word_table, sizeof(top_word_table[0]));
		if (!word->take) {
			words->batch |= !strcmp(word->name, "batch");
			words->job.view.reverse |= !strcmp(word->name, "reverse");
			continue;
		}
		if (argc < 2)
			return weft_complain(ctx, "top: %s: requires a value: %s", word->name,
					     word->value);
		if (!word->take(words, argv[1]))
			return false;
		argc--;
		argv++;
	}
	/* A number of tables is of plain lines. */
	words->batch |= words->job.count;
	return true;
}

/* Without a name the only interface is meant. */
static bool top_only_interface(const struct weft_context *ctx, char *name)
{
	struct weft_link *links;
	bool good = false;

	if (!weft_backend_list(ctx, &links))
		return false;
	if (!links)
		weft_complain(ctx, "top: there is no interface");
	else if (links->next)
		weft_complain(ctx, "top: several interfaces, %s and %s among them: name one",
			      links->name, links->next->name);
	else
		good = snprintf(name, IFNAMSIZ, "%s", links->name) < IFNAMSIZ;
	weft_model_links_free(links);
	return good;
}

static bool top_run(struct top_words *words)
{
	const struct weft_screen *screen = weft_screen_curses();
	struct weft_top_job *job = &words->job;
	int err;

	/* A reading that fails leaves the terminal alone. */
	err = weft_top_renew(job);
	if (err)
		return weft_top_complain(job->ctx, job->iface, err);
	if (!words->batch && screen->open(job->ctx))
		return weft_top_live(job, screen);
	return weft_top_batch(job);
}

int weft_command_top(struct weft_context *ctx, int argc, char **argv)
{
	struct top_words words = {
		.job = {
			.ctx = ctx, .every_ms = TOP_EVERY_S * 1000,
			.view.sort = weft_top_column_default(),
		},
	};
	char only[IFNAMSIZ];
	bool good;

	if (argc && !top_take_words(&words, argc - 1, argv + 1))
		return 1;
	if (!argc && !top_only_interface(ctx, only))
		return 1;
	words.job.iface = argc ? argv[0] : only;
	weft_safe_locale();
	good = top_run(&words);
	weft_top_forget(&words.job.reading);
	return good ? 0 : 1;
}
