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

/* Each byte of a name may take four, plus the surrounding quotes. */
struct weft_shell_text {
	char chars[4 * WEFT_NAME_BYTES + 3];
};

struct weft_address_text {
	char chars[INET6_ADDRSTRLEN];
};

/* The peer's name, or else its key. */
struct weft_peer_text weft_format_peer(const struct weft_peer *peer);
struct weft_endpoint_text weft_format_endpoint(const union weft_endpoint *from);
/* The address alone: formats differ in the separator before the length. */
struct weft_address_text weft_format_address(const struct weft_allowedip *ip);
/*
 * A name as a shell's word, for a suggested command: in single quotes where a
 * shell would interpret it otherwise.
 */
struct weft_shell_text weft_format_shell(const char *name);
/*
 * An interface's IPv4 setting as a word for sysctl(8), followed by @value, which
 * may be "". With a slash as the first separator sysctl(8) does not take dots in
 * the interface's name for separators.
 */
struct weft_shell_text weft_format_sysctl(const char *name, const char *setting,
					  const char *value);

#endif /* _WEFT_TOOLS_FORMAT_H */
