// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/context.h"
#include "model/attr.h"
#include "model/format.h"
#include "model/model.h"
#include "print/colour.h"
#include "print/print.h"

#define PRINT_NONE	"(none)"

/* Keys */

static void print_key(FILE *out, const struct weft_key *key, bool there)
{
	struct weft_key_text text;

	if (!there) {
		fputs(PRINT_NONE, out);
		return;
	}
	text = weft_key_encode(key);
	fputs(text.chars, out);
	weft_key_text_wipe(&text);
}

static void print_private_key(FILE *out, const struct weft_device *dev)
{
	print_key(out, &dev->private_key,
		  dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY);
}

static void print_device_public_key(FILE *out, const struct weft_device *dev)
{
	print_key(out, &dev->public_key, dev->has & WEFT_DEVICE_HAS_PUBLIC_KEY);
}

static void print_public_key(FILE *out, const struct weft_peer *peer)
{
	print_key(out, &peer->public_key, true);
}

static void print_preshared_key(FILE *out, const struct weft_peer *peer)
{
	print_key(out, &peer->preshared_key,
		  peer->has & WEFT_PEER_HAS_PRESHARED_KEY);
}

/* Single values */

static void print_listen_port(FILE *out, const struct weft_device *dev)
{
	fprintf(out, "%u", dev->listen_port);
}

static void print_fwmark(FILE *out, const struct weft_device *dev)
{
	if (dev->fwmark)
		fprintf(out, "0x%x", dev->fwmark);
	else
		fputs("off", out);
}

static void print_endpoint(FILE *out, const struct weft_peer *peer)
{
	if (peer->endpoint.any.sa_family == AF_UNSPEC)
		fputs(PRINT_NONE, out);
	else
		fputs(weft_format_endpoint(&peer->endpoint).chars, out);
}

static void print_candidates(FILE *out, const struct weft_peer *peer,
			     const char *separator)
{
	size_t i;

	if (!peer->candidate_count)
		fputs(PRINT_NONE, out);
	for (i = 0; i < peer->candidate_count; i++)
		fprintf(out, "%s%s", i ? separator : "",
			weft_format_endpoint(&peer->candidates[i]).chars);
}

/* wireguard has no other way. */
static void print_roam(FILE *out, const struct weft_peer *peer)
{
	fputs(peer->roam ? "on" : "off", out);
}

static void print_listen_address(FILE *out, const struct weft_device *dev,
				 const char *separator)
{
	char text[INET6_ADDRSTRLEN];
	bool four = dev->listen4.s_addr;

	if (!weft_model_has_listen_address(dev))
		fputs("any", out);
	if (four)
		fputs(inet_ntop(AF_INET, &dev->listen4, text, sizeof(text)),
		      out);
	if (!IN6_IS_ADDR_UNSPECIFIED(&dev->listen6))
		fprintf(out, "%s%s", four ? separator : "",
			inet_ntop(AF_INET6, &dev->listen6, text,
				  sizeof(text)));
}

static void print_listen_addresses(FILE *out, const struct weft_device *dev)
{
	print_listen_address(out, dev, " ");
}

static void print_bind_device(FILE *out, const struct weft_device *dev)
{
	fputs(dev->bind_device[0] ? dev->bind_device : "off", out);
}

static void print_keepalive(FILE *out, const struct weft_peer *peer)
{
	if (peer->keepalive)
		fprintf(out, "%u", peer->keepalive);
	else
		fputs("off", out);
}

static void print_allowedips(FILE *out, const struct weft_peer *peer,
			     const char *separator)
{
	const struct weft_allowedip *ip;

	if (!peer->allowedips)
		fputs(PRINT_NONE, out);
	for (ip = peer->allowedips; ip; ip = ip->next)
		fprintf(out, "%s/%u%s", weft_format_address(ip).chars, ip->cidr,
			ip->next ? separator : "");
}

