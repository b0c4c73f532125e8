/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The changes that "up" has made for an interface, recorded until "down": they can be
 * undone even if the link, the file or the process is lost in between.
 */
#ifndef _WEFT_TOOLS_RECORD_H
#define _WEFT_TOOLS_RECORD_H

#include <stdbool.h>

#include "conf/profile.h"

struct weft_context;

/* The service that receives name servers. */
enum weft_dns {
	WEFT_DNS_NONE,
	WEFT_DNS_RESOLVED,
	WEFT_DNS_RESOLVCONF,
};

/**
 * struct weft_dns_state - the name servers of one interface
 * @known: false where the service may have servers that are not recorded
 * @dns: the service that has them
 * @servers: their addresses
 * @search: search domains
 */
struct weft_dns_state {
	bool known;
	enum weft_dns dns;
	struct weft_words servers;
	struct weft_words search;
};

/* More than one table only during a change of the mark. */
#define WEFT_RECORD_TABLES	4

/**
 * struct weft_record - the record of one interface
 * @there: the record exists
 * @rising: "up" has begun to make the interface, and has not finished
 * @falling: "down" has run PreDown, and has not finished, or could not undo a part
 * @kept: a command could not undo a part
 * @index: the link, 0 while it is not known
 * @path: the file
 * @hooks: the file's PreDown and PostDown
 * @reached: the last hook of "up" that was started, or WEFT_HOOK_COUNT
 * @dns: the service that was handed the name servers
 * @servers: the name servers, none in a record of an earlier version
 * @search: the search domains
 * @tables: tables of default routes, which have rules and a firewall's table
 * @table_count: their number
 */
struct weft_record {
	bool there;
	bool rising;
	bool falling;
	bool kept;
	unsigned int index;
	char *path;
	struct weft_words hooks[WEFT_HOOK_COUNT];
	enum weft_profile_hook reached;
	enum weft_dns dns;
	struct weft_words servers;
	struct weft_words search;
	__u32 tables[WEFT_RECORD_TABLES];
	size_t table_count;
};

/* An unreadable record counts as missing, after a warning. */
void weft_record_read(const struct weft_context *ctx, const char *name,
		      struct weft_record *record);
/* False after a complaint, also where the folder of records cannot be used. */
bool weft_record_write(const struct weft_context *ctx, const char *name,
		       const struct weft_record *record);
void weft_record_remove(const struct weft_context *ctx, const char *name);
/* Marks a record for the next command: a part could not be undone, and the hooks have run. */
void weft_record_keep(struct weft_record *record);
void weft_record_free(struct weft_record *record);

/* Copy the file's path and hooks. False: no memory. */
bool weft_record_take_profile(struct weft_record *record,
			      const struct weft_profile *profile);
/* Copy the name servers that service @dns receives. False: no memory. */
bool weft_record_take_dns(struct weft_record *record, const struct weft_profile *profile,
			  enum weft_dns dns);
/*
 * Copy the tables of @left, and if @record has no name servers those that resolvconf(8)
 * has received. False: no memory.
 */
bool weft_record_absorb(struct weft_record *record, const struct weft_record *left);
void weft_record_add_table(struct weft_record *record, __u32 table);
/* A profile made from a record, sufficient for "down"; NULL: no memory. */
struct weft_profile *weft_record_profile(const struct weft_record *record,
					 const char *name);

#endif /* _WEFT_TOOLS_RECORD_H */
