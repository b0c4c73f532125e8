// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "base/array.h"
#include "base/context.h"
#include "model/attr.h"
#include "model/format.h"
#include "model/model.h"
#include "print/colour.h"
#include "print/print.h"
#include "print/summary.h"

/* The unit is coloured; the number keeps the terminal's colour. */
static void summary_unit(const struct weft_context *ctx, const char *unit)
{
	fprintf(ctx->out, "%s%s%s", weft_colour(ctx, WEFT_COLOUR_CYAN), unit,
		weft_colour(ctx, WEFT_COLOUR_RESET));
}

static void summary_title(const struct weft_context *ctx, const char *title)
{
	fprintf(ctx->out, "  %s%s%s: ", weft_colour(ctx, WEFT_COLOUR_BOLD),
		title, weft_colour(ctx, WEFT_COLOUR_RESET));
}

static void summary_heading(const struct weft_context *ctx,
			    enum weft_colour colour, const char *title,
			    const char *value)
{
	fprintf(ctx->out, "%s%s%s%s: %s%s%s\n", weft_colour(ctx, colour),
		weft_colour(ctx, WEFT_COLOUR_BOLD), title,
		weft_colour(ctx, WEFT_COLOUR_RESET), weft_colour(ctx, colour),
		value, weft_colour(ctx, WEFT_COLOUR_RESET));
}

static void summary_hidden(const struct weft_context *ctx,
			   const struct weft_key *key)
{
	if (ctx->show_keys)
		weft_print_key(ctx->out, key, true);
	else
		fputs("(hidden)", ctx->out);
}

static void summary_secret(const struct weft_context *ctx,
			   const struct weft_key *key)
{
	summary_hidden(ctx, key);
	fputc('\n', ctx->out);
}

/* "1 hour, 2 minutes, 3 seconds", without parts that are 0. */
static void summary_duration(const struct weft_context *ctx, __u64 seconds)
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
		summary_unit(ctx, count == 1 ? parts[i].one : parts[i].many);
		comma = ", ";
	}
	if (!*comma) {
		fputs("0 ", ctx->out);
		summary_unit(ctx, "seconds");
	}
}

static void summary_age(const struct weft_context *ctx, __s64 then)
{
	if (ctx->now < then) {
		fprintf(ctx->out,
			"(%sSystem clock wound backward; connection problems may ensue.%s)",
			weft_colour(ctx, WEFT_COLOUR_RED),
			weft_colour(ctx, WEFT_COLOUR_RESET));
	} else if (ctx->now == then) {
		fputs("Now", ctx->out);
	} else {
		summary_duration(ctx, ctx->now - then);
		fputs(" ago", ctx->out);
	}
}

static void summary_bytes(const struct weft_context *ctx, __u64 bytes)
{
	static const char * const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double count = bytes;
	size_t i = 0;

	if (bytes < 1024) {
		fprintf(ctx->out, "%llu ", bytes);
		summary_unit(ctx, "B");
		return;
	}
	for (count /= 1024; i < 3 && bytes >> (10 * (i + 2)); i++)
		count /= 1024;
	fprintf(ctx->out, "%.2f ", count);
	summary_unit(ctx, units[i]);
}

static void summary_allowedips(const struct weft_context *ctx,
			       const struct weft_peer *peer)
{
	const struct weft_allowedip *ip;

	summary_title(ctx, "allowed ips");
	if (!peer->allowedips)
		fputs(WEFT_PRINT_NONE, ctx->out);
	for (ip = peer->allowedips; ip; ip = ip->next) {
		fputs(weft_format_address(ip).chars, ctx->out);
		summary_unit(ctx, "/");
		fprintf(ctx->out, "%u%s", ip->cidr, ip->next ? ", " : "");
	}
	fputc('\n', ctx->out);
}

static void summary_transfer(const struct weft_context *ctx,
			     const struct weft_peer *peer)
{
	summary_title(ctx, "transfer");
	summary_bytes(ctx, peer->rx_bytes);
	fputs(" received, ", ctx->out);
	summary_bytes(ctx, peer->tx_bytes);
	fputs(" sent\n", ctx->out);
}

static bool summary_knows(const struct weft_peer *peer, int attribute)
{
	return peer->known & WEFT_ATTR_BIT(attribute);
}

static void summary_ago(const struct weft_context *ctx, bool known, __u64 ms)
{
	if (!known) {
		fputs("never", ctx->out);
	} else if (ms < 1000) {
		fputs("now", ctx->out);
	} else {
		summary_duration(ctx, ms / 1000);
		fputs(" ago", ctx->out);
	}
}

