// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

struct weft_peer_text weft_text_peer(const struct weft_peer *peer)
{
	struct weft_peer_text text;

	snprintf(text.chars, sizeof(text.chars), "%s", peer->name ? peer->name :
		 weft_key_encode(&peer->public_key).chars);
	return text;
}

struct weft_endpoint_text weft_text_endpoint(const union weft_endpoint *from)
{
	bool is_ip6 = from->any.sa_family == AF_INET6;
	socklen_t len = is_ip6 ? sizeof(from->ip6) : sizeof(from->ip4);
	struct weft_endpoint_text text = { "" };
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo(&from->any, len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return text;
	snprintf(text.chars, sizeof(text.chars), is_ip6 ? "[%s]:%s" : "%s:%s",
		 host, port);
	return text;
}

struct weft_address_text weft_text_address(const struct weft_allowedip *ip)
{
	struct weft_address_text text = { "" };

	inet_ntop(ip->family, &ip->ip4, text.chars, sizeof(text.chars));
	return text;
}
