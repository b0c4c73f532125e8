/* SPDX-License-Identifier: GPL-2.0 */
/* Links, addresses, routes, rules and programs for the commands; tests provide a replacement. */
#ifndef _WEFT_TOOLS_HOST_H
#define _WEFT_TOOLS_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "host/change.h"

/* The protocol of routes, addresses and rules of "up"; unused in iproute2's rt_protos. */
#define WEFT_PROTOCOL	119

/**
 * struct weft_host_link - the present state of a link
 * @index: its index, 0 if it does not exist
 * @kind: WEFT_KIND_NONE for a link that is no tunnel
 * @mtu: its MTU
 * @up: it is set up
 * @counted: the kernel has reported the counters below
 * @rx_bytes: bytes received
 * @tx_bytes: bytes sent
 * @rx_packets: packets received
 * @tx_packets: packets sent
 */
struct weft_host_link {
	unsigned int index;
	enum weft_kind kind;
	unsigned int mtu;
	bool up;
	bool counted;
	__u64 rx_bytes;
	__u64 tx_bytes;
	__u64 rx_packets;
	__u64 tx_packets;
};

/**
 * struct weft_host_way - the kernel's route for a packet
 * @asked: the kernel has answered the lookup
 * @found: a route exists
 * @dev: the output interface
 * @mtu: the known path MTU
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

/**
 * struct weft_host_address - one address of this machine
 * @index: its link
 * @prefix: the address, with the length of its network
 * @flags: IFA_F_*
 * @scope: RT_SCOPE_*
 */
struct weft_host_address {
	unsigned int index;
	struct weft_allowedip prefix;
	__u32 flags;
	__u8 scope;
};

/* Freed with free(@items). */
struct weft_host_addresses {
	struct weft_host_address *items;
	size_t count;
};

#define WEFT_HOST_KIND_BYTES	32

/**
 * struct weft_host_link_name - one link of this machine
 * @index: its index
 * @name: its name
 * @kind: the kernel's word for its kind, such as "bridge" or "tun"; "" for hardware
 * @master: the link whose port it is, such as a bridge, or 0
 * @up: it is set up, and has a carrier
 */
struct weft_host_link_name {
	unsigned int index;
	char name[IFNAMSIZ];
	char kind[WEFT_HOST_KIND_BYTES];
	unsigned int master;
	bool up;
};

/* Freed with free(@items). */
struct weft_host_links {
	struct weft_host_link_name *items;
	size_t count;
};

/* Freed with weft_host_rules_free(). */
struct weft_rules {
	struct weft_rule *items;
	size_t count;
};

/**
 * struct weft_host - links, addresses, routes, rules and programs
 * @link: the link of a name; a missing link is no failure
 * @addresses: the addresses of a link
 * @all_addresses: the addresses of all links, of both families
 * @links: all links
 * @watch: subscribe to changes of links and addresses; a descriptor that is readable after
 *         one, to be closed
 * @changed: consume the notifications of @watch's descriptor; whether there was one, or one
 *           was lost
 * @routes: routes of both families through link @index, in all tables but the
 *          local one; with @index 0 those in @table, whatever link they use,
 *          special ones included
 * @rules: the rules of both families
 * @path_mtu: the MTU on the path to @to, or that of the default route for NULL;
 *            0 without a route
 * @way: the route for a packet to @to; a missing route is no failure
 * @read: the first line of a file, without its newline; to be freed
 * @has: a program of this name can be run; NULL for a host without programs
 * @home: this network namespace is that of process 1; not needed without @has
 * @run: run a program; its output, to be freed, unless @output is NULL
 * @change: make a change
 * @error: why the last call failed, in words
 *
 * Each returns 0, unless it says otherwise above, or a negative errno, and then has @error
 * filled in.
 */
struct weft_host {
	int (*link)(struct weft_host *host, const char *name,
		    struct weft_host_link *link);
	int (*addresses)(struct weft_host *host, unsigned int index,
			 struct weft_routes *addresses);
	int (*all_addresses)(struct weft_host *host, struct weft_host_addresses *addresses);
	int (*links)(struct weft_host *host, struct weft_host_links *links);
	int (*watch)(struct weft_host *host);
	bool (*changed)(struct weft_host *host, int fd);
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

/* The path of the setting net.FAMILY.conf.NAME.SETTING, to be freed. NULL: no memory. */
char *weft_host_setting_path(const char *family, const char *name, const char *setting);
/* Its number, -1 where it does not exist. */
int weft_host_setting(struct weft_host *host, const char *family, const char *name,
		      const char *setting);
/* The effective rp_filter is strict: the greater of "all" and the interface's own. */
bool weft_host_is_strict(struct weft_host *host, const char *name);

/* The host backed by the kernel. */
struct weft_host *weft_host_kernel(void);

#endif /* _WEFT_TOOLS_HOST_H */
