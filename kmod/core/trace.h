/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints weft:*. None carries a secret: public keys, indices as on the wire, reasons.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM weft

#if !defined(WEFT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define WEFT_TRACE_H

#include "core/device.h"
#include "core/drop_reason.h"
#include "core/peer_ref.h"
#include "lib/wire.h"

#include <linux/tracepoint.h>

#ifndef WEFT_TRACE_ONCE
#define WEFT_TRACE_ONCE

/* A public key in base64. */
#define WEFT_TRACE_KEY_LEN	45

enum weft_trace_session {
	WEFT_TRACE_SESSION_BEGUN,	/* it has its keys */
	WEFT_TRACE_SESSION_CONFIRMED,	/* the other end has them as well */
	WEFT_TRACE_SESSION_OVER,
};

void weft_trace_key(char text[WEFT_TRACE_KEY_LEN], const struct weft_peer *peer);

#define WEFT_TRACE_ENUM(reason, ...)	TRACE_DEFINE_ENUM(WEFT_DROP_##reason);

#define WEFT_TRACE_REASON(reason, ethtool, counter, core, name)	{ WEFT_DROP_##reason, name },

#define WEFT_TRACE_REASONS	WEFT_DROP_TABLE(WEFT_TRACE_REASON) { WEFT_DROP_NONE, "good" }

#endif /* WEFT_TRACE_ONCE */

/* Programs that read events in binary form need the numbers. */
TRACE_DEFINE_ENUM(WEFT_DROP_NONE);
WEFT_DROP_TABLE(WEFT_TRACE_ENUM)

TRACE_DEFINE_ENUM(WEFT_MSG_INITIATION);
TRACE_DEFINE_ENUM(WEFT_MSG_RESPONSE);
TRACE_DEFINE_ENUM(WEFT_MSG_COOKIE_REPLY);

TRACE_DEFINE_ENUM(WEFT_TRACE_SESSION_BEGUN);
TRACE_DEFINE_ENUM(WEFT_TRACE_SESSION_CONFIRMED);
TRACE_DEFINE_ENUM(WEFT_TRACE_SESSION_OVER);

/* Dropped packets. The key is empty if the peer is not known. */
TRACE_EVENT(weft_drop,
	TP_PROTO(const struct weft_device *device, const struct weft_peer *peer,
		 enum weft_drop reason, unsigned int count),
	TP_ARGS(device, peer, reason, count),
	TP_STRUCT__entry(
		__array(char, dev, IFNAMSIZ)
		__array(char, peer, WEFT_TRACE_KEY_LEN)
		__field(int, reason)
		__field(unsigned int, count)
	),
	TP_fast_assign(
		strscpy(__entry->dev, device->dev->name, IFNAMSIZ);
		weft_trace_key(__entry->peer, peer);
		__entry->reason = reason;
		__entry->count = count;
	),
	TP_printk("dev=%s peer=%s reason=%s count=%u", __entry->dev, __entry->peer,
		  __print_symbolic(__entry->reason, WEFT_TRACE_REASONS), __entry->count)
);

/* A handshake message that was sent or received, and the drop reason if it was refused. */
TRACE_EVENT(weft_handshake,
	TP_PROTO(const struct weft_device *device, const struct weft_peer *peer,
		 enum weft_msg_type type, bool sent, enum weft_drop refused),
	TP_ARGS(device, peer, type, sent, refused),
	TP_STRUCT__entry(
		__array(char, dev, IFNAMSIZ)
		__array(char, peer, WEFT_TRACE_KEY_LEN)
		__field(int, type)
		__field(bool, sent)
		__field(int, refused)
	),
	TP_fast_assign(
		strscpy(__entry->dev, device->dev->name, IFNAMSIZ);
		weft_trace_key(__entry->peer, peer);
		__entry->type = type;
		__entry->sent = sent;
		__entry->refused = refused;
	),
	TP_printk("dev=%s peer=%s message=%s %s verdict=%s", __entry->dev, __entry->peer,
		  __print_symbolic(__entry->type,
				   { WEFT_MSG_INITIATION, "initiation" },
				   { WEFT_MSG_RESPONSE, "response" },
				   { WEFT_MSG_COOKIE_REPLY, "cookie" }),
		  __entry->sent ? "sent" : "received",
		  __print_symbolic(__entry->refused, WEFT_TRACE_REASONS))
);

/* The lifetime of a session. Its index is the one in messages from the other end. */
TRACE_EVENT(weft_session,
	TP_PROTO(const struct weft_peer *peer, __le32 index, bool initiator,
		 enum weft_trace_session what),
	TP_ARGS(peer, index, initiator, what),
	TP_STRUCT__entry(
		__array(char, dev, IFNAMSIZ)
		__array(char, peer, WEFT_TRACE_KEY_LEN)
		__field(int, what)
		__field(u32, index)
		__field(bool, initiator)
	),
	TP_fast_assign(
		strscpy(__entry->dev, peer->device->dev->name, IFNAMSIZ);
		weft_trace_key(__entry->peer, peer);
		__entry->what = what;
		__entry->index = le32_to_cpu(index);
		__entry->initiator = initiator;
	),
	TP_printk("dev=%s peer=%s session=%08x %s %s", __entry->dev, __entry->peer,
		  __entry->index, __entry->initiator ? "initiator" : "responder",
		  __print_symbolic(__entry->what,
				   { WEFT_TRACE_SESSION_BEGUN, "begun" },
				   { WEFT_TRACE_SESSION_CONFIRMED, "confirmed" },
				   { WEFT_TRACE_SESSION_OVER, "over" }))
);

#endif /* WEFT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
