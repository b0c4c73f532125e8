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

#include "conf/file.h"
#include "conf/parse.h"
#include "conf/resolve.h"
#include "model/format.h"
#include "model/model.h"

/* A key and some white space; anything longer is another kind of file. */
#define WEFT_KEY_FILE_BYTES	4096

/* Digits only: strtoul() alone would take " +7" and "-1" too. */
bool weft_parse_number(const char *text, int base, unsigned long max,
		       unsigned long *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*number = strtoul(text, &end, base);
	return !*end && !errno && *number <= max;
}

bool weft_parse_mark(const char *text, unsigned long *mark)
{
	int base = strncasecmp(text, "0x", 2) ? 10 : 16;

	return weft_parse_number(text, base, 0xffffffff, mark);
}

/* The name of a service, as wg(8) takes one. */
static bool parse_service(struct weft_parse *parse, const char *name,
			  unsigned long *port)
{
	const struct addrinfo hints = {
		.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_PASSIVE,
	};
	const struct sockaddr_in *address;
	struct addrinfo *found;

	if (!isalpha((unsigned char)name[0]) ||
	    parse->ctx->lookup(NULL, name, &hints, &found))
		return false;
	address = (const struct sockaddr_in *)found->ai_addr;
	*port = ntohs(address->sin_port);
	parse->ctx->release(found);
	return true;
}

static bool parse_listen_port(struct weft_parse *parse, const char *value)
{
	unsigned long port;

	if (!weft_parse_number(value, 10, 65535, &port) &&
	    !parse_service(parse, value, &port)) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is not a port: use a number from 0 (chosen by the kernel) to 65535",
				 value);
		return false;
	}
	parse->dev->listen_port = port;
	parse->dev->has |= WEFT_DEVICE_HAS_LISTEN_PORT;
	return true;
}

static bool parse_fwmark(struct weft_parse *parse, const char *value)
{
	unsigned long mark = 0;

	if (strcasecmp(value, "off") && !weft_parse_mark(value, &mark)) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is not a mark: use 'off' or a number from 0 to 0xffffffff",
				 value);
		return false;
	}
	parse->dev->fwmark = mark;
	parse->dev->fwmark_line = parse->place.line;
	parse->dev->has |= WEFT_DEVICE_HAS_FWMARK;
	return true;
}

static bool parse_pmtu(struct weft_parse *parse, const char *value)
{
	bool on = !strcasecmp(value, "on");

	if (!on && strcasecmp(value, "off")) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is neither 'on' nor 'off'", value);
		return false;
	}
	parse->dev->pmtu = on;
	parse->dev->has |= WEFT_DEVICE_HAS_PMTU;
	return true;
}

static bool parse_dscp(struct weft_parse *parse, const char *value)
{
	unsigned long dscp;

	if (!strcasecmp(value, "inherit")) {
		dscp = WEFT_DSCP_INHERIT;
	} else if (!strcasecmp(value, "off")) {
		dscp = WEFT_DSCP_OFF;
	} else if (!weft_parse_number(value, 0, 63, &dscp)) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is not a DSCP: use 'inherit', 'off' or a number from 0 to 63",
				 value);
		return false;
	}
	parse->dev->dscp = dscp;
	parse->dev->has |= WEFT_DEVICE_HAS_DSCP;
	return true;
}

static bool parse_keepalive(struct weft_parse *parse, const char *value)
{
	unsigned long seconds = 0;

	if (strcasecmp(value, "off") &&
	    !weft_parse_number(value, 10, 65535, &seconds)) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is not an interval: use 'off' or a number of seconds from 0 to 65535",
				 value);
		return false;
	}
	parse->peer->keepalive = seconds;
	parse->peer->has |= WEFT_PEER_HAS_KEEPALIVE;
	return true;
}

static bool parse_endpoint(struct weft_parse *parse, const char *value)
{
	if (!weft_resolve_prepare(parse->ctx, &parse->place, value,
				  parse->peer))
		return false;
	/* A link that has room for one would drop the others unseen. */
	if (strchr(value, ',') && !parse->dev->own_word)
		parse->dev->own_word = "endpoint A,B";
	return true;
}

static void parse_trim(char **text)
{
	char *end;

	while (isspace((unsigned char)**text))
		++*text;
	end = *text + strlen(*text);
	while (end > *text && isspace((unsigned char)end[-1]))
		*--end = '\0';
}

static bool parse_address(const char *text, struct weft_allowedip *ip)
{
	ip->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(ip->family, text, &ip->ip4) == 1;
}

