/* SPDX-License-Identifier: GPL-2.0 */
/* Settings: the words of the command line and the fields of a file. */
#ifndef _WEFT_TOOLS_SETTING_H
#define _WEFT_TOOLS_SETTING_H

#include <linux/types.h>

#include "base/complain.h"

struct weft_allowedip;
struct weft_device;
struct weft_key;
struct weft_peer;
struct weft_profile;
struct weft_setting;

enum weft_scope {
	WEFT_SCOPE_DEVICE,
	WEFT_SCOPE_PEER,
};

/**
 * struct weft_parser - the state of parsing text into a model
 * @ctx: for complaints
 * @place: the parser's position
 * @dev: the device being filled in
 * @peer: the peer that settings belong to, NULL before the first
 * @whole: the text describes the complete device: omitted settings are off
 * @more: additional fields of this file, or NULL
 * @profile: the profile that they fill in
 * @have: the interface's present state, once a peer was given by its name
 */
struct weft_parser {
	const struct weft_context *ctx;
	struct weft_place place;
	struct weft_device *dev;
	struct weft_peer *peer;
	bool whole;
	const struct weft_setting *more;
	struct weft_profile *profile;
	struct weft_device *have;
};

typedef bool (*weft_setter)(struct weft_parser *parser, const char *value);

/**
 * struct weft_setting - one setting
 * @word: its name on the command line, or NULL
 * @field: its name in a file
 * @value: the name of its value, for usage
 * @scope: interface or peer
 * @own: only weft's links support it
 * @spaced: white space inside the value is kept
 * @empty: a file may leave the value out
 * @has: the bits that it sets in @has of the device or the peer
 * @set: parses a value, NULL without one
 */
struct weft_setting {
	const char *word;
	const char *field;
	const char *value;
	enum weft_scope scope;
	bool own;
	bool spaced;
	bool empty;
	unsigned int has;
	weft_setter set;
};

extern const struct weft_setting weft_settings[];

const struct weft_setting *weft_setting_find_word(const char *word);
const struct weft_setting *weft_setting_find_field(const struct weft_setting *in,
						   const char *field);
/* Sets a value in the parser's device or peer. False after a complaint. */
bool weft_setting_take(struct weft_parser *parser, const struct weft_setting *setting,
		       const char *value);
/*
 * "a, b, c": names of the settings of a scope, for complaints, those in @more
 * included if it is not NULL; to be freed.
 */
char *weft_setting_list(enum weft_scope scope, bool fields,
			const struct weft_setting *more);
/* Digits only, and no more than @max. */
bool weft_setting_number(const char *text, int base, __u64 max, __u64 *number);
/* Decimal, or hexadecimal after "0x"; a leading zero does not mean octal. */
bool weft_setting_mark(const char *text, __u64 *mark);
/* "address" or "address/length"; @text is modified in between, and restored. */
bool weft_setting_prefix(char *text, struct weft_allowedip *ip);
/* "on" or "off". */
bool weft_setting_switch(struct weft_parser *parser, const char *value,
			 bool *on);
/* Seconds, or "off" for 0: without an end. */
bool weft_setting_grace(struct weft_parser *parser, const char *value,
			__u32 *grace);
/* A private or a preshared key, which no complaint quotes. */
bool weft_setting_secret(struct weft_parser *parser, const char *value,
			 struct weft_key *key);

#endif /* _WEFT_TOOLS_SETTING_H */
