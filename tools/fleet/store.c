// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/complain.h"
#include "conf/file.h"
#include "conf/writer.h"
#include "fleet/store.h"

#define STORE_LOCK	".lock"
#define STORE_PENDING	"pending"

/* All records of a store, parsed. */
struct store_records {
	struct weft_fleet_record **items;
	size_t count;
};

static bool store_no_memory(const struct weft_store *store)
{
	return weft_complain(store->ctx, "out of memory");
}

static char *store_path(const struct weft_store *store, const char *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s%s%s", store->path, folder, *folder && *name ? "/" : "",
		     name) >= 0)
		return path;
	store_no_memory(store);
	return NULL;
}

static bool store_keep_record(struct weft_store *store, struct store_records *records,
			      struct weft_fleet_record *record)
{
	struct weft_fleet_record **items;

	/* Capacities are powers of two. */
	if (!(records->count & (records->count - 1))) {
		items = reallocarray(records->items, records->count ? 2 * records->count : 1,
				     sizeof(*items));
		if (!items) {
			weft_fleet_record_free(record);
			return store_no_memory(store);
		}
		records->items = items;
	}
	records->items[records->count++] = record;
	return true;
}

/* Whether an open file is to be read; false after a warning. */
static bool store_is_readable(const struct weft_store *store, const char *path, int fd, size_t max)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		weft_warn(store->ctx, "'%s' is not a regular file", path);
	else if ((size_t)st.st_size > max)
		weft_warn(store->ctx, "'%s' has more than %zu bytes", path, max);
	else
		return true;
	return false;
}

/*
 * The owner of a store may put a link, a pipe or a large file there, and replace files
 * meanwhile: *@stream is NULL after a warning, or where it is gone. False after a complaint.
 */
static bool store_open(const struct weft_store *store, const char *path, size_t max,
		       FILE **stream)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*stream = NULL;
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0 && errno != ELOOP && errno != ENXIO)
		return weft_complain(store->ctx, "cannot open '%s': %s", path, strerror(errno));
	if (store_is_readable(store, path, fd, max)) {
		*stream = fdopen(fd, "r");
		if (*stream)
			return true;
		store_no_memory(store);
		close(fd);
		return false;
	}
	if (fd >= 0)
		close(fd);
	return true;
}

static bool store_read_record(struct weft_store *store, struct store_records *records,
			      const char *path)
{
	struct weft_fleet_record *record;
	struct weft_refusal why;
	struct weft_file file;
	FILE *stream;
	size_t len;

	if (!store_open(store, path, WEFT_FLEET_TERMS_BYTES + 1, &stream))
		return false;
	if (!stream)
		return records->count;
	if (!weft_file_read_stream(store->ctx, path, stream, WEFT_FLEET_TERMS_BYTES + 1, &file))
		return false;
	len = file.len && file.text[file.len - 1] == '\n' ? file.len - 1 : file.len;
	record = weft_fleet_record_parse(file.text, len, &why);
	weft_file_wipe(&file);
	if (record)
		return store_keep_record(store, records, record);
	/* The first one is that of the fleet. */
	if (!records->count)
		return weft_complain(store->ctx, "'%s' is not a record: %s", path, why.text);
	weft_warn(store->ctx, "'%s' is not a record: %s", path, why.text);
	return true;
}

static int store_is_file(const struct dirent *entry)
{
	/* A successor that is being written begins with a dot. */
	return entry->d_name[0] != '.';
}

/* The records of one folder; @prefix begins their names. */
static bool store_read_folder(struct weft_store *store, struct store_records *records,
			      const char *folder, const char *prefix)
{
	char *path = store_path(store, folder, "");
	struct dirent **found = NULL;
	int i, count = path ? scandir(path, &found, store_is_file, alphasort) : -1;
	bool good = path && (count >= 0 || errno == ENOENT);

	if (path && !good)
		weft_complain(store->ctx, "cannot read '%s': %s", path, strerror(errno));
	free(path);
	for (i = 0; i < count; i++) {
		if (good && !strncmp(found[i]->d_name, prefix, strlen(prefix))) {
			path = store_path(store, folder, found[i]->d_name);
			good = path && store_read_record(store, records, path);
			free(path);
		}
		free(found[i]);
	}
	free(found);
	return good;
}