/* Fields: a line for the device, or one for each peer that begins with its key */

static void print_peer_preshared_key(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_preshared_key(out, peer);
}

static void print_peer_endpoint(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_endpoint(out, peer);
}

static void print_peer_candidates(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_candidates(out, peer, " ");
}

static void print_peer_roam(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_roam(out, peer);
}

static void print_peer_allowedips(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_allowedips(out, peer, " ");
}

static void print_peer_handshake(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fprintf(out, "\t%lld", peer->handshake_s);
}

static void print_peer_keepalive(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_keepalive(out, peer);
}

static void print_peer_transfer(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fprintf(out, "\t%llu\t%llu", peer->rx_bytes,
		peer->tx_bytes);
}

static void print_peer_name(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fprintf(out, "\t%s", peer->name ? peer->name : PRINT_NONE);
}

static void print_device_previous(FILE *out, const struct weft_device *dev)
{
	print_key(out, &dev->previous_public_key,
		  dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY);
}

static void print_peer_next(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_key(out, &peer->next_public_key,
		  peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY);
}

static void print_peer_previous(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_key(out, &peer->previous_public_key,
		  peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY);
}

static void print_peer_identity(FILE *out, const struct weft_peer *peer)
{
	static const char * const words[] = { PRINT_NONE, "current", "previous" };

	print_public_key(out, peer);
	fprintf(out, "\t%s", peer->identity < ARRAY_SIZE(words) ?
				     words[peer->identity] : PRINT_NONE);
}

static void print_dump_device(FILE *out, const struct weft_device *dev)
{
	print_private_key(out, dev);
	fputc('\t', out);
	print_device_public_key(out, dev);
	fputc('\t', out);
	print_listen_port(out, dev);
	fputc('\t', out);
	print_fwmark(out, dev);
}

static void print_dump_peer(FILE *out, const struct weft_peer *peer)
{
	print_peer_preshared_key(out, peer);
	fputc('\t', out);
	print_endpoint(out, peer);
	fputc('\t', out);
	print_allowedips(out, peer, ",");
	fprintf(out, "\t%lld\t%llu\t%llu\t",
		peer->handshake_s, peer->rx_bytes,
		peer->tx_bytes);
	print_keepalive(out, peer);
}

/* "reason=count", only of what happened. */
static void print_drops(FILE *out, const __u64 *drops)
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
		fputs(PRINT_NONE, out);
}

static void print_device_drops(FILE *out, const struct weft_device *dev)
{
	print_drops(out, dev->drops);
}

static void print_peer_drops(FILE *out, const struct weft_peer *peer)
{
	print_public_key(out, peer);
	fputc('\t', out);
	print_drops(out, peer->drops);
}

static void print_peer_state(FILE *out, const struct weft_peer *peer)
{
	bool known = peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
	const char *state = known ? weft_peer_state_name(peer->state) : NULL;

	print_public_key(out, peer);
	if (state)
		fprintf(out, "\t%s\t%llu", state, peer->state_age_ms / 1000);
	else
		fputs("\t" PRINT_NONE "\t" PRINT_NONE, out);
}

const struct weft_print_field weft_print_fields[] = {
	{ "public-key", print_device_public_key, NULL },
	{ "private-key", print_private_key, NULL },
	{ "listen-port", print_listen_port, NULL },
	{ "fwmark", print_fwmark, NULL },
	{ "peers", NULL, print_public_key },
	{ "preshared-keys", NULL, print_peer_preshared_key },
	{ "endpoints", NULL, print_peer_endpoint },
	{ "allowed-ips", NULL, print_peer_allowedips },
	{ "latest-handshakes", NULL, print_peer_handshake },
	{ "persistent-keepalive", NULL, print_peer_keepalive },
	{ "transfer", NULL, print_peer_transfer },
	{ "listen-address", print_listen_addresses, NULL },
	{ "bind-device", print_bind_device, NULL },
	{ "candidates", NULL, print_peer_candidates },
	{ "roam", NULL, print_peer_roam },
	{ "names", NULL, print_peer_name },
	{ "state", NULL, print_peer_state },
	{ "previous-public-key", print_device_previous, NULL },
	{ "next-keys", NULL, print_peer_next },
	{ "previous-keys", NULL, print_peer_previous },
	{ "identities", NULL, print_peer_identity },
	{ "drops", print_device_drops, print_peer_drops },
	{ "dump", print_dump_device, print_dump_peer },
	{ }
};

