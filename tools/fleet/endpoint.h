/* SPDX-License-Identifier: GPL-2.0 */
/* Underlay endpoints in records: "ADDRESS:PORT", "[ADDRESS]:PORT" or "HOST:PORT". */
#ifndef _WEFT_TOOLS_FLEET_ENDPOINT_H
#define _WEFT_TOOLS_FLEET_ENDPOINT_H

#include "conf/profile.h"
#include "model/format.h"
#include "model/model.h"

/* The address of @text, which has the form of an endpoint. False for the name of a host. */
bool weft_fleet_endpoint_parse(const char *text, struct weft_allowedip *address);
/*
 * No address of one other host: a multicast, loopback or link-local one, or one with an IPv4
 * address inside. A node that was taken over must not have others send to such.
 */
bool weft_fleet_endpoint_is_special(const struct weft_allowedip *address);
/* An address and port that other nodes may send to; @text has the form of an endpoint. */
bool weft_fleet_endpoint_is_host(const char *text);
/* The endpoint of @address and @port as text. */
struct weft_endpoint_text weft_fleet_endpoint_format(const struct weft_allowedip *address,
						     unsigned int port);
/* Whether both texts, which have the form of endpoints, are the same address and port. */
bool weft_fleet_endpoint_equal(const char *a, const char *b);
/* Whether @endpoint is one of @words. */
bool weft_fleet_endpoint_is_in(const struct weft_words *words, const char *endpoint);

#endif /* _WEFT_TOOLS_FLEET_ENDPOINT_H */