/* A line that is no record stands for nothing: whole batches are written. */
static bool store_read_lines(struct weft_store *store, struct store_records *records,
			     const struct weft_file *file)
{
	const char *text = file->text, *newline;
	struct weft_fleet_record *record;
	struct weft_refusal why;

	for (; (newline = strchr(text, '\n')); text = newline + 1) {
		record = weft_fleet_record_parse(text, newline - text, &why);
		if (record && !store_keep_record(store, records, record))
			return false;
	}
	return true;
}

/* The records of a batch whose files may not all be written. */
static bool store_read_pending(struct weft_store *store, struct store_records *records)
{
	char *path = store_path(store, "", STORE_PENDING);
	FILE *stream = NULL;
	struct weft_file file;
	bool good = path && (access(path, F_OK) ||
			     store_open(store, path, WEFT_FLEET_TEXT_BYTES, &stream));

	if (stream) {
		good = weft_file_read_stream(store->ctx, path, stream, WEFT_FLEET_TEXT_BYTES,
					     &file);
		if (good) {
			good = store_read_lines(store, records, &file);
			weft_file_wipe(&file);
		}
	}
	free(path);
	return good;
}

/* The newest record of the fleet comes first: it is that of the file, or of a batch. */
static void store_lead(struct store_records *records, size_t from)
{
	struct weft_fleet_record *first;
	size_t i;

	for (i = from; i < records->count; i++) {
		first = records->items[0];
		if (records->items[i]->kind != WEFT_FLEET_TERMS ||
		    records->items[i]->number <= first->number)
			continue;
		records->items[0] = records->items[i];
		records->items[i] = first;
	}
}

static bool store_read(struct weft_store *store, struct store_records *records)
{
	char *path = store_path(store, "", "fleet");
	bool good = path;
	size_t files;

	if (good && !access(path, F_OK)) {
		good = store_read_record(store, records, path) &&
		       store_read_folder(store, records, "", "fleet.") &&
		       store_read_folder(store, records, "node", "") &&
		       store_read_folder(store, records, "hello", "");
		files = records->count;
		good = good && store_read_pending(store, records);
		if (good)
			store_lead(records, files);
	}
	free(path);
	return good;
}

