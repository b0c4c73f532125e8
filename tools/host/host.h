/* SPDX-License-Identifier: GPL-2.0 */
/* What is around interfaces, as the commands see it; tests bring their own. */
#ifndef _WEFT_TOOLS_HOST_H
#define _WEFT_TOOLS_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "host/change.h"

/* Who made it: weft up. No number that others have (iproute2's rt_protos). */
#define WEFT_PROTOCOL	119

/**
 * struct weft_host_link - a link as it is
 * @index: its number, 0 where there is no such link
 * @kind: WEFT_KIND_NONE for one that is no tunnel
 * @mtu: its MTU
 * @up: it is set up
 */
struct weft_host_link {
	unsigned int index;
	enum weft_kind kind;
	unsigned int mtu;
	bool up;
};

/**
 * struct weft_host_way - where the kernel would send a packet
 * @asked: the kernel was asked, and has answered
 * @found: there is a route
 * @dev: through which interface
 * @mtu: the largest packet on that way, as far as is known
 */
struct weft_host_way {
	bool asked;
	bool found;
	char dev[IFNAMSIZ];
	unsigned int mtu;
};

/* Freed with weft_host_routes_free(). */
struct weft_routes {
	struct weft_route *items;
	size_t count;
};

/* Freed with weft_host_rules_free(). */
struct weft_rules {
	struct weft_rule *items;
	size_t count;
};

/**
 * struct weft_host - what is around interfaces
 * @link: the link of a name; that there is none is no failure
 * @addresses: the addresses of a link
 * @routes: routes of both families through link @index, in all tables but the
 *          local one; with @index 0 those in @table, whatever link they use,
 *          special ones included
 * @rules: the rules of both families
 * @path_mtu: the MTU on the way to @to, or that of the default route for NULL;
 *            0 where there is no way
 * @way: where a packet for @to would go; that it goes nowhere is no failure
 * @read: the first line of a file, without its end; to be freed
 * @has: a program of this name can be run; NULL for a host without
 * @home: this network namespace is that of the first process; not needed without @has
 * @run: run a program; what it printed, to be freed, unless @output is NULL
 * @change: change something
 * @error: why the last call failed, in words
 *
 * Each returns 0 or a negative errno, and then has @error filled in.
 */
struct weft_host {
	int (*link)(struct weft_host *host, const char *name,
		    struct weft_host_link *link);
	int (*addresses)(struct weft_host *host, unsigned int index,
			 struct weft_routes *addresses);
	int (*routes)(struct weft_host *host, unsigned int index,
		      __u32 table, struct weft_routes *routes);
	int (*rules)(struct weft_host *host, struct weft_rules *rules);
	int (*path_mtu)(struct weft_host *host,
			const union weft_endpoint *to, __u32 mark,
			unsigned int *mtu);
	int (*way)(struct weft_host *host, const union weft_endpoint *to,
		   __u32 mark, struct weft_host_way *way);
	int (*read)(struct weft_host *host, const char *path,
		    char **text);
	bool (*has)(struct weft_host *host, const char *program);
	bool (*home)(struct weft_host *host);
	int (*run)(struct weft_host *host,
		   const struct weft_program *program, char **output);
	int (*change)(struct weft_host *host,
		      const struct weft_change *change);
	char error[512];
};

/* NULL: no memory. */
struct weft_route *weft_host_routes_add(struct weft_routes *routes);
struct weft_rule *weft_host_rules_add(struct weft_rules *rules);
void weft_host_routes_free(struct weft_routes *routes);
void weft_host_rules_free(struct weft_rules *rules);

/* The host as the kernel has it. */
struct weft_host *weft_host_kernel(void);

#endif /* _WEFT_TOOLS_HOST_H */
