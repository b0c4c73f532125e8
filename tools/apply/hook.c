// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/hook.h"
#include "base/complain.h"
#include "host/host.h"

/*
 * wg-quick(8) evaluates hooks under "set -e -o pipefail" and "shopt -s extglob".
 * The text comes from the descriptor that the last word names, and neither that
 * nor the word is left to the hook.
 */
#define HOOK_SHELL	"bash", "-e", "-o", "pipefail", "-O", "extglob", "-c", \
	"weft_hook=$(</proc/self/fd/$1); eval \"exec $1<&-; shift; unset weft_hook; $weft_hook\"", \
	"bash"

/* The suffix of a running program's path once its file was removed or replaced. */
#define HOOK_DELETED	" (deleted)"

/* A variable of the environment while hooks run, and its value before; no name: unchanged. */
struct hook_variable {
	const char *name;
	char *old;
};

/* Creates the folder if it is missing; no other user may put a program into it. */
static bool hook_make_folder(const char *path)
{
	struct stat st;

	if ((mkdir(path, 0700) && errno != EEXIST) || lstat(path, &st))
		return false;
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & 0022))
		return true;
	errno = EPERM;
	return false;
}

static bool hook_read_link(const char *path, char *to, size_t size)
{
	ssize_t len = readlink(path, to, size - 1);

	if (len < 0)
		return false;
	to[len] = '\0';
	return true;
}

/* The path of this program, or of its replacement. */
static bool hook_read_self(char *self, size_t size)
{
	size_t len;

	if (!hook_read_link("/proc/self/exe", self, size))
		return false;
	len = strlen(self);
	if (access(self, X_OK) && len > strlen(HOOK_DELETED) &&
	    !strcmp(self + len - strlen(HOOK_DELETED), HOOK_DELETED))
		self[len - strlen(HOOK_DELETED)] = '\0';
	return !access(self, X_OK);
}

/*
 * By rename(): another process may be following the existing link. A temporary
 * link of the same name is from a killed process that had this PID.
 */
static bool hook_replace_link(const char *link, const char *self)
{
	char *fresh;
	bool good;

	if (asprintf(&fresh, "%s.%d", link, getpid()) < 0)
		return false;
	good = (!unlink(fresh) || errno == ENOENT) && !symlink(self, fresh) &&
	       !rename(fresh, link);
	free(fresh);
	return good;
}

static bool hook_make_link(const char *folder)
{
	char self[PATH_MAX], now[PATH_MAX], *link;
	bool good;

	if (!hook_read_self(self, sizeof(self)) ||
	    asprintf(&link, "%s/wg", folder) < 0)
		return false;
	good = (hook_read_link(link, now, sizeof(now)) && !strcmp(now, self)) ||
	       hook_replace_link(link, self);
	free(link);
	return good;
}

/*
 * The folder with the link, which stays: a hook may leave a process behind.
 * NULL with errno set.
 */
static char *hook_folder(const struct weft_context *ctx)
{
	char *folder;

	errno = ENOENT;
	if (!ctx->runtime || !hook_make_folder(ctx->runtime) ||
	    asprintf(&folder, "%s/bin", ctx->runtime) < 0)
		return NULL;
	if (hook_make_folder(folder) && hook_make_link(folder))
		return folder;
	free(folder);
	return NULL;
}

/* A character that continues a name or a path. */
static bool hook_is_of_name(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_-./$", c));
}

/* A command with a path is not looked up in PATH. */
static bool hook_says_wg(const char *text)
{
	const char *at;

	for (at = strstr(text, "wg"); at; at = strstr(at + 1, "wg"))
		if ((at == text || !hook_is_of_name(at[-1])) &&
		    !hook_is_of_name(at[2]))
			return true;
	return false;
}

static void hook_warn(const struct weft_context *ctx,
		      const struct weft_profile *profile,
		      enum weft_profile_hook hook, int err)
{
	const struct weft_words *words = &profile->hooks[hook];
	struct weft_place place = {
		.file = profile->path, .name = weft_profile_hook_name(hook),
	};
	size_t i;

