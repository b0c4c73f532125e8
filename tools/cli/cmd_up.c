// SPDX-License-Identifier: GPL-2.0
/* weft up, weft down, weft save, weft strip */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/check.h"
#include "apply/lock.h"
#include "apply/save.h"
#include "apply/up.h"
#include "base/complain.h"
#include "cli/command.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "conf/record.h"
#include "host/host.h"

/* A running interface: the path of its file is read under the lock. */
static bool up_take_name(const char *word, struct weft_location *location)
{
	if (!weft_profile_name_is_good(word, strlen(word)) ||
	    weft_locate_is_file(word))
		return false;
	memset(location, 0, sizeof(*location));
	snprintf(location->name, sizeof(location->name), "%s", word);
	return true;
}

/* The routing rules can be found by the link's routes. */
static void up_warn_unusable(const struct weft_context *ctx, const char *name, bool recorded)
{
	if (recorded)
		weft_warn(ctx, "%s: the file cannot be used: the record of 'weft up' is used instead",
			  name);
	else
		weft_warn(ctx, "%s: neither a file nor a record of 'weft up' exists: the link and its routing rules are deleted, and no hook runs",
			  name);
}

/* The record of "up" replaces a missing or broken file. */
static struct weft_profile *up_read_record(const struct weft_context *ctx,
					   const struct weft_location *location)
{
	struct weft_host_link link = { };
	struct weft_profile *profile = NULL;
	struct weft_record record;

	weft_record_read(ctx, location->name, &record);
	if (ctx->host->link(ctx->host, location->name, &link))
		memset(&link, 0, sizeof(link));
	if (record.there || (!location->path && link.index)) {
		/* A link of another kind is refused later on, and stays. */
		if (record.there || link.kind != WEFT_KIND_NONE)
			up_warn_unusable(ctx, location->name, record.there);
		profile = weft_record_profile(&record, location->name);
	}
	weft_record_free(&record);
	return profile;
}

/* Without a file the profile has only the name. */
static struct weft_profile *up_read_any(const struct weft_context *ctx,
					struct weft_location *location)
{
	char name[IFNAMSIZ];
	struct weft_profile *profile = NULL;
	struct weft_location none;

	memcpy(name, location->name, sizeof(name));
	if (!location->path)
		weft_locate_recorded(ctx, weft_locate_folders, name, location);
	if (location->path)
		profile = weft_locate_read(ctx, location);
	if (!profile)
		profile = up_read_record(ctx, location);
	/* Nothing of this name exists: the complaint is that of the other commands. */
	if (!profile && !location->path &&
	    weft_locate(ctx, weft_locate_folders, location->name, &none))
		free(none.path);
	return profile;
}

/* Saving to another file of the name would overwrite its contents and its private key. */
static struct weft_profile *up_read_saved(const struct weft_context *ctx,
					  struct weft_location *location)
{
	char name[IFNAMSIZ];

	memcpy(name, location->name, sizeof(name));
	if (location->path ||
	    weft_locate_recorded(ctx, weft_locate_folders, name, location))
		return weft_locate_read(ctx, location);
	if (errno == ESTALE)
		weft_complain(ctx,
			      "%s: the file of 'weft up' is gone, or other users can change it: name a file to save to",
			      name);
	else if (weft_locate(ctx, weft_locate_folders, name, location))
		return weft_locate_read(ctx, location);
	return NULL;
}

static struct weft_profile *up_read_file(const struct weft_context *ctx,
					 struct weft_location *location)
{
	return weft_locate_read(ctx, location);
}

/* The file is read under the lock: the former holder may have written it. */
static int up_run_locked(struct weft_context *ctx, const char *word,
			 struct weft_profile *(*read)(const struct weft_context *ctx,
						      struct weft_location *location),
			 bool (*run)(const struct weft_context *ctx,
				     struct weft_profile *profile))
{
	struct weft_profile *profile;
	struct weft_location location;
	struct weft_lock lock;
	bool good = false;

	if (!(read != up_read_file && up_take_name(word, &location)) &&
	    !weft_locate(ctx, weft_locate_folders, word, &location))
		return 1;
	if (weft_lock_take(ctx, location.name, &lock)) {
		/* The holder of a shared lock still runs: its record is no leftover. */
		ctx->nested = lock.shared;
		profile = read(ctx, &location);
		good = profile && run(ctx, profile);
		weft_profile_free(profile);
		weft_lock_release(&lock);
	}
	free(location.path);
	return good ? 0 : 1;
}

static bool up_up(const struct weft_context *ctx, struct weft_profile *profile)
{
	return weft_check_profile(ctx, profile) && weft_up(ctx, profile);
}

static bool up_save(const struct weft_context *ctx,
		    struct weft_profile *profile)
{
	return weft_save(ctx, profile);
}

/* A record replaces a file that was not read, and is trusted: only root can write it. */
static bool up_down(const struct weft_context *ctx,
		    struct weft_profile *profile)
{
	return (!profile->seen.st_mode || weft_check_hooks(ctx, profile)) &&
	       weft_down(ctx, profile);
}

int weft_command_up(struct weft_context *ctx, int argc, char **argv)
{
	(void)argc;
	return up_run_locked(ctx, argv[0], up_read_file, up_up);
}

int weft_command_down(struct weft_context *ctx, int argc, char **argv)
{
	(void)argc;
	return up_run_locked(ctx, argv[0], up_read_any, up_down);
}

int weft_command_save(struct weft_context *ctx, int argc, char **argv)
{
	(void)argc;
	return up_run_locked(ctx, argv[0], up_read_saved, up_save);
}

/* A file that does not parse is refused. */
int weft_command_strip(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_profile *profile = weft_locate_profile(ctx, argv[0]);
	struct weft_file content;
	bool good;

	(void)argc;
	if (!profile)
		return 1;
	good = weft_config_read(ctx, profile->path, &content);
	if (good) {
		good = weft_save_strip(ctx->out, content.text);
		if (!good)
			weft_complain(ctx, "out of memory");
		weft_file_wipe(&content);
	}
	weft_profile_free(profile);
	return good ? 0 : 1;
}
