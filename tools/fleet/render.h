/* SPDX-License-Identifier: GPL-2.0 */
/* The model of a node as a file in wg-quick(8)'s format. */
#ifndef _WEFT_TOOLS_FLEET_RENDER_H
#define _WEFT_TOOLS_FLEET_RENDER_H

#include <stdio.h>

struct weft_fleet_model;

/* The file of "weft up", with weft's own fields. */
void weft_render(FILE *out, const struct weft_fleet_model *model);
/* The file for a member without weft: a private key has to be filled in. */
void weft_render_plain(FILE *out, const struct weft_fleet_model *model);

#endif /* _WEFT_TOOLS_FLEET_RENDER_H */
