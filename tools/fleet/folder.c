// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/text.h"
#include "conf/file.h"
#include "conf/writer.h"
#include "fleet/folder.h"
#include "fleet/memory.h"
#include "fleet/merge.h"

#define FOLDER_MODE		0700
#define FOLDER_SELF		"self"
#define FOLDER_MEMORY		"memory"
#define FOLDER_SELF_BYTES	65536

static bool folder_no_memory(const struct weft_folder *folder)
{
	return weft_complain(folder->ctx, "out of memory");
}

char *weft_folder_file(const struct weft_folder *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder->path, name) >= 0)
		return path;
	folder_no_memory(folder);
	return NULL;
}

/* The text of a file, to be wiped, NULL where it does not exist. False after a complaint. */
static bool folder_read_file(const struct weft_folder *folder, const char *name, size_t max,
			     char **text)
{
	char *path = weft_folder_file(folder, name);
	struct weft_file file;
	bool good;

	*text = NULL;
	if (!path)
		return false;
	if (access(path, F_OK) && errno == ENOENT) {
		free(path);
		return true;
	}
	good = weft_file_read(folder->ctx, path, max, &file);
	if (good) {
		if (!strcmp(name, FOLDER_SELF))
			weft_file_warn_readable(folder->ctx, path);
		*text = file.text;
	}
	free(path);
	return good;
}

static bool folder_damaged(const struct weft_folder *folder, const char *name,
			   const struct weft_refusal *why)
{
	return weft_complain(folder->ctx, "'%s/%s' cannot be used: %s", folder->path, name,
			     why->text);
}

static bool folder_take_self(struct weft_folder *folder, const char *name)
{
	struct weft_refusal why;

	if (!folder_read_file(folder, FOLDER_SELF, FOLDER_SELF_BYTES, &folder->self_text))
		return false;
	if (!folder->self_text)
		return true;
	folder->self = weft_self_read(name, folder->self_text, strlen(folder->self_text), &why);
	return folder->self || folder_damaged(folder, FOLDER_SELF, &why);
}

static bool folder_take_memory(struct weft_folder *folder, const char *name)
{
	struct weft_refusal why;
	const char *text;

	if (!folder_read_file(folder, FOLDER_MEMORY, 2 * WEFT_FLEET_TEXT_BYTES,
			      &folder->memory_text))
		return false;
	text = folder->memory_text;
	if (!text) {
		folder->fleet = weft_memory_new(name, &folder->self->trust);
		return folder->fleet || folder_no_memory(folder);
	}
	folder->fleet = weft_memory_read(name, text, strlen(text), &why);
	return folder->fleet || folder_damaged(folder, FOLDER_MEMORY, &why);
}

/* One folder; an existing one is left as it is. */
static bool folder_make(const struct weft_folder *folder, const char *path, mode_t mode)
{
	if (!mkdir(path, mode) || errno == EEXIST)
		return true;
	return weft_complain(folder->ctx, "cannot make the folder '%s': %s", path,
			     strerror(errno));
}

/* -ESTALE: another folder is at the path meanwhile. */
static int folder_try_lock(struct weft_folder *folder)
{
	struct stat locked, there;
	int error = 0;

	folder->lock = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->lock < 0)
		return -errno;
	if (flock(folder->lock, LOCK_EX) || fstat(folder->lock, &locked) ||
	    stat(folder->path, &there))
		error = -errno;
	else if (locked.st_ino != there.st_ino || locked.st_dev != there.st_dev)
		error = -ESTALE;
	if (error) {
		close(folder->lock);
		folder->lock = -1;
	}
	return error;
}

/* Where there is no folder, nothing is locked. */
static bool folder_lock(struct weft_folder *folder, bool make)
{
	const struct weft_context *ctx = folder->ctx;
	int error;

	make = make && !ctx->dry_run;
	do {
		if (make && (!folder_make(folder, ctx->state, 0755) ||
			     !folder_make(folder, folder->path, FOLDER_MODE)))
			return false;
		error = folder_try_lock(folder);
	} while (error == -ESTALE || (make && error == -ENOENT));
	return !error || (!make && error == -ENOENT) ||
	       weft_complain(ctx, "cannot lock the folder '%s': %s", folder->path,
			     strerror(-error));
}

