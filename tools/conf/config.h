/* SPDX-License-Identifier: GPL-2.0 */
/* Configuration files, in wg(8)'s format. */
#ifndef _WEFT_TOOLS_CONFIG_H
#define _WEFT_TOOLS_CONFIG_H

#include <stdbool.h>

struct weft_context;
struct weft_device;
struct weft_file;
struct weft_profile;
struct weft_setting;

/*
 * Parses the file's @text, which is modified, into a model of interface @name.
 * @whole: the text describes the complete device. NULL after a complaint.
 */
struct weft_device *weft_config_parse(const struct weft_context *ctx,
				      const char *file, char *text,
				      const char *name, bool whole);
/*
 * The same with additional fields, @more, which fill in @profile. The text describes
 * the complete device.
 */
struct weft_device *weft_config_parse_more(const struct weft_context *ctx,
					   const char *file, char *text,
					   const char *name,
					   const struct weft_setting *more,
					   struct weft_profile *profile);
/* A file's text; false after a complaint. To be wiped. */
bool weft_config_read(const struct weft_context *ctx, const char *file,
		      struct weft_file *content);
/* The same from a file or "-", with its endpoints resolved. */
struct weft_device *weft_config_load(const struct weft_context *ctx,
				     const char *file, const char *name,
				     bool whole);

#endif /* _WEFT_TOOLS_CONFIG_H */
