// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"

struct weft_peer_text weft_format_peer(const struct weft_peer *peer)
{
	struct weft_peer_text text;

	snprintf(text.chars, sizeof(text.chars), "%s", peer->name ? peer->name :
		 weft_key_encode(&peer->public_key).chars);
	return text;
}

struct weft_endpoint_text weft_format_endpoint(const union weft_endpoint *from)
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

struct weft_address_text weft_format_address(const struct weft_allowedip *ip)
{
	struct weft_address_text text = { "" };

	inet_ntop(ip->family, &ip->ip4, text.chars, sizeof(text.chars));
	return text;
}

/* Characters without a special meaning in any shell. */
#define FORMAT_PLAIN	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=+.,:/@%-"

struct weft_shell_text weft_format_shell(const char *name)
{
	struct weft_shell_text text = { "" };
	size_t len = 0;

	if (*name && !name[strspn(name, FORMAT_PLAIN)]) {
		snprintf(text.chars, sizeof(text.chars), "%s", name);
		return text;
	}
	text.chars[len++] = '\'';
	for (; *name && len + 6 <= sizeof(text.chars); name++) {
		if (*name == '\'')
			len += snprintf(text.chars + len,
					sizeof(text.chars) - len, "'\\''");
		else
			text.chars[len++] = *name;
	}
	text.chars[len] = '\'';
	return text;
}

struct weft_shell_text weft_format_sysctl(const char *name, const char *setting,
					  const char *value)
{
	char path[WEFT_NAME_BYTES];

	snprintf(path, sizeof(path), "net/ipv4/conf/%s/%s%s", name, setting,
		 value);
	return weft_format_shell(path);
}
