/* SPDX-License-Identifier: GPL-2.0 */
/* Colours for a terminal, or empty strings. */
#ifndef _WEFT_TOOLS_COLOUR_H
#define _WEFT_TOOLS_COLOUR_H

#include <stdbool.h>

struct weft_context;

enum weft_colour {
	WEFT_COLOUR_RESET,
	WEFT_COLOUR_BOLD,
	WEFT_COLOUR_RED,
	WEFT_COLOUR_GREEN,
	WEFT_COLOUR_YELLOW,
	WEFT_COLOUR_CYAN,
};

/* @mode: WG_COLOR_MODE, @no_color: NO_COLOR, either may be NULL. */
bool weft_colour_wanted(const char *mode, const char *no_color,
			bool is_terminal);
/* "" where colour is off. */
const char *weft_colour(const struct weft_context *ctx,
			enum weft_colour colour);

#endif /* _WEFT_TOOLS_COLOUR_H */
