// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "fleet/model.h"
#include "fleet/render.h"
#include "model/format.h"
#include "print/conf.h"
#include "print/print.h"

static void render_addresses(FILE *out, const struct weft_profile *profile)
{
	const struct weft_allowedip *ip;
	size_t i;

	for (i = 0; i < profile->addresses.count; i++) {
		ip = &profile->addresses.items[i].prefix;
		fprintf(out, "Address = %s/%u\n", weft_format_address(ip).chars, ip->cidr);
	}
	if (profile->mtu)
		fprintf(out, "MTU = %u\n", profile->mtu);
}

static void render_previous(FILE *out, const struct weft_profile *profile)
{
	struct weft_key_text text;

	if (weft_key_is_zero(&profile->previous_key))
		return;
	text = weft_key_encode(&profile->previous_key);
	fprintf(out, "PreviousPrivateKey = %s\n", text.chars);
	weft_key_text_wipe(&text);
	if (profile->grace_until)
		fprintf(out, "GraceUntil = %lld\n", (long long)profile->grace_until);
}

void weft_render(FILE *out, const struct weft_fleet_model *model)
{
	const struct weft_profile *profile = model->profile;

	fprintf(out,
		"# Written by 'weft fleet apply %s' from the records of the fleet: changes here are lost.\n",
		profile->name);
	fputs("[Interface]\n", out);
	render_addresses(out, profile);
	if (profile->forwarding == WEFT_SWITCH_ON)
		fputs("Forwarding = on\n", out);
	render_previous(out, profile);
	weft_conf_print_device(out, profile->dev);
}

static void render_plain_peer(FILE *out, const struct weft_peer *peer)
{
	/* wg(8) takes one endpoint. */
	size_t first = peer->endpoint_text ? strcspn(peer->endpoint_text, ",") : 0;

	fprintf(out, "\n# %s\n[Peer]\nPublicKey = %s\n", peer->name,
		weft_key_encode(&peer->public_key).chars);
	if (peer->allowedips) {
		fputs("AllowedIPs = ", out);
		weft_print_allowedips(out, peer, ", ");
		fputc('\n', out);
	}
	if (first)
		fprintf(out, "Endpoint = %.*s\n", (int)first, peer->endpoint_text);
	if (peer->keepalive)
		fprintf(out, "PersistentKeepalive = %u\n", peer->keepalive);
}

void weft_render_plain(FILE *out, const struct weft_fleet_model *model)
{
	const struct weft_profile *profile = model->profile;
	const struct weft_peer *peer;

	fputs("[Interface]\n", out);
	render_addresses(out, profile);
	if (profile->dev->listen_port)
		fprintf(out, "ListenPort = %u\n", profile->dev->listen_port);
	fputs("# PrivateKey = the private key of this member\n", out);
	for (peer = profile->dev->peers; peer; peer = peer->next)
		render_plain_peer(out, peer);
}