const struct weft_print_field *weft_print_find(const char *name)
{
	const struct weft_print_field *field;

	for (field = weft_print_fields; field->name; field++)
		if (!strcmp(field->name, name))
			return field;
	return NULL;
}

static void print_named(FILE *out, const struct weft_device *dev, bool named)
{
	if (named)
		fprintf(out, "%s\t", dev->name);
}

void weft_print_field(const struct weft_context *ctx,
		      const struct weft_device *dev,
		      const struct weft_print_field *field, bool named)
{
	const struct weft_peer *peer;

	if (field->device) {
		print_named(ctx->out, dev, named);
		field->device(ctx->out, dev);
		fputc('\n', ctx->out);
	}
	if (!field->peer)
		return;
	for (peer = dev->peers; peer; peer = peer->next) {
		print_named(ctx->out, dev, named);
		field->peer(ctx->out, peer);
		fputc('\n', ctx->out);
	}
}

/* The summary */

/* The unit's colour; what is counted keeps the terminal's own. */
static void print_unit(const struct weft_context *ctx, const char *unit)
{
	fprintf(ctx->out, "%s%s%s", weft_colour(ctx, WEFT_COLOUR_CYAN), unit,
		weft_colour(ctx, WEFT_COLOUR_RESET));
}

static void print_title(const struct weft_context *ctx, const char *title)
{
	fprintf(ctx->out, "  %s%s%s: ", weft_colour(ctx, WEFT_COLOUR_BOLD),
		title, weft_colour(ctx, WEFT_COLOUR_RESET));
}

static void print_heading(const struct weft_context *ctx,
			  enum weft_colour colour, const char *title,
			  const char *value)
{
	fprintf(ctx->out, "%s%s%s%s: %s%s%s\n", weft_colour(ctx, colour),
		weft_colour(ctx, WEFT_COLOUR_BOLD), title,
		weft_colour(ctx, WEFT_COLOUR_RESET), weft_colour(ctx, colour),
		value, weft_colour(ctx, WEFT_COLOUR_RESET));
}

static void print_hidden(const struct weft_context *ctx,
			 const struct weft_key *key)
{
	if (ctx->show_keys)
		print_key(ctx->out, key, true);
	else
		fputs("(hidden)", ctx->out);
}

static void print_secret(const struct weft_context *ctx,
			 const struct weft_key *key)
{
	print_hidden(ctx, key);
	fputc('\n', ctx->out);
}

/* "1 hour, 2 minutes, 3 seconds": the parts that are not nothing. */
static void print_duration(const struct weft_context *ctx, __u64 seconds)
{
	static const struct {
		__u64 seconds;
		const char *one;
		const char *many;
	} parts[] = {
		{ 365 * 24 * 60 * 60, "year", "years" },
		{ 24 * 60 * 60, "day", "days" },
		{ 60 * 60, "hour", "hours" },
		{ 60, "minute", "minutes" },
		{ 1, "second", "seconds" },
	};
	const char *comma = "";
	__u64 count;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		count = seconds / parts[i].seconds;
		seconds %= parts[i].seconds;
		if (!count)
			continue;
		fprintf(ctx->out, "%s%llu ", comma, count);
		print_unit(ctx, count == 1 ? parts[i].one : parts[i].many);
		comma = ", ";
	}
	if (!*comma) {
		fputs("0 ", ctx->out);
		print_unit(ctx, "seconds");
	}
}

