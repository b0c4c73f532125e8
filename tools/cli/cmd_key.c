// SPDX-License-Identifier: GPL-2.0
/* weft genkey, weft genpsk, weft pubkey */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/complain.h"
#include "cli/command.h"
#include "conf/file.h"
#include "model/key.h"

/* A key and the white space around it. */
#define KEY_INPUT_BYTES	4096

static void key_print(const struct weft_context *ctx,
		      const struct weft_key *key)
{
	struct weft_key_text text = weft_key_encode(key);

	fprintf(ctx->out, "%s\n", text.chars);
	weft_key_text_wipe(&text);
}

static void key_warn_output(const struct weft_context *ctx)
{
	int fd = fileno(ctx->out);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	if (st.st_mode & 0007)
		weft_warn(ctx,
			  "the key is written to a file that other users can read: set the umask to 077 and try again");
}

static int key_generate(const struct weft_context *ctx, void (*generate)(struct weft_key *key))
{
	struct weft_key key;

	key_warn_output(ctx);
	generate(&key);
	key_print(ctx, &key);
	weft_key_wipe(&key);
	return 0;
}

int weft_command_genkey(struct weft_context *ctx, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return key_generate(ctx, weft_key_generate_private);
}

int weft_command_genpsk(struct weft_context *ctx, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return key_generate(ctx, weft_key_generate_preshared);
}

static bool key_read(const struct weft_context *ctx, struct weft_key *key)
{
	struct weft_file file;
	size_t len;
	bool good;

	if (!weft_file_read(ctx, "-", KEY_INPUT_BYTES, &file))
		return false;
	len = file.len;
	while (len && isspace((unsigned char)file.text[len - 1]))
		file.text[--len] = '\0';
	good = weft_key_decode(key, file.text);
	weft_file_wipe(&file);
	if (!good)
		weft_complain(ctx,
			      "pubkey: the standard input is not a key: %zu characters instead of %d of base64",
			      len, WEFT_KEY_CHARS);
	return good;
}

int weft_command_pubkey(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_key private_key, public_key;
	bool good;

	(void)argc;
	(void)argv;
	if (!key_read(ctx, &private_key))
		return 1;
	good = weft_key_derive_public(&public_key, &private_key);
	weft_key_wipe(&private_key);
	if (!good) {
		weft_complain(ctx, "pubkey: no public key can be derived from this key");
		return 1;
	}
	key_print(ctx, &public_key);
	return 0;
}