static bool parse_listen_address_item(struct weft_parse *parse, char *text)
{
	struct weft_device *dev = parse->dev;
	struct weft_allowedip ip;
	bool taken;

	parse_trim(&text);
	if (!parse_address(text, &ip)) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is not an address: use 'any', or an address of one family or of each",
				 text);
		return false;
	}
	taken = ip.family == AF_INET ? dev->listen4.s_addr :
		!IN6_IS_ADDR_UNSPECIFIED(&dev->listen6);
	if (taken) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is a second address of its family: there is one socket for each",
				 text);
		return false;
	}
	if (ip.family == AF_INET)
		dev->listen4 = ip.ip4;
	else
		dev->listen6 = ip.ip6;
	return true;
}

static bool parse_listen_address(struct weft_parse *parse, const char *value)
{
	char *copy = strdup(value), *rest = copy, *item;
	bool good = true;

	if (!copy) {
		weft_complain_at(parse->ctx, &parse->place, "out of memory");
		return false;
	}
	memset(&parse->dev->listen4, 0, sizeof(parse->dev->listen4));
	memset(&parse->dev->listen6, 0, sizeof(parse->dev->listen6));
	parse->dev->has |= WEFT_DEVICE_HAS_LISTEN_ADDRESS;
	if (!strcasecmp(value, "any"))
		rest = NULL;
	while (good && (item = strsep(&rest, ",")))
		good = parse_listen_address_item(parse, item);
	free(copy);
	return good;
}

static bool parse_bind_device(struct weft_parse *parse, const char *value)
{
	if (strlen(value) >= IFNAMSIZ || strchr(value, '/')) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is not an interface: a name has 1 to %d characters, 'off' is none",
				 value, IFNAMSIZ - 1);
		return false;
	}
	snprintf(parse->dev->bind_device, sizeof(parse->dev->bind_device),
		 "%s", strcmp(value, "off") ? value : "");
	parse->dev->has |= WEFT_DEVICE_HAS_BIND_DEVICE;
	return true;
}

static bool parse_roam(struct weft_parse *parse, const char *value)
{
	bool off = !strcasecmp(value, "off");

	if (!off && strcasecmp(value, "on")) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is neither 'on' nor 'off'", value);
		return false;
	}
	parse->peer->roam = !off;
	parse->peer->has |= WEFT_PEER_HAS_ROAM;
	return true;
}

/* A secret is not quoted: complaints end up in logs. */
static bool parse_secret(struct weft_parse *parse, const char *value,
			 struct weft_key *key)
{
	if (weft_key_decode(key, value))
		return true;
	weft_complain_at(parse->ctx, &parse->place,
			 "not a key: %zu characters where %d of base64 are wanted (the text is not shown, it may be a secret)",
			 strlen(value), WEFT_KEY_CHARS);
	return false;
}

/* The key in a file; an empty one stands for "take the key away". */
static bool parse_key_file(struct weft_parse *parse, const char *path,
			   struct weft_key *key)
{
	struct weft_file file;
	bool good = true;
	char *text;

	if (!weft_file_read(parse->ctx, path, WEFT_KEY_FILE_BYTES, &file))
		return false;
	text = file.text;
	parse_trim(&text);
	memset(key, 0, sizeof(*key));
	if (*text) {
		weft_file_warn_readable(parse->ctx, path);
		good = weft_key_decode(key, text);
	}
	if (!good)
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' does not hold a key: %d characters of base64, or nothing to take the key away",
				 path, WEFT_KEY_CHARS);
	weft_file_wipe(&file);
	return good;
}

static bool parse_private_key_file(struct weft_parse *parse, const char *value)
{
	parse->dev->has |= WEFT_DEVICE_HAS_PRIVATE_KEY;
	return parse_key_file(parse, value, &parse->dev->private_key);
}

static bool parse_private_key(struct weft_parse *parse, const char *value)
{
	parse->dev->has |= WEFT_DEVICE_HAS_PRIVATE_KEY;
	return parse_secret(parse, value, &parse->dev->private_key);
}

static bool parse_preshared_key_file(struct weft_parse *parse,
				     const char *value)
{
	parse->peer->has |= WEFT_PEER_HAS_PRESHARED_KEY;
	return parse_key_file(parse, value, &parse->peer->preshared_key);
}

static bool parse_preshared_key(struct weft_parse *parse, const char *value)
{
	parse->peer->has |= WEFT_PEER_HAS_PRESHARED_KEY;
	return parse_secret(parse, value, &parse->peer->preshared_key);
}

