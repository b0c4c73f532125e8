// SPDX-License-Identifier: GPL-2.0
#include "base/context.h"
#include "model/attr.h"
#include "model/model.h"
#include "print/conf.h"
#include "print/print.h"

static void conf_key(FILE *out, const char *field, const struct weft_key *key)
{
	fprintf(out, "%s = ", field);
	weft_print_key(out, key, true);
	fputc('\n', out);
}

/* Previous keys expire by themselves, and are not written to a file. */
static void conf_keys(FILE *out, const struct weft_peer *peer)
{
	if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
		conf_key(out, "NextPublicKey", &peer->next_public_key);
	if (peer->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY)
		conf_key(out, "NextPresharedKey", &peer->next_preshared_key);
	if (peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_GRACE) &&
	    peer->grace != WEFT_GRACE_SECONDS)
		fprintf(out, "Grace = %u\n", peer->grace);
}

static void conf_peer(FILE *out, const struct weft_peer *peer)
{
	fputs("[Peer]\n", out);
	conf_key(out, "PublicKey", &peer->public_key);
	if (peer->name)
		fprintf(out, "Name = %s\n", peer->name);
	if (peer->has & WEFT_PEER_HAS_PRESHARED_KEY)
		conf_key(out, "PresharedKey", &peer->preshared_key);
	conf_keys(out, peer);
	if (peer->allowedips) {
		fputs("AllowedIPs = ", out);
		weft_print_allowedips(out, peer, ", ");
		fputc('\n', out);
	}
	if (peer->endpoint_text) {
		fprintf(out, "Endpoint = %s\n", peer->endpoint_text);
	} else if (peer->candidate_count > 1) {
		fputs("Endpoint = ", out);
		weft_print_candidates(out, peer, ", ");
		fputc('\n', out);
	} else if (peer->endpoint.any.sa_family != AF_UNSPEC) {
		fputs("Endpoint = ", out);
		weft_print_endpoint(out, peer);
		fputc('\n', out);
	}
	if (!peer->roam)
		fputs("Roam = off\n", out);
	if (peer->keepalive)
		fprintf(out, "PersistentKeepalive = %u\n", peer->keepalive);
	if (peer->next)
		fputc('\n', out);
}

void weft_conf_print_device(FILE *out, const struct weft_device *dev)
{
	const struct weft_peer *peer;

	if (dev->listen_port)
		fprintf(out, "ListenPort = %u\n", dev->listen_port);
	if (dev->fwmark)
		fprintf(out, "FwMark = 0x%x\n", dev->fwmark);
	if (weft_model_has_listen_address(dev)) {
		fputs("ListenAddress = ", out);
		weft_print_listen_address(out, dev, ", ");
		fputc('\n', out);
	}
	if (dev->bind_device[0])
		fprintf(out, "BindDevice = %s\n", dev->bind_device);
	if (weft_print_has_pmtu(dev))
		fputs("PMTU = on\n", out);
	if (weft_print_has_dscp(dev)) {
		fputs("DSCP = ", out);
		weft_print_dscp(out, dev);
		fputc('\n', out);
	}
	if (dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY)
		conf_key(out, "PrivateKey", &dev->private_key);
	fputc('\n', out);
	for (peer = dev->peers; peer; peer = peer->next)
		conf_peer(out, peer);
}

void weft_conf_print(const struct weft_context *ctx,
		     const struct weft_device *dev)
{
	fputs("[Interface]\n", ctx->out);
	weft_conf_print_device(ctx->out, dev);
}