static char *store_text(const struct store_records *records, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	size_t i;

	if (!out)
		return NULL;
	for (i = 0; i < records->count; i++)
		fprintf(out, "%s\n", records->items[i]->line);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

/* The first record is the newest one of the fleet. */
static bool store_take_fleet(struct weft_store *store, const struct store_records *records)
{
	const struct weft_fleet_record *terms = records->items[0];
	size_t i;

	store->fleet = calloc(1, sizeof(*store->fleet));
	if (!store->fleet)
		return store_no_memory(store);
	memcpy(store->fleet->name, terms->fleet, sizeof(store->fleet->name));
	if (store->trust && store->signs &&
	    !weft_keys_have(&terms->admins, &store->trust->items[0]))
		return weft_complain(store->ctx,
				     "the admin key is none of those of fleet '%s': its public half is %s",
				     terms->fleet,
				     weft_key_encode(&store->trust->items[0]).chars);
	if (!store->trust)
		return weft_keys_add(&store->fleet->trust, &terms->signer) ||
		       store_no_memory(store);
	for (i = 0; i < store->trust->count; i++)
		if (!weft_keys_add(&store->fleet->trust, &store->trust->items[i]))
			return store_no_memory(store);
	return true;
}

/* The owner of a store may put any record there: the newest one has to count. */
static bool store_judge(struct weft_store *store, const struct weft_merge *merge,
			const struct weft_fleet_record *terms)
{
	size_t i;

	for (i = 0; i < merge->refused_count; i++)
		weft_warn(store->ctx, "'%s' has a record that does not count: %s: %s", store->path,
			  merge->refused[i].record, merge->refused[i].reason);
	if (store->fleet->terms && weft_fleet_record_equal(store->fleet->terms, terms))
		return true;
	if (!store->trust || weft_keys_have(store->trust, &terms->signer))
		return weft_complain(store->ctx, "'%s/fleet' has no valid signature", store->path);
	return weft_complain(store->ctx,
			     "'%s/fleet' is signed by %s, which the admin key has not introduced: if that is an admin of the fleet, add 'trust' and this key",
			     store->path, weft_key_encode(&terms->signer).chars);
}

static bool store_merge(struct weft_store *store, const struct store_records *records)
{
	/* Admissions that are over count here: the controller renews them. */
	struct weft_merge merge = { };
	size_t len;
	char *text = store_text(records, &len);
	bool good;

	if (!text)
		return store_no_memory(store);
	good = weft_fleet_merge(store->fleet, text, len, &merge) ?
		store_judge(store, &merge, records->items[0]) : store_no_memory(store);
	weft_merge_free(&merge);
	free(text);
	return good;
}

/* A reader of the bundle that has missed epochs needs the former records of the fleet. */
static bool store_take_older(struct weft_store *store, const struct store_records *records)
{
	struct weft_fleet_record *record;
	size_t i;

	for (i = 0; i < records->count; i++) {
		if (records->items[i]->kind != WEFT_FLEET_TERMS ||
		    records->items[i]->number >= weft_fleet_epoch(store->fleet))
			continue;
		record = weft_fleet_record_copy(records->items[i]);
		if (!record || !weft_fleet_keep_older(store->fleet, record)) {
			weft_fleet_record_free(record);
			return store_no_memory(store);
		}
	}
	return true;
}

static void store_free_records(struct store_records *records)
{
	size_t i;

	for (i = 0; i < records->count; i++)
		weft_fleet_record_free(records->items[i]);
	free(records->items);
}

static bool store_load(struct weft_store *store)
{
	struct store_records records = { };
	bool good = store_read(store, &records);

	if (good && records.count)
		good = store_take_fleet(store, &records) && store_merge(store, &records) &&
		       store_take_older(store, &records);
	store_free_records(&records);
	return good;
}

static bool store_make_folder(const struct weft_store *store, const char *path)
{
	if (store->ctx->dry_run || !mkdir(path, 0755) || errno == EEXIST)
		return true;
	return weft_complain(store->ctx, "cannot make the folder '%s': %s", path, strerror(errno));
}

/* Once, and not for each record: a folder may have thousands. */
static bool store_sweep(struct weft_store *store)
{
	static const char * const folders[] = { "", "node", "hello" };
	char *path;
	size_t i;

	for (i = 0; !store->ctx->dry_run && i < ARRAY_SIZE(folders); i++) {
		path = store_path(store, folders[i], "");
		if (!path)
			return false;
		weft_writer_sweep(path);
		free(path);
	}
	return true;
}

/* The owner of a store must not have an admin's command write or remove files elsewhere. */
static bool store_check_folders(struct weft_store *store)
{
	static const char * const folders[] = { "node", "hello" };
	struct stat st;
	bool good = true;
	char *path;
	size_t i;

	for (i = 0; good && i < ARRAY_SIZE(folders); i++) {
		path = store_path(store, folders[i], "");
		good = path && (lstat(path, &st) || S_ISDIR(st.st_mode) ||
				weft_complain(store->ctx, "'%s' is not a folder", path));
		free(path);
	}
	return good;
}

/* A dry run of the first command finds no folder, and locks nothing. */
static bool store_wait(struct weft_store *store)
{
	if (!flock(store->lock, LOCK_EX | LOCK_NB))
		return true;
	if (errno != EWOULDBLOCK)
		return false;
	weft_warn(store->ctx, "waiting for another command that changes '%s'", store->path);
	return !flock(store->lock, LOCK_EX);
}

/* Users that can read the folder could keep a lock on it: the file is its owner's. */
static bool store_lock(struct weft_store *store)
{
	bool good;
	char *path;

	if (!store_make_folder(store, store->path))
		return false;
	path = store_path(store, "", STORE_LOCK);
	if (!path)
		return false;
	store->lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW |
			   (store->ctx->dry_run ? 0 : O_CREAT), 0600);
	if (store->lock >= 0)
		good = store_wait(store);
	else
		good = store->ctx->dry_run && errno == ENOENT;
	if (!good)
		weft_complain(store->ctx, "cannot lock '%s': %s", path, strerror(errno));
	free(path);
	return good;
}