static bool parse_next_preshared_key_file(struct weft_parse *parse,
					  const char *value)
{
	parse->peer->has |= WEFT_PEER_HAS_NEXT_PRESHARED_KEY;
	return parse_key_file(parse, value, &parse->peer->next_preshared_key);
}

static bool parse_next_preshared_key(struct weft_parse *parse,
				     const char *value)
{
	parse->peer->has |= WEFT_PEER_HAS_NEXT_PRESHARED_KEY;
	return parse_secret(parse, value, &parse->peer->next_preshared_key);
}

static bool parse_next_public_key(struct weft_parse *parse, const char *value)
{
	parse->peer->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	memset(&parse->peer->next_public_key, 0, WEFT_KEY_BYTES);
	if (!strcasecmp(value, "off") ||
	    weft_key_decode(&parse->peer->next_public_key, value))
		return true;
	weft_complain_at(parse->ctx, &parse->place,
			 "'%s' is neither 'off' nor a public key: %d characters of base64 are wanted",
			 value, WEFT_KEY_CHARS);
	return false;
}

/* What it is follows from what it was. */
static bool parse_off(struct weft_parse *parse, const char *value)
{
	if (!strcasecmp(value, "off"))
		return true;
	weft_complain_at(parse->ctx, &parse->place,
			 "'%s' is not 'off': a previous key can only be ended",
			 value);
	return false;
}

static bool parse_previous_public_key(struct weft_parse *parse,
				      const char *value)
{
	parse->peer->has |= WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY;
	return parse_off(parse, value);
}

static bool parse_previous_preshared_key(struct weft_parse *parse,
					 const char *value)
{
	parse->peer->has |= WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY;
	return parse_off(parse, value);
}

bool weft_parse_grace(struct weft_parse *parse, const char *value,
		      __u32 *grace)
{
	unsigned long seconds = 0;

	if (strcasecmp(value, "off") &&
	    !weft_parse_number(value, 10, 0xffffffff, &seconds)) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is not a grace: use a number of seconds, or 'off' for one without an end",
				 value);
		return false;
	}
	*grace = seconds;
	return true;
}

static bool parse_peer_grace(struct weft_parse *parse, const char *value)
{
	parse->peer->has |= WEFT_PEER_HAS_GRACE;
	return weft_parse_grace(parse, value, &parse->peer->grace);
}

bool weft_parse_public_key(struct weft_parse *parse, const char *value)
{
	parse->peer->key_line = parse->place.line;
	parse->peer->has |= WEFT_PEER_HAS_PUBLIC_KEY;
	if (weft_key_decode(&parse->peer->public_key, value))
		return true;
	weft_complain_at(parse->ctx, &parse->place,
			 "'%s' is not a public key: %d characters of base64 are wanted",
			 value, WEFT_KEY_CHARS);
	return false;
}

bool weft_parse_prefix(char *text, struct weft_allowedip *ip)
{
	char *slash = strchr(text, '/');
	unsigned long cidr;
	bool good;

	if (slash)
		*slash = '\0';
	good = parse_address(text, ip);
	cidr = ip->family == AF_INET ? 32 : 128;
	if (good && slash)
		good = weft_parse_number(slash + 1, 10, cidr, &cidr);
	if (slash)
		*slash = '/';
	ip->cidr = cidr;
	return good;
}

/* "address", "address/length", each with "+" or "-" where that is allowed. */
static bool parse_allowedip(struct weft_parse *parse, char *text,
			    struct weft_allowedip *ip)
{
	bool good = weft_parse_prefix(text, ip);

	if (!good)
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6",
				 text);
	return good;
}

/* 10.1.2.3/24 is 10.1.2.0/24 to the kernel, and often a slip of the pen. */
static void parse_warn_host_part(struct weft_parse *parse, const char *text,
				 const struct weft_allowedip *ip)
{
	struct weft_allowedip masked = *ip;

	weft_model_allowedip_mask(&masked);
	if (weft_model_allowedip_compare(&masked, ip))
		weft_warn_at(parse->ctx, &parse->place,
			     "'%s' has bits behind its length: %s/%u is what counts",
			     text, weft_format_address(&masked).chars,
			     masked.cidr);
}

