// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "base/array.h"
#include "base/context.h"
#include "model/attr.h"
#include "model/model.h"
#include "print/fields.h"
#include "print/print.h"

static void fields_private_key(FILE *out, const struct weft_device *dev)
{
	weft_print_key(out, &dev->private_key,
		       dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY);
}

static void fields_device_public_key(FILE *out, const struct weft_device *dev)
{
	weft_print_key(out, &dev->public_key, dev->has & WEFT_DEVICE_HAS_PUBLIC_KEY);
}

static void fields_preshared_key(FILE *out, const struct weft_peer *peer)
{
	weft_print_key(out, &peer->preshared_key,
		       peer->has & WEFT_PEER_HAS_PRESHARED_KEY);
}

static void fields_listen_port(FILE *out, const struct weft_device *dev)
{
	fprintf(out, "%u", dev->listen_port);
}

static void fields_fwmark(FILE *out, const struct weft_device *dev)
{
	if (dev->fwmark)
		fprintf(out, "0x%x", dev->fwmark);
	else
		fputs("off", out);
}

/* In-tree wireguard always roams. */
static void fields_roam(FILE *out, const struct weft_peer *peer)
{
	fputs(peer->roam ? "on" : "off", out);
}

static void fields_listen_addresses(FILE *out, const struct weft_device *dev)
{
	weft_print_listen_address(out, dev, " ");
}

static void fields_bind_device(FILE *out, const struct weft_device *dev)
{
	fputs(dev->bind_device[0] ? dev->bind_device : "off", out);
}

static void fields_keepalive(FILE *out, const struct weft_peer *peer)
{
	if (peer->keepalive)
		fprintf(out, "%u", peer->keepalive);
	else
		fputs("off", out);
}

static void fields_peer_candidates(FILE *out, const struct weft_peer *peer)
{
	weft_print_candidates(out, peer, " ");
}

static void fields_peer_allowedips(FILE *out, const struct weft_peer *peer)
{
	weft_print_allowedips(out, peer, " ");
}

static void fields_peer_handshake(FILE *out, const struct weft_peer *peer)
{
	fprintf(out, "%lld", peer->handshake_s);
}

static void fields_peer_transfer(FILE *out, const struct weft_peer *peer)
{
	fprintf(out, "%llu\t%llu", peer->rx_bytes, peer->tx_bytes);
}

static void fields_peer_name(FILE *out, const struct weft_peer *peer)
{
	fputs(peer->name ?: WEFT_PRINT_NONE, out);
}

static void fields_device_previous(FILE *out, const struct weft_device *dev)
{
	weft_print_key(out, &dev->previous_public_key,
		       dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY);
}

static void fields_peer_next(FILE *out, const struct weft_peer *peer)
{
	weft_print_key(out, &peer->next_public_key,
		       peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY);
}

static void fields_peer_previous(FILE *out, const struct weft_peer *peer)
{
	weft_print_key(out, &peer->previous_public_key,
		       peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY);
}

static void fields_peer_identity(FILE *out, const struct weft_peer *peer)
{
	static const char * const words[] = { WEFT_PRINT_NONE, "current", "previous" };

	fputs(peer->identity < ARRAY_SIZE(words) ? words[peer->identity] : WEFT_PRINT_NONE, out);
}

static void fields_dump_device(FILE *out, const struct weft_device *dev)
{
	fields_private_key(out, dev);
	fputc('\t', out);
	fields_device_public_key(out, dev);
	fputc('\t', out);
	fields_listen_port(out, dev);
	fputc('\t', out);
	fields_fwmark(out, dev);
}

static void fields_dump_peer(FILE *out, const struct weft_peer *peer)
{
	fields_preshared_key(out, peer);
	fputc('\t', out);
	weft_print_endpoint(out, peer);
	fputc('\t', out);
	weft_print_allowedips(out, peer, ",");
	fprintf(out, "\t%lld\t%llu\t%llu\t", peer->handshake_s, peer->rx_bytes,
		peer->tx_bytes);
	fields_keepalive(out, peer);
}

/* "reason=count", without zeros. */
static void fields_drops(FILE *out, const __u64 *drops)
{
	const char *space = "";
	size_t i;

	for (i = 1; i <= WEFT_DROPS_A_MAX; i++) {
		if (!drops[i])
			continue;
		fprintf(out, "%s%s=%llu", space, weft_drop_names[i].name,
			drops[i]);
		space = " ";
	}
	if (!*space)
		fputs(WEFT_PRINT_NONE, out);
}

static void fields_device_drops(FILE *out, const struct weft_device *dev)
{
	fields_drops(out, dev->drops);
}

static void fields_peer_drops(FILE *out, const struct weft_peer *peer)
{
	fields_drops(out, peer->drops);
}

static void fields_peer_state(FILE *out, const struct weft_peer *peer)
{
	bool known = peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
	const char *state = known ? weft_peer_state_name(peer->state) : NULL;

	if (state)
		fprintf(out, "%s\t%llu", state, peer->state_age_ms / 1000);
	else
		fputs(WEFT_PRINT_NONE "\t" WEFT_PRINT_NONE, out);
}

const struct weft_field weft_fields[] = {
	{ "public-key", fields_device_public_key, NULL },
	{ "private-key", fields_private_key, NULL },
	{ "listen-port", fields_listen_port, NULL },
	{ "fwmark", fields_fwmark, NULL },
	{ "peers", NULL, NULL },
	{ "preshared-keys", NULL, fields_preshared_key },
	{ "endpoints", NULL, weft_print_endpoint },
	{ "allowed-ips", NULL, fields_peer_allowedips },
	{ "latest-handshakes", NULL, fields_peer_handshake },
	{ "persistent-keepalive", NULL, fields_keepalive },
	{ "transfer", NULL, fields_peer_transfer },
	{ "listen-address", fields_listen_addresses, NULL },
	{ "bind-device", fields_bind_device, NULL },
	{ "candidates", NULL, fields_peer_candidates },
	{ "roam", NULL, fields_roam },
	{ "names", NULL, fields_peer_name },
	{ "state", NULL, fields_peer_state },
	{ "previous-public-key", fields_device_previous, NULL },
	{ "next-keys", NULL, fields_peer_next },
	{ "previous-keys", NULL, fields_peer_previous },
	{ "identities", NULL, fields_peer_identity },
	{ "drops", fields_device_drops, fields_peer_drops },
	{ "dump", fields_dump_device, fields_dump_peer },
	{ }
};

const struct weft_field *weft_fields_find(const char *name)
{
	const struct weft_field *field;

	for (field = weft_fields; field->name; field++)
		if (!strcmp(field->name, name))
			return field;
	return NULL;
}

bool weft_fields_is_device(const struct weft_field *field)
{
	return field->device && !field->peer;
}

static void fields_named(FILE *out, const struct weft_device *dev, bool named)
{
	if (named)
		fprintf(out, "%s\t", dev->name);
}

void weft_fields_print(const struct weft_context *ctx,
		       const struct weft_device *dev,
		       const struct weft_field *field, bool named)
{
	const struct weft_peer *peer;

	if (field->device) {
		fields_named(ctx->out, dev, named);
		field->device(ctx->out, dev);
		fputc('\n', ctx->out);
	}
	if (weft_fields_is_device(field))
		return;
	for (peer = dev->peers; peer; peer = peer->next) {
		fields_named(ctx->out, dev, named);
		weft_print_key(ctx->out, &peer->public_key, true);
		if (field->peer) {
			fputc('\t', ctx->out);
			field->peer(ctx->out, peer);
		}
		fputc('\n', ctx->out);
	}
}
