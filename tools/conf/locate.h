/* SPDX-License-Identifier: GPL-2.0 */
/* Which file describes an interface. */
#ifndef _WEFT_TOOLS_LOCATE_H
#define _WEFT_TOOLS_LOCATE_H

#include <net/if.h>
#include <stdbool.h>

struct weft_context;
struct weft_file;
struct weft_profile;

/**
 * struct weft_location - an interface and its file
 * @name: the interface
 * @path: the file, to be freed
 */
struct weft_location {
	char name[IFNAMSIZ];
	char *path;
};

/* Where files named after interfaces are looked for, up to a NULL. */
extern const char * const weft_locate_folders[];

/* Whether @word is a file rather than an interface. */
bool weft_locate_is_file(const char *word);
/*
 * @word is an interface, or a file named after one: it has a "/" in it, or
 * ends in ".conf". False after a complaint.
 */
bool weft_locate(const struct weft_context *ctx, const char * const *folders,
		 const char *word, struct weft_location *location);
/*
 * Like that, but without a complaint where there is no file: errno is ENOENT
 * then, or ENOMEM. A link that leads nowhere counts as a file, and is then
 * complained of when it is read.
 */
bool weft_locate_try(const char * const *folders, const char *name,
		     struct weft_location *location);

/*
 * Like that, but first the file that "weft up" has recorded for the interface,
 * wherever that is, unless it is gone.
 */
bool weft_locate_running(const struct weft_context *ctx,
			 const char * const *folders, const char *name,
			 struct weft_location *location);

/*
 * Like that, but no other file where one is recorded: what is taken down, or written
 * back, is not another file's. False without a complaint: errno is ENOENT or ENOMEM,
 * or ESTALE where the recorded file lies elsewhere and is gone, or may be changed by
 * other users.
 */
bool weft_locate_recorded(const struct weft_context *ctx,
			  const char * const *folders, const char *name,
			  struct weft_location *location);

/*
 * The files of all interfaces, of each the one that weft_locate_try() finds;
 * their paths and *@files to be freed. False after a complaint: memory is short,
 * or a folder cannot be read, and some are missing.
 */
bool weft_locate_all(const struct weft_context *ctx,
		     const char * const *folders, struct weft_location **files,
		     size_t *count);

/* The file's profile, or NULL after a complaint. */
struct weft_profile *weft_locate_read(const struct weft_context *ctx,
				      const struct weft_location *location);
/* Both at once. */
struct weft_profile *weft_locate_profile(const struct weft_context *ctx,
					 const char *word);

#endif /* _WEFT_TOOLS_LOCATE_H */
