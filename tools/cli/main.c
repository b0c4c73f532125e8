// SPDX-License-Identifier: GPL-2.0
/* weft: configure WireGuard-compatible tunnels. */
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/core.h"
#include "base/signals.h"
#include "cli/command.h"
#include "conf/resolve.h"
#include "genl/netlink.h"
#include "host/host.h"
#include "print/colour.h"

static void main_pause(unsigned int us)
{
	struct timespec left = {
		.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000,
	};

	while (nanosleep(&left, &left) && !weft_signals_caught())
		;
}

static bool main_shows_keys(void)
{
	const char *wish = getenv("WG_HIDE_KEYS");

	return wish && !strcmp(wish, "never");
}

/* PATH under su(1) lacks the folders of modprobe, nft and resolvconf. */
static void main_extend_path(void)
{
	const char *path = getenv("PATH");
	char *more;

	if (asprintf(&more, "%s:/usr/local/sbin:/usr/sbin:/sbin",
		     path && *path ? path : "/usr/local/bin:/usr/bin:/bin") < 0)
		return;
	setenv("PATH", more, 1);
	free(more);
}

int main(int argc, char **argv)
{
	struct weft_context ctx = {
		.in = stdin, .out = stdout, .err = stderr,
		.now = time(NULL),
		.show_keys = main_shows_keys(),
		.lookup = getaddrinfo,
		.release = freeaddrinfo,
		.pause = main_pause,
		.runtime = "/run/weft",
		.state = getenv("WEFT_FLEET_STATE") ?: "/var/lib/weft",
	};

	weft_core_forbid();
	if (sodium_init() < 0) {
		weft_complain(&ctx, "cannot initialize libsodium");
		return 1;
	}
	main_extend_path();
	/* Unbuffered: no copy of a key from stdin stays in a buffer. */
	setvbuf(stdin, NULL, _IONBF, 0);
	ctx.backend = weft_netlink_backend();
	ctx.host = weft_host_kernel();
	ctx.colour = weft_colour_wanted(getenv("WG_COLOR_MODE"),
					getenv("NO_COLOR"),
					isatty(STDOUT_FILENO));
	ctx.retries = weft_resolve_retries(&ctx, getenv("WG_ENDPOINT_RESOLUTION_RETRIES"));
	if (!getenv("WG_ENDPOINT_RESOLUTION_RETRIES"))
		ctx.patience_ms = WEFT_RESOLVE_PATIENCE_MS;
	return weft_command_main(&ctx, argc, argv);
}
