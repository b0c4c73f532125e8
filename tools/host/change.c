// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "host/change.h"
#include "model/format.h"

static void change_describe_route(FILE *out, const char *verb,
				  const struct weft_change *change)
{
	const struct weft_route *route = &change->route;

	fprintf(out, "%s the %s %s/%u", verb,
		route->table ? "route to" : "address",
		weft_format_address(&route->prefix).chars, route->prefix.cidr);
	if (route->table)
		fprintf(out, " in table %u", route->table);
}

static void change_describe_rule(FILE *out, const char *verb,
				 const struct weft_rule *rule)
{
	fprintf(out, "%s the IPv%c rule %u:", verb,
		rule->family == AF_INET ? '4' : '6', rule->priority);
	if (rule->mark)
		fprintf(out, " %smark 0x%x", rule->invert ? "not " : "",
			rule->mark);
	fprintf(out, " table %u%s", rule->table,
		rule->no_default ? " without default routes" : "");
}

static void change_describe_kind(FILE *out, const struct weft_change *change)
{
	switch (change->kind) {
	case WEFT_CHANGE_LINK_ADD:
		fprintf(out, "create the link of kind %s",
			weft_model_kind_name(change->link_kind));
		break;
	case WEFT_CHANGE_LINK_DELETE:
		fputs("delete the link", out);
		break;
	case WEFT_CHANGE_LINK_MTU:
		fprintf(out, "set the MTU to %u", change->mtu);
		break;
	case WEFT_CHANGE_LINK_UP:
		fputs("set the link up", out);
		break;
	case WEFT_CHANGE_LINK_DOWN:
		fputs("set the link down", out);
		break;
	case WEFT_CHANGE_ADDRESS_ADD:
	case WEFT_CHANGE_ROUTE_ADD:
		change_describe_route(out, "add", change);
		break;
	case WEFT_CHANGE_ADDRESS_DELETE:
	case WEFT_CHANGE_ROUTE_DELETE:
		change_describe_route(out, "delete", change);
		break;
	case WEFT_CHANGE_RULE_ADD:
		change_describe_rule(out, "add", &change->rule);
		break;
	case WEFT_CHANGE_RULE_DELETE:
		change_describe_rule(out, "delete", &change->rule);
		break;
	case WEFT_CHANGE_FILE:
		fprintf(out, "write %s to %s", change->text, change->path);
		break;
	case WEFT_CHANGE_PROGRAM:
		fputs(change->title, out);
		break;
	}
}

char *weft_change_describe(const struct weft_change *change)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	change_describe_kind(out, change);
	fclose(out);
	return text;
}

static void change_swap(char **a, char **b)
{
	char *held = *a;

	*a = *b;
	*b = held;
}

static void change_swap_programs(struct weft_change *change)
{
	struct weft_program held = change->program;

	change->program = change->undo;
	change->undo = held;
}

bool weft_change_invert(struct weft_change *change)
{
	static const enum weft_change_kind inverse[] = {
		[WEFT_CHANGE_LINK_ADD] = WEFT_CHANGE_LINK_DELETE,
		[WEFT_CHANGE_LINK_DELETE] = WEFT_CHANGE_LINK_ADD,
		[WEFT_CHANGE_LINK_MTU] = WEFT_CHANGE_LINK_MTU,
		[WEFT_CHANGE_LINK_UP] = WEFT_CHANGE_LINK_DOWN,
		[WEFT_CHANGE_LINK_DOWN] = WEFT_CHANGE_LINK_UP,
		[WEFT_CHANGE_ADDRESS_ADD] = WEFT_CHANGE_ADDRESS_DELETE,
		[WEFT_CHANGE_ADDRESS_DELETE] = WEFT_CHANGE_ADDRESS_ADD,
		[WEFT_CHANGE_ROUTE_ADD] = WEFT_CHANGE_ROUTE_DELETE,
		[WEFT_CHANGE_ROUTE_DELETE] = WEFT_CHANGE_ROUTE_ADD,
		[WEFT_CHANGE_RULE_ADD] = WEFT_CHANGE_RULE_DELETE,
		[WEFT_CHANGE_RULE_DELETE] = WEFT_CHANGE_RULE_ADD,
		[WEFT_CHANGE_FILE] = WEFT_CHANGE_FILE,
		[WEFT_CHANGE_PROGRAM] = WEFT_CHANGE_PROGRAM,
	};
	unsigned int mtu = change->mtu;

	change->kind = inverse[change->kind];
	change->mtu = change->old_mtu;
	change->old_mtu = mtu;
	change_swap(&change->text, &change->old_text);
	change_swap_programs(change);
	if (change->kind == WEFT_CHANGE_FILE)
		return change->text;
	return change->kind != WEFT_CHANGE_PROGRAM || change->program.words;
}

static void program_clear(struct weft_program *program)
{
	size_t i;

	for (i = 0; i < program->count; i++)
		free(program->words[i]);
	free(program->words);
	free(program->input);
	weft_text_wipe(program->script);
}

void weft_change_clear(struct weft_change *change)
{
	free(change->path);
	free(change->text);
	free(change->old_text);
	free(change->title);
	program_clear(&change->program);
	program_clear(&change->undo);
	memset(change, 0, sizeof(*change));
}

bool weft_program_add(struct weft_program *program, const char *word)
{
	char **words = reallocarray(program->words, program->count + 2,
				    sizeof(*words));

	if (!words)
		return false;
	program->words = words;
	words[program->count + 1] = NULL;
	words[program->count] = strdup(word);
	return words[program->count] && ++program->count;
}

bool weft_program_set(struct weft_program *program, const char *input, ...)
{
	const char *word;
	bool good = true;
	va_list args;

	va_start(args, input);
	while (good && (word = va_arg(args, const char *)))
		good = weft_program_add(program, word);
	va_end(args);
	if (input) {
		program->input = strdup(input);
		good = good && program->input;
	}
	return good;
}
