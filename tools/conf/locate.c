// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "conf/record.h"
#include "conf/trust.h"

#define LOCATE_SUFFIX	".conf"

const char * const weft_locate_folders[] = {
	"/etc/weft", "/etc/wireguard", NULL
};

bool weft_locate_is_file(const char *word)
{
	size_t len = strlen(word), suffix = strlen(LOCATE_SUFFIX);

	return strchr(word, '/') ||
	       (len >= suffix && !strcmp(word + len - suffix, LOCATE_SUFFIX));
}

/* The last part of a path, without ".conf". */
static bool locate_take_name(const char *path, struct weft_location *location)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t suffix = strlen(LOCATE_SUFFIX), len = strlen(base);

	if (len <= suffix || strcmp(base + len - suffix, LOCATE_SUFFIX) ||
	    !weft_profile_name_is_good(base, len - suffix))
		return false;
	memcpy(location->name, base, len - suffix);
	location->name[len - suffix] = '\0';
	return true;
}

static void locate_file(const struct weft_context *ctx, const char *word,
			struct weft_location *location)
{
	if (!locate_take_name(word, location)) {
		weft_complain(ctx,
			      "'%s' is not named after an interface: use NAME.conf, where NAME has 1 to %d letters, digits or _=+.-",
			      word, IFNAMSIZ - 1);
		return;
	}
	location->path = strdup(word);
	if (!location->path)
		weft_complain(ctx, "out of memory");
}

bool weft_locate_try(const char * const *folders, const char *name,
		     struct weft_location *location)
{
	struct stat st;

	memset(location, 0, sizeof(*location));
	for (; *folders; folders++) {
		if (asprintf(&location->path, "%s/%s%s", *folders, name,
			     LOCATE_SUFFIX) < 0) {
			location->path = NULL;
			errno = ENOMEM;
			return false;
		}
		/*
		 * A link that leads nowhere, or a folder that is closed, is no
		 * reason to take an older file elsewhere.
		 */
		if (!lstat(location->path, &st) ||
		    (errno != ENOENT && errno != ENOTDIR)) {
			snprintf(location->name, sizeof(location->name), "%s",
				 name);
			return true;
		}
		free(location->path);
		location->path = NULL;
	}
	errno = ENOENT;
	return false;
}

/*
 * The path of a file that "up" has read comes from the record, not from the command
 * line: another user could have replaced the file by a pipe meanwhile.
 */
static bool locate_is_trusted(const struct weft_context *ctx, const char *path)
{
	struct weft_notes notes = { };
	struct weft_context quiet = *ctx;
	struct stat st;
	bool good;

	quiet.notes = &notes;
	good = !stat(path, &st) && S_ISREG(st.st_mode) &&
	       weft_trust_file(&quiet, path, &st);
	weft_notes_free(&notes);
	return good;
}

/* A relative path is not valid in another working directory. */
static char *locate_recorded(const struct weft_context *ctx, const char *name)
{
	struct weft_record record;
	char *path = NULL;

	weft_record_read(ctx, name, &record);
	if (record.path && record.path[0] == '/' &&
	    locate_is_trusted(ctx, record.path))
		path = strdup(record.path);
	weft_record_free(&record);
	return path;
}

bool weft_locate_running(const struct weft_context *ctx,
			 const char * const *folders, const char *name,
			 struct weft_location *location)
{
	if (!weft_profile_name_is_good(name, strlen(name)))
		return weft_locate_try(folders, name, location);
	location->path = locate_recorded(ctx, name);
	if (!location->path)
		return weft_locate_try(folders, name, location);
	snprintf(location->name, sizeof(location->name), "%s", name);
	return true;
}

bool weft_locate_recorded(const struct weft_context *ctx,
			  const char * const *folders, const char *name,
			  struct weft_location *location)
{
	bool there = weft_locate_try(folders, name, location);
	struct weft_record record;
	int err = errno;

	snprintf(location->name, sizeof(location->name), "%s", name);
	weft_record_read(ctx, name, &record);
	if (record.path && !(there && !strcmp(record.path, location->path))) {
		free(location->path);
		location->path = locate_recorded(ctx, name);
		err = ESTALE;
	}
	weft_record_free(&record);
	errno = err;
	return location->path;
}

