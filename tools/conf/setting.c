// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <linux/weft.h>
#include <netdb.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "conf/file.h"
#include "conf/resolve.h"
#include "conf/setting.h"
#include "model/format.h"
#include "model/model.h"

/* A key and some white space; anything longer is another kind of file. */
#define WEFT_KEY_FILE_BYTES	4096

/* Digits only: strtoull() alone would accept " +7" and "-1", too. */
bool weft_setting_number(const char *text, int base, __u64 max, __u64 *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*number = strtoull(text, &end, base);
	return !*end && !errno && *number <= max;
}

bool weft_setting_mark(const char *text, __u64 *mark)
{
	int base = strncasecmp(text, "0x", 2) ? 10 : 16;

	return weft_setting_number(text, base, 0xffffffff, mark);
}

/* The name of a service, as in wg(8). */
static bool setting_service(struct weft_parser *parser, const char *name,
			    __u64 *port)
{
	const struct addrinfo hints = {
		.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_PASSIVE,
	};
	const struct sockaddr_in *address;
	struct addrinfo *found;

	if (!isalpha((unsigned char)name[0]) ||
	    parser->ctx->lookup(NULL, name, &hints, &found))
		return false;
	address = (const struct sockaddr_in *)found->ai_addr;
	*port = ntohs(address->sin_port);
	parser->ctx->release(found);
	return true;
}

static bool setting_listen_port(struct weft_parser *parser, const char *value)
{
	__u64 port;

	if (!weft_setting_number(value, 10, 65535, &port) &&
	    !setting_service(parser, value, &port))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not a port: use a number from 0 (chosen by the kernel) to 65535",
					value);
	parser->dev->listen_port = port;
	return true;
}

static bool setting_fwmark(struct weft_parser *parser, const char *value)
{
	__u64 mark = 0;

	if (strcasecmp(value, "off") && !weft_setting_mark(value, &mark))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not a mark: use 'off' or a number from 0 to 0xffffffff",
					value);
	parser->dev->fwmark = mark;
	parser->dev->fwmark_line = parser->place.line;
	return true;
}

bool weft_setting_switch(struct weft_parser *parser, const char *value,
			 bool *on)
{
	*on = !strcasecmp(value, "on");
	if (*on || !strcasecmp(value, "off"))
		return true;
	return weft_complain_at(parser->ctx, &parser->place, "'%s' is neither 'on' nor 'off'",
				value);
}

static bool setting_pmtu(struct weft_parser *parser, const char *value)
{
	bool on, good = weft_setting_switch(parser, value, &on);

	parser->dev->pmtu = on;
	return good;
}

static bool setting_dscp(struct weft_parser *parser, const char *value)
{
	__u64 dscp;

	if (!strcasecmp(value, "inherit")) {
		dscp = WEFT_DSCP_INHERIT;
	} else if (!strcasecmp(value, "off")) {
		dscp = WEFT_DSCP_OFF;
	} else if (!weft_setting_number(value, 0, 63, &dscp)) {
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not a DSCP: use 'inherit', 'off' or a number from 0 to 63",
					value);
	}
	parser->dev->dscp = dscp;
	return true;
}

static bool setting_keepalive(struct weft_parser *parser, const char *value)
{
	__u64 seconds = 0;

	if (strcasecmp(value, "off") &&
	    !weft_setting_number(value, 10, 65535, &seconds))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not a keepalive interval: use 'off' or a number of seconds from 0 to 65535",
					value);
	parser->peer->keepalive = seconds;
	return true;
}

static bool setting_endpoint(struct weft_parser *parser, const char *value)
{
	if (!weft_resolve_prepare(parser->ctx, &parser->place, value,
				  parser->peer))
		return false;
	/* An in-tree link, which has one endpoint, would silently lose the others. */
	if (strchr(value, ',') && !parser->dev->own_word)
		parser->dev->own_word = "endpoint A,B";
	return true;
}

static bool setting_address(const char *text, struct weft_allowedip *ip)
{
	ip->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(ip->family, text, &ip->ip4) == 1;
}