static void print_age(const struct weft_context *ctx, __s64 then)
{
	if (ctx->now < then) {
		fprintf(ctx->out,
			"(%sSystem clock wound backward; connection problems may ensue.%s)",
			weft_colour(ctx, WEFT_COLOUR_RED),
			weft_colour(ctx, WEFT_COLOUR_RESET));
	} else if (ctx->now == then) {
		fputs("Now", ctx->out);
	} else {
		print_duration(ctx, ctx->now - then);
		fputs(" ago", ctx->out);
	}
}

static void print_bytes(const struct weft_context *ctx, __u64 bytes)
{
	static const char * const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double count = bytes;
	size_t i = 0;

	if (bytes < 1024) {
		fprintf(ctx->out, "%llu ", bytes);
		print_unit(ctx, "B");
		return;
	}
	for (count /= 1024; i < 3 && bytes >> (10 * (i + 2)); i++)
		count /= 1024;
	fprintf(ctx->out, "%.2f ", count);
	print_unit(ctx, units[i]);
}

static void print_summary_allowedips(const struct weft_context *ctx,
				     const struct weft_peer *peer)
{
	const struct weft_allowedip *ip;

	print_title(ctx, "allowed ips");
	if (!peer->allowedips)
		fputs(PRINT_NONE, ctx->out);
	for (ip = peer->allowedips; ip; ip = ip->next) {
		fputs(weft_format_address(ip).chars, ctx->out);
		print_unit(ctx, "/");
		fprintf(ctx->out, "%u%s", ip->cidr, ip->next ? ", " : "");
	}
	fputc('\n', ctx->out);
}

static void print_summary_transfer(const struct weft_context *ctx,
				   const struct weft_peer *peer)
{
	print_title(ctx, "transfer");
	print_bytes(ctx, peer->rx_bytes);
	fputs(" received, ", ctx->out);
	print_bytes(ctx, peer->tx_bytes);
	fputs(" sent\n", ctx->out);
}

static bool print_knows(const struct weft_peer *peer, int attribute)
{
	return peer->known & WEFT_ATTR_BIT(attribute);
}

static void print_ago(const struct weft_context *ctx, bool known, __u64 ms)
{
	if (!known) {
		fputs("never", ctx->out);
	} else if (ms < 1000) {
		fputs("now", ctx->out);
	} else {
		print_duration(ctx, ms / 1000);
		fputs(" ago", ctx->out);
	}
}

static void print_summary_state(const struct weft_context *ctx,
				const struct weft_peer *peer)
{
	const char *state = weft_peer_state_name(peer->state);

	print_title(ctx, "state");
	fputs(state ?: "unknown", ctx->out);
	if (peer->state_age_ms >= 1000) {
		fputs(" for ", ctx->out);
		print_duration(ctx, peer->state_age_ms / 1000);
	}
	fputc('\n', ctx->out);
}

static void print_summary_last_packet(const struct weft_context *ctx,
				      const struct weft_peer *peer)
{
	bool rx = print_knows(peer, WEFT_PEER_A_RX_AGE);
	bool tx = print_knows(peer, WEFT_PEER_A_TX_AGE);

	if (!rx && !tx)
		return;
	print_title(ctx, "last packet");
	print_ago(ctx, rx, peer->rx_age_ms);
	fputs(" received, ", ctx->out);
	print_ago(ctx, tx, peer->tx_age_ms);
	fputs(" sent\n", ctx->out);
}

/* What only weft tells. */
static void print_summary_liveness(const struct weft_context *ctx,
				   const struct weft_peer *peer)
{
	if (print_knows(peer, WEFT_PEER_A_STATE))
		print_summary_state(ctx, peer);
	print_summary_last_packet(ctx, peer);
	if (!print_knows(peer, WEFT_PEER_A_HANDSHAKE_RTT))
		return;
	print_title(ctx, "handshake rtt");
	fprintf(ctx->out, "%u.%03u ", peer->handshake_rtt_us / 1000,
		peer->handshake_rtt_us % 1000);
	print_unit(ctx, "ms");
	fputc('\n', ctx->out);
}

