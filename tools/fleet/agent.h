/* SPDX-License-Identifier: GPL-2.0 */
/* The agent of a node: keeps its interface, its keys and its hello as the fleet says. */
#ifndef _WEFT_TOOLS_FLEET_AGENT_H
#define _WEFT_TOOLS_FLEET_AGENT_H

struct weft_context;

/**
 * struct weft_agent_call - the agent's command line
 * @fleet: the fleet
 * @store: the store's program and its words, as the shell reads them
 * @user: the user that it runs as, or NULL for the default one
 * @psk: the program of preshared keys and its words, or NULL
 * @psk_user: the user that it runs as
 */
struct weft_agent_call {
	const char *fleet;
	const char *store;
	const char *user;
	const char *psk;
	const char *psk_user;
};

/* Run until a signal. Returns the exit status. */
int weft_agent_run(const struct weft_context *ctx, const struct weft_agent_call *call);

#endif /* _WEFT_TOOLS_FLEET_AGENT_H */
