// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook.h"
#include "network.h"
#include "report.h"

static char *hook_expand(const char *text, const char *name)
{
	char *expanded = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&expanded, &len);

	if (!out)
		return NULL;
	for (; *text; text++) {
		if (text[0] == '%' && text[1] == 'i') {
			fputs(name, out);
			text++;
		} else {
			fputc(*text, out);
		}
	}
	fclose(out);
	return expanded;
}

static bool hook_run_one(const struct weft_context *ctx,
			 const struct weft_profile *profile,
			 enum weft_profile_hook hook,
			 const struct weft_word *word)
{
	struct weft_network *network = ctx->network;
	struct weft_place place = {
		.file = profile->path, .line = word->line,
		.name = weft_profile_hook_name(hook),
	};
	char *text = hook_expand(word->text, profile->name);
	struct weft_change change = { .kind = WEFT_CHANGE_PROGRAM };
	bool good = true;

	if (!text || !weft_program_set(&change.program, NULL, "bash", "-c",
				       text, NULL)) {
		weft_report_at(ctx, &place, "out of memory");
		good = false;
	} else if (network->change(network, &change)) {
		/* The text is not quoted: there may be a key in it. */
		weft_report_at(ctx, &place, "%s: %s", profile->name,
			       network->error);
		good = false;
	}
	weft_change_clear(&change);
	free(text);
	return good;
}

bool weft_hook_run(const struct weft_context *ctx,
		   const struct weft_profile *profile,
		   enum weft_profile_hook hook)
{
	const struct weft_words *words = &profile->hooks[hook];
	size_t i;

	for (i = 0; i < words->count; i++)
		if (!hook_run_one(ctx, profile, hook, &words->items[i]))
			return false;
	return true;
}
