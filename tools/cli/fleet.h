/* SPDX-License-Identifier: GPL-2.0 */
/* weft fleet: one verb a file of its own, or a few that belong together. */
#ifndef _WEFT_TOOLS_CLI_FLEET_H
#define _WEFT_TOOLS_CLI_FLEET_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct weft_context;
struct weft_merge;
struct weft_words;

/*
 * The status where records were refused, or parts of them cannot be on this machine, and
 * where removals wait for --really.
 */
#define WEFT_FLEET_PARTIAL	2
#define WEFT_FLEET_WAITS	3

/**
 * struct weft_fleet_word - a word of a command line, and its value
 * @name: the word; NULL ends a list
 * @value: what follows it, or NULL
 * @required: the word must be there
 */
struct weft_fleet_word {
	const char *name;
	const char **value;
	bool required;
};

/* Take pairs of words. False after a complaint. */
bool weft_fleet_words(const struct weft_context *ctx, const char *verb,
		      const struct weft_fleet_word *words, int argc, char **argv);

/* The verb of number @i, and its arguments; NULL behind the last one. */
const char *weft_fleet_verb(size_t i, const char **arguments);

int weft_fleet_init(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_admit(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_revoke(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_put(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_bundle(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_render(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_list(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_import(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_hello(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_apply_verb(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_rotate(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_run(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_leave(struct weft_context *ctx, int argc, char **argv);
int weft_fleet_status(struct weft_context *ctx, int argc, char **argv);

/* Values as JSON; false: no memory. */
bool weft_fleet_add_number(struct json_object *object, const char *key, long long number);
bool weft_fleet_add_switch(struct json_object *object, const char *key, bool on);
bool weft_fleet_add_words(struct json_object *object, const char *key,
			  const struct weft_words *words);
/* "accepted", "same" and "refused" */
bool weft_fleet_add_merge(struct json_object *object, const struct weft_merge *merge);
/* The refused records on stderr, the first of them. */
void weft_fleet_warn_refused(const struct weft_context *ctx, const struct weft_merge *merge);
/*
 * Print @object, which @good says is complete, and free it. Returns @status, or 1 after
 * a complaint.
 */
int weft_fleet_print(const struct weft_context *ctx, struct json_object *object, bool good,
		     int status);

#endif /* _WEFT_TOOLS_CLI_FLEET_H */
