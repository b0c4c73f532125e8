/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What up has done around an interface, kept until down: whatever becomes of
 * the link, the file or the process in between, it can be undone.
 */
#ifndef _WEFT_TOOLS_RECORD_H
#define _WEFT_TOOLS_RECORD_H

#include <stdbool.h>

#include "conf/profile.h"

struct weft_context;

/* The service that name servers are handed to. */
enum weft_dns {
	WEFT_DNS_NONE,
	WEFT_DNS_RESOLVED,
	WEFT_DNS_RESOLVCONF,
};

/**
 * struct weft_dns_state - the name servers of one interface
 * @known: false where the service may have been handed some that are not recorded
 * @dns: the service that was handed them
 * @servers: their addresses
 * @search: search domains
 */
struct weft_dns_state {
	bool known;
	enum weft_dns dns;
	struct weft_words servers;
	struct weft_words search;
};

/* More than one only while a change of the mark is under way. */
#define WEFT_RECORD_TABLES	4

/**
 * struct weft_record - the record of one interface
 * @there: there is one
 * @rising: up has begun to make the interface, and has not come to its end
 * @falling: down has run PreDown, and has not come to its end, or a part could not be undone
 * @kept: a command could not undo a part
 * @index: the link, 0 while it is not known
 * @path: the file
 * @hooks: the file's PreDown and PostDown
 * @reached: the last hook of up that was begun, or WEFT_HOOK_COUNT
 * @dns: who was handed the name servers
 * @servers: these, none in a record of an earlier version
 * @search: search domains, handed over with them
 * @tables: tables of default routes, which have rules and a firewall's table
 * @table_count: how many those are
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

/* What cannot be read is as if it were not there, after a warning. */
void weft_record_read(const struct weft_context *ctx, const char *name,
		      struct weft_record *record);
/* False after a complaint, also where the folder of records cannot be used. */
bool weft_record_write(const struct weft_context *ctx, const char *name,
		       const struct weft_record *record);
void weft_record_remove(const struct weft_context *ctx, const char *name);
/* To be written for the next command: a part could not be undone, and the hooks have run. */
void weft_record_keep(struct weft_record *record);
void weft_record_free(struct weft_record *record);

/* Take over file and hooks. False: no memory. */
bool weft_record_take_profile(struct weft_record *record,
			      const struct weft_profile *profile);
/* Take over the name servers that service @dns is handed. False: no memory. */
bool weft_record_take_dns(struct weft_record *record, const struct weft_profile *profile,
			  enum weft_dns dns);
/*
 * Take over the tables of @left, and where @record has no name servers those that
 * resolvconf(8) was handed. False: no memory.
 */
bool weft_record_absorb(struct weft_record *record, const struct weft_record *left);
void weft_record_add_table(struct weft_record *record, __u32 table);
/* A profile of what is recorded, enough to go down; NULL: no memory. */
struct weft_profile *weft_record_profile(const struct weft_record *record,
					 const char *name);

#endif /* _WEFT_TOOLS_RECORD_H */
