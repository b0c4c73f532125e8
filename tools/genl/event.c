// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <json-c/json.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/complain.h"
#include "base/context.h"
#include "genl/event.h"
#include "genl/message.h"
#include "model/format.h"
#include "print/json.h"

#define EVENT_SECOND_NS		1000000000ULL

static const char * const event_types[] = {
	[WEFT_EVENT_DEVICE_ADDED] = "device-added",
	[WEFT_EVENT_DEVICE_CHANGED] = "device-changed",
	[WEFT_EVENT_DEVICE_REMOVED] = "device-removed",
	[WEFT_EVENT_PEER_ADDED] = "peer-added",
	[WEFT_EVENT_PEER_CHANGED] = "peer-changed",
	[WEFT_EVENT_PEER_REMOVED] = "peer-removed",
	[WEFT_EVENT_SESSION_UP] = "session-up",
	[WEFT_EVENT_SESSION_RENEWED] = "session-renewed",
	[WEFT_EVENT_SESSION_GIVEN_UP] = "session-given-up",
	[WEFT_EVENT_ENDPOINT_CHANGED] = "endpoint-changed",
	[WEFT_EVENT_IDENTITY_ROTATED] = "identity-rotated",
	[WEFT_EVENT_GRACE_ENDED] = "grace-ended",
	[WEFT_EVENT_PEER_KEY_CHANGED] = "peer-key-changed",
};

static const char * const event_causes[] = {
	[WEFT_CAUSE_NONE] = "none",
	[WEFT_CAUSE_ADMINISTRATION] = "administration",
	[WEFT_CAUSE_PACKET] = "packet",
	[WEFT_CAUSE_UNANSWERED] = "unanswered",
	[WEFT_CAUSE_REFUSED] = "refused",
	[WEFT_CAUSE_NO_ENDPOINT] = "no-endpoint",
	[WEFT_CAUSE_NO_KEY] = "no-key",
	[WEFT_CAUSE_OWN_KEY] = "own-key",
	[WEFT_CAUSE_DEVICE_REMOVED] = "device-removed",
	[WEFT_CAUSE_TIME] = "time",
	[WEFT_CAUSE_FINISH] = "finish",
	[WEFT_CAUSE_UNDO] = "undo",
};

const char *weft_event_type_name(__u32 type)
{
	return type < ARRAY_SIZE(event_types) ? event_types[type] : NULL;
}

const char *weft_event_cause_name(__u32 cause)
{
	return cause < ARRAY_SIZE(event_causes) ? event_causes[cause] : NULL;
}

/* libnl does not take the table as const. */
static struct nla_policy event_policy[WEFT_EVENT_A_MAX + 1] = {
	[WEFT_EVENT_A_TYPE] = { .type = NLA_U32 },
	[WEFT_EVENT_A_SEQUENCE] = { .type = NLA_U64 },
	[WEFT_EVENT_A_TIME] = { .type = NLA_U64 },
	[WEFT_EVENT_A_IFINDEX] = { .type = NLA_U32 },
	[WEFT_EVENT_A_IFNAME] = { .type = NLA_STRING },
	[WEFT_EVENT_A_CAUSE] = { .type = NLA_U32 },
	[WEFT_EVENT_A_PEER_NAME] = { .type = NLA_STRING },
	[WEFT_EVENT_A_HANDSHAKE_RTT] = { .type = NLA_U32 },
};

static bool event_get_key(struct nlattr *attr, struct weft_key *key)
{
	if (!attr || nla_len(attr) != WEFT_KEY_BYTES)
		return false;
	memcpy(key->bytes, nla_data(attr), WEFT_KEY_BYTES);
	return true;
}

static __u32 event_get_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

int weft_event_parse(const struct nlattr *head, int len,
		     struct weft_event *event)
{
	struct nlattr *tb[WEFT_EVENT_A_MAX + 1];

	memset(event, 0, sizeof(*event));
	if (nla_parse(tb, WEFT_EVENT_A_MAX, (struct nlattr *)head, len,
		      event_policy) ||
	    !tb[WEFT_EVENT_A_TYPE] || !tb[WEFT_EVENT_A_SEQUENCE] ||
	    !tb[WEFT_EVENT_A_TIME] || !tb[WEFT_EVENT_A_IFNAME])
		return -EBADMSG;
	event->type = nla_get_u32(tb[WEFT_EVENT_A_TYPE]);
	event->sequence = nla_get_u64(tb[WEFT_EVENT_A_SEQUENCE]);
	event->time_ns = nla_get_u64(tb[WEFT_EVENT_A_TIME]);
	nla_strlcpy(event->ifname, tb[WEFT_EVENT_A_IFNAME],
		    sizeof(event->ifname));
	event->cause = event_get_u32(tb[WEFT_EVENT_A_CAUSE]);
	event->ifindex = event_get_u32(tb[WEFT_EVENT_A_IFINDEX]);
	event->rtt_us = event_get_u32(tb[WEFT_EVENT_A_HANDSHAKE_RTT]);
	event->has_key = event_get_key(tb[WEFT_EVENT_A_PUBLIC_KEY],
				       &event->public_key);
	event->has_old_key = event_get_key(tb[WEFT_EVENT_A_OLD_PUBLIC_KEY],
					   &event->old_public_key);
	if (tb[WEFT_EVENT_A_PEER_NAME])
		nla_strlcpy(event->peer_name, tb[WEFT_EVENT_A_PEER_NAME],
			    sizeof(event->peer_name));
	weft_message_parse_endpoint(tb[WEFT_EVENT_A_ENDPOINT],
				    &event->endpoint);
	return 0;
}