static void summary_state(const struct weft_context *ctx,
			  const struct weft_peer *peer)
{
	const char *state = weft_peer_state_name(peer->state);

	summary_title(ctx, "state");
	fputs(state ?: "unknown", ctx->out);
	if (peer->state_age_ms >= 1000) {
		fputs(" for ", ctx->out);
		summary_duration(ctx, peer->state_age_ms / 1000);
	}
	fputc('\n', ctx->out);
}

static void summary_last_packet(const struct weft_context *ctx,
				const struct weft_peer *peer)
{
	bool rx = summary_knows(peer, WEFT_PEER_A_RX_AGE);
	bool tx = summary_knows(peer, WEFT_PEER_A_TX_AGE);

	if (!rx && !tx)
		return;
	summary_title(ctx, "last packet");
	summary_ago(ctx, rx, peer->rx_age_ms);
	fputs(" received, ", ctx->out);
	summary_ago(ctx, tx, peer->tx_age_ms);
	fputs(" sent\n", ctx->out);
}

/* The state and ages, which only weft reports. */
static void summary_liveness(const struct weft_context *ctx,
			     const struct weft_peer *peer)
{
	if (summary_knows(peer, WEFT_PEER_A_STATE))
		summary_state(ctx, peer);
	summary_last_packet(ctx, peer);
	if (!summary_knows(peer, WEFT_PEER_A_HANDSHAKE_RTT))
		return;
	summary_title(ctx, "handshake rtt");
	fprintf(ctx->out, "%u.%03u ", peer->handshake_rtt_us / 1000,
		peer->handshake_rtt_us % 1000);
	summary_unit(ctx, "ms");
	fputc('\n', ctx->out);
}

/* Settings of weft only, shown where they differ from wireguard's behaviour. */
static void summary_candidates(const struct weft_context *ctx,
			       const struct weft_peer *peer)
{
	if (peer->candidate_count > 1 ||
	    (peer->candidate_count &&
	     !weft_model_endpoint_equal(&peer->candidates[0], &peer->endpoint))) {
		summary_title(ctx, "candidates");
		weft_print_candidates(ctx->out, peer, ", ");
		fputc('\n', ctx->out);
	}
	if (!peer->roam) {
		summary_title(ctx, "roaming");
		fputs("off\n", ctx->out);
	}
}

static void summary_peer(const struct weft_context *ctx,
			 const struct weft_peer *peer)
{
	summary_heading(ctx, WEFT_COLOUR_YELLOW, "peer",
			weft_key_encode(&peer->public_key).chars);
	if (peer->name) {
		summary_title(ctx, "name");
		fprintf(ctx->out, "%s\n", peer->name);
	}
	if (peer->has & WEFT_PEER_HAS_PRESHARED_KEY) {
		summary_title(ctx, "preshared key");
		summary_secret(ctx, &peer->preshared_key);
	}
	if (peer->endpoint.any.sa_family != AF_UNSPEC) {
		summary_title(ctx, "endpoint");
		weft_print_endpoint(ctx->out, peer);
		fputc('\n', ctx->out);
	}
	summary_candidates(ctx, peer);
	summary_allowedips(ctx, peer);
	if (peer->handshake_s) {
		summary_title(ctx, "latest handshake");
		summary_age(ctx, peer->handshake_s);
		fputc('\n', ctx->out);
	}
	if (peer->rx_bytes || peer->tx_bytes)
		summary_transfer(ctx, peer);
	if (peer->keepalive) {
		summary_title(ctx, "persistent keepalive");
		fputs("every ", ctx->out);
		summary_duration(ctx, peer->keepalive);
		fputc('\n', ctx->out);
	}
	summary_liveness(ctx, peer);
	if (peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_PATH_MTU)) {
		summary_title(ctx, "path mtu");
		fprintf(ctx->out, "%u\n", peer->path_mtu);
	}
}

/* A public key that has been replaced, and the rest of its grace if that has an end. */
static void summary_grace(const struct weft_context *ctx,
			  const struct weft_key *previous, __u32 left,
			  bool ends)
{
	summary_title(ctx, "previous key");
	weft_print_key(ctx->out, previous, true);
	if (ends) {
		fputs(", for ", ctx->out);
		summary_duration(ctx, left);
	}
	fputc('\n', ctx->out);
}

/* The same for a preshared key, which may have been absent. */
static void summary_preshared_grace(const struct weft_context *ctx,
				    const struct weft_peer *peer)
{
	summary_title(ctx, "previous preshared key");
	if (weft_key_is_zero(&peer->previous_preshared_key))
		fputs(WEFT_PRINT_NONE, ctx->out);
	else
		summary_hidden(ctx, &peer->previous_preshared_key);
	if (peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_PRESHARED_GRACE_LEFT)) {
		fputs(", for ", ctx->out);
		summary_duration(ctx, peer->preshared_grace_left);
	}
	fputc('\n', ctx->out);
}