/* Only weft has these, and only what is not as in wireguard is shown. */
static void print_summary_candidates(const struct weft_context *ctx,
				     const struct weft_peer *peer)
{
	if (peer->candidate_count > 1 ||
	    (peer->candidate_count &&
	     !weft_model_endpoint_equal(&peer->candidates[0], &peer->endpoint))) {
		print_title(ctx, "candidates");
		print_candidates(ctx->out, peer, ", ");
		fputc('\n', ctx->out);
	}
	if (!peer->roam) {
		print_title(ctx, "roaming");
		fputs("off\n", ctx->out);
	}
}

static void print_summary_peer(const struct weft_context *ctx,
			       const struct weft_peer *peer)
{
	print_heading(ctx, WEFT_COLOUR_YELLOW, "peer",
		      weft_key_encode(&peer->public_key).chars);
	if (peer->name) {
		print_title(ctx, "name");
		fprintf(ctx->out, "%s\n", peer->name);
	}
	if (peer->has & WEFT_PEER_HAS_PRESHARED_KEY) {
		print_title(ctx, "preshared key");
		print_secret(ctx, &peer->preshared_key);
	}
	if (peer->endpoint.any.sa_family != AF_UNSPEC) {
		print_title(ctx, "endpoint");
		print_endpoint(ctx->out, peer);
		fputc('\n', ctx->out);
	}
	print_summary_candidates(ctx, peer);
	print_summary_allowedips(ctx, peer);
	if (peer->handshake_s) {
		print_title(ctx, "latest handshake");
		print_age(ctx, peer->handshake_s);
		fputc('\n', ctx->out);
	}
	if (peer->rx_bytes || peer->tx_bytes)
		print_summary_transfer(ctx, peer);
	if (peer->keepalive) {
		print_title(ctx, "persistent keepalive");
		fputs("every ", ctx->out);
		print_duration(ctx, peer->keepalive);
		fputc('\n', ctx->out);
	}
	print_summary_liveness(ctx, peer);
	if (peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_PATH_MTU)) {
		print_title(ctx, "path mtu");
		fprintf(ctx->out, "%u\n", peer->path_mtu);
	}
}

/* Only weft has these, and only what is not as in wireguard is shown. */
static bool print_has_pmtu(const struct weft_device *dev)
{
	return dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU) && dev->pmtu;
}

static bool print_has_dscp(const struct weft_device *dev)
{
	return dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_DSCP) &&
	       dev->dscp != WEFT_DSCP_OFF;
}

static void print_dscp(FILE *out, const struct weft_device *dev)
{
	if (dev->dscp == WEFT_DSCP_INHERIT)
		fputs("inherit", out);
	else
		fprintf(out, "%u", dev->dscp);
}

/* A public key that has been replaced, and how long it is good if there is an end. */
static void print_summary_grace(const struct weft_context *ctx,
				const struct weft_key *previous, __u32 left,
				bool ends)
{
	print_title(ctx, "previous key");
	print_key(ctx->out, previous, true);
	if (ends) {
		fputs(", for ", ctx->out);
		print_duration(ctx, left);
	}
	fputc('\n', ctx->out);
}

/* The same for a preshared key, which may have been none. */
static void print_summary_preshared_grace(const struct weft_context *ctx,
					  const struct weft_peer *peer)
{
	print_title(ctx, "previous preshared key");
	if (weft_key_is_zero(&peer->previous_preshared_key))
		fputs(PRINT_NONE, ctx->out);
	else
		print_hidden(ctx, &peer->previous_preshared_key);
	if (peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_PRESHARED_GRACE_LEFT)) {
		fputs(", for ", ctx->out);
		print_duration(ctx, peer->preshared_grace_left);
	}
	fputc('\n', ctx->out);
}

