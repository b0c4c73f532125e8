// SPDX-License-Identifier: GPL-2.0
/* The screen that is a terminal. Signals take effect in one place, where a key is waited for. */
#define NCURSES_WIDECHAR	1
#define NCURSES_NOMACROS	1
#include <curses.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/complain.h"
#include "base/signals.h"
#include "top/screen.h"

#define CURSES_LIBRARY	"libncursesw.so.6"
#define CURSES_ESCAPE_MS	50

/* The functions of ncurses that are used here, with the types of its header. */
static struct {
	typeof(newterm) *newterm;
	typeof(newwin) *newwin;
	typeof(endwin) *endwin;
	typeof(cbreak) *cbreak;
	typeof(noecho) *noecho;
	typeof(curs_set) *curs_set;
	typeof(keypad) *keypad;
	typeof(wtimeout) *wtimeout;
	typeof(wget_wch) *wget_wch;
	typeof(getmaxx) *getmaxx;
	typeof(getmaxy) *getmaxy;
	typeof(wmove) *wmove;
	typeof(waddnstr) *waddnstr;
	typeof(wclrtoeol) *wclrtoeol;
	typeof(wattr_set) *wattr_set;
	typeof(wrefresh) *wrefresh;
	typeof(clearok) *clearok;
	typeof(has_colors) *has_colors;
	typeof(start_color) *start_color;
	typeof(use_default_colors) *use_default_colors;
	typeof(init_pair) *init_pair;
	typeof(set_escdelay) *set_escdelay;
} curses;

static const struct {
	const char *name;
	void **function;
} curses_symbols[] = {
	{ "newterm", (void **)&curses.newterm },
	{ "newwin", (void **)&curses.newwin },
	{ "endwin", (void **)&curses.endwin },
	{ "cbreak", (void **)&curses.cbreak },
	{ "noecho", (void **)&curses.noecho },
	{ "curs_set", (void **)&curses.curs_set },
	{ "keypad", (void **)&curses.keypad },
	{ "wtimeout", (void **)&curses.wtimeout },
	{ "wget_wch", (void **)&curses.wget_wch },
	{ "getmaxx", (void **)&curses.getmaxx },
	{ "getmaxy", (void **)&curses.getmaxy },
	{ "wmove", (void **)&curses.wmove },
	{ "waddnstr", (void **)&curses.waddnstr },
	{ "wclrtoeol", (void **)&curses.wclrtoeol },
	{ "wattr_set", (void **)&curses.wattr_set },
	{ "wrefresh", (void **)&curses.wrefresh },
	{ "clearok", (void **)&curses.clearok },
	{ "has_colors", (void **)&curses.has_colors },
	{ "start_color", (void **)&curses.start_color },
	{ "use_default_colors", (void **)&curses.use_default_colors },
	{ "init_pair", (void **)&curses.init_pair },
	{ "set_escdelay", (void **)&curses.set_escdelay },
};

/* Colour pairs. */
enum { CURSES_PAIR_WARNING = 1 };

static WINDOW *curses_window;
static bool curses_colour;
/* The signals that are not blocked while a key is waited for. */
static sigset_t curses_unblocked;
static atomic_bool curses_stop_noted;

static bool curses_load(const struct weft_context *ctx)
{
	void *library = dlopen(CURSES_LIBRARY, RTLD_NOW);
	size_t i;

	if (!library) {
		weft_warn(ctx, "top: no full screen: cannot load %s", CURSES_LIBRARY);
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(curses_symbols); i++) {
		*curses_symbols[i].function = dlsym(library, curses_symbols[i].name);
		if (!*curses_symbols[i].function) {
			weft_warn(ctx, "top: no full screen: %s has no function %s",
				  CURSES_LIBRARY, curses_symbols[i].name);
			return false;
		}
	}
	return true;
}

static void curses_note_stop(int number)
{
	(void)number;
	curses_stop_noted = true;
}

/* ncurses, which leaves a handler alone that it finds, would ignore the signal while it draws. */
static void curses_heed_stop(void)
{
	struct sigaction action = { .sa_handler = curses_note_stop }, old;

	if (!sigaction(SIGTSTP, NULL, &old) && old.sa_handler == SIG_DFL)
		sigaction(SIGTSTP, &action, NULL);
}

static void curses_default_stop(void)
{
	struct sigaction old;

	if (!sigaction(SIGTSTP, NULL, &old) && old.sa_handler == curses_note_stop)
		signal(SIGTSTP, SIG_DFL);
}

/* Leaves the screen to the shell until the job continues. */
static void curses_stop(void)
{
	sigset_t blocked;

	curses_stop_noted = false;
	curses.endwin();
	curses_default_stop();
	raise(SIGTSTP);
	sigprocmask(SIG_SETMASK, &curses_unblocked, &blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	curses_heed_stop();
	curses.clearok(curses_window, TRUE);
}

/* In place of ncurses's handlers, which end the program. A resized terminal is noticed as a key. */
static void curses_block_signals(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH };
	sigset_t blocked;
	size_t i;

	weft_signals_heed();
	weft_signals_interrupt(true);
	sigemptyset(&blocked);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&blocked, numbers[i]);
	sigprocmask(SIG_BLOCK, &blocked, &curses_unblocked);
}

