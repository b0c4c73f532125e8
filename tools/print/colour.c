// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "base/context.h"
#include "print/colour.h"

static const char * const colour_codes[] = {
	[WEFT_COLOUR_RESET] = "\x1b[0m",
	[WEFT_COLOUR_BOLD] = "\x1b[1m",
	[WEFT_COLOUR_RED] = "\x1b[31m",
	[WEFT_COLOUR_GREEN] = "\x1b[32m",
	[WEFT_COLOUR_YELLOW] = "\x1b[33m",
	[WEFT_COLOUR_CYAN] = "\x1b[36m",
};

bool weft_colour_wanted(const char *mode, const char *no_color,
			bool is_terminal)
{
	if (mode && !strcmp(mode, "always"))
		return true;
	if (mode && !strcmp(mode, "never"))
		return false;
	if (no_color && *no_color)
		return false;
	return is_terminal;
}

const char *weft_colour(const struct weft_context *ctx,
			enum weft_colour colour)
{
	return ctx->colour ? colour_codes[colour] : "";
}