/* What there is only while keys are being replaced. */
static void print_summary_keys(const struct weft_context *ctx,
			       const struct weft_device *dev,
			       const struct weft_peer *peer)
{
	static const char * const words[] = {
		[WEFT_IDENTITY_CURRENT] = "our key",
		[WEFT_IDENTITY_PREVIOUS] = "our previous key",
	};

	if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY) {
		print_title(ctx, "next key");
		print_key(ctx->out, &peer->next_public_key, true);
		fputc('\n', ctx->out);
	}
	if (peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY)
		print_summary_grace(ctx, &peer->previous_public_key,
				    peer->grace_left,
				    peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_GRACE_LEFT));
	if (peer->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY) {
		print_title(ctx, "next preshared key");
		print_secret(ctx, &peer->next_preshared_key);
	}
	if (peer->has & WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY)
		print_summary_preshared_grace(ctx, peer);
	if (dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY &&
	    peer->identity < ARRAY_SIZE(words) && words[peer->identity]) {
		print_title(ctx, "last used");
		fprintf(ctx->out, "%s\n", words[peer->identity]);
	}
}

static void print_summary_device(const struct weft_context *ctx,
				 const struct weft_device *dev)
{
	/* Whatever the terminal was left in before. */
	fputs(weft_colour(ctx, WEFT_COLOUR_RESET), ctx->out);
	print_heading(ctx, WEFT_COLOUR_GREEN, "interface", dev->name);
	if (dev->has & WEFT_DEVICE_HAS_PUBLIC_KEY) {
		print_title(ctx, "public key");
		print_device_public_key(ctx->out, dev);
		fputc('\n', ctx->out);
	}
	if (dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY) {
		print_title(ctx, "private key");
		print_secret(ctx, &dev->private_key);
	}
	if (dev->listen_port) {
		print_title(ctx, "listening port");
		fprintf(ctx->out, "%u\n", dev->listen_port);
	}
	if (dev->fwmark) {
		print_title(ctx, "fwmark");
		fprintf(ctx->out, "0x%x\n", dev->fwmark);
	}
	if (weft_model_has_listen_address(dev)) {
		print_title(ctx, "listening address");
		print_listen_address(ctx->out, dev, ", ");
		fputc('\n', ctx->out);
	}
	if (dev->bind_device[0]) {
		print_title(ctx, "bound to device");
		fprintf(ctx->out, "%s\n", dev->bind_device);
	}
	if (print_has_pmtu(dev)) {
		print_title(ctx, "pmtu");
		fputs("on\n", ctx->out);
	}
	if (print_has_dscp(dev)) {
		print_title(ctx, "dscp");
		print_dscp(ctx->out, dev);
		fputc('\n', ctx->out);
	}
	if (dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY)
		print_summary_grace(ctx, &dev->previous_public_key,
				    dev->grace_left,
				    dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_GRACE_LEFT));
}

/* One peer and its number in the kernel's list, which breaks ties. */
struct print_ranked {
	const struct weft_peer *peer;
	size_t order;
};

/* The latest handshake first; those that never had one last. */
static int print_compare(const void *a, const void *b)
{
	const struct print_ranked *x = a, *y = b;

	if (x->peer->handshake_s != y->peer->handshake_s)
		return x->peer->handshake_s < y->peer->handshake_s ? 1 : -1;
	if (x->peer->handshake_ns != y->peer->handshake_ns)
		return x->peer->handshake_ns < y->peer->handshake_ns ? 1 : -1;
	return x->order < y->order ? -1 : 1;
}