bool weft_folder_read(struct weft_folder *folder, const struct weft_context *ctx,
		      const char *name, enum weft_folder_lock lock)
{
	memset(folder, 0, sizeof(*folder));
	folder->lock = -1;
	folder->ctx = ctx;
	folder->name = name;
	if (!weft_profile_name_is_good(name, strlen(name)))
		return weft_complain(ctx,
				     "'%s' is not the name of a fleet: use 1 to %d letters, digits and _=+.-",
				     name, WEFT_FLEET_NAME_BYTES - 1);
	if (asprintf(&folder->path, "%s/%s", ctx->state, name) < 0) {
		folder->path = NULL;
		return folder_no_memory(folder);
	}
	return (!lock || folder_lock(folder, lock == WEFT_FOLDER_MADE)) &&
	       folder_take_self(folder, name) &&
	       (!folder->self || folder_take_memory(folder, name));
}

bool weft_folder_need(const struct weft_folder *folder)
{
	return folder->self ||
	       weft_complain(folder->ctx,
			     "this machine is in no fleet '%s': run 'weft fleet hello %s node NODE admins KEY' first",
			     folder->name, folder->name);
}

bool weft_folder_begin(struct weft_folder *folder, struct weft_self *self)
{
	folder->self = self;
	folder->fleet = weft_memory_new(self->fleet, &self->trust);
	return folder->fleet || folder_no_memory(folder);
}

static bool folder_put(struct weft_folder *folder, const char *name, const char *text)
{
	char *path;
	bool good;

	path = weft_folder_file(folder, name);
	good = path && weft_writer_put(folder->ctx, path, 0600, NULL, text, strlen(text));
	free(path);
	return good;
}

/* Write @text if it differs from @*former, which it replaces. */
static bool folder_renew(struct weft_folder *folder, const char *name, char **former, char *text,
			 bool *changed)
{
	bool good = true;

	if (!text)
		return folder_no_memory(folder);
	if (*former && !strcmp(*former, text)) {
		weft_text_wipe(text);
		return true;
	}
	*changed = true;
	if (!folder->ctx->dry_run)
		good = folder_put(folder, name, text);
	/* What is not written is tried again. */
	weft_text_wipe(good ? *former : text);
	if (good)
		*former = text;
	return good;
}

static char *folder_memory_text(const struct weft_fleet *fleet)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool good;

	if (!out)
		return NULL;
	good = weft_memory_write(out, fleet);
	if (!fclose(out) && good)
		return text;
	free(text);
	return NULL;
}

/* The keys of peers follow the interface: by themselves they are no change. */
static bool folder_renew_memory(struct weft_folder *folder, bool *changed)
{
	char *text = folder_memory_text(folder->fleet);
	bool written = false, good;
	bool same = text && folder->memory_text &&
		    weft_memory_has_same_records(folder->memory_text, text);

	good = folder_renew(folder, FOLDER_MEMORY, &folder->memory_text, text, &written);
	*changed |= written && !same;
	return good;
}

bool weft_folder_write(struct weft_folder *folder, bool *changed)
{
	return folder_renew(folder, FOLDER_SELF, &folder->self_text,
			    weft_self_text(folder->self), changed) &&
	       folder_renew_memory(folder, changed);
}

bool weft_folder_holds_self(const struct weft_folder *folder)
{
	char *text = weft_self_text(folder->self);
	bool same = text && folder->self_text && !strcmp(text, folder->self_text);

	weft_text_wipe(text);
	return same;
}

void weft_folder_free(struct weft_folder *folder)
{
	weft_self_free(folder->self);
	weft_fleet_free(folder->fleet);
	weft_text_wipe(folder->self_text);
	free(folder->memory_text);
	free(folder->path);
	if (folder->lock >= 0)
		close(folder->lock);
	memset(folder, 0, sizeof(*folder));
	folder->lock = -1;
}

bool weft_folder_is_there(const struct weft_context *ctx, const char *name)
{
	char *path;
	bool has;

	if (asprintf(&path, "%s/%s/%s", ctx->state, name, FOLDER_SELF) < 0)
		return false;
	has = !access(path, F_OK);
	free(path);
	return has;
}

bool weft_folder_list(const struct weft_context *ctx, struct weft_words *names)
{
	struct dirent **found = NULL;
	int i, count = scandir(ctx->state, &found, NULL, alphasort);
	bool good = true;

	if (count < 0)
		return errno == ENOENT ||
		       weft_complain(ctx, "cannot read '%s': %s", ctx->state, strerror(errno));
	for (i = 0; i < count; i++) {
		if (good && weft_profile_name_is_good(found[i]->d_name, strlen(found[i]->d_name)) &&
		    weft_folder_is_there(ctx, found[i]->d_name))
			good = weft_profile_words_add(names, found[i]->d_name, 0);
		free(found[i]);
	}
	free(found);
	return good || weft_complain(ctx, "out of memory");
}
