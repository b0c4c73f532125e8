/* SPDX-License-Identifier: GPL-2.0 */
/* A model as text, in wg(8)'s formats. */
#ifndef _WEFT_TOOLS_PRINT_H
#define _WEFT_TOOLS_PRINT_H

#include <stdbool.h>
#include <stdio.h>

struct weft_context;
struct weft_device;
struct weft_peer;

/**
 * struct weft_print_field - one word that "show" takes after the interface
 * @name: the word
 * @device: prints what it means for a device, or NULL
 * @peer: prints what it means for one peer, or NULL
 *
 * Both print one line without its end; the caller puts the interface's name
 * before it where several are shown.
 */
struct weft_print_field {
	const char *name;
	void (*device)(FILE *out, const struct weft_device *dev);
	void (*peer)(FILE *out, const struct weft_peer *peer);
};

extern const struct weft_print_field weft_print_fields[];

const struct weft_print_field *weft_print_find(const char *name);
/* @named: begin each line with the interface's name. */
void weft_print_field(const struct weft_context *ctx,
		      const struct weft_device *dev,
		      const struct weft_print_field *field, bool named);
/* The summary for people. False when memory is short. */
bool weft_print_summary(const struct weft_context *ctx,
			const struct weft_device *dev);
/* A configuration file from behind the word [Interface]. */
void weft_print_conf_device(FILE *out, const struct weft_device *dev);
/* The configuration file that makes the device what it is. */
void weft_print_conf(const struct weft_context *ctx,
		     const struct weft_device *dev);

#endif /* _WEFT_TOOLS_PRINT_H */
