// SPDX-License-Identifier: GPL-2.0
/*
 * weft complete WORD...: prints the candidates for the last word, for shells. The
 * command is not in the table of commands, but takes the arguments of the others
 * from there: words of "arguments" in capitals are classes, others are literal.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "cli/command.h"
#include "cli/fleet.h"
#include "conf/setting.h"
#include "fleet/folder.h"
#include "genl/backend.h"
#include "print/fields.h"
#include "top/column.h"

/**
 * struct completion - the completion of one word
 * @ctx: the context
 * @word: the prefix of the candidates
 * @iface: the interface among the words before, or NULL
 */
struct completion {
	struct weft_context *ctx;
	const char *word;
	const char *iface;
};

static void complete_offer(const struct completion *complete, const char *text)
{
	if (!strncmp(text, complete->word, strlen(complete->word)))
		fprintf(complete->ctx->out, "%s\n", text);
}

static void complete_interfaces(const struct completion *complete)
{
	struct weft_backend *backend = complete->ctx->backend;
	struct weft_link *list, *link;

	if (backend->list(backend, &list))
		return;
	for (link = list; link; link = link->next)
		complete_offer(complete, link->name);
	weft_model_links_free(list);
}

/* All links of the machine. */
static void complete_links(const struct completion *complete)
{
	struct if_nameindex *links = if_nameindex(), *link;

	for (link = links; link && link->if_name; link++)
		complete_offer(complete, link->if_name);
	if (links)
		if_freenameindex(links);
}

static void complete_commands(const struct completion *complete)
{
	const struct weft_command *command;

	for (command = weft_commands; command->name; command++)
		complete_offer(complete, command->name);
}

static void complete_fields(const struct completion *complete)
{
	const struct weft_field *field;

	for (field = weft_fields; field->name; field++)
		complete_offer(complete, field->name);
}

static void complete_keys(const struct completion *complete)
{
	struct weft_backend *backend = complete->ctx->backend;
	struct weft_device *dev;
	struct weft_peer *peer;

	if (!complete->iface || backend->get(backend, complete->iface, &dev))
		return;
	for (peer = dev->peers; peer; peer = peer->next) {
		if (peer->name)
			complete_offer(complete, peer->name);
		complete_offer(complete,
			       weft_key_encode(&peer->public_key).chars);
	}
	weft_model_device_free(dev);
}

/* File names are left to the shell. */
static void complete_files(const struct completion *complete)
{
	fputs("/\n", complete->ctx->out);
}

/* Tunnels that have a file where "up" looks for one. */
static void complete_names_in(const struct completion *complete,
			      const char *folder)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);
	char *end;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		end = strrchr(entry->d_name, '.');
		if (!end || end == entry->d_name || strcmp(end, ".conf"))
			continue;
		*end = '\0';
		complete_offer(complete, entry->d_name);
	}
	closedir(dir);
}

static void complete_tunnels(const struct completion *complete)
{
	complete_files(complete);
	complete_names_in(complete, "/etc/weft");
	complete_names_in(complete, "/etc/wireguard");
}

/* Fleets that this machine is a node of. */
static void complete_fleets(const struct completion *complete)
{
	struct weft_words names = { };
	size_t i;

	if (weft_folder_list(complete->ctx, &names))
		for (i = 0; i < names.count; i++)
			complete_offer(complete, names.items[i].text);
	weft_profile_words_free(&names);
}

static const struct {
	const char *name;
	void (*offer)(const struct completion *complete);
} classes[] = {
	{ "FILE|IFACE", complete_tunnels },
	{ "IFACE", complete_interfaces },
	{ "COMMAND", complete_commands },
	{ "FIELD", complete_fields },
	{ "FILE", complete_files },
	{ "DIR", complete_files },
	{ "FLEET", complete_fleets },
	{ "KEY", complete_keys },
	{ "LINK", complete_links },
	{ "KEY|NAME", complete_keys },
};

static bool complete_class(const struct completion *complete,
			   const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		if (!strcmp(text, classes[i].name)) {
			classes[i].offer(complete);
			return true;
		}
	}
	return false;
}

/* One of the alternatives of an argument: a class, or a literal word. */
static void complete_alternative(const struct completion *complete,
				 const char *text)
{
	if (complete_class(complete, text))
		return;
	/* Other classes cannot be listed; FIELD has words of its own. */
	if (islower((unsigned char)*text) && !weft_fields_find(text))
		complete_offer(complete, text);
}

