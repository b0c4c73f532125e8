// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
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

/* What no shell takes for anything but itself. */
#define TEXT_PLAIN	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=+.,:/@%-"

struct weft_shell_text weft_text_shell(const char *name)
{
	struct weft_shell_text text = { "" };
	size_t len = 0;

	if (*name && !name[strspn(name, TEXT_PLAIN)]) {
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

struct weft_shell_text weft_text_sysctl(const char *name, const char *setting,
					const char *value)
{
	char path[WEFT_NAME_BYTES];

	snprintf(path, sizeof(path), "net/ipv4/conf/%s/%s%s", name, setting,
		 value);
	return weft_text_shell(path);
}

size_t weft_text_character(const char *characters)
{
	const unsigned char *text = (const unsigned char *)characters;
	size_t len, i;

	if (*text < 0x80)
		return 1;
	if (*text < 0xc2 || *text > 0xf4)
		return 0;
	len = *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;
	for (i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what is past U+10FFFF. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) ||
	    (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) ||
	    (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

char *weft_text_utf8(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *copy = malloc(3 * strlen(text) + 1), *to = copy;
	size_t len;

	if (!copy)
		return NULL;
	for (; *text; text += len) {
		len = weft_text_character(text);
		to = mempcpy(to, len ? text : replacement, len ? len : 3);
		len += !len;
	}
	*to = '\0';
	return copy;
}

void weft_text_squeeze(char *text)
{
	char *to;

	/* Most texts have no white space, and every line of a file comes here. */
	text += strcspn(text, " \t\n\v\f\r");
	for (to = text; *text; text++)
		if (!isspace((unsigned char)*text))
			*to++ = *text;
	*to = '\0';
}

void weft_text_wipe(char *text)
{
	if (text)
		sodium_memzero(text, strlen(text));
	free(text);
}
