// SPDX-License-Identifier: GPL-2.0
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "conf/file.h"
#include "conf/writer.h"
#include "fleet/folder.h"
#include "fleet/last.h"
#include "fleet/merge.h"

#define LAST_NAME	"last"
#define LAST_BYTES	65536
#define LAST_PROBLEMS	20

#define LAST_ROW(key, kind, limit)						\
	{									\
		.name = #key, .type = &weft_fields_##kind,			\
		.offset = offsetof(struct weft_fleet_last, key), .kinds = 1,	\
		.max = (limit),							\
	}

#define LAST_CLASS(class, key)								\
	{										\
		.name = (key), .type = &weft_fields_number,				\
		.offset = offsetof(struct weft_fleet_last, classes[WEFT_REFUSED_##class]),	\
		.kinds = 1, .max = INT64_MAX,						\
	}

static const struct weft_fields_row last_rows[] = {
	LAST_ROW(time, number, INT64_MAX),
	LAST_ROW(ok, switch, 0),
	LAST_ROW(refused, number, INT64_MAX),
	LAST_ROW(waits, switch, 0),
	LAST_ROW(epoch, number, INT64_MAX),
	LAST_ROW(problems, number, INT64_MAX),
	LAST_ROW(problem_lines, lines, LAST_PROBLEMS),
	LAST_CLASS(FORM, "form"),
	LAST_CLASS(SIGNATURE, "signature"),
	LAST_CLASS(OLD, "old"),
	LAST_CLASS(REVOKED, "revoked"),
	LAST_CLASS(EXPIRED, "expired"),
	LAST_CLASS(UNKNOWN, "unknown"),
	{ }
};

static bool last_put(const struct weft_folder *folder, const struct weft_fleet_last *last)
{
	struct json_object *object = weft_fields_put(last_rows, 1, last);
	char *path = weft_folder_file(folder, LAST_NAME), *line = NULL;
	bool good = object && path && asprintf(&line, "%s\n", weft_fields_text(object)) >= 0;

	if (!good)
		line = NULL;
	if (good)
		good = weft_writer_put(folder->ctx, path, 0600, NULL, line, strlen(line));
	free(line);
	free(path);
	json_object_put(object);
	return good;
}

static void last_count(struct weft_fleet_last *last, const struct weft_merge *merge)
{
	size_t i;

	last->refused = merge->refused_count + merge->refused_more;
	memset(last->classes, 0, sizeof(last->classes));
	for (i = 0; i < merge->refused_count; i++)
		last->classes[merge->refused[i].class]++;
}

void weft_fleet_last_write(const struct weft_folder *folder, const struct weft_fleet_last *last,
			   const struct weft_merge *merge, const struct weft_words *problems)
{
	struct weft_fleet_last filled = *last;

	filled.problems = problems->count;
	/* The list stays the caller's. */
	filled.problem_lines = *problems;
	if (problems->count > LAST_PROBLEMS)
		filled.problem_lines.count = LAST_PROBLEMS;

	if (merge)
		last_count(&filled, merge);
	last_put(folder, &filled);
}

static void last_parse(const struct weft_file *file, struct weft_fleet_last *last)
{
	size_t len = file->len && file->text[file->len - 1] == '\n' ? file->len - 1 : file->len;
	struct weft_refusal why;
	struct json_object *object = weft_fields_parse(file->text, len, &why);

	if (!object || !weft_fields_take(last_rows, 1, object, last, &why))
		weft_fleet_last_free(last);
	json_object_put(object);
}

void weft_fleet_last_read(const struct weft_folder *folder, struct weft_fleet_last *last)
{
	char *path = weft_folder_file(folder, LAST_NAME);
	struct weft_file file;

	memset(last, 0, sizeof(*last));
	if (path && !access(path, R_OK) &&
	    weft_file_read(folder->ctx, path, LAST_BYTES, &file)) {
		last_parse(&file, last);
		weft_file_wipe(&file);
	}
	free(path);
}

void weft_fleet_last_free(struct weft_fleet_last *last)
{
	weft_fields_free(last_rows, last);
	memset(last, 0, sizeof(*last));
}
