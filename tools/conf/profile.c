// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "conf/config.h"
#include "conf/profile.h"
#include "conf/setting.h"
#include "conf/table.h"

/* The minimum of IPv4, and the largest IP packet. */
#define PROFILE_MTU_MIN		68
#define PROFILE_MTU_MAX		65535

#define PROFILE_BLANKS		", \t"
#define PROFILE_NAME_CHARS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=+.-"

static bool profile_no_memory(struct weft_parser *parser)
{
	return weft_complain_at(parser->ctx, &parser->place, "out of memory");
}

/* Takes ownership of @text; NULL: no memory. Capacities are powers of two. */
static bool profile_words_take(struct weft_words *words, char *text, unsigned int line)
{
	size_t count = words->count;
	struct weft_word *items = words->items;

	if (text && !(count & (count - 1)))
		items = reallocarray(items, count ? 2 * count : 1, sizeof(*items));
	if (!text || !items) {
		free(text);
		return false;
	}
	words->items = items;
	items[words->count++] = (struct weft_word){ text, line };
	return true;
}

bool weft_profile_words_add(struct weft_words *words, const char *text,
			    unsigned int line)
{
	return profile_words_take(words, strdup(text), line);
}

bool weft_profile_words_print(struct weft_words *words, const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		return false;
	return profile_words_take(words, text, 0);
}

static bool profile_add_word(struct weft_parser *parser, struct weft_words *words,
			     const char *text)
{
	return weft_profile_words_add(words, text, parser->place.line) ||
	       profile_no_memory(parser);
}

/* Call @take for each word of a list. */
static bool profile_split(struct weft_parser *parser, const char *value,
			  bool (*take)(struct weft_parser *parser, char *word))
{
	char *copy = strdup(value), *rest = copy, *word;
	bool good = true;

	if (!copy)
		return profile_no_memory(parser);
	while (good && (word = strsep(&rest, PROFILE_BLANKS)))
		if (*word)
			good = take(parser, word);
	free(copy);
	return good;
}

/* "address/255.255.255.0", as in ip(8). */
static bool profile_parse_mask(char *word, struct weft_allowedip *ip)
{
	char *slash = strchr(word, '/');
	struct weft_allowedip mask;
	__u32 bits;
	bool good;

	if (!slash || !strchr(slash, '.') || !weft_setting_prefix(slash + 1, &mask))
		return false;
	bits = ~ntohl(mask.ip4.s_addr);
	*slash = '\0';
	/* Ones, then zeros: the complement is one less than a power of two. */
	good = weft_setting_prefix(word, ip) && ip->family == AF_INET &&
	       !(bits & (bits + 1));
	*slash = '/';
	ip->cidr = 32 - __builtin_popcount(bits);
	return good;
}

static bool profile_add_address(struct weft_parser *parser, char *word)
{
	struct weft_route *address;

	address = weft_host_routes_add(&parser->profile->addresses);
	if (!address)
		return profile_no_memory(parser);
	address->protocol = WEFT_PROTOCOL;
	address->prefix.line = parser->place.line;
	if (weft_setting_prefix(word, &address->prefix) ||
	    profile_parse_mask(word, &address->prefix))
		return true;
	parser->profile->addresses.count--;
	return weft_complain_at(parser->ctx, &parser->place,
				"'%s' is not an address: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6",
				word);
}

static bool profile_address(struct weft_parser *parser, const char *value)
{
	return profile_split(parser, value, profile_add_address);
}

/* "fe80::1%eth0": the zone of an IPv6 address is a link. */
static bool profile_is_server(char *word)
{
	char *zone = strchr(word, '%');
	struct weft_allowedip ip;
	bool good;

	if (strchr(word, '/'))
		return false;
	if (zone)
		*zone = '\0';
	good = weft_setting_prefix(word, &ip);
	if (!zone)
		return good;
	*zone = '%';
	return good && ip.family == AF_INET6 && zone[1] &&
	       strlen(zone + 1) < IFNAMSIZ;
}