static bool setting_listen_address_item(struct weft_parser *parser, char *text)
{
	struct weft_device *dev = parser->dev;
	struct weft_allowedip ip;
	bool taken;

	text = weft_text_trim(text);
	if (!setting_address(text, &ip))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not an address: use 'any', an IPv4 address, an IPv6 address, or one of each",
					text);
	taken = ip.family == AF_INET ? dev->listen4.s_addr :
		!IN6_IS_ADDR_UNSPECIFIED(&dev->listen6);
	if (taken)
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is a second address of its family: use at most one IPv4 and one IPv6 address",
					text);
	if (ip.family == AF_INET)
		dev->listen4 = ip.ip4;
	else
		dev->listen6 = ip.ip6;
	return true;
}

static bool setting_listen_address(struct weft_parser *parser, const char *value)
{
	char *copy = strdup(value), *rest = copy, *item;
	bool good = true;

	if (!copy)
		return weft_complain_at(parser->ctx, &parser->place, "out of memory");
	memset(&parser->dev->listen4, 0, sizeof(parser->dev->listen4));
	memset(&parser->dev->listen6, 0, sizeof(parser->dev->listen6));
	if (!strcasecmp(value, "any"))
		rest = NULL;
	while (good && (item = strsep(&rest, ",")))
		good = setting_listen_address_item(parser, item);
	free(copy);
	return good;
}

static bool setting_bind_device(struct weft_parser *parser, const char *value)
{
	if (strlen(value) >= IFNAMSIZ || strchr(value, '/'))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not an interface name: use 1 to %d characters without '/', or 'off'",
					value, IFNAMSIZ - 1);
	snprintf(parser->dev->bind_device, sizeof(parser->dev->bind_device),
		 "%s", strcmp(value, "off") ? value : "");
	return true;
}

static bool setting_roam(struct weft_parser *parser, const char *value)
{
	return weft_setting_switch(parser, value, &parser->peer->roam);
}

/* Complaints end up in logs, so they do not quote the value. */
bool weft_setting_secret(struct weft_parser *parser, const char *value,
			 struct weft_key *key)
{
	if (weft_key_decode(key, value))
		return true;
	return weft_complain_at(parser->ctx, &parser->place,
				"not a key: %zu characters instead of %d of base64 (the text may be a secret, and is not shown)",
				strlen(value), WEFT_KEY_CHARS);
}

/* The key in a file; an empty file removes the key. */
static bool setting_key_file(struct weft_parser *parser, const char *path,
			     struct weft_key *key)
{
	struct weft_file file;
	bool good = true;
	char *text;

	if (!weft_file_read(parser->ctx, path, WEFT_KEY_FILE_BYTES, &file))
		return false;
	text = file.text;
	text = weft_text_trim(text);
	memset(key, 0, sizeof(*key));
	if (*text)
		good = weft_key_decode(key, text);
	if (good && *text)
		weft_file_warn_readable(parser->ctx, path);
	if (!good)
		weft_complain_at(parser->ctx, &parser->place,
				 "'%s' does not contain a key: use %d characters of base64, or an empty file to remove the key",
				 path, WEFT_KEY_CHARS);
	weft_file_wipe(&file);
	return good;
}

/* A file has the key itself, the command line the name of a file with it. */
static bool setting_key(struct weft_parser *parser, const char *value, struct weft_key *key)
{
	return parser->place.file ? weft_setting_secret(parser, value, key) :
				    setting_key_file(parser, value, key);
}

static bool setting_private_key(struct weft_parser *parser, const char *value)
{
	return setting_key(parser, value, &parser->dev->private_key);
}

static bool setting_preshared_key(struct weft_parser *parser, const char *value)
{
	return setting_key(parser, value, &parser->peer->preshared_key);
}

static bool setting_next_preshared_key(struct weft_parser *parser, const char *value)
{
	return setting_key(parser, value, &parser->peer->next_preshared_key);
}

