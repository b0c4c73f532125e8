// SPDX-License-Identifier: GPL-2.0
/* Conditions of firewalls' rules, evaluated for one of the tunnel's packets. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "doctor/walk.h"

/* wg-quick's rules restore the flow's mark at this priority, weft's at a later one. */
#define PACKET_REMARKED		(-150)
#define PACKET_REMARKED_LATE	(-90)

enum weft_match weft_match_of(bool holds)
{
	return holds ? WEFT_MATCH_YES : WEFT_MATCH_NO;
}

enum weft_match weft_match_not(enum weft_match match)
{
	return match == WEFT_MATCH_MAYBE ? match :
					   weft_match_of(match == WEFT_MATCH_NO);
}

enum weft_match weft_match_or(enum weft_match a, enum weft_match b)
{
	return a > b ? a : b;
}

/* The port has the same offset in both families. */
enum weft_match weft_packet_own_port(const struct weft_packet *packet,
				     bool source, long first, long last)
{
	long port = packet->port;

	if (source != packet->out)
		port = packet->there.any.sa_family == AF_UNSPEC ? 0 :
		       ntohs(packet->there.ip4.sin_port);
	if (!port)
		return WEFT_MATCH_MAYBE;
	return weft_match_of(first <= port && port <= last);
}

enum weft_match weft_packet_link(const struct weft_packet *packet, bool out,
				 const char *name, char any)
{
	size_t len = strlen(name);

	/* An incoming packet has no output link, an outgoing one no input link. */
	if (out != packet->out)
		return WEFT_MATCH_NO;
	if (!strcmp(name, "lo") || !*packet->dev)
		return strcmp(name, "lo") ? WEFT_MATCH_MAYBE :
					    weft_match_of(!strcmp(packet->dev, "lo"));
	if (len && name[len - 1] == any)
		return weft_match_of(!strncmp(packet->dev, name, len - 1));
	return weft_match_of(!strcmp(packet->dev, name));
}

static bool packet_parse(const char *prefix, struct weft_allowedip *ip)
{
	char text[INET6_ADDRSTRLEN + 4], *slash;
	unsigned int bits;

	if (snprintf(text, sizeof(text), "%s", prefix) >= (int)sizeof(text))
		return false;
	slash = strchr(text, '/');
	if (slash)
		*slash++ = '\0';
	memset(ip, 0, sizeof(*ip));
	ip->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	bits = ip->family == AF_INET ? 32 : 128;
	ip->cidr = slash ? atoi(slash) : (int)bits;
	return ip->cidr <= bits && inet_pton(ip->family, text, &ip->ip4) == 1 &&
	       (!slash || !strpbrk(slash, "./"));
}

enum weft_match weft_packet_address(const struct weft_packet *packet,
				    bool source, const char *prefix)
{
	struct weft_allowedip wanted, there = { };

	if (!packet_parse(prefix, &wanted))
		return WEFT_MATCH_MAYBE;
	if (wanted.family != packet->family)
		return WEFT_MATCH_NO;
	/* The local address is not known: the route chooses it. */
	if (!wanted.cidr || source == packet->out ||
	    packet->there.any.sa_family != wanted.family)
		return wanted.cidr ? WEFT_MATCH_MAYBE : WEFT_MATCH_YES;
	there.family = wanted.family;
	there.cidr = wanted.cidr;
	if (there.family == AF_INET)
		there.ip4 = packet->there.ip4.sin_addr;
	else
		there.ip6 = packet->there.ip6.sin6_addr;
	weft_model_allowedip_mask(&there);
	weft_model_allowedip_mask(&wanted);
	return weft_match_of(!weft_model_allowedip_compare(&there, &wanted));
}

bool weft_packet_is_any_caller(const struct weft_packet *packet)
{
	return !packet->out && packet->fresh &&
	       packet->there.any.sa_family == AF_UNSPEC;
}

/* An untracked packet has no flow; its state is "untracked" alone. */
static enum weft_match packet_tracked(const struct weft_packet *packet,
				      bool holds)
{
	enum weft_match tracked = weft_match_not(packet->untracked);

	return holds ? tracked : WEFT_MATCH_NO;
}

enum weft_match weft_packet_flow(const struct weft_packet *packet,
				 const char *word)
{
	if (!strcasecmp(word, "new"))
		return packet_tracked(packet, packet->fresh);
	if (!strcasecmp(word, "established"))
		return packet_tracked(packet, !packet->fresh);
	if (!strcasecmp(word, "untracked"))
		return packet->untracked;
	if (!strcasecmp(word, "related") || !strcasecmp(word, "invalid"))
		return WEFT_MATCH_NO;
	return weft_packet_translated(packet, word);
}

enum weft_match weft_packet_translated(const struct weft_packet *packet,
				       const char *word)
{
	if (!packet->out && !strcasecmp(word, "dnat"))
		return WEFT_MATCH_NO;
	return WEFT_MATCH_MAYBE;
}

enum weft_match weft_packet_cast(const struct weft_packet *packet,
				 const char *word)
{
	if (packet->out)
		return WEFT_MATCH_MAYBE;
	return weft_match_of(!strcmp(word, "host") || !strcmp(word, "unicast"));
}

enum weft_match weft_packet_astray(const struct weft_packet *packet,
				   bool with_mark, int priority)
{
	if (packet->out)
		return WEFT_MATCH_MAYBE;
	/* By then the mark that routes past the tunnel has been restored. */
	if (with_mark && packet->remarked &&
	    priority >= (packet->late ? PACKET_REMARKED_LATE : PACKET_REMARKED))
		return WEFT_MATCH_NO;
	return packet->astray;
}