static struct weft_event_cursor *event_find_cursor(struct weft_event_cursor **cursors,
						   __u32 ifindex)
{
	struct weft_event_cursor *cursor;

	for (cursor = *cursors; cursor; cursor = cursor->next)
		if (cursor->ifindex == ifindex)
			return cursor;
	cursor = calloc(1, sizeof(*cursor));
	if (!cursor)
		return NULL;
	cursor->ifindex = ifindex;
	cursor->next = *cursors;
	*cursors = cursor;
	return cursor;
}

__u64 weft_event_missed(struct weft_event_cursor **cursors,
			const struct weft_event *event)
{
	struct weft_event_cursor *cursor = event_find_cursor(cursors,
							     event->ifindex);
	__u64 before = 0;

	if (!cursor)
		return 0;
	/* An index can be reused: a new interface counts from its beginning. */
	if (event->type != WEFT_EVENT_DEVICE_ADDED &&
	    cursor->sequence < event->sequence)
		before = cursor->sequence;
	cursor->sequence = event->sequence;
	return before ? event->sequence - before - 1 : 0;
}

void weft_event_forget(struct weft_event_cursor **cursors)
{
	struct weft_event_cursor *cursor;

	while ((cursor = *cursors)) {
		*cursors = cursor->next;
		free(cursor);
	}
}

/* An unknown event of a newer kernel is printed, too. */
static const char *event_what(const struct weft_event *event)
{
	return weft_event_type_name(event->type) ?: "unknown";
}

static const char *event_why(const struct weft_event *event)
{
	return weft_event_cause_name(event->cause) ?: "unknown";
}

static void event_print_time(FILE *out, __u64 time_ns)
{
	time_t seconds = time_ns / EVENT_SECOND_NS;
	char text[32];
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%F %T", &tm))
		return;
	fprintf(out, "%s.%03llu ", text,
		time_ns % EVENT_SECOND_NS / 1000000);
}

static void event_print_what(FILE *out, const struct weft_event *event)
{
	const char *what = event_what(event);

	for (; *what; what++)
		fputc(*what == '-' ? ' ' : *what, out);
}

void weft_event_print(const struct weft_context *ctx,
		      const struct weft_event *event)
{
	FILE *out = ctx->out;

	event_print_time(out, event->time_ns);
	fputs(event->ifname, out);
	if (*event->peer_name)
		fprintf(out, " %s", event->peer_name);
	else if (event->has_key)
		fprintf(out, " %s", weft_key_encode(&event->public_key).chars);
	fputs(": ", out);
	event_print_what(out, event);
	if (event->cause != WEFT_CAUSE_NONE)
		fprintf(out, " (%s)", event_why(event));
	if (event->has_old_key)
		fprintf(out, ", before: %s",
			weft_key_encode(&event->old_public_key).chars);
	if (event->endpoint.any.sa_family != AF_UNSPEC)
		fprintf(out, ", at %s",
			weft_format_endpoint(&event->endpoint).chars);
	if (event->rtt_us)
		fprintf(out, ", in %u.%03u ms", event->rtt_us / 1000,
			event->rtt_us % 1000);
	fputc('\n', out);
}

static struct json_object *event_json_time(__u64 time_ns)
{
	time_t seconds = time_ns / EVENT_SECOND_NS;
	char text[32], stamp[48];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%FT%T", &tm))
		return NULL;
	snprintf(stamp, sizeof(stamp), "%s.%06lluZ", text,
		 time_ns % EVENT_SECOND_NS / 1000);
	return weft_json_string(stamp);
}

static bool event_json_fill(struct json_object *object,
			    const struct weft_event *event)
{
	bool good = weft_json_add(object, "time",
				  event_json_time(event->time_ns)) &&
		    weft_json_add_text(object, "interface", event->ifname) &&
		    weft_json_add(object, "sequence",
				  json_object_new_uint64(event->sequence)) &&
		    weft_json_add_text(object, "event", event_what(event)) &&
		    weft_json_add_text(object, "cause", event_why(event));

	if (good && event->has_key)
		good = weft_json_add_text(object, "public-key",
					  weft_key_encode(&event->public_key).chars);
	if (good && event->has_old_key)
		good = weft_json_add_text(object, "old-public-key",
					  weft_key_encode(&event->old_public_key).chars);
	if (good && *event->peer_name)
		good = weft_json_add_text(object, "name", event->peer_name);
	if (good && event->endpoint.any.sa_family != AF_UNSPEC)
		good = weft_json_add_text(object, "endpoint",
					  weft_format_endpoint(&event->endpoint).chars);
	if (good && event->rtt_us)
		good = weft_json_add(object, "handshake-rtt-us",
				     json_object_new_uint64(event->rtt_us));
	return good;
}

/* Frees @object. */
static bool event_json_print(const struct weft_context *ctx,
			     struct json_object *object, bool good)
{
	if (good)
		fprintf(ctx->out, "%s\n",
			json_object_to_json_string_ext(object,
						       JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		weft_complain(ctx, "out of memory");
	json_object_put(object);
	return good;
}

bool weft_event_print_json(const struct weft_context *ctx,
			   const struct weft_event *event)
{
	struct json_object *object = json_object_new_object();

	return event_json_print(ctx, object,
				object && event_json_fill(object, event));
}

bool weft_event_print_missed(const struct weft_context *ctx,
			     const struct weft_event *event, __u64 missed)
{
	struct json_object *object;

	if (!ctx->json) {
		fprintf(ctx->out, "%s: %llu events missed\n", event->ifname,
			missed);
		return true;
	}
	object = json_object_new_object();
	return event_json_print(ctx, object, object &&
				weft_json_add_text(object, "interface",
						   event->ifname) &&
				weft_json_add(object, "missed",
					      json_object_new_uint64(missed)));
}
