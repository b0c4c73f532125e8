/* SPDX-License-Identifier: GPL-2.0 */
/* A terminal of lines; tests provide a replacement. */
#ifndef _WEFT_TOOLS_SCREEN_H
#define _WEFT_TOOLS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

struct weft_context;

enum weft_look {
	WEFT_LOOK_PLAIN,
	WEFT_LOOK_TITLE,
	WEFT_LOOK_WARNING,
};

/* Other keys are characters, by their code in Unicode. */
enum weft_key_press {
	WEFT_PRESS_NONE = -100,	/* the time is over */
	WEFT_PRESS_END,		/* a signal that asks the program to end, or the terminal is gone */
	WEFT_PRESS_RESIZED,
	WEFT_PRESS_UP,
	WEFT_PRESS_DOWN,
	WEFT_PRESS_LEFT,
	WEFT_PRESS_RIGHT,
	WEFT_PRESS_PAGE_UP,
	WEFT_PRESS_PAGE_DOWN,
	WEFT_PRESS_HOME,
	WEFT_PRESS_LAST,
	WEFT_PRESS_ERASE,
	WEFT_PRESS_ENTER,
	WEFT_PRESS_ESCAPE,
	WEFT_PRESS_OTHER,
};

/**
 * struct weft_screen - the calls for a terminal
 * @open: takes the terminal over; false: none can be used, and the reason was printed, if it is
 *        not that there is no terminal
 * @close: gives it back as it was
 * @size: its lines and columns at present
 * @put: replaces a line by text that takes fewer columns; without effect outside of the terminal
 * @show: brings all lines to the terminal
 * @press: waits for a key, for a number of milliseconds; an enum weft_key_press or a character
 */
struct weft_screen {
	bool (*open)(const struct weft_context *ctx);
	void (*close)(void);
	void (*size)(int *lines, int *columns);
	void (*put)(int line, const char *text, enum weft_look look);
	void (*show)(void);
	int (*press)(int timeout_ms);
};

/*
 * The terminal of standard input and output, by ncurses. Its library is loaded by open(): no other
 * command needs it, and each start of the program would pay for it.
 */
const struct weft_screen *weft_screen_curses(void);

#endif /* _WEFT_TOOLS_SCREEN_H */
