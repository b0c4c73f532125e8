/* SPDX-License-Identifier: GPL-2.0 */
/* Fields: a line for the device, or one for each peer, as wg(8) writes them. */
#ifndef _WEFT_TOOLS_FIELDS_H
#define _WEFT_TOOLS_FIELDS_H

#include <stdbool.h>
#include <stdio.h>

struct weft_context;
struct weft_device;
struct weft_peer;

/**
 * struct weft_field - one word that "show" takes after the interface
 * @name: the word
 * @device: prints the field of a device, or NULL
 * @peer: prints the field of one peer, behind its public key and a tab, or NULL
 *
 * Without both the field is the peers' public keys. The caller adds the newline, and
 * puts the interface's name before the line where several are shown.
 */
struct weft_field {
	const char *name;
	void (*device)(FILE *out, const struct weft_device *dev);
	void (*peer)(FILE *out, const struct weft_peer *peer);
};

/* The last entry has no name. */
extern const struct weft_field weft_fields[];

const struct weft_field *weft_fields_find(const char *name);
/* The field has a value of the device and none of its peers. */
bool weft_fields_is_device(const struct weft_field *field);
/* @named: begin each line with the interface's name. */
void weft_fields_print(const struct weft_context *ctx,
		       const struct weft_device *dev,
		       const struct weft_field *field, bool named);

#endif /* _WEFT_TOOLS_FIELDS_H */
