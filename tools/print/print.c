// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>

#include "model/attr.h"
#include "model/format.h"
#include "model/model.h"
#include "print/print.h"

void weft_print_key(FILE *out, const struct weft_key *key, bool there)
{
	struct weft_key_text text;

	if (!there) {
		fputs(WEFT_PRINT_NONE, out);
		return;
	}
	text = weft_key_encode(key);
	fputs(text.chars, out);
	weft_key_text_wipe(&text);
}

void weft_print_endpoint(FILE *out, const struct weft_peer *peer)
{
	if (peer->endpoint.any.sa_family == AF_UNSPEC)
		fputs(WEFT_PRINT_NONE, out);
	else
		fputs(weft_format_endpoint(&peer->endpoint).chars, out);
}

void weft_print_candidates(FILE *out, const struct weft_peer *peer,
			   const char *separator)
{
	size_t i;

	if (!peer->candidate_count)
		fputs(WEFT_PRINT_NONE, out);
	for (i = 0; i < peer->candidate_count; i++)
		fprintf(out, "%s%s", i ? separator : "",
			weft_format_endpoint(&peer->candidates[i]).chars);
}

void weft_print_listen_address(FILE *out, const struct weft_device *dev,
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

void weft_print_allowedips(FILE *out, const struct weft_peer *peer,
			   const char *separator)
{
	const struct weft_allowedip *ip;

	if (!peer->allowedips)
		fputs(WEFT_PRINT_NONE, out);
	for (ip = peer->allowedips; ip; ip = ip->next)
		fprintf(out, "%s/%u%s", weft_format_address(ip).chars, ip->cidr,
			ip->next ? separator : "");
}

/* Settings of weft only, shown where they differ from wireguard's behaviour. */
bool weft_print_has_pmtu(const struct weft_device *dev)
{
	return dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU) && dev->pmtu;
}

bool weft_print_has_dscp(const struct weft_device *dev)
{
	return dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_DSCP) &&
	       dev->dscp != WEFT_DSCP_OFF;
}

void weft_print_dscp(FILE *out, const struct weft_device *dev)
{
	if (dev->dscp == WEFT_DSCP_INHERIT)
		fputs("inherit", out);
	else
		fprintf(out, "%u", dev->dscp);
}