static bool setting_next_public_key(struct weft_parser *parser, const char *value)
{
	memset(&parser->peer->next_public_key, 0, WEFT_KEY_BYTES);
	if (!strcasecmp(value, "off") ||
	    weft_key_decode(&parser->peer->next_public_key, value))
		return true;
	return weft_complain_at(parser->ctx, &parser->place,
				"'%s' is neither 'off' nor a public key: use %d characters of base64",
				value, WEFT_KEY_CHARS);
}

/* A previous key results from a replacement: a setting can only end it, by "off". */
static bool setting_off(struct weft_parser *parser, const char *value)
{
	if (!strcasecmp(value, "off"))
		return true;
	return weft_complain_at(parser->ctx, &parser->place,
				"'%s' is not 'off', which ends a previous key", value);
}

bool weft_setting_grace(struct weft_parser *parser, const char *value,
			__u32 *grace)
{
	__u64 seconds = 0;

	if (strcasecmp(value, "off") &&
	    !weft_setting_number(value, 10, 0xffffffff, &seconds))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is not a grace period: use a number of seconds up to 4294967295, or 'off' for no limit",
					value);
	*grace = seconds;
	return true;
}

static bool setting_peer_grace(struct weft_parser *parser, const char *value)
{
	return weft_setting_grace(parser, value, &parser->peer->grace);
}

static bool setting_public_key(struct weft_parser *parser, const char *value)
{
	parser->peer->key_line = parser->place.line;
	if (weft_key_decode(&parser->peer->public_key, value))
		return true;
	return weft_complain_at(parser->ctx, &parser->place,
				"'%s' is not a public key: use %d characters of base64", value,
				WEFT_KEY_CHARS);
}

bool weft_setting_prefix(char *text, struct weft_allowedip *ip)
{
	char *slash = strchr(text, '/');
	__u64 cidr;
	bool good;

	if (slash)
		*slash = '\0';
	good = setting_address(text, ip);
	cidr = ip->family == AF_INET ? 32 : 128;
	if (good && slash)
		good = weft_setting_number(slash + 1, 10, cidr, &cidr);
	if (slash)
		*slash = '/';
	ip->cidr = cidr;
	return good;
}

/* "address" or "address/length", with "+" or "-" where that is allowed. */
static bool setting_allowedip(struct weft_parser *parser, char *text,
			      struct weft_allowedip *ip)
{
	bool good = weft_setting_prefix(text, ip);

	if (!good)
		weft_complain_at(parser->ctx, &parser->place,
				 "'%s' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6",
				 text);
	return good;
}

/* The kernel takes 10.1.2.3/24 for 10.1.2.0/24; often it is a typing error. */
static void setting_warn_host_part(struct weft_parser *parser, const char *text,
				   const struct weft_allowedip *ip)
{
	struct weft_allowedip masked = *ip;

	weft_model_allowedip_mask(&masked);
	if (weft_model_allowedip_compare(&masked, ip))
		weft_warn_at(parser->ctx, &parser->place,
			     "'%s' has host bits set: %s/%u is used",
			     text, weft_format_address(&masked).chars,
			     masked.cidr);
}

static bool setting_allowedip_item(struct weft_parser *parser, char *text)
{
	struct weft_allowedip *ip;
	bool sign;

	text = weft_text_trim(text);
	sign = *text == '+' || *text == '-';
	if (sign && parser->whole)
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s': '+' and '-' are not allowed here: the file replaces the list",
					text);
	ip = weft_model_allowedip_add(parser->peer);
	if (!ip)
		return weft_complain_at(parser->ctx, &parser->place, "out of memory");
	ip->remove = *text == '-';
	ip->line = parser->place.line;
	if (sign)
		parser->peer->has |= WEFT_PEER_CHANGE_ALLOWEDIPS;
	ip->drop = !setting_allowedip(parser, text + sign, ip);
	if (ip->drop)
		return false;
	setting_warn_host_part(parser, text + sign, ip);
	return true;
}