static bool locate_is_listed(const struct weft_location *files, size_t count,
			     const char *name)
{
	while (count)
		if (!strcmp(files[--count].name, name))
			return true;
	return false;
}

/* False: no memory. */
static bool locate_add(const char *folder, const char *entry,
		       struct weft_location **files, size_t *count)
{
	struct weft_location *more, file;

	if (!locate_take_name(entry, &file) ||
	    locate_is_listed(*files, *count, file.name))
		return true;
	more = realloc(*files, (*count + 1) * sizeof(*more));
	if (!more)
		return false;
	*files = more;
	if (asprintf(&file.path, "%s/%s", folder, entry) < 0)
		return false;
	more[(*count)++] = file;
	return true;
}

/* 0 or an errno. A missing folder has no files. */
static int locate_add_folder(const char *folder, struct weft_location **files,
			     size_t *count)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
	while (!err) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			err = errno;
			break;
		}
		if (!locate_add(folder, entry->d_name, files, count))
			err = ENOMEM;
	}
	closedir(dir);
	return err;
}

bool weft_locate_all(const struct weft_context *ctx,
		     const char * const *folders, struct weft_location **files,
		     size_t *count)
{
	bool good = true;
	int err;

	*files = NULL;
	*count = 0;
	for (; *folders; folders++) {
		err = locate_add_folder(*folders, files, count);
		if (err == ENOMEM)
			weft_complain(ctx, "out of memory");
		else if (err)
			weft_complain(ctx, "cannot read the folder '%s': %s",
				      *folders, strerror(err));
		good = good && !err;
	}
	return good;
}

static void locate_complain(const struct weft_context *ctx, const char * const *folders,
			    const char *word, int err)
{
	if (err == ENOMEM)
		weft_complain(ctx, "out of memory");
	else
		weft_complain(ctx, "'%s' has no file: neither %s/%s%s nor %s/%s%s exists", word,
			      folders[0], word, LOCATE_SUFFIX, folders[1], word, LOCATE_SUFFIX);
}

bool weft_locate(const struct weft_context *ctx, const char * const *folders,
		 const char *word, struct weft_location *location)
{
	memset(location, 0, sizeof(*location));
	if (weft_locate_is_file(word))
		locate_file(ctx, word, location);
	else if (!weft_profile_name_is_good(word, strlen(word)))
		weft_complain(ctx,
			      "'%s' is not an interface name: use 1 to %d letters, digits or _=+.-",
			      word, IFNAMSIZ - 1);
	else if (!weft_locate_try(folders, word, location))
		locate_complain(ctx, folders, word, errno);
	return location->path;
}

/*
 * A readable file is accessible to others if its folder can be searched, even if the
 * folder cannot be listed.
 */
static void locate_warn_accessible(const struct weft_context *ctx,
				   const char *path)
{
	struct stat file, folder;
	char *copy = strdup(path);

	if (copy && !stat(path, &file) && !stat(dirname(copy), &folder) &&
	    (file.st_mode & 0006) && (folder.st_mode & 0001))
		weft_warn(ctx, "'%s' may contain keys, and other users can open it: remove their permissions (chmod o-rwx)",
			  path);
	free(copy);
}

struct weft_profile *weft_locate_read(const struct weft_context *ctx,
				      const struct weft_location *location)
{
	struct weft_profile *profile;
	struct weft_file content;
	struct stat seen;

	if (!weft_config_read(ctx, location->path, &content))
		return NULL;
	seen = content.seen;
	locate_warn_accessible(ctx, location->path);
	profile = weft_profile_parse(ctx, location->path, content.text,
				     location->name);
	if (profile)
		profile->seen = seen;
	weft_file_wipe(&content);
	return profile;
}

struct weft_profile *weft_locate_profile(const struct weft_context *ctx,
					 const char *word)
{
	struct weft_profile *profile;
	struct weft_location location;

	if (!weft_locate(ctx, weft_locate_folders, word, &location))
		return NULL;
	profile = weft_locate_read(ctx, &location);
	free(location.path);
	return profile;
}
