/* SPDX-License-Identifier: GPL-2.0 */
/* The file that describes an interface. */
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

/* The folders that are searched for files named after interfaces, up to a NULL. */
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
 * The same without a complaint about a missing file: errno is ENOENT then, or
 * ENOMEM. A dangling link counts as a file, and reading it fails with a complaint.
 */
bool weft_locate_try(const char * const *folders, const char *name,
		     struct weft_location *location);

/*
 * The same, but the file that "weft up" has recorded for the interface has
 * precedence, unless it was deleted.
 */
bool weft_locate_running(const struct weft_context *ctx,
			 const char * const *folders, const char *name,
			 struct weft_location *location);

/*
 * The same, but without a fallback from the recorded file: "down" and "save" must not
 * use another one. False without a complaint: errno is ENOENT or ENOMEM, or ESTALE
 * where the recorded file is in another folder and was deleted, or can be changed by
 * other users.
 */
bool weft_locate_recorded(const struct weft_context *ctx,
			  const char * const *folders, const char *name,
			  struct weft_location *location);

/*
 * The files of all interfaces, one for each as weft_locate_try() finds it; their
 * paths and *@files to be freed. False after a complaint: memory is short, or a
 * folder cannot be read, and files are missing.
 */
bool weft_locate_all(const struct weft_context *ctx,
		     const char * const *folders, struct weft_location **files,
		     size_t *count);

/* The file's profile, or NULL after a complaint. */
struct weft_profile *weft_locate_read(const struct weft_context *ctx,
				      const struct weft_location *location);
/* Locates and reads the file. */
struct weft_profile *weft_locate_profile(const struct weft_context *ctx,
					 const char *word);

#endif /* _WEFT_TOOLS_LOCATE_H */