static bool setting_allowedips(struct weft_parser *parser, const char *value)
{
	char *copy = strdup(value), *rest = copy, *item;
	bool good = true;

	if (!copy)
		return weft_complain_at(parser->ctx, &parser->place, "out of memory");
	rest = weft_text_trim(rest);
	if (!*rest)
		rest = NULL;
	while (good && (item = strsep(&rest, ",")))
		good = setting_allowedip_item(parser, item);
	/* A list replaces the peer's list, unless an item has "+" or "-". */
	parser->peer->has |= WEFT_PEER_REPLACE_ALLOWEDIPS;
	if (parser->peer->has & WEFT_PEER_CHANGE_ALLOWEDIPS)
		parser->peer->has &= ~WEFT_PEER_REPLACE_ALLOWEDIPS;
	free(copy);
	return good;
}

/* In a file '#' begins a comment, and blanks around a value are ignored. */
static bool setting_name_fits_file(const char *value)
{
	size_t len = strlen(value);

	return !strchr(value, '#') &&
	       (!len || (!isspace((unsigned char)value[0]) &&
			 !isspace((unsigned char)value[len - 1])));
}

/* The kernel checks the other rules for names. */
static bool setting_name(struct weft_parser *parser, const char *value)
{
	if (!setting_name_fits_file(value))
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' cannot be written to a file: use a name without '#', and without blanks at its ends",
					value);
	if (strlen(value) > WEFT_NAME_BYTES)
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is too long: a name has at most %d bytes", value,
					WEFT_NAME_BYTES);
	parser->peer->name_line = parser->place.line;
	free(parser->peer->name);
	parser->peer->name = *value ? strdup(value) : NULL;
	if (parser->peer->name || !*value)
		return true;
	return weft_complain_at(parser->ctx, &parser->place, "out of memory");
}

const struct weft_setting weft_settings[] = {
	{
		.word = "listen-port", .field = "ListenPort", .value = "PORT",
		.scope = WEFT_SCOPE_DEVICE, .has = WEFT_DEVICE_HAS_LISTEN_PORT,
		.set = setting_listen_port,
	}, {
		.word = "fwmark", .field = "FwMark", .value = "MARK|off",
		.scope = WEFT_SCOPE_DEVICE, .has = WEFT_DEVICE_HAS_FWMARK,
		.set = setting_fwmark,
	}, {
		.word = "listen-address", .field = "ListenAddress", .value = "ADDRESS,...|any",
		.scope = WEFT_SCOPE_DEVICE, .own = true, .has = WEFT_DEVICE_HAS_LISTEN_ADDRESS,
		.set = setting_listen_address,
	}, {
		.word = "bind-device", .field = "BindDevice", .value = "LINK|off",
		.scope = WEFT_SCOPE_DEVICE, .own = true, .has = WEFT_DEVICE_HAS_BIND_DEVICE,
		.set = setting_bind_device,
	}, {
		.word = "private-key", .field = "PrivateKey", .value = "FILE",
		.scope = WEFT_SCOPE_DEVICE, .has = WEFT_DEVICE_HAS_PRIVATE_KEY,
		.set = setting_private_key,
	}, {
		.word = "pmtu", .field = "PMTU", .value = "on|off", .scope = WEFT_SCOPE_DEVICE,
		.own = true, .has = WEFT_DEVICE_HAS_PMTU, .set = setting_pmtu,
	}, {
		.word = "dscp", .field = "DSCP", .value = "inherit|off|DSCP",
		.scope = WEFT_SCOPE_DEVICE, .own = true, .has = WEFT_DEVICE_HAS_DSCP,
		.set = setting_dscp,
	}, {
		.field = "PublicKey", .scope = WEFT_SCOPE_PEER, .has = WEFT_PEER_HAS_PUBLIC_KEY,
		.set = setting_public_key,
	}, {
		.word = "remove", .scope = WEFT_SCOPE_PEER, .has = WEFT_PEER_REMOVE,
	}, {
		.word = "preshared-key", .field = "PresharedKey", .value = "FILE",
		.scope = WEFT_SCOPE_PEER, .has = WEFT_PEER_HAS_PRESHARED_KEY,
		.set = setting_preshared_key,
	}, {
		.word = "endpoint", .field = "Endpoint", .value = "HOST:PORT,...",
		.scope = WEFT_SCOPE_PEER, .set = setting_endpoint,
	}, {
		.word = "roam", .field = "Roam", .value = "on|off", .scope = WEFT_SCOPE_PEER,
		.own = true, .has = WEFT_PEER_HAS_ROAM, .set = setting_roam,
	}, {
		.word = "persistent-keepalive", .field = "PersistentKeepalive",
		.value = "SECONDS|off", .scope = WEFT_SCOPE_PEER,
		.has = WEFT_PEER_HAS_KEEPALIVE, .set = setting_keepalive,
	}, {
		.word = "allowed-ips", .field = "AllowedIPs", .value = "[+|-]IP/LENGTH,...",
		.scope = WEFT_SCOPE_PEER, .set = setting_allowedips,
	}, {
		.word = "exclusive", .scope = WEFT_SCOPE_PEER, .own = true,
		.has = WEFT_PEER_EXCLUSIVE,
	}, {
		.word = "name", .field = "Name", .value = "NAME", .scope = WEFT_SCOPE_PEER,
		.own = true, .spaced = true, .has = WEFT_PEER_HAS_NAME, .set = setting_name,
	}, {
		.word = "next-public-key", .field = "NextPublicKey", .value = "KEY|off",
		.scope = WEFT_SCOPE_PEER, .own = true, .has = WEFT_PEER_HAS_NEXT_PUBLIC_KEY,
		.set = setting_next_public_key,
	}, {
		.word = "previous-public-key", .value = "off", .scope = WEFT_SCOPE_PEER,
		.own = true, .has = WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY, .set = setting_off,
	}, {
		.word = "next-preshared-key", .field = "NextPresharedKey", .value = "FILE",
		.scope = WEFT_SCOPE_PEER, .own = true, .has = WEFT_PEER_HAS_NEXT_PRESHARED_KEY,
		.set = setting_next_preshared_key,
	}, {
		.word = "previous-preshared-key", .value = "off", .scope = WEFT_SCOPE_PEER,
		.own = true, .has = WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY, .set = setting_off,
	}, {
		.word = "grace", .field = "Grace", .value = "SECONDS|off",
		.scope = WEFT_SCOPE_PEER, .own = true, .has = WEFT_PEER_HAS_GRACE,
		.set = setting_peer_grace,
	}, {
		.word = "forget-timestamp", .scope = WEFT_SCOPE_PEER, .own = true,
		.has = WEFT_PEER_FORGET_TIMESTAMP,
	},
	{ }
};

