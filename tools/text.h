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

struct weft_address_text {
	char chars[INET6_ADDRSTRLEN];
};

struct weft_endpoint_text weft_text_endpoint(const union weft_endpoint *from);
/* The address alone: what separates it from its length differs. */
struct weft_address_text weft_text_address(const struct weft_allowedip *ip);

#endif /* _WEFT_TOOLS_TEXT_H */
