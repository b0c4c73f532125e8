// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's replies: attributes become a model, in two parts as of a dump; the model is printed
 * in every format; and a message written from it is parsed to the same model.
 */
#include "attributes.h"
#include <json-c/json.h>

#include "genl/message.c"
#include "base/context.h"
#include "print/json.h"
#include "print/metrics.h"
#include "print/conf.h"
#include "print/fields.h"
#include "print/summary.h"

static struct weft_context ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	ctx.out = fopen("/dev/null", "w");
	ctx.err = ctx.out;
	FUZZ_MUST(ctx.out);
	return 0;
}

static void print_json(struct weft_device *dev)
{
	struct json_object *array = json_object_new_array();

	FUZZ_MUST(weft_json_add_device(&ctx, array, dev, NULL));
	weft_json_print(&ctx, array);
	json_object_put(array);
}

static void print_all(struct weft_device *dev, uint8_t how)
{
	const struct weft_field *field;

	ctx.show_keys = how & 1;
	ctx.colour = how & 2;
	switch (how / 4 % 8) {
	case 0:
		weft_summary_print(&ctx, dev);
		break;
	case 1:
		weft_conf_print(&ctx, dev);
		break;
	case 2:
		for (field = weft_fields; field->name; field++)
			weft_fields_print(&ctx, dev, field, how & 1);
		break;
	case 3:
		print_json(dev);
		break;
	case 4:
		weft_metrics_print(ctx.out, &dev, 1, WEFT_METRICS_PEERS_ON);
		break;
	default:
		break;
	}
}

/* Writes the next message, and copies its attributes to the heap. */
static struct attributes message_next(struct weft_message_cursor *cursor)
{
	struct nl_msg *msg = nlmsg_alloc_size(WEFT_MESSAGE_BYTES);
	struct attributes got;

	nlmsg_put(msg, 0, 0, 0, 0, 0);
	FUZZ_MUST(!weft_message_put(msg, cursor));
	got.len = nlmsg_attrlen(nlmsg_hdr(msg), 0);
	got.bytes = malloc(got.len);
	memcpy(got.bytes, nlmsg_attrdata(nlmsg_hdr(msg), 0), got.len);
	nlmsg_free(msg);
	return got;
}

static void write_again(const struct weft_device *dev)
{
	struct weft_device *again = weft_model_device_new(dev->name);
	struct weft_message_cursor cursor, second;
	struct attributes first, other;

	weft_message_start(&cursor, dev, 7);
	cursor.own = true;
	first = message_next(&cursor);
	FUZZ_MUST(weft_message_done(&cursor));
	FUZZ_MUST(!weft_message_parse((struct nlattr *)first.bytes, first.len, again));
	FUZZ_MUST(weft_model_peer_count(again) == weft_model_peer_count(dev));
	weft_message_start(&second, again, 7);
	second.own = true;
	other = message_next(&second);
	/* Attributes that only weft's links report, or that are only written, may be missing. */
	FUZZ_MUST(other.len <= first.len);
	free(first.bytes);
	free(other.bytes);
	weft_model_device_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size }, half;
	struct weft_device *dev = weft_model_device_new("wft0");
	uint8_t how = fuzz_u8(&input), split = fuzz_u8(&input);
	struct attributes part;
	int err = 0;

	half = input;
	half.left = how & 0x80 && split < input.left ? split : input.left;
	input.at += half.left;
	input.left -= half.left;
	part = attributes_of(&half);
	err = weft_message_parse((struct nlattr *)part.bytes, part.len, dev);
	free(part.bytes);
	if (!err && fuzz_more(&input)) {
		part = attributes_of(&input);
		err = weft_message_parse((struct nlattr *)part.bytes, part.len, dev);
		free(part.bytes);
	}
	FUZZ_MUST(!err || err == -EBADMSG);
	dev->kind = how & 0x40 ? WEFT_KIND_WIREGUARD : WEFT_KIND_WEFT;
	print_all(dev, how);
	if (!err)
		write_again(dev);
	weft_model_device_free(dev);
	return 0;
}