static bool parse_allowedip_item(struct weft_parse *parse, char *text)
{
	struct weft_allowedip *ip;
	bool sign;

	parse_trim(&text);
	sign = *text == '+' || *text == '-';
	if (sign && parse->whole) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s': '+' and '-' change a list, and this file replaces it",
				 text);
		return false;
	}
	ip = weft_model_allowedip_add(parse->peer);
	if (!ip) {
		weft_complain_at(parse->ctx, &parse->place, "out of memory");
		return false;
	}
	ip->remove = *text == '-';
	ip->line = parse->place.line;
	if (sign)
		parse->peer->has |= WEFT_PEER_CHANGE_ALLOWEDIPS;
	ip->drop = !parse_allowedip(parse, text + sign, ip);
	if (ip->drop)
		return false;
	parse_warn_host_part(parse, text + sign, ip);
	return true;
}

static bool parse_allowedips(struct weft_parse *parse, const char *value)
{
	char *copy = strdup(value), *rest = copy, *item;
	bool good = true;

	if (!copy) {
		weft_complain_at(parse->ctx, &parse->place, "out of memory");
		return false;
	}
	parse_trim(&rest);
	if (!*rest)
		rest = NULL;
	while (good && (item = strsep(&rest, ",")))
		good = parse_allowedip_item(parse, item);
	/* A list is the whole list, unless one of its items says otherwise. */
	parse->peer->has |= WEFT_PEER_REPLACE_ALLOWEDIPS;
	if (parse->peer->has & WEFT_PEER_CHANGE_ALLOWEDIPS)
		parse->peer->has &= ~WEFT_PEER_REPLACE_ALLOWEDIPS;
	free(copy);
	return good;
}

/* A file ends a line at '#', and takes no notice of blanks around a value. */
static bool parse_name_fits_file(const char *value)
{
	size_t len = strlen(value);

	return !strchr(value, '#') &&
	       (!len || (!isspace((unsigned char)value[0]) &&
			 !isspace((unsigned char)value[len - 1])));
}

/* What else makes a name good is for the kernel to say. */
static bool parse_name(struct weft_parse *parse, const char *value)
{
	if (!parse_name_fits_file(value)) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' could not stand in a file: a name has no '#', and no blank at either end",
				 value);
		return false;
	}
	if (strlen(value) > WEFT_NAME_BYTES) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is too long: a name has at most %d bytes",
				 value, WEFT_NAME_BYTES);
		return false;
	}
	parse->peer->name_line = parse->place.line;
	free(parse->peer->name);
	parse->peer->name = *value ? strdup(value) : NULL;
	parse->peer->has |= WEFT_PEER_HAS_NAME;
	if (parse->peer->name || !*value)
		return true;
	weft_complain_at(parse->ctx, &parse->place, "out of memory");
	return false;
}

static bool parse_exclusive(struct weft_parse *parse, const char *value)
{
	(void)value;
	parse->peer->has |= WEFT_PEER_EXCLUSIVE;
	return true;
}

static bool parse_forget_timestamp(struct weft_parse *parse, const char *value)
{
	(void)value;
	parse->peer->has |= WEFT_PEER_FORGET_TIMESTAMP;
	return true;
}

static bool parse_remove(struct weft_parse *parse, const char *value)
{
	(void)value;
	parse->peer->has |= WEFT_PEER_REMOVE;
	return true;
}

