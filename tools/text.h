/* SPDX-License-Identifier: GPL-2.0 */
/* Single values of the model as words. */
#ifndef _WEFT_TOOLS_TEXT_H
#define _WEFT_TOOLS_TEXT_H

#include <netdb.h>
#include <netinet/in.h>

#include "model.h"

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
struct weft_peer_text weft_text_peer(const struct weft_peer *peer);
struct weft_endpoint_text weft_text_endpoint(const union weft_endpoint *from);
/* The address alone: what separates it from its length differs. */
struct weft_address_text weft_text_address(const struct weft_allowedip *ip);
/*
 * A name as a shell's word, for a command that is suggested: in single quotes
 * where a shell would make anything else of it.
 */
struct weft_shell_text weft_text_shell(const char *name);
/*
 * A setting of an interface for IPv4 as a word for sysctl(8), @value behind it,
 * which may be "". A slash comes first, so that dots of the interface's name
 * separate nothing.
 */
struct weft_shell_text weft_text_sysctl(const char *name, const char *setting,
					const char *value);
/* The bytes of the character that @text begins with, 0 where it is no UTF-8 (RFC 3629). */
size_t weft_text_character(const char *text);
/*
 * A copy in UTF-8, to be freed: each byte that is not part of a character
 * becomes U+FFFD. NULL: no memory.
 */
char *weft_text_utf8(const char *text);
/* Takes all white space out of @text, in place, as wg(8) does with each line. */
void weft_text_squeeze(char *text);
/* A text that may hold a key is wiped and freed; NULL is fine. */
void weft_text_wipe(char *text);

#endif /* _WEFT_TOOLS_TEXT_H */
