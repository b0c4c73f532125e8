// SPDX-License-Identifier: GPL-2.0
/* weft fleet: the verbs, and what they share. */
#include <json-c/json.h>
#include <string.h>

#include "base/complain.h"
#include "cli/command.h"
#include "cli/fleet.h"
#include "conf/profile.h"
#include "fleet/merge.h"
#include "print/json.h"

/* More would hide the first ones. */
#define FLEET_REFUSED_SHOWN	20

/**
 * struct fleet_verb - one verb
 * @name: the verb
 * @arguments: its arguments, for usage
 * @run: runs it with the words after the verb
 * @min: fewest words
 * @dry: it takes --dry-run
 */
struct fleet_verb {
	const char *name;
	const char *arguments;
	int (*run)(struct weft_context *ctx, int argc, char **argv);
	int min;
	bool dry;
};

static const struct fleet_verb fleet_verbs[] = {
	{
		"init",
		"FLEET store DIR admin-key FILE [topology mesh|hub|groups] [port PORT]\n"
		"    [keepalive SECONDS] [mtu BYTES] [rotate-every SECONDS]\n"
		"    [rotate-window SECONDS] [rotate-grace SECONDS] [rotate-order NUMBER]\n"
		"    [preshared on|off] [admins KEY,...] [trust KEY,...]",
		weft_fleet_init, 5, true,
	}, {
		"admit",
		"store DIR admin-key FILE node NODE address PREFIX,... [identity KEY]\n"
		"    [public-key KEY] [prefix PREFIX,...] [groups GROUP,...] [hub on|off]\n"
		"    [endpoint HOST:PORT,...] [not-after SECONDS] [trust KEY,...]\n"
		"    | store DIR admin-key FILE from FILE",
		weft_fleet_admit, 6, true,
	}, {
		"revoke", "store DIR admin-key FILE node NODE,... [serial NUMBER] [trust KEY,...]",
		weft_fleet_revoke, 6, true,
	}, {
		"put", "store DIR [from FILE]", weft_fleet_put, 2, true,
	}, {
		"bundle", "store DIR [trust KEY,...]", weft_fleet_bundle, 2, false,
	}, {
		"list", "store DIR [trust KEY,...]", weft_fleet_list, 2, false,
	}, {
		"render", "store DIR node NODE [trust KEY,...]", weft_fleet_render, 4, false,
	}, {
		"import", "FLEET NODE=FILE...", weft_fleet_import, 2, false,
	}, {
		"hello",
		"FLEET [node NODE] [admins KEY,...] [serial NUMBER] [port PORT]\n"
		"    [endpoint ADDRESS:PORT,...|off]\n"
		"    [endpoints-from public|private|LINK|PREFIX,...|off] [private-key FILE]",
		weft_fleet_hello, 1, true,
	}, {
		"apply", "FLEET [FILE]", weft_fleet_apply_verb, 1, true,
	}, {
		"status", "FLEET", weft_fleet_status, 1, false,
	}, {
		"rotate", "FLEET announce|change|finish|undo [id WORD] [grace SECONDS]",
		weft_fleet_rotate, 2, true,
	}, {
		"run", "FLEET store COMMAND [user USER] [psk COMMAND psk-user USER]",
		weft_fleet_run, 3, false,
	}, {
		"leave", "FLEET", weft_fleet_leave, 1, true,
	},
	{ }
};

const char *weft_fleet_verb(size_t i, const char **arguments)
{
	*arguments = fleet_verbs[i].arguments;
	return fleet_verbs[i].name;
}

void weft_command_list_fleet(FILE *stream)
{
	const struct fleet_verb *verb;

	for (verb = fleet_verbs; verb->name; verb++)
		fprintf(stream, "  weft fleet %s %s\n", verb->name, verb->arguments);
}