/* "[IFACE|all|interfaces]": the alternatives in the brackets. */
static void complete_argument(const struct completion *complete, char *argument)
{
	char *text, *rest = NULL;

	if (complete_class(complete, argument))
		return;
	for (text = strtok_r(argument, "[]|", &rest); text;
	     text = strtok_r(NULL, "[]|", &rest))
		complete_alternative(complete, text);
}

/* "[IFACE]...": a repeated argument. */
static bool complete_repeats(const char *argument)
{
	size_t len = strlen(argument);

	return len > 3 && !strcmp(argument + len - 3, "...");
}

/* The argument at the position of the last word, counted from 0. */
static void complete_nth_argument(const struct completion *complete,
				  const char *arguments, int position)
{
	char *copy = strdup(arguments), *rest = NULL, *argument;

	if (!copy)
		return;
	argument = strtok_r(copy, " ", &rest);
	while (argument && position-- && !complete_repeats(argument))
		argument = strtok_r(NULL, " ", &rest);
	if (argument)
		complete_argument(complete, argument);
	free(copy);
}

/* Settings of the interface come before the first peer. */
static void complete_settings(const struct completion *complete, bool in_peer)
{
	const struct weft_setting *setting;

	for (setting = weft_settings; setting->word || setting->field; setting++)
		if (setting->word &&
		    (in_peer || setting->scope == WEFT_SCOPE_DEVICE))
			complete_offer(complete, setting->word);
	complete_offer(complete, "peer");
}

static void complete_value(const struct completion *complete,
			   const char *setting)
{
	const struct weft_setting *found = weft_setting_find_word(setting);

	if (!strcmp(setting, "peer"))
		complete_keys(complete);
	else if (found && found->value)
		complete_nth_argument(complete, found->value, 0);
}

/* Settings and values alternate; "remove" has no value. */
static void complete_set(const struct completion *complete, int argc,
			 char **argv)
{
	const struct weft_setting *setting;
	bool in_peer = false;
	int i = 0;

	while (i < argc - 1) {
		setting = weft_setting_find_word(argv[i]);
		if (!strcmp(argv[i], "peer"))
			in_peer = true;
		i += setting && !setting->value ? 1 : 2;
	}
	if (i == argc - 1)
		complete_settings(complete, in_peer);
	else
		complete_value(complete, argv[argc - 2]);
}

/* A single word, or settings and values in turn. */
static void complete_rotate(const struct completion *complete, int argc,
			    char **argv)
{
	static const char * const words[] = {
		"private-key", "grace", "finish", "undo",
	};
	size_t i, count = argc == 1 ? ARRAY_SIZE(words) : 2;

	if (argc % 2) {
		for (i = 0; i < count; i++)
			complete_offer(complete, words[i]);
	} else if (!strcmp(argv[argc - 2], "private-key")) {
		complete_files(complete);
	}
}

static void complete_metrics(const struct completion *complete, int argc,
			     char **argv)
{
	const char *before = argc > 1 ? argv[argc - 2] : "";
	char values[] = "[on|keys|off]";

	if (!strcmp(before, "write")) {
		complete_files(complete);
	} else if (!strcmp(before, "peers")) {
		complete_argument(complete, values);
	} else {
		complete_interfaces(complete);
		complete_offer(complete, "write");
		complete_offer(complete, "peers");
	}
}

static void complete_columns(const struct completion *complete)
{
	const struct weft_top_column *column;

	for (column = weft_top_columns; column->name; column++)
		complete_offer(complete, column->name);
}

/* Words, some of which have a value behind them. */
static void complete_top(const struct completion *complete, int argc, char **argv)
{
	static const char * const words[] = {
		"batch", "every", "count", "sort", "reverse", "filter",
	};
	const char *before = argc > 1 ? argv[argc - 2] : "";
	size_t i;

	if (!strcmp(before, "sort")) {
		complete_columns(complete);
		return;
	}
	if (!strcmp(before, "every") || !strcmp(before, "count") || !strcmp(before, "filter"))
		return;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		complete_offer(complete, words[i]);
}

/* The arguments of a verb of fleet: "FLEET", then words and their values in turn. */
struct complete_verb {
	char *text;
	const char *tokens[64];
	size_t count;
	size_t fixed;
};