/* Lines that exist only while keys are being replaced. */
static void summary_keys(const struct weft_context *ctx,
			 const struct weft_device *dev,
			 const struct weft_peer *peer)
{
	static const char * const words[] = {
		[WEFT_IDENTITY_CURRENT] = "our key",
		[WEFT_IDENTITY_PREVIOUS] = "our previous key",
	};

	if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY) {
		summary_title(ctx, "next key");
		weft_print_key(ctx->out, &peer->next_public_key, true);
		fputc('\n', ctx->out);
	}
	if (peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY)
		summary_grace(ctx, &peer->previous_public_key,
			      peer->grace_left,
			      peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_GRACE_LEFT));
	if (peer->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY) {
		summary_title(ctx, "next preshared key");
		summary_secret(ctx, &peer->next_preshared_key);
	}
	if (peer->has & WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY)
		summary_preshared_grace(ctx, peer);
	if (dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY &&
	    peer->identity < ARRAY_SIZE(words) && words[peer->identity]) {
		summary_title(ctx, "last used");
		fprintf(ctx->out, "%s\n", words[peer->identity]);
	}
}

static void summary_device(const struct weft_context *ctx,
			   const struct weft_device *dev)
{
	/* Resets the terminal, whatever its former state. */
	fputs(weft_colour(ctx, WEFT_COLOUR_RESET), ctx->out);
	summary_heading(ctx, WEFT_COLOUR_GREEN, "interface", dev->name);
	if (dev->has & WEFT_DEVICE_HAS_PUBLIC_KEY) {
		summary_title(ctx, "public key");
		weft_print_key(ctx->out, &dev->public_key, true);
		fputc('\n', ctx->out);
	}
	if (dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY) {
		summary_title(ctx, "private key");
		summary_secret(ctx, &dev->private_key);
	}
	if (dev->listen_port) {
		summary_title(ctx, "listening port");
		fprintf(ctx->out, "%u\n", dev->listen_port);
	}
	if (dev->fwmark) {
		summary_title(ctx, "fwmark");
		fprintf(ctx->out, "0x%x\n", dev->fwmark);
	}
	if (weft_model_has_listen_address(dev)) {
		summary_title(ctx, "listening address");
		weft_print_listen_address(ctx->out, dev, ", ");
		fputc('\n', ctx->out);
	}
	if (dev->bind_device[0]) {
		summary_title(ctx, "bound to device");
		fprintf(ctx->out, "%s\n", dev->bind_device);
	}
	if (weft_print_has_pmtu(dev)) {
		summary_title(ctx, "pmtu");
		fputs("on\n", ctx->out);
	}
	if (weft_print_has_dscp(dev)) {
		summary_title(ctx, "dscp");
		weft_print_dscp(ctx->out, dev);
		fputc('\n', ctx->out);
	}
	if (dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY)
		summary_grace(ctx, &dev->previous_public_key,
			      dev->grace_left,
			      dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_GRACE_LEFT));
}

/* One peer and its number in the kernel's list, which breaks ties. */
struct summary_ranked {
	const struct weft_peer *peer;
	size_t order;
};

/* The latest handshake first; peers without a handshake last. */
static int summary_compare(const void *a, const void *b)
{
	const struct summary_ranked *x = a, *y = b;

	if (x->peer->handshake_s != y->peer->handshake_s)
		return x->peer->handshake_s < y->peer->handshake_s ? 1 : -1;
	if (x->peer->handshake_ns != y->peer->handshake_ns)
		return x->peer->handshake_ns < y->peer->handshake_ns ? 1 : -1;
	return x->order < y->order ? -1 : 1;
}

bool weft_summary_print(const struct weft_context *ctx,
			const struct weft_device *dev)
{
	size_t count = weft_model_peer_count(dev), i = 0;
	struct summary_ranked *ranked = calloc(count + 1, sizeof(*ranked));
	const struct weft_peer *peer;

	if (!ranked)
		return false;
	for (peer = dev->peers; peer; peer = peer->next, i++)
		ranked[i] = (struct summary_ranked){ peer, i };
	qsort(ranked, count, sizeof(*ranked), summary_compare);
	summary_device(ctx, dev);
	for (i = 0; i < count; i++) {
		fputc('\n', ctx->out);
		summary_peer(ctx, ranked[i].peer);
		summary_keys(ctx, dev, ranked[i].peer);
	}
	free(ranked);
	return true;
}