bool weft_print_summary(const struct weft_context *ctx,
			const struct weft_device *dev)
{
	size_t count = weft_model_peer_count(dev), i = 0;
	struct print_ranked *ranked = calloc(count + 1, sizeof(*ranked));
	const struct weft_peer *peer;

	if (!ranked)
		return false;
	for (peer = dev->peers; peer; peer = peer->next, i++)
		ranked[i] = (struct print_ranked){ peer, i };
	qsort(ranked, count, sizeof(*ranked), print_compare);
	print_summary_device(ctx, dev);
	for (i = 0; i < count; i++) {
		fputc('\n', ctx->out);
		print_summary_peer(ctx, ranked[i].peer);
		print_summary_keys(ctx, dev, ranked[i].peer);
	}
	free(ranked);
	return true;
}

/* The configuration file */

/* Previous keys end by themselves, and are not for a file. */
static void print_conf_keys(FILE *out, const struct weft_peer *peer)
{
	if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY) {
		fputs("NextPublicKey = ", out);
		print_key(out, &peer->next_public_key, true);
		fputc('\n', out);
	}
	if (peer->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY) {
		fputs("NextPresharedKey = ", out);
		print_key(out, &peer->next_preshared_key, true);
		fputc('\n', out);
	}
	if (peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_GRACE) &&
	    peer->grace != WEFT_GRACE_SECONDS)
		fprintf(out, "Grace = %u\n", peer->grace);
}

static void print_conf_peer(FILE *out, const struct weft_peer *peer)
{
	fputs("[Peer]\nPublicKey = ", out);
	print_public_key(out, peer);
	fputc('\n', out);
	if (peer->name)
		fprintf(out, "Name = %s\n", peer->name);
	if (peer->has & WEFT_PEER_HAS_PRESHARED_KEY) {
		fputs("PresharedKey = ", out);
		print_preshared_key(out, peer);
		fputc('\n', out);
	}
	print_conf_keys(out, peer);
	if (peer->allowedips) {
		fputs("AllowedIPs = ", out);
		print_allowedips(out, peer, ", ");
		fputc('\n', out);
	}
	if (peer->endpoint_text) {
		fprintf(out, "Endpoint = %s\n", peer->endpoint_text);
	} else if (peer->candidate_count > 1) {
		fputs("Endpoint = ", out);
		print_candidates(out, peer, ", ");
		fputc('\n', out);
	} else if (peer->endpoint.any.sa_family != AF_UNSPEC) {
		fputs("Endpoint = ", out);
		print_endpoint(out, peer);
		fputc('\n', out);
	}
	if (!peer->roam)
		fputs("Roam = off\n", out);
	if (peer->keepalive)
		fprintf(out, "PersistentKeepalive = %u\n", peer->keepalive);
	if (peer->next)
		fputc('\n', out);
}

void weft_print_conf_device(FILE *out, const struct weft_device *dev)
{
	const struct weft_peer *peer;

	if (dev->listen_port)
		fprintf(out, "ListenPort = %u\n", dev->listen_port);
	if (dev->fwmark)
		fprintf(out, "FwMark = 0x%x\n", dev->fwmark);
	if (weft_model_has_listen_address(dev)) {
		fputs("ListenAddress = ", out);
		print_listen_address(out, dev, ", ");
		fputc('\n', out);
	}
	if (dev->bind_device[0])
		fprintf(out, "BindDevice = %s\n", dev->bind_device);
	if (print_has_pmtu(dev))
		fputs("PMTU = on\n", out);
	if (print_has_dscp(dev)) {
		fputs("DSCP = ", out);
		print_dscp(out, dev);
		fputc('\n', out);
	}
	if (dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY) {
		fputs("PrivateKey = ", out);
		print_private_key(out, dev);
		fputc('\n', out);
	}
	fputc('\n', out);
	for (peer = dev->peers; peer; peer = peer->next)
		print_conf_peer(out, peer);
}

void weft_print_conf(const struct weft_context *ctx,
		     const struct weft_device *dev)
{
	fputs("[Interface]\n", ctx->out);
	weft_print_conf_device(ctx->out, dev);
}
