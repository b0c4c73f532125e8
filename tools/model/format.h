/* SPDX-License-Identifier: GPL-2.0 */
/* Single values of the model as words. */
#ifndef _WEFT_TOOLS_FORMAT_H
#define _WEFT_TOOLS_FORMAT_H

#include <netdb.h>
#include <netinet/in.h>

#include "model/model.h"

/* "[" address "]:" port */
struct weft_endpoint_text {
	char chars[NI_MAXHOST + NI_MAXSERV + 4];
};

/* A name, or a key. */
struct weft_peer_text {
	char chars[WEFT_NAME_BYTES + 1];
};

/* Each byte of a name may need four, and quotes stand around it. */
struct weft_shell_text {
	char chars[4 * WEFT_NAME_BYTES + 3];
};

struct weft_address_text {
	char chars[INET6_ADDRSTRLEN];
};

/* What a peer is called, or else its key. */
struct weft_peer_text weft_format_peer(const struct weft_peer *peer);
struct weft_endpoint_text weft_format_endpoint(const union weft_endpoint *from);
/* The address alone: what separates it from its length differs. */
struct weft_address_text weft_format_address(const struct weft_allowedip *ip);
/*
 * A name as a shell's word, for a command that is suggested: in single quotes
 * where a shell would make anything else of it.
 */
struct weft_shell_text weft_format_shell(const char *name);
/*
 * A setting of an interface for IPv4 as a word for sysctl(8), @value behind it,
 * which may be "". A slash comes first, so that dots of the interface's name
 * separate nothing.
 */
struct weft_shell_text weft_format_sysctl(const char *name, const char *setting,
					  const char *value);

#endif /* _WEFT_TOOLS_FORMAT_H */
