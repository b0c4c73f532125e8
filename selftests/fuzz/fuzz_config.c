// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration files, as setconf and "up" read them: no leak, no access after a free, and the
 * printed result parses to the same result. Input: one byte for the kind, then the text.
 */
#include "fuzz.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <sodium.h>

#include "base/text.c"
#include "conf/config.c"
#include "conf/setting.c"
#include "print/conf.h"
#include "conf/profile.h"

/* Numeric addresses only, and without libc, whose state would grow over a million calls. */
static struct sockaddr_in fuzz_address = { .sin_family = AF_INET };
static struct addrinfo fuzz_answer = {
	.ai_family = AF_INET,
	.ai_addr = (struct sockaddr *)&fuzz_address,
	.ai_addrlen = sizeof(fuzz_address),
};

static int fuzz_lookup(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **found)
{
	(void)hints;
	/* A lookup of a service has no host. */
	if (!host)
		return EAI_SERVICE;
	fuzz_address.sin_port = htons(atoi(port));
	*found = &fuzz_answer;
	return inet_pton(AF_INET, host, &fuzz_address.sin_addr) == 1 ? 0 : EAI_NONAME;
}

static void fuzz_release(struct addrinfo *found)
{
	FUZZ_MUST(found == &fuzz_answer);
}

static struct weft_context ctx = { .lookup = fuzz_lookup, .release = fuzz_release };

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	ctx.err = fopen("/dev/null", "w");
	FUZZ_MUST(ctx.err && sodium_init() >= 0);
	return 0;
}

static char *text_of(const struct weft_device *dev)
{
	char *text = NULL;
	size_t len = 0;

	ctx.out = open_memstream(&text, &len);
	weft_conf_print(&ctx, dev);
	fclose(ctx.out);
	return text;
}

/* Prints the device as the kernel would report it. */
static char *text_read(char *text)
{
	struct weft_device *dev = weft_config_parse(&ctx, "file", text, "wft0", true);
	char *printed = NULL;

	if (!dev)
		return NULL;
	if (weft_resolve_device(&ctx, "file", dev)) {
		dev->kind = WEFT_KIND_WEFT;
		printed = text_of(dev);
	}
	weft_model_device_free(dev);
	return printed;
}

static void read_twice(char *text)
{
	char *first = text_read(text), *copy, *second;

	if (!first)
		return;
	copy = strdup(first);
	second = text_read(copy);
	FUZZ_MUST(second && !strcmp(first, second));
	free(first);
	free(copy);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size || memchr(data, 0, size))
		return -1;
	text = strndup((const char *)data + 1, size - 1);
	if (data[0] & 1)
		weft_profile_free(weft_profile_parse(&ctx, "file", text, "wft0"));
	else
		read_twice(text);
	free(text);
	return 0;
}