/* An address is a name server, and any other word a domain. */
static bool profile_add_dns(struct weft_parser *parser, char *word)
{
	bool is_address = strchr(word, ':') ||
			  !word[strspn(word, "0123456789.")];

	if (!is_address)
		return profile_add_word(parser, &parser->profile->search, word);
	if (profile_is_server(word))
		return profile_add_word(parser, &parser->profile->dns, word);
	return weft_complain_at(parser->ctx, &parser->place,
				"'%s' is not a name server: use its address, or a search domain",
				word);
}

static bool profile_dns(struct weft_parser *parser, const char *value)
{
	return profile_split(parser, value, profile_add_dns);
}

static bool profile_mtu(struct weft_parser *parser, const char *value)
{
	__u64 mtu = 0;

	if (*value && (!weft_setting_number(value, 10, PROFILE_MTU_MAX, &mtu) ||
		       mtu < PROFILE_MTU_MIN))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not an MTU: use a number from %d to %d", value,
					PROFILE_MTU_MIN, PROFILE_MTU_MAX);
	parser->profile->mtu = mtu;
	parser->profile->mtu_line = parser->place.line;
	return true;
}

static bool profile_table_number(const char *value, __u64 *table)
{
	if (!weft_setting_number(value, 0, 0xffffffff, table))
		*table = weft_table_find(weft_table_files, value);
	return *table;
}

static bool profile_table(struct weft_parser *parser, const char *value)
{
	struct weft_profile *profile = parser->profile;
	__u64 table = 0;

	profile->table = WEFT_TABLE_NUMBER;
	if (!*value || !strcasecmp(value, "auto")) {
		profile->table = WEFT_TABLE_AUTO;
	} else if (!strcasecmp(value, "off")) {
		profile->table = WEFT_TABLE_OFF;
	} else if (!profile_table_number(value, &table)) {
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not a routing table: use 'auto', 'off', a number from 1 to 0xffffffff or a name from %s or %s.d/*.conf",
					value, weft_table_files[0], weft_table_files[0]);
	}
	profile->table_number = table;
	profile->table_line = parser->place.line;
	free(profile->table_text);
	profile->table_text = *value ? strdup(value) : NULL;
	return profile->table_text || !*value || profile_no_memory(parser);
}

/* The field names the hook; an empty command is none. */
static bool profile_hook(struct weft_parser *parser, const char *value)
{
	enum weft_profile_hook hook = 0;

	while (hook < WEFT_HOOK_COUNT - 1 &&
	       strcmp(weft_profile_hook_name(hook), parser->place.name))
		hook++;
	return !*value || profile_add_word(parser, &parser->profile->hooks[hook], value);
}

static bool profile_save(struct weft_parser *parser, const char *value)
{
	parser->profile->save = !strcasecmp(value, "true");
	if (parser->profile->save || !strcasecmp(value, "false"))
		return true;
	return weft_complain_at(parser->ctx, &parser->place, "'%s' is neither 'true' nor 'false'",
				value);
}

static bool profile_forwarding(struct weft_parser *parser, const char *value)
{
	bool on;

	if (!weft_setting_switch(parser, value, &on))
		return false;
	parser->profile->forwarding = on ? WEFT_SWITCH_ON : WEFT_SWITCH_OFF;
	return true;
}

static bool profile_previous_key(struct weft_parser *parser, const char *value)
{
	return weft_setting_secret(parser, value, &parser->profile->previous_key);
}

static bool profile_date(const char *value, __u64 *until)
{
	struct tm date = { };
	const char *end = strptime(value, "%Y-%m-%dT%H:%M:%SZ", &date);
	time_t seconds = end && !*end ? timegm(&date) : -1;

	*until = seconds;
	return seconds > 0;
}

static bool profile_grace_until(struct weft_parser *parser, const char *value)
{
	__u64 until;

	if (!weft_setting_number(value, 10, INT64_MAX, &until) &&
	    !profile_date(value, &until))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not a time: use a number of seconds since 1970, or YYYY-MM-DDTHH:MM:SSZ",
					value);
	/* More seconds than fit the kernel's attribute: 136 years. */
	if ((__s64)until - (__s64)parser->ctx->now > UINT32_MAX)
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is more than a century ahead: use seconds since 1970, not milliseconds",
					value);
	parser->profile->grace_until = until;
	return true;
}

