// SPDX-License-Identifier: GPL-2.0
/*
 * A record in /run/weft has lines of a word and its value. It is written before the
 * changes that it describes: a recorded change may not have been made yet.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/complain.h"
#include "conf/file.h"
#include "conf/record.h"
#include "conf/runtime.h"
#include "conf/writer.h"
#include "model/model.h"

#define RECORD_BYTES	(1024 * 1024)

static const enum weft_profile_hook record_hooks[] = {
	WEFT_HOOK_PRE_DOWN, WEFT_HOOK_POST_DOWN,
};

static const char * const record_dns[] = {
	[WEFT_DNS_NONE] = "none",
	[WEFT_DNS_RESOLVED] = "resolved",
	[WEFT_DNS_RESOLVCONF] = "resolvconf",
};

static bool record_take_hook(struct weft_record *record, const char *word,
			     const char *value)
{
	enum weft_profile_hook hook;
	char *text;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(record_hooks); i++) {
		hook = record_hooks[i];
		if (strcmp(word, weft_profile_hook_name(hook)))
			continue;
		text = strchr(value, ' ');
		return text && weft_profile_words_add(&record->hooks[hook], text + 1,
						      strtoul(value, NULL, 10));
	}
	return false;
}

static bool record_take_reached(struct weft_record *record, const char *value)
{
	int hook;

	for (hook = 0; hook < WEFT_HOOK_COUNT; hook++)
		if (!strcmp(value, weft_profile_hook_name(hook)))
			record->reached = hook;
	return record->reached != WEFT_HOOK_COUNT;
}

static bool record_take_dns(struct weft_record *record, const char *value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(record_dns); i++)
		if (!strcmp(value, record_dns[i]))
			record->dns = i;
	return record->dns != WEFT_DNS_NONE;
}

static bool record_take_path(struct weft_record *record, const char *value)
{
	free(record->path);
	record->path = strdup(value);
	return record->path;
}

/*
 * The absolute path, because other commands run in other directories. A symbolic link
 * as the last part is not resolved: it may point to another file by then.
 */
static bool record_take_name(struct weft_record *record, const char *path)
{
	char *folder = *path == '/' ? NULL : getcwd(NULL, 0);

	if (!folder)
		return record_take_path(record, path);
	free(record->path);
	if (asprintf(&record->path, "%s/%s", folder, path) < 0)
		record->path = NULL;
	free(folder);
	return record->path;
}

/* A line of another version, for example "marks" of earlier ones, is ignored. */
static void record_take(struct weft_record *record, const char *word,
			const char *value)
{
	if (!strcmp(word, "rising"))
		record->rising = true;
	else if (!strcmp(word, "falling"))
		record->falling = true;
	else if (!strcmp(word, "kept"))
		record->kept = true;
	else if (!strcmp(word, "link"))
		record->index = strtoul(value, NULL, 10);
	else if (!strcmp(word, "file"))
		record_take_path(record, value);
	else if (!strcmp(word, "reached"))
		record_take_reached(record, value);
	else if (!strcmp(word, "dns"))
		record_take_dns(record, value);
	else if (!strcmp(word, "server"))
		weft_profile_words_add(&record->servers, value, 0);
	else if (!strcmp(word, "search"))
		weft_profile_words_add(&record->search, value, 0);
	else if (!strcmp(word, "table"))
		weft_record_add_table(record, strtoul(value, NULL, 10));
	else
		record_take_hook(record, word, value);
}

static void record_parse(struct weft_record *record, char *text)
{
	char *line, *value;

	while ((line = strsep(&text, "\n"))) {
		value = strchr(line, ' ');
		if (value)
			*value++ = '\0';
		record_take(record, line, value ? value : "");
	}
	record->there = true;
}

void weft_record_read(const struct weft_context *ctx, const char *name,
		      struct weft_record *record)
{
	char *path = weft_runtime_path(ctx, name, "record");
	struct weft_file file;

	memset(record, 0, sizeof(*record));
	record->reached = WEFT_HOOK_COUNT;
	if (path && !access(path, F_OK) &&
	    weft_file_read(ctx, path, RECORD_BYTES, &file)) {
		record_parse(record, file.text);
		weft_file_wipe(&file);
	}
	free(path);
}

static void record_print_hooks(FILE *out, const struct weft_record *record)
{
	const struct weft_words *words;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(record_hooks); i++) {
		words = &record->hooks[record_hooks[i]];
		for (j = 0; j < words->count; j++)
			fprintf(out, "%s %u %s\n",
				weft_profile_hook_name(record_hooks[i]),
				words->items[j].line, words->items[j].text);
	}
}

static void record_print_dns(FILE *out, const struct weft_record *record)
{
	size_t i;

	if (record->dns == WEFT_DNS_NONE)
		return;
	fprintf(out, "dns %s\n", record_dns[record->dns]);
	for (i = 0; i < record->servers.count; i++)
		fprintf(out, "server %s\n", record->servers.items[i].text);
	for (i = 0; i < record->search.count; i++)
		fprintf(out, "search %s\n", record->search.items[i].text);
}