const struct weft_setting weft_settings[] = {
	{
		.word = "listen-port", .field = "ListenPort",
		.value = "PORT", .scope = WEFT_SCOPE_DEVICE,
		.from_word = parse_listen_port, .from_field = parse_listen_port,
	}, {
		.word = "fwmark", .field = "FwMark",
		.value = "MARK|off", .scope = WEFT_SCOPE_DEVICE,
		.from_word = parse_fwmark, .from_field = parse_fwmark,
	}, {
		.word = "listen-address", .field = "ListenAddress",
		.value = "ADDRESS,...|any", .scope = WEFT_SCOPE_DEVICE,
		.own = true, .from_word = parse_listen_address,
		.from_field = parse_listen_address,
	}, {
		.word = "bind-device", .field = "BindDevice",
		.value = "LINK|off", .scope = WEFT_SCOPE_DEVICE, .own = true,
		.from_word = parse_bind_device, .from_field = parse_bind_device,
	}, {
		.word = "private-key", .field = "PrivateKey",
		.value = "FILE", .scope = WEFT_SCOPE_DEVICE,
		.from_word = parse_private_key_file,
		.from_field = parse_private_key,
	}, {
		.word = "pmtu", .field = "PMTU", .own = true,
		.value = "on|off", .scope = WEFT_SCOPE_DEVICE,
		.from_word = parse_pmtu, .from_field = parse_pmtu,
	}, {
		.word = "dscp", .field = "DSCP", .own = true,
		.value = "inherit|off|DSCP", .scope = WEFT_SCOPE_DEVICE,
		.from_word = parse_dscp, .from_field = parse_dscp,
	}, {
		.field = "PublicKey", .scope = WEFT_SCOPE_PEER,
		.from_field = weft_parse_public_key,
	}, {
		.word = "remove", .scope = WEFT_SCOPE_PEER,
		.from_word = parse_remove,
	}, {
		.word = "preshared-key", .field = "PresharedKey",
		.value = "FILE", .scope = WEFT_SCOPE_PEER,
		.from_word = parse_preshared_key_file,
		.from_field = parse_preshared_key,
	}, {
		.word = "endpoint", .field = "Endpoint",
		.value = "HOST:PORT,...", .scope = WEFT_SCOPE_PEER,
		.from_word = parse_endpoint, .from_field = parse_endpoint,
	}, {
		.word = "roam", .field = "Roam", .value = "on|off",
		.scope = WEFT_SCOPE_PEER, .own = true,
		.from_word = parse_roam, .from_field = parse_roam,
	}, {
		.word = "persistent-keepalive", .field = "PersistentKeepalive",
		.value = "SECONDS|off", .scope = WEFT_SCOPE_PEER,
		.from_word = parse_keepalive, .from_field = parse_keepalive,
	}, {
		.word = "allowed-ips", .field = "AllowedIPs",
		.value = "[+|-]IP/LENGTH,...", .scope = WEFT_SCOPE_PEER,
		.from_word = parse_allowedips, .from_field = parse_allowedips,
	}, {
		.word = "exclusive", .scope = WEFT_SCOPE_PEER, .own = true,
		.from_word = parse_exclusive,
	}, {
		.word = "name", .field = "Name", .value = "NAME",
		.scope = WEFT_SCOPE_PEER, .own = true, .spaced = true,
		.from_word = parse_name, .from_field = parse_name,
	}, {
		.word = "next-public-key", .field = "NextPublicKey",
		.value = "KEY|off", .scope = WEFT_SCOPE_PEER, .own = true,
		.from_word = parse_next_public_key,
		.from_field = parse_next_public_key,
	}, {
		.word = "previous-public-key", .value = "off",
		.scope = WEFT_SCOPE_PEER, .own = true,
		.from_word = parse_previous_public_key,
	}, {
		.word = "next-preshared-key", .field = "NextPresharedKey",
		.value = "FILE", .scope = WEFT_SCOPE_PEER, .own = true,
		.from_word = parse_next_preshared_key_file,
		.from_field = parse_next_preshared_key,
	}, {
		.word = "previous-preshared-key", .value = "off",
		.scope = WEFT_SCOPE_PEER, .own = true,
		.from_word = parse_previous_preshared_key,
	}, {
		.word = "grace", .field = "Grace", .value = "SECONDS|off",
		.scope = WEFT_SCOPE_PEER, .own = true,
		.from_word = parse_peer_grace, .from_field = parse_peer_grace,
	}, {
		.word = "forget-timestamp", .scope = WEFT_SCOPE_PEER,
		.own = true, .from_word = parse_forget_timestamp,
	},
	{ }
};

const struct weft_setting *weft_parse_find_word(const char *word)
{
	const struct weft_setting *setting;

	for (setting = weft_settings; setting->word || setting->field; setting++)
		if (setting->word && !strcmp(setting->word, word))
			return setting;
	return NULL;
}

const struct weft_setting *weft_parse_find_field(const struct weft_setting *in,
						 const char *field)
{
	const struct weft_setting *setting;
	int first = tolower((unsigned char)field[0]);

	/* Large files are worth a look at the first letter. */
	for (setting = in; setting->word || setting->field; setting++)
		if (setting->field &&
		    tolower((unsigned char)setting->field[0]) == first &&
		    !strcasecmp(setting->field, field))
			return setting;
	return NULL;
}

static void parse_list_some(FILE *stream, const struct weft_setting *setting,
			    enum weft_scope scope, bool fields)
{
	const char *name;

	for (; setting->word || setting->field; setting++) {
		name = fields ? setting->field : setting->word;
		if (setting->scope == scope && name)
			fprintf(stream, "%s%s", ftell(stream) ? ", " : "", name);
	}
}

char *weft_parse_list(enum weft_scope scope, bool fields,
		      const struct weft_setting *more)
{
	char *list = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&list, &len);

	if (!stream)
		return NULL;
	parse_list_some(stream, weft_settings, scope, fields);
	if (more)
		parse_list_some(stream, more, scope, fields);
	fclose(stream);
	return list;
}
