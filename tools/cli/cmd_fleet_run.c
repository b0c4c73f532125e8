// SPDX-License-Identifier: GPL-2.0
/* weft fleet run */
#include "base/complain.h"
#include "cli/fleet.h"
#include "fleet/agent.h"

int weft_fleet_run(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_agent_call call = { .fleet = argv[0] };
	const struct weft_fleet_word words[] = {
		{ "store", &call.store, true }, { "user", &call.user },
		{ "psk", &call.psk }, { "psk-user", &call.psk_user },
		{ }
	};

	if (!weft_fleet_words(ctx, "run", words, argc - 1, argv + 1))
		return 1;
	if (call.psk && !call.psk_user)
		return !weft_complain(ctx,
				      "fleet run: psk: requires 'psk-user USER', another user than the store's");
	if (ctx->json)
		return !weft_complain(ctx, "fleet run: no JSON output");
	return weft_agent_run(ctx, &call);
}
