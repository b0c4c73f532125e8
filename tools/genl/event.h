/* SPDX-License-Identifier: GPL-2.0 */
/* Events: notifications of the kernel about interfaces and peers. */
#ifndef _WEFT_TOOLS_EVENT_H
#define _WEFT_TOOLS_EVENT_H

#include <linux/types.h>
#include <linux/weft.h>
#include <net/if.h>
#include <stdbool.h>

#include "model/key.h"
#include "model/model.h"

#define WEFT_EVENT_NAME_BYTES	64

struct json_object;
struct nlattr;
struct weft_context;

/**
 * struct weft_event - one event
 * @type: WEFT_EVENT_*
 * @cause: WEFT_CAUSE_*
 * @sequence: one more than that of the interface's previous event
 * @time_ns: the time, nanoseconds since the epoch
 * @ifindex: of the interface
 * @ifname: its name
 * @has_key: @public_key is present
 * @public_key: the peer's key, or the interface's own
 * @has_old_key: @old_public_key is present
 * @old_public_key: the key that was replaced or dropped
 * @peer_name: the peer's name, or ""
 * @endpoint: family AF_UNSPEC where there is none
 * @rtt_us: microseconds that our handshake took, or 0
 */
struct weft_event {
	__u32 type;
	__u32 cause;
	__u64 sequence;
	__u64 time_ns;
	__u32 ifindex;
	char ifname[IFNAMSIZ];
	bool has_key;
	struct weft_key public_key;
	bool has_old_key;
	struct weft_key old_public_key;
	char peer_name[WEFT_EVENT_NAME_BYTES];
	union weft_endpoint endpoint;
	__u32 rtt_us;
};

/* The sequence of each interface's latest event. */
struct weft_event_cursor {
	struct weft_event_cursor *next;
	__u32 ifindex;
	__u64 sequence;
};

/* @head: the attributes after the header of a message of the group "events". */
int weft_event_parse(const struct nlattr *head, int len,
		     struct weft_event *event);
/* As in the specification, or NULL for a type of a newer kernel. */
const char *weft_event_type_name(__u32 type);
const char *weft_event_cause_name(__u32 cause);
/* How many events are missing before this one; 0 for an interface's first. */
__u64 weft_event_missed(struct weft_event_cursor **cursors,
			const struct weft_event *event);
void weft_event_forget(struct weft_event_cursor **cursors);

/* One line each. False when memory is short. */
bool weft_event_print_missed(const struct weft_context *ctx,
			     const struct weft_event *event, __u64 missed);
void weft_event_print(const struct weft_context *ctx,
		      const struct weft_event *event);
bool weft_event_print_json(const struct weft_context *ctx,
			   const struct weft_event *event);

#endif /* _WEFT_TOOLS_EVENT_H */
