// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "dns.h"
#include "profile.h"

/* Debian's resolvconf orders its sources by patterns of their names. */
#define DNS_INTERFACE_ORDER	"/etc/resolvconf/interface-order"
#define DNS_ORDER_LINE_BYTES	256
#define DNS_LETTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

/* "tun*" in the list makes "tun.weft0" one that it knows where to put. */
static bool dns_take_prefix(char *line, char *prefix, size_t size)
{
	size_t len = strspn(line, DNS_LETTERS);

	if (!len || strcmp(line + len, "*\n"))
		return false;
	snprintf(prefix, size, "%.*s.", (int)len, line);
	return true;
}

static char *dns_name(const char *name)
{
	char line[DNS_ORDER_LINE_BYTES], prefix[DNS_ORDER_LINE_BYTES] = "";
	FILE *file = fopen(DNS_INTERFACE_ORDER, "re");
	char *full;

	while (file && fgets(line, sizeof(line), file))
		if (dns_take_prefix(line, prefix, sizeof(prefix)))
			break;
	if (file)
		fclose(file);
	return asprintf(&full, "%s%s", prefix, name) < 0 ? NULL : full;
}

static char *dns_text(const struct weft_profile *profile)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	for (i = 0; i < profile->dns.count; i++)
		fprintf(out, "nameserver %s\n", profile->dns.items[i].text);
	for (i = 0; i < profile->search.count; i++)
		fprintf(out, "%s%s", i ? " " : "search ",
			profile->search.items[i].text);
	if (profile->search.count)
		fputc('\n', out);
	fclose(out);
	return text;
}

bool weft_dns_build(const struct weft_profile *profile,
		    struct weft_change *change)
{
	char *name = dns_name(profile->name);
	char *text = dns_text(profile);
	bool good;

	memset(change, 0, sizeof(*change));
	change->kind = WEFT_CHANGE_PROGRAM;
	change->title = strdup("hand the name servers to resolvconf");
	good = name && text && change->title &&
	       weft_program_set(&change->program, text, "resolvconf", "-a",
				name, "-m", "0", "-x", NULL) &&
	       weft_program_set(&change->undo, NULL, "resolvconf", "-d", name,
				"-f", NULL);
	if (!good)
		weft_change_clear(change);
	free(text);
	free(name);
	return good;
}

bool weft_dns_build_removal(const char *name, struct weft_change *change)
{
	char *full = dns_name(name);
	bool good;

	memset(change, 0, sizeof(*change));
	change->kind = WEFT_CHANGE_PROGRAM;
	change->title = strdup("take the name servers back from resolvconf");
	good = full && change->title &&
	       weft_program_set(&change->program, NULL, "resolvconf", "-d",
				full, "-f", NULL);
	if (!good)
		weft_change_clear(change);
	free(full);
	return good;
}