	for (i = 0; i < words->count; i++) {
		place.line = words->items[i].line;
		if (hook_says_wg(words->items[i].text))
			weft_warn_at(ctx, &place,
				     "'wg' in this hook may not support links of kind weft: cannot link it to weft in '%s/bin': %s",
				     ctx->runtime ?: "",
				     strerror(err));
	}
}

static bool hook_set_variable(struct hook_variable *variable, const char *name,
			      const char *value)
{
	const char *now = getenv(name);

	variable->old = now ? strdup(now) : NULL;
	if ((now && !variable->old) || setenv(name, value, 1)) {
		free(variable->old);
		return false;
	}
	variable->name = name;
	return true;
}

static void hook_restore_variable(struct hook_variable *variable)
{
	if (!variable->name)
		return;
	if (variable->old)
		setenv(variable->name, variable->old, 1);
	else
		unsetenv(variable->name);
	free(variable->old);
}

/*
 * Hooks call "wg set %i ...", and wg(8) does not support links of kind weft: in
 * hooks "wg" is this program.
 */
static void hook_begin_path(const struct weft_context *ctx,
			    const struct weft_profile *profile,
			    enum weft_profile_hook hook,
			    struct hook_variable *variable)
{
	const char *path = getenv("PATH");
	char *folder = path ? hook_folder(ctx) : NULL, *fresh = NULL;

	if (path && !folder)
		hook_warn(ctx, profile, hook, errno);
	if (!folder || asprintf(&fresh, "%s:%s", folder, path) < 0)
		fresh = NULL;
	if (fresh)
		hook_set_variable(variable, "PATH", fresh);
	free(fresh);
	free(folder);
}

static const char *hook_hint(const char *text)
{
	static const char hint[] =
		" (a wg called by its path does not support links of kind weft: call it by name)";

	return strstr(text, "/wg ") ? hint : "";
}

/* A growing stream would leave copies of a key on the heap. */
static char *hook_expand(const char *text, const char *name)
{
	/* Each "%i", two characters, becomes less than IFNAMSIZ. */
	char *expanded = malloc(strlen(text) * IFNAMSIZ / 2 + 1), *to = expanded;

	if (!expanded)
		return NULL;
	for (; *text; text++) {
		if (text[0] == '%' && text[1] == 'i') {
			to = stpcpy(to, name);
			text++;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return expanded;
}

static bool hook_run_one(const struct weft_context *ctx,
			 const struct weft_profile *profile,
			 enum weft_profile_hook hook,
			 const struct weft_word *word)
{
	struct weft_host *host = ctx->host;
	struct weft_place place = {
		.file = profile->path, .line = word->line,
		.name = weft_profile_hook_name(hook),
	};
	char *text = hook_expand(word->text, profile->name);
	struct weft_change change = { .kind = WEFT_CHANGE_PROGRAM };
	bool good = true;

	/* The change takes ownership; the words of a program are not secret. */
	change.program.script = text;
	if (!text || !weft_program_set(&change.program, NULL, HOOK_SHELL, NULL)) {
		weft_complain_at(ctx, &place, "out of memory");
		good = false;
	} else if (host->change(host, &change)) {
		/* The message does not quote the text, which may contain a key. */
		weft_complain_at(ctx, &place, "%s: %s%s", profile->name,
				 host->error, hook_hint(text));
		good = false;
	}
	weft_change_clear(&change);
	return good;
}

bool weft_hook_run(const struct weft_context *ctx,
		   const struct weft_profile *profile,
		   enum weft_profile_hook hook)
{
	const struct weft_words *words = &profile->hooks[hook];
	struct hook_variable path = { }, locale = { }, interface = { };
	bool good;
	size_t i;

	if (!words->count)
		return true;
	good = hook_set_variable(&locale, "LC_ALL", "C") &&
	       hook_set_variable(&interface, "INTERFACE", profile->name);
	if (!good)
		weft_complain(ctx, "%s: out of memory", profile->name);
	else
		hook_begin_path(ctx, profile, hook, &path);
	for (i = 0; good && i < words->count; i++)
		good = hook_run_one(ctx, profile, hook, &words->items[i]);
	hook_restore_variable(&path);
	hook_restore_variable(&interface);
	hook_restore_variable(&locale);
	return good;
}