static void curses_begin_colours(bool wanted)
{
	curses_colour = wanted && curses.has_colors() && curses.start_color() == OK &&
			curses.use_default_colors() == OK &&
			curses.init_pair(CURSES_PAIR_WARNING, COLOR_RED, -1) == OK;
}

static bool curses_new_screen(const struct weft_context *ctx)
{
	if (!curses.newterm(NULL, stdout, stdin)) {
		weft_warn(ctx, "top: no full screen: TERM names no terminal that can be used");
		return false;
	}
	curses_window = curses.newwin(0, 0, 0, 0);
	if (!curses_window) {
		curses.endwin();
		weft_warn(ctx, "top: no full screen: out of memory");
		return false;
	}
	return true;
}

static bool curses_open(const struct weft_context *ctx)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !curses_load(ctx))
		return false;
	curses_heed_stop();
	if (!curses_new_screen(ctx)) {
		curses_default_stop();
		return false;
	}
	curses_block_signals();
	/* By its key the program would end at once, and leave the terminal as it is. */
	signal(SIGQUIT, SIG_IGN);
	curses.set_escdelay(CURSES_ESCAPE_MS);
	curses.cbreak();
	curses.noecho();
	curses.curs_set(0);
	curses.keypad(curses_window, TRUE);
	curses.wtimeout(curses_window, 0);
	curses_begin_colours(ctx->colour);
	return true;
}

static void curses_close(void)
{
	curses.endwin();
	curses_default_stop();
	sigprocmask(SIG_SETMASK, &curses_unblocked, NULL);
}

static void curses_size(int *lines, int *columns)
{
	*lines = curses.getmaxy(curses_window);
	*columns = curses.getmaxx(curses_window);
}

static void curses_put(int line, const char *text, enum weft_look look)
{
	attr_t attributes = look == WEFT_LOOK_TITLE ? A_REVERSE : A_NORMAL;
	short pair = 0;

	if (look == WEFT_LOOK_WARNING) {
		attributes = curses_colour ? A_NORMAL : A_BOLD;
		pair = curses_colour ? CURSES_PAIR_WARNING : 0;
	}
	if (curses.wmove(curses_window, line, 0) == ERR)
		return;
	curses.wattr_set(curses_window, attributes, pair, NULL);
	curses.waddnstr(curses_window, text, -1);
	curses.wattr_set(curses_window, A_NORMAL, 0, NULL);
	curses.wclrtoeol(curses_window);
}

static void curses_show(void)
{
	curses.wrefresh(curses_window);
}

static int curses_key(wint_t code)
{
	switch (code) {
	case KEY_RESIZE:
		curses.clearok(curses_window, TRUE);
		return WEFT_PRESS_RESIZED;
	case KEY_UP:
		return WEFT_PRESS_UP;
	case KEY_DOWN:
		return WEFT_PRESS_DOWN;
	case KEY_LEFT:
		return WEFT_PRESS_LEFT;
	case KEY_RIGHT:
		return WEFT_PRESS_RIGHT;
	case KEY_PPAGE:
		return WEFT_PRESS_PAGE_UP;
	case KEY_NPAGE:
		return WEFT_PRESS_PAGE_DOWN;
	case KEY_HOME:
		return WEFT_PRESS_HOME;
	case KEY_END:
		return WEFT_PRESS_LAST;
	case KEY_BACKSPACE:
		return WEFT_PRESS_ERASE;
	case KEY_ENTER:
		return WEFT_PRESS_ENTER;
	}
	return WEFT_PRESS_OTHER;
}

static int curses_character(wint_t code)
{
	switch (code) {
	case '\n':
	case '\r':
		return WEFT_PRESS_ENTER;
	case '\b':
	case 0x7f:
		return WEFT_PRESS_ERASE;
	case 0x1b:
		return WEFT_PRESS_ESCAPE;
	}
	return code;
}

/* A key that has arrived, or WEFT_PRESS_NONE. */
static int curses_next(void)
{
	wint_t code;

	switch (curses.wget_wch(curses_window, &code)) {
	case KEY_CODE_YES:
		return curses_key(code);
	case OK:
		return curses_character(code);
	}
	return WEFT_PRESS_NONE;
}

static int curses_press(int timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000,
	};
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int key = curses_next(), ready;

	if (key != WEFT_PRESS_NONE)
		return key;
	ready = ppoll(&input, 1, &timeout, &curses_unblocked);
	if (weft_signals_caught())
		return WEFT_PRESS_END;
	if (curses_stop_noted) {
		curses_stop();
		return WEFT_PRESS_RESIZED;
	}
	if (ready > 0 && !(input.revents & POLLIN))
		return WEFT_PRESS_END;
	key = curses_next();
	/* Readable, and nothing to read: the end of input. */
	return ready > 0 && key == WEFT_PRESS_NONE ? WEFT_PRESS_END : key;
}

const struct weft_screen *weft_screen_curses(void)
{
	static const struct weft_screen screen = {
		.open = curses_open, .close = curses_close, .size = curses_size,
		.put = curses_put, .show = curses_show, .press = curses_press,
	};

	return &screen;
}