static bool complete_verb_begin(struct complete_verb *verb, const char *name)
{
	const char *found, *arguments;
	char *token, *rest = NULL;
	size_t i = 0;

	*verb = (struct complete_verb){ };
	while ((found = weft_fleet_verb(i, &arguments)) && strcmp(found, name))
		i++;
	verb->text = found ? strdup(arguments) : NULL;
	if (!verb->text)
		return false;
	for (token = strtok_r(verb->text, " []\n", &rest);
	     token && verb->count < ARRAY_SIZE(verb->tokens);
	     token = strtok_r(NULL, " []\n", &rest))
		/* Between two forms of a verb. */
		if (strcmp(token, "|"))
			verb->tokens[verb->count++] = token;
	/* Alternatives, as those of "rotate", have no word before them. */
	while (verb->fixed < verb->count &&
	       (isupper((unsigned char)*verb->tokens[verb->fixed]) ||
		strchr(verb->tokens[verb->fixed], '|')))
		verb->fixed++;
	return true;
}

static bool complete_has(char **words, int count, const char *word)
{
	while (count--)
		if (!strcmp(words[count], word))
			return true;
	return false;
}

/* The words that are not given yet; a second form of the verb repeats words of the first. */
static void complete_verb_words(const struct completion *complete,
				const struct complete_verb *verb, char **given, int count)
{
	size_t i, k;

	for (i = verb->fixed; i < verb->count; i += 2) {
		for (k = verb->fixed; strcmp(verb->tokens[k], verb->tokens[i]);)
			k += 2;
		if (k == i && !complete_has(given, count, verb->tokens[i]))
			complete_offer(complete, verb->tokens[i]);
	}
}

/* The nodes of the store that the words before name. */
static void complete_nodes(const struct completion *complete, char **given, int count)
{
	struct dirent *entry;
	char *path;
	DIR *dir;
	int i;

	for (i = 0; i + 1 < count && strcmp(given[i], "store");)
		i += 2;
	if (i + 1 >= count || asprintf(&path, "%s/node", given[i + 1]) < 0)
		return;
	dir = opendir(path);
	free(path);
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			complete_offer(complete, entry->d_name);
	if (dir)
		closedir(dir);
}

static void complete_verb_value(const struct completion *complete,
				const struct complete_verb *verb, char **given, int count)
{
	char *copy;
	size_t i;

	for (i = verb->fixed; i + 1 < verb->count; i += 2)
		if (!strcmp(verb->tokens[i], given[count - 1]))
			break;
	if (i + 1 >= verb->count)
		return;
	if (!strncmp(verb->tokens[i + 1], "NODE", strlen("NODE")))
		complete_nodes(complete, given, count);
	copy = strdup(verb->tokens[i + 1]);
	/* Keys of a fleet are no peers of an interface. */
	if (copy && strcmp(copy, "KEY"))
		complete_argument(complete, copy);
	free(copy);
}

static void complete_fixed(const struct completion *complete, const char *token)
{
	char *copy = strdup(token);

	if (copy)
		complete_argument(complete, copy);
	free(copy);
}

/* The words after "fleet". */
static void complete_fleet(const struct completion *complete, int argc, char **argv)
{
	const char *name, *arguments;
	struct complete_verb verb;
	size_t i, position = argc - 2;

	for (i = 0; argc == 1 && (name = weft_fleet_verb(i, &arguments)); i++)
		complete_offer(complete, name);
	if (argc == 1 || !complete_verb_begin(&verb, argv[0]))
		return;
	argv += 1 + verb.fixed;
	argc -= 1 + verb.fixed;
	if (position < verb.fixed)
		complete_fixed(complete, verb.tokens[position]);
	else if ((position - verb.fixed) % 2)
		complete_verb_value(complete, &verb, argv, argc - 1);
	else
		complete_verb_words(complete, &verb, argv, argc - 1);
	free(verb.text);
}

int weft_command_complete(struct weft_context *ctx, int argc, char **argv)
{
	struct completion complete = {
		.ctx = ctx, .word = argc ? argv[argc - 1] : "",
		.iface = argc > 2 ? argv[1] : NULL,
	};
	const struct weft_command *command;

	if (argc < 2) {
		complete_commands(&complete);
		return 0;
	}
	command = weft_command_find(argv[0]);
	if (command && command->run == weft_command_set && argc > 2)
		complete_set(&complete, argc - 2, argv + 2);
	else if (command && command->run == weft_command_rotate && argc > 2)
		complete_rotate(&complete, argc - 2, argv + 2);
	else if (command && command->run == weft_command_top && argc > 2)
		complete_top(&complete, argc - 2, argv + 2);
	else if (command && command->run == weft_command_fleet)
		complete_fleet(&complete, argc - 1, argv + 1);
	else if (command && command->run == weft_command_metrics)
		complete_metrics(&complete, argc - 1, argv + 1);
	else if (command)
		complete_nth_argument(&complete, command->arguments, argc - 2);
	return 0;
}
