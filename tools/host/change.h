/* SPDX-License-Identifier: GPL-2.0 */
/* One change to links, addresses, routes, rules, settings or by a program, and its inverse. */
#ifndef _WEFT_TOOLS_CHANGE_H
#define _WEFT_TOOLS_CHANGE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/model.h"

enum weft_change_kind {
	WEFT_CHANGE_LINK_ADD,
	WEFT_CHANGE_LINK_DELETE,
	WEFT_CHANGE_LINK_MTU,
	WEFT_CHANGE_LINK_UP,
	WEFT_CHANGE_LINK_DOWN,
	WEFT_CHANGE_ADDRESS_ADD,
	WEFT_CHANGE_ADDRESS_DELETE,
	WEFT_CHANGE_ROUTE_ADD,
	WEFT_CHANGE_ROUTE_DELETE,
	WEFT_CHANGE_RULE_ADD,
	WEFT_CHANGE_RULE_DELETE,
	WEFT_CHANGE_FILE,
	WEFT_CHANGE_PROGRAM,
};

/**
 * struct weft_route - a route through an interface, or an address of it
 * @prefix: the destination; of an address with its host bits
 * @table: the routing table, 0 for an address
 * @protocol: the origin of the route
 * @metric: of a route that was listed: of two to one prefix the lower one counts
 * @index: the interface of a route that was listed, 0 for none or several
 * @special: of a route that was listed: not unicast, for example unreachable or blackhole
 */
struct weft_route {
	struct weft_allowedip prefix;
	__u32 table;
	__u8 protocol;
	__u32 metric;
	unsigned int index;
	bool special;
};

/**
 * struct weft_rule - a rule of policy routing
 * @family: AF_INET or AF_INET6
 * @priority: lower values come first
 * @table: the table that it looks up
 * @mark: the mark that it matches, 0 for none
 * @invert: it matches packets without the mark
 * @no_default: it ignores default routes of the table
 * @protocol: the origin of the rule
 */
struct weft_rule {
	__u16 family;
	__u32 priority;
	__u32 table;
	__u32 mark;
	bool invert;
	bool no_default;
	__u8 protocol;
};

/**
 * struct weft_program - a program to be run
 * @words: its name and arguments, up to a NULL; NULL for no program
 * @count: their number
 * @input: its standard input, or NULL for none
 * @script: a text that may contain secrets, and so must not be among the words,
 *	which every user can read; the number of a descriptor for it is appended
 *	to the words. NULL for none
 */
struct weft_program {
	char **words;
	size_t count;
	char *input;
	char *script;
};

/**
 * struct weft_change - one change
 * @kind: the kind of change; the other fields are filled in as far as needed
 * @dev: the interface
 * @link_kind: the kind of link to add
 * @mtu: the link's new MTU
 * @old_mtu: its former MTU
 * @route: a route, or an address
 * @rule: a rule
 * @path: a file of the kernel's settings, below /proc/sys
 * @text: the new value
 * @old_text: the former value
 * @title: the purpose of the program, for messages
 * @program: a program
 * @undo: the program that undoes the change; without words there is no undo
 * @partial: a failed @program may have made a part of the change
 */
struct weft_change {
	enum weft_change_kind kind;
	char dev[IFNAMSIZ];
	enum weft_kind link_kind;
	unsigned int mtu;
	unsigned int old_mtu;
	struct weft_route route;
	struct weft_rule rule;
	char *path;
	char *text;
	char *old_text;
	char *title;
	struct weft_program program;
	struct weft_program undo;
	bool partial;
};

/* "add the address 10.0.0.1/24"; to be freed. NULL: no memory. */
char *weft_change_describe(const struct weft_change *change);
/* Turn a change into its inverse. False: it has none. */
bool weft_change_invert(struct weft_change *change);
/* Free the members of @change. */
void weft_change_clear(struct weft_change *change);

/* False: no memory. Words end with a NULL. */
bool weft_program_set(struct weft_program *program, const char *input, ...);
bool weft_program_add(struct weft_program *program, const char *word);

#endif /* _WEFT_TOOLS_CHANGE_H */