/* The newest record of a fleet in a text, to be freed, or NULL. */
static struct weft_fleet_record *store_newest_terms(const char *text, size_t len)
{
	static const char begin[] = "weft-fleet/1 fleet ";
	const char *end = text + len, *newline;
	struct weft_fleet_record *newest = NULL, *record;
	struct weft_refusal why;

	for (; text < end && (newline = memchr(text, '\n', end - text)); text = newline + 1) {
		if (strncmp(text, begin, strlen(begin)))
			continue;
		record = weft_fleet_record_parse(text, newline - text, &why);
		if (record && (!newest || record->number > newest->number)) {
			weft_fleet_record_free(newest);
			newest = record;
		} else {
			weft_fleet_record_free(record);
		}
	}
	return newest;
}

bool weft_store_adopt(struct weft_store *store, const char *text, size_t len)
{
	struct weft_fleet_record *terms;
	bool good;

	if (store->fleet)
		return true;
	terms = store_newest_terms(text, len);
	if (!terms)
		return weft_complain(store->ctx,
				     "'%s' has no fleet: run 'weft fleet init' first, or put a bundle with a record of the fleet",
				     store->path);
	store->fleet = calloc(1, sizeof(*store->fleet));
	good = store->fleet && weft_keys_add(&store->fleet->trust, &terms->signer);
	if (good)
		memcpy(store->fleet->name, terms->fleet, sizeof(store->fleet->name));
	weft_fleet_record_free(terms);
	return good || store_no_memory(store);
}

static bool store_write(struct weft_store *store, const char *folder, const char *name,
			const struct weft_fleet_record *record)
{
	char *path, *line;
	bool good = true;

	if (store->ctx->dry_run)
		return true;
	path = store_path(store, folder, "");
	if (*folder)
		good = path && store_make_folder(store, path);
	free(path);
	path = good ? store_path(store, folder, name) : NULL;
	if (!path)
		return false;
	if (asprintf(&line, "%s\n", record->line) < 0) {
		free(path);
		return store_no_memory(store);
	}
	good = weft_writer_put_swept(store->ctx, path, 0644, line, record->len + 1);
	free(line);
	free(path);
	return good;
}

bool weft_store_put(struct weft_store *store, const struct weft_fleet_record *record)
{
	if (record->kind == WEFT_FLEET_TERMS)
		return store_write(store, "", "fleet", record);
	return store_write(store, weft_fleet_kind_name(record->kind), record->node, record);
}

bool weft_store_keep(struct weft_store *store, const struct weft_fleet_record *terms)
{
	char name[sizeof("fleet.") + 20];

	snprintf(name, sizeof(name), "fleet.%llu", (unsigned long long)terms->number);
	return store_write(store, "", name, terms);
}

static bool store_unlink(struct weft_store *store, const char *folder, const char *name)
{
	char *path;
	bool good;

	if (store->ctx->dry_run)
		return true;
	path = store_path(store, folder, name);
	if (!path)
		return false;
	good = !unlink(path) || errno == ENOENT ||
	       weft_complain(store->ctx, "cannot remove '%s': %s", path, strerror(errno));
	free(path);
	return good;
}

bool weft_store_remove(struct weft_store *store, const char *node)
{
	return store_unlink(store, "hello", node) && store_unlink(store, "node", node);
}

/* Batches. */

/* Whether the record is the store's already, with a hello: its batch was written before. */
static bool store_has_hello(const struct weft_store *store, const struct weft_fleet_record *record)
{
	const struct weft_member *member = weft_fleet_find(store->fleet, record->node);

	return member && member->node && weft_fleet_record_equal(member->node, record) &&
	       member->hello;
}