bool weft_fleet_words(const struct weft_context *ctx, const char *verb,
		      const struct weft_fleet_word *words, int argc, char **argv)
{
	const struct weft_fleet_word *word;

	for (; argc > 0; argc -= 2, argv += 2) {
		for (word = words; word->name && strcmp(word->name, argv[0]); word++)
			;
		if (!word->name)
			return weft_complain_unknown(ctx, "unknown word", argv[0], words,
						     sizeof(*words));
		if (argc == 1)
			return weft_complain(ctx, "fleet %s: %s: requires a value", verb, argv[0]);
		if (*word->value)
			return weft_complain(ctx, "fleet %s: %s: given twice", verb, argv[0]);
		*word->value = argv[1];
	}
	for (word = words; word->name; word++)
		if (word->required && !*word->value)
			return weft_complain(ctx, "fleet %s: missing '%s'", verb, word->name);
	return true;
}

bool weft_fleet_add_number(struct json_object *object, const char *key, long long number)
{
	return weft_json_add(object, key, json_object_new_int64(number));
}

bool weft_fleet_add_switch(struct json_object *object, const char *key, bool on)
{
	return weft_json_add(object, key, json_object_new_boolean(on));
}

bool weft_fleet_add_words(struct json_object *object, const char *key,
			  const struct weft_words *words)
{
	struct json_object *array = json_object_new_array(), *text;
	bool good = array;
	size_t i;

	for (i = 0; good && i < words->count; i++) {
		text = weft_json_string(words->items[i].text);
		good = text && !json_object_array_add(array, text);
	}
	if (good)
		return weft_json_add(object, key, array);
	json_object_put(array);
	return false;
}

static bool fleet_add_refused(struct json_object *array, const struct weft_merge_refused *refused)
{
	struct json_object *object = json_object_new_object();

	if (object && weft_json_add_text(object, "record", refused->record) &&
	    weft_json_add_text(object, "reason", refused->reason) &&
	    !json_object_array_add(array, object))
		return true;
	json_object_put(object);
	return false;
}

bool weft_fleet_add_merge(struct json_object *object, const struct weft_merge *merge)
{
	struct json_object *array = json_object_new_array();
	bool good = array;
	size_t i;

	for (i = 0; good && i < merge->refused_count; i++)
		good = fleet_add_refused(array, &merge->refused[i]);
	if (!good) {
		json_object_put(array);
		return false;
	}
	return weft_json_add(object, "refused", array) &&
	       weft_fleet_add_number(object, "refused_more", merge->refused_more) &&
	       weft_fleet_add_number(object, "accepted", merge->accepted) &&
	       weft_fleet_add_number(object, "same", merge->same);
}

void weft_fleet_warn_refused(const struct weft_context *ctx, const struct weft_merge *merge)
{
	size_t i;

	for (i = 0; i < merge->refused_count && i < FLEET_REFUSED_SHOWN; i++)
		weft_warn(ctx, "record %s is refused: %s", merge->refused[i].record,
			  merge->refused[i].reason);
	if (i < merge->refused_count)
		weft_warn(ctx, "%zu more records are refused",
			  merge->refused_count + merge->refused_more - i);
}

int weft_fleet_print(const struct weft_context *ctx, struct json_object *object, bool good,
		     int status)
{
	if (good)
		weft_json_print(ctx, object);
	else
		weft_complain(ctx, "out of memory");
	json_object_put(object);
	return good ? status : 1;
}

static int fleet_run(struct weft_context *ctx, const struct fleet_verb *verb, int argc, char **argv)
{
	if (ctx->dry_run && !verb->dry)
		weft_complain(ctx, "fleet %s: no --dry-run", verb->name);
	else if (argc < verb->min)
		weft_complain(ctx, "fleet %s: missing argument", verb->name);
	else
		return verb->run(ctx, argc, argv);
	fprintf(ctx->err, "Usage: weft fleet %s %s\n", verb->name, verb->arguments);
	return 1;
}

int weft_command_fleet(struct weft_context *ctx, int argc, char **argv)
{
	const struct fleet_verb *verb;

	for (verb = fleet_verbs; verb->name; verb++)
		if (!strcmp(verb->name, argv[0]))
			return fleet_run(ctx, verb, argc - 1, argv + 1);
	return !weft_complain_unknown(ctx, "unknown verb of fleet", argv[0], fleet_verbs,
				      sizeof(fleet_verbs[0]));
}