bool weft_setting_take(struct weft_parser *parser, const struct weft_setting *setting,
		       const char *value)
{
	if (setting->scope == WEFT_SCOPE_PEER)
		parser->peer->has |= setting->has;
	else
		parser->dev->has |= setting->has;
	return !setting->set || setting->set(parser, value);
}

const struct weft_setting *weft_setting_find_word(const char *word)
{
	const struct weft_setting *setting;

	for (setting = weft_settings; setting->word || setting->field; setting++)
		if (setting->word && !strcmp(setting->word, word))
			return setting;
	return NULL;
}

const struct weft_setting *weft_setting_find_field(const struct weft_setting *in,
						   const char *field)
{
	const struct weft_setting *setting;
	int first = tolower((unsigned char)field[0]);

	/* Comparing the first letter speeds up large files. */
	for (setting = in; setting->word || setting->field; setting++)
		if (setting->field &&
		    tolower((unsigned char)setting->field[0]) == first &&
		    !strcasecmp(setting->field, field))
			return setting;
	return NULL;
}

static void setting_list_some(FILE *stream, const struct weft_setting *setting,
			      enum weft_scope scope, bool fields)
{
	const char *name;

	for (; setting->word || setting->field; setting++) {
		name = fields ? setting->field : setting->word;
		if (setting->scope == scope && name)
			fprintf(stream, "%s%s", ftell(stream) ? ", " : "", name);
	}
}

char *weft_setting_list(enum weft_scope scope, bool fields,
			const struct weft_setting *more)
{
	char *list = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&list, &len);

	if (!stream)
		return NULL;
	setting_list_some(stream, weft_settings, scope, fields);
	if (more)
		setting_list_some(stream, more, scope, fields);
	fclose(stream);
	return list;
}
