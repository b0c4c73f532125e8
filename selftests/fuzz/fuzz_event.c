// SPDX-License-Identifier: GPL-2.0
/*
 * Events: attributes become an event, which is printed in both formats, and gaps in the sequence
 * are counted.
 */
#include "attributes.h"

#include "genl/event.c"

static struct weft_context ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	ctx.out = fopen("/dev/null", "w");
	FUZZ_MUST(ctx.out);
	return 0;
}

static void event_check(const struct weft_event *event)
{
	FUZZ_MUST(memchr(event->ifname, 0, sizeof(event->ifname)));
	FUZZ_MUST(memchr(event->peer_name, 0, sizeof(event->peer_name)));
	switch (event->endpoint.any.sa_family) {
	case AF_UNSPEC:
	case AF_INET:
	case AF_INET6:
		break;
	default:
		FUZZ_MUST(!"a family that is printed");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct weft_event_cursor *cursors = NULL;
	uint8_t how = fuzz_u8(&input);
	struct weft_event event, next;
	struct attributes part;
	__u64 missed;
	int err;

	part = attributes_of(&input);
	err = weft_event_parse((struct nlattr *)part.bytes, part.len, &event);
	free(part.bytes);
	FUZZ_MUST(!err || err == -EBADMSG);
	if (err)
		return 0;
	event_check(&event);
	ctx.json = how & 1;
	if (how & 2)
		weft_event_print(&ctx, &event);
	else if (how & 4)
		FUZZ_MUST(weft_event_print_json(&ctx, &event));
	FUZZ_MUST(!weft_event_missed(&cursors, &event));
	next = event;
	next.sequence += how;
	missed = weft_event_missed(&cursors, &next);
	if (how && event.sequence && event.type != WEFT_EVENT_DEVICE_ADDED &&
	    next.sequence > event.sequence)
		FUZZ_MUST(missed == how - 1U);
	else
		FUZZ_MUST(!missed);
	if (how & 8)
		FUZZ_MUST(weft_event_print_missed(&ctx, &event, missed));
	weft_event_forget(&cursors);
	return 0;
}