static const struct weft_setting profile_settings[] = {
	{ .field = "Address", .scope = WEFT_SCOPE_DEVICE, .empty = true, .set = profile_address },
	{ .field = "DNS", .scope = WEFT_SCOPE_DEVICE, .empty = true, .set = profile_dns },
	{ .field = "MTU", .scope = WEFT_SCOPE_DEVICE, .empty = true, .set = profile_mtu },
	{ .field = "Table", .scope = WEFT_SCOPE_DEVICE, .empty = true, .set = profile_table },
	{ .field = "PreUp", .scope = WEFT_SCOPE_DEVICE, .empty = true, .set = profile_hook },
	{ .field = "PostUp", .scope = WEFT_SCOPE_DEVICE, .empty = true, .set = profile_hook },
	{ .field = "PreDown", .scope = WEFT_SCOPE_DEVICE, .empty = true, .set = profile_hook },
	{ .field = "PostDown", .scope = WEFT_SCOPE_DEVICE, .empty = true, .set = profile_hook },
	{ .field = "SaveConfig", .scope = WEFT_SCOPE_DEVICE, .set = profile_save },
	{ .field = "Forwarding", .scope = WEFT_SCOPE_DEVICE, .set = profile_forwarding },
	{ .field = "PreviousPrivateKey", .scope = WEFT_SCOPE_DEVICE, .set = profile_previous_key },
	{ .field = "GraceUntil", .scope = WEFT_SCOPE_DEVICE, .set = profile_grace_until },
	{ }
};

const char *weft_profile_hook_name(enum weft_profile_hook hook)
{
	static const char * const names[] = {
		[WEFT_HOOK_PRE_UP] = "PreUp",
		[WEFT_HOOK_POST_UP] = "PostUp",
		[WEFT_HOOK_PRE_DOWN] = "PreDown",
		[WEFT_HOOK_POST_DOWN] = "PostDown",
	};

	return names[hook];
}

bool weft_profile_is_own_field(const char *field, bool in_peer)
{
	const struct weft_setting *setting;

	setting = weft_setting_find_field(profile_settings, field);
	return setting && in_peer == (setting->scope == WEFT_SCOPE_PEER);
}

bool weft_profile_name_is_good(const char *name, size_t len)
{
	if (!len || len >= IFNAMSIZ || (len == 1 && name[0] == '.') ||
	    (len == 2 && !strncmp(name, "..", 2)))
		return false;
	return strspn(name, PROFILE_NAME_CHARS) >= len;
}

struct weft_profile *weft_profile_parse(const struct weft_context *ctx,
					const char *path, char *text,
					const char *name)
{
	struct weft_profile *profile = calloc(1, sizeof(*profile));

	if (profile)
		profile->path = strdup(path);
	if (!profile || !profile->path) {
		weft_complain(ctx, "out of memory");
		free(profile);
		return NULL;
	}
	snprintf(profile->name, sizeof(profile->name), "%s", name);
	profile->dev = weft_config_parse_more(ctx, path, text, name,
					      profile_settings, profile);
	if (profile->dev)
		return profile;
	weft_profile_free(profile);
	return NULL;
}

bool weft_profile_words_equal(const struct weft_words *a, const struct weft_words *b)
{
	size_t i;

	for (i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->items[i].text, b->items[i].text))
			return false;
	return a->count == b->count;
}

/* Wiped, because a hook may contain a key. */
void weft_profile_words_free(struct weft_words *words)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		weft_text_wipe(words->items[i].text);
	free(words->items);
	memset(words, 0, sizeof(*words));
}

void weft_profile_free(struct weft_profile *profile)
{
	int hook;

	if (!profile)
		return;
	for (hook = 0; hook < WEFT_HOOK_COUNT; hook++)
		weft_profile_words_free(&profile->hooks[hook]);
	weft_profile_words_free(&profile->dns);
	weft_profile_words_free(&profile->search);
	weft_host_routes_free(&profile->addresses);
	weft_model_device_free(profile->dev);
	free(profile->table_text);
	free(profile->path);
	weft_key_wipe(&profile->previous_key);
	free(profile);
}
