// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "fleet/endpoint.h"

/* 64:ff9b::/96 of RFC 6052, and 169.254/16 of RFC 3927. */
static const unsigned char endpoint_nat64[12] = { 0, 0x64, 0xff, 0x9b };

#define ENDPOINT_LINK_LOCAL	0xa9fe

bool weft_fleet_endpoint_parse(const char *text, struct weft_allowedip *address)
{
	const char *colon = strrchr(text, ':');
	bool bracket = *text == '[';
	char host[INET6_ADDRSTRLEN];
	size_t len = colon - text - 2 * bracket;

	memset(address, 0, sizeof(*address));
	if (len >= sizeof(host))
		return false;
	memcpy(host, text + bracket, len);
	host[len] = '\0';
	address->family = bracket ? AF_INET6 : AF_INET;
	return inet_pton(address->family, host, &address->ip6) == 1;
}

bool weft_fleet_endpoint_is_special(const struct weft_allowedip *address)
{
	__u32 ip4 = ntohl(address->ip4.s_addr);

	if (address->family == AF_INET)
		return !(ip4 >> 24) || ip4 >> 28 >= 14 || ip4 >> 24 == IN_LOOPBACKNET ||
		       ip4 >> 16 == ENDPOINT_LINK_LOCAL;
	/* Those with an IPv4 address inside, too. */
	return IN6_IS_ADDR_MULTICAST(&address->ip6) || IN6_IS_ADDR_LINKLOCAL(&address->ip6) ||
	       !memcmp(&address->ip6, &in6addr_any, 8) ||
	       !memcmp(&address->ip6, endpoint_nat64, sizeof(endpoint_nat64));
}

bool weft_fleet_endpoint_is_host(const char *text)
{
	struct weft_allowedip address;

	return weft_fleet_endpoint_parse(text, &address) &&
	       !weft_fleet_endpoint_is_special(&address);
}

struct weft_endpoint_text weft_fleet_endpoint_format(const struct weft_allowedip *address,
						     unsigned int port)
{
	struct weft_endpoint_text text;

	snprintf(text.chars, sizeof(text.chars),
		 address->family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 weft_format_address(address).chars, port);
	return text;
}

bool weft_fleet_endpoint_equal(const char *a, const char *b)
{
	struct weft_allowedip x, y;

	if (!weft_fleet_endpoint_parse(a, &x) || !weft_fleet_endpoint_parse(b, &y))
		return !strcmp(a, b);
	/* The length of both is 0. */
	return !weft_model_allowedip_compare(&x, &y) && !strcmp(strrchr(a, ':'), strrchr(b, ':'));
}

bool weft_fleet_endpoint_is_in(const struct weft_words *words, const char *endpoint)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		if (weft_fleet_endpoint_equal(words->items[i].text, endpoint))
			return true;
	return false;
}