static void record_print(FILE *out, const struct weft_record *record)
{
	size_t i;

	if (record->rising)
		fputs("rising\n", out);
	if (record->falling)
		fputs("falling\n", out);
	if (record->kept)
		fputs("kept\n", out);
	if (record->index)
		fprintf(out, "link %u\n", record->index);
	/* A path with a line break would be read as several entries. */
	if (record->path && !strchr(record->path, '\n'))
		fprintf(out, "file %s\n", record->path);
	record_print_hooks(out, record);
	if (record->reached != WEFT_HOOK_COUNT)
		fprintf(out, "reached %s\n",
			weft_profile_hook_name(record->reached));
	record_print_dns(out, record);
	for (i = 0; i < record->table_count; i++)
		fprintf(out, "table %u\n", record->tables[i]);
}

/* Tests have no real interfaces, and need no record. */
static bool record_has_no_folder(const struct weft_context *ctx, const char *name, int err)
{
	if (!ctx->runtime)
		return true;
	return weft_complain(ctx, "%s: cannot write a record in '%s': %s", name, ctx->runtime,
			     weft_runtime_reason(err));
}

bool weft_record_write(const struct weft_context *ctx, const char *name,
		       const struct weft_record *record)
{
	char *path = weft_runtime_path(ctx, name, "record");
	struct weft_writer writer;
	bool good;

	if (!path)
		return record_has_no_folder(ctx, name, errno);
	good = weft_writer_begin(&writer, ctx, path, 0600, NULL);
	if (good) {
		record_print(writer.out, record);
		good = weft_writer_end(&writer, true);
	}
	free(path);
	return good;
}

void weft_record_remove(const struct weft_context *ctx, const char *name)
{
	char *path = weft_runtime_path(ctx, name, "record");

	if (path && unlink(path) && errno != ENOENT)
		weft_warn(ctx, "%s: cannot remove '%s': %s: remove the file, or the next 'weft up' takes the tunnel for a leftover",
			  name, path, strerror(errno));
	free(path);
}

void weft_record_keep(struct weft_record *record)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(record_hooks); i++)
		weft_profile_words_free(&record->hooks[record_hooks[i]]);
	record->falling = true;
	record->kept = true;
}

void weft_record_free(struct weft_record *record)
{
	int hook;

	for (hook = 0; hook < WEFT_HOOK_COUNT; hook++)
		weft_profile_words_free(&record->hooks[hook]);
	weft_profile_words_free(&record->servers);
	weft_profile_words_free(&record->search);
	free(record->path);
	memset(record, 0, sizeof(*record));
	record->reached = WEFT_HOOK_COUNT;
}

static bool record_copy_words(struct weft_words *to,
			      const struct weft_words *from)
{
	size_t i;

	weft_profile_words_free(to);
	for (i = 0; i < from->count; i++)
		if (!weft_profile_words_add(to, from->items[i].text,
					    from->items[i].line))
			return false;
	return true;
}

bool weft_record_take_profile(struct weft_record *record,
			      const struct weft_profile *profile)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(record_hooks); i++)
		if (!record_copy_words(&record->hooks[record_hooks[i]],
				       &profile->hooks[record_hooks[i]]))
			return false;
	record->there = true;
	return record_take_name(record, profile->path);
}

bool weft_record_take_dns(struct weft_record *record, const struct weft_profile *profile,
			  enum weft_dns dns)
{
	record->dns = dns;
	return record_copy_words(&record->servers, &profile->dns) &&
	       record_copy_words(&record->search, &profile->search);
}

/* systemd-resolved forgets a deleted link, resolvconf does not. */
bool weft_record_absorb(struct weft_record *record, const struct weft_record *left)
{
	size_t i;

	for (i = 0; i < left->table_count; i++)
		weft_record_add_table(record, left->tables[i]);
	if (record->dns != WEFT_DNS_NONE || left->dns != WEFT_DNS_RESOLVCONF)
		return true;
	record->dns = left->dns;
	return record_copy_words(&record->servers, &left->servers) &&
	       record_copy_words(&record->search, &left->search);
}

void weft_record_add_table(struct weft_record *record, __u32 table)
{
	size_t i;

	for (i = 0; i < record->table_count; i++)
		if (record->tables[i] == table)
			return;
	if (table && record->table_count < WEFT_RECORD_TABLES)
		record->tables[record->table_count++] = table;
}

struct weft_profile *weft_record_profile(const struct weft_record *record,
					 const char *name)
{
	struct weft_profile *profile = calloc(1, sizeof(*profile));
	bool good;
	size_t i;

	if (!profile)
		return NULL;
	snprintf(profile->name, sizeof(profile->name), "%s", name);
	profile->path = strdup(record->path ? record->path : name);
	profile->dev = weft_model_device_new(name);
	good = profile->path && profile->dev;
	for (i = 0; good && i < ARRAY_SIZE(record_hooks); i++)
		good = record_copy_words(&profile->hooks[record_hooks[i]],
					 &record->hooks[record_hooks[i]]);
	if (good)
		return profile;
	weft_profile_free(profile);
	return NULL;
}
