// SPDX-License-Identifier: GPL-2.0
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/complain.h"
#include "fleet/difference.h"
#include "fleet/record.h"

/* Keys that are no settings: they follow from the others. */
static const char * const difference_omitted[] = {
	"fleet", "node", "epoch", "serial", "admitted", "revoked",
};

/**
 * struct difference_job - one comparison
 * @to: the lines
 * @now: the new record
 */
struct difference_job {
	struct weft_words *to;
	const struct weft_fleet_record *now;
};

static bool difference_omits(const char *key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(difference_omitted); i++)
		if (!strcmp(key, difference_omitted[i]))
			return true;
	return false;
}

static __printf(2, 3)
bool difference_say(struct weft_words *to, const char *fmt, ...)
{
	va_list args;
	bool good;

	va_start(args, fmt);
	good = weft_profile_words_print(to, fmt, args);
	va_end(args);
	return good;
}

/* A list has commas between its items; to be freed. NULL: no memory. */
static char *difference_text(struct json_object *value)
{
	size_t i, len, count;
	char *text = NULL;
	FILE *out;

	if (!value)
		return strdup("none");
	if (!json_object_is_type(value, json_type_array))
		return strdup(json_object_get_string(value));
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	count = json_object_array_length(value);
	for (i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? "," : "",
			json_object_get_string(json_object_array_get_idx(value, i)));
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

static bool difference_key(const struct difference_job *job, const char *key,
			   struct json_object *old, struct json_object *now)
{
	bool is_node = job->now->kind == WEFT_FLEET_NODE;
	char *before, *after;
	bool good;

	/* A dry run has no first admin key yet. */
	if (difference_omits(key) || json_object_equal(old, now) ||
	    (!old && !strcmp(key, "admins")))
		return true;
	before = difference_text(old);
	after = difference_text(now);
	good = before && after &&
	       difference_say(job->to, "%s %s: %s: %s -> %s", is_node ? "node" : "fleet",
			      is_node ? job->now->node : job->now->fleet, key, before, after);
	free(before);
	free(after);
	return good;
}

static bool difference_compare(const struct difference_job *job, struct json_object *old,
			       struct json_object *now)
{
	bool good = true;

	json_object_object_foreach(now, key, value)
		good = good && difference_key(job, key, json_object_object_get(old, key), value);
	if (!old)
		return good;
	json_object_object_foreach(old, former, was)
		if (good && !json_object_object_get_ex(now, former, NULL))
			good = difference_key(job, former, was, NULL);
	return good;
}

bool weft_difference(struct weft_words *to, const struct weft_fleet_record *old,
		     const struct weft_fleet_record *now)
{
	const struct difference_job job = { .to = to, .now = now };
	struct json_object *before = old ? weft_fleet_record_json(old) : NULL;
	struct json_object *after = weft_fleet_record_json(now);
	bool good = (before || !old) && after && difference_compare(&job, before, after);

	json_object_put(before);
	json_object_put(after);
	return good;
}
