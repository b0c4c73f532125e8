/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of a device and a peer that several formats share. */
#ifndef _WEFT_TOOLS_PRINT_H
#define _WEFT_TOOLS_PRINT_H

#include <stdbool.h>
#include <stdio.h>

struct weft_device;
struct weft_key;
struct weft_peer;

#define WEFT_PRINT_NONE	"(none)"

/* Prints WEFT_PRINT_NONE unless the key is @there. */
void weft_print_key(FILE *out, const struct weft_key *key, bool there);
void weft_print_endpoint(FILE *out, const struct weft_peer *peer);
void weft_print_candidates(FILE *out, const struct weft_peer *peer,
			   const char *separator);
void weft_print_listen_address(FILE *out, const struct weft_device *dev,
			       const char *separator);
void weft_print_allowedips(FILE *out, const struct weft_peer *peer,
			   const char *separator);
/* Settings of weft only, shown where they differ from wireguard's behaviour. */
bool weft_print_has_pmtu(const struct weft_device *dev);
bool weft_print_has_dscp(const struct weft_device *dev);
void weft_print_dscp(FILE *out, const struct weft_device *dev);

#endif /* _WEFT_TOOLS_PRINT_H */
