// SPDX-License-Identifier: GPL-2.0
/* weft up, weft down, weft save, weft strip */
#include <stdlib.h>

#include "command.h"
#include "config.h"
#include "file.h"
#include "locate.h"
#include "profile.h"
#include "report.h"
#include "save.h"
#include "up.h"

int weft_command_up(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_profile *profile = weft_locate_profile(ctx, argv[0]);
	bool good;

	(void)argc;
	if (!profile)
		return 1;
	good = weft_up(ctx, profile);
	weft_profile_free(profile);
	return good ? 0 : 1;
}

int weft_command_down(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_profile *profile = weft_locate_profile(ctx, argv[0]);
	bool good;

	(void)argc;
	if (!profile)
		return 1;
	good = weft_down(ctx, profile);
	weft_profile_free(profile);
	return good ? 0 : 1;
}

int weft_command_save(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_profile *profile = weft_locate_profile(ctx, argv[0]);
	bool good;

	(void)argc;
	if (!profile)
		return 1;
	good = weft_save(ctx, profile);
	weft_profile_free(profile);
	return good ? 0 : 1;
}

/* Only what can be read is written out: a file with faults is refused. */
int weft_command_strip(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_profile *profile = weft_locate_profile(ctx, argv[0]);
	struct weft_file content;
	bool good;

	(void)argc;
	if (!profile)
		return 1;
	good = weft_config_read(ctx, profile->path, &content);
	if (good) {
		weft_save_strip(ctx->out, content.text);
		weft_file_wipe(&content);
	}
	weft_profile_free(profile);
	return good ? 0 : 1;
}