/* Another hello of the name counts no more after a new admission. */
static bool store_put_one(struct weft_store *store, const struct weft_fleet_record *record)
{
	return weft_store_put(store, record) &&
	       (record->kind != WEFT_FLEET_NODE || record->admitted != record->number ||
		store_has_hello(store, record) || store_unlink(store, "hello", record->node));
}

static bool store_put_each(struct weft_store *store, const struct store_records *records)
{
	size_t i;

	for (i = 0; i < records->count; i++)
		if (!store_put_one(store, records->items[i]))
			return false;
	return true;
}

static bool store_write_pending(struct weft_store *store, const struct store_records *records)
{
	char *path = store_path(store, "", STORE_PENDING);
	size_t len;
	char *text = store_text(records, &len);
	bool good = path && (text || store_no_memory(store)) &&
		    weft_writer_put_swept(store->ctx, path, 0644, text, len);

	free(text);
	free(path);
	return good;
}

/* From here on the batch counts, whether all of its files can be written or not. */
static void store_finish(struct weft_store *store, const struct store_records *records)
{
	if (!store_put_each(store, records) || !store_unlink(store, "", STORE_PENDING))
		weft_warn(store->ctx,
			  "all records are in '%s/%s': the next command that changes the store writes their files",
			  store->path, STORE_PENDING);
}

bool weft_store_put_all(struct weft_store *store, struct weft_fleet_record **items, size_t count)
{
	const struct store_records records = { items, count };

	if (store->ctx->dry_run)
		return true;
	if (count < 2)
		return store_put_each(store, &records);
	if (!store_write_pending(store, &records))
		return false;
	store_finish(store, &records);
	return true;
}

/* An older record, of a store that was set back, must not replace a newer one. */
static bool store_counts(const struct weft_store *store, const struct weft_fleet_record *record)
{
	const struct weft_fleet *fleet = store->fleet;
	const struct weft_member *member;

	if (record->kind == WEFT_FLEET_TERMS)
		return weft_fleet_record_equal(fleet->terms, record);
	member = weft_fleet_find(fleet, record->node);
	return member && member->node && weft_fleet_record_equal(member->node, record);
}

static void store_drop_others(const struct weft_store *store, struct store_records *records)
{
	size_t i, kept = 0;

	for (i = 0; i < records->count; i++) {
		if (store_counts(store, records->items[i]))
			records->items[kept++] = records->items[i];
		else
			weft_fleet_record_free(records->items[i]);
	}
	records->count = kept;
}

/* Complete the batch of a command that was killed, or of a full disk. */
static bool store_complete(struct weft_store *store)
{
	char *path = store_path(store, "", STORE_PENDING);
	struct store_records records = { };
	bool good = path, there = good && !access(path, F_OK);

	free(path);
	if (!there || !store->fleet || store->ctx->dry_run)
		return good;
	good = store_read_pending(store, &records);
	store_drop_others(store, &records);
	good = good && store_put_each(store, &records) && store_unlink(store, "", STORE_PENDING);
	store_free_records(&records);
	return good;
}

bool weft_store_open(struct weft_store *store, const struct weft_context *ctx, const char *path,
		     const struct weft_keys *trust, bool lock)
{
	*store = (struct weft_store){
		.ctx = ctx, .path = path, .lock = -1, .signs = lock, .trust = trust,
	};
	if (!lock)
		return store_load(store);
	return store_lock(store) && store_check_folders(store) && store_sweep(store) &&
	       store_load(store) && store_complete(store);
}

bool weft_store_need(struct weft_store *store, const struct weft_context *ctx, const char *path,
		     const struct weft_keys *trust, bool lock)
{
	return weft_store_open(store, ctx, path, trust, lock) &&
	       (store->fleet ||
		weft_complain(ctx, "'%s' has no fleet: run 'weft fleet init' first", path));
}

void weft_store_close(struct weft_store *store)
{
	weft_fleet_free(store->fleet);
	weft_profile_words_free(&store->changes);
	if (store->lock >= 0)
		close(store->lock);
	store->fleet = NULL;
	store->lock = -1;
}
