/* SPDX-License-Identifier: GPL-2.0 */
/* A model as JSON: the words of "show" are its keys. */
#ifndef _WEFT_TOOLS_JSON_H
#define _WEFT_TOOLS_JSON_H

#include <stdbool.h>

struct json_object;
struct weft_context;
struct weft_device;
struct weft_link;
struct weft_field;

/* A text of any bytes, as UTF-8; NULL: no memory. */
struct json_object *weft_json_string(const char *text);
/* Takes ownership of @value. False: no memory, also where @value is NULL for that reason. */
bool weft_json_add(struct json_object *object, const char *key, struct json_object *value);
bool weft_json_add_text(struct json_object *object, const char *key, const char *text);
/*
 * Add @dev to @array: the field @field, or, if that is NULL, all fields with secrets
 * hidden unless @ctx shows them. False: no memory.
 */
bool weft_json_add_device(const struct weft_context *ctx,
			  struct json_object *array,
			  const struct weft_device *dev, const char *field);
bool weft_json_add_link(struct json_object *array,
			const struct weft_link *link);
void weft_json_print(const struct weft_context *ctx,
		     struct json_object *value);

#endif /* _WEFT_TOOLS_JSON_H */
