/* SPDX-License-Identifier: GPL-2.0 */
/* Profiles: an interface's file for "up", in wg-quick(8)'s format with more fields. */
#ifndef _WEFT_TOOLS_PROFILE_H
#define _WEFT_TOOLS_PROFILE_H

#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "host/host.h"
#include "model/key.h"

struct weft_context;
struct weft_device;

enum weft_profile_table {
	WEFT_TABLE_AUTO,
	WEFT_TABLE_OFF,
	WEFT_TABLE_NUMBER,
};

enum weft_profile_switch {
	WEFT_SWITCH_NONE,
	WEFT_SWITCH_OFF,
	WEFT_SWITCH_ON,
};

enum weft_profile_hook {
	WEFT_HOOK_PRE_UP,
	WEFT_HOOK_POST_UP,
	WEFT_HOOK_PRE_DOWN,
	WEFT_HOOK_POST_DOWN,
	WEFT_HOOK_COUNT,
};

/* Words of a file, in its order, each with its line. */
struct weft_words {
	struct weft_word {
		char *text;
		unsigned int line;
	} *items;
	size_t count;
};

/**
 * struct weft_profile - a parsed file
 * @name: the interface
 * @path: the file
 * @dev: keys, ports and peers; endpoints are not resolved
 * @addresses: of the interface
 * @dns: addresses of name servers
 * @search: domains to search in
 * @mtu: the MTU, 0 to derive it from the paths
 * @mtu_line: its line
 * @table: the choice of the routing table
 * @table_line: its line
 * @table_number: the routing table, for WEFT_TABLE_NUMBER
 * @table_text: the field's value in the file, or NULL
 * @hooks: the commands of each hook
 * @save: write the file anew when the interface goes down
 * @previous_key: the private key before a rotation; all zero: none
 * @grace_until: the end of its grace, in seconds since 1970; 0: without an end
 * @forwarding: forward packets from this interface to others
 */
struct weft_profile {
	char name[IFNAMSIZ];
	char *path;
	struct stat seen;	/* of the opened file, all zero without one */
	struct weft_device *dev;
	struct weft_routes addresses;
	struct weft_words dns;
	struct weft_words search;
	unsigned int mtu;
	unsigned int mtu_line;
	enum weft_profile_table table;
	unsigned int table_line;
	__u32 table_number;
	char *table_text;
	struct weft_words hooks[WEFT_HOOK_COUNT];
	bool save;
	enum weft_profile_switch forwarding;
	struct weft_key previous_key;
	__s64 grace_until;
};

/* "PreUp" and so on. */
const char *weft_profile_hook_name(enum weft_profile_hook hook);
/* Whether @field is a profile's field in the section of the interface, or of a peer. */
bool weft_profile_is_own_field(const char *field, bool in_peer);
/* A copy of @text; false: no memory. */
bool weft_profile_words_add(struct weft_words *words, const char *text,
			    unsigned int line);
/* The same for a text that is formatted. */
bool weft_profile_words_print(struct weft_words *words, const char *fmt, va_list args);
/* The same texts in the same order. */
bool weft_profile_words_equal(const struct weft_words *a, const struct weft_words *b);
void weft_profile_words_free(struct weft_words *words);
/* Letters, digits and _=+.-, 15 at most. */
bool weft_profile_name_is_good(const char *name, size_t len);

/*
 * Parses the text of file @path, which is modified, into a profile of interface
 * @name. NULL after a complaint.
 */
struct weft_profile *weft_profile_parse(const struct weft_context *ctx,
					const char *path, char *text,
					const char *name);
void weft_profile_free(struct weft_profile *profile);

#endif /* _WEFT_TOOLS_PROFILE_H */
