// SPDX-License-Identifier: GPL-2.0
/*
 * weft rotate: replaces the key of an interface while sessions continue.
 *
 * The interface's file is written before the kernel is asked: whenever the command
 * or the machine stops, the file has the kernel's key, or both keys, and peers know
 * one of them.
 */
#include <errno.h>
#include <linux/weft.h>
#include <stdlib.h>
#include <string.h>

#include "apply/lock.h"
#include "base/signals.h"
#include "cli/command.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "conf/rewrite.h"
#include "conf/setting.h"
#include "conf/writer.h"
#include "fleet/folder.h"
#include "genl/backend.h"
#include "model/format.h"

/**
 * struct rotate_job - one rotation, or the end of one
 * @ctx: the context
 * @name: the interface
 * @have: the present state of the interface
 * @wish: the request to the kernel
 * @has_key: the new key is given
 * @path: the interface's file, or NULL
 * @text: the text of that file
 * @profile: the parsed file
 */
struct rotate_job {
	struct weft_context *ctx;
	const char *name;
	struct weft_device *have;
	struct weft_rotation wish;
	bool has_key;
	char *path;
	struct weft_file text;
	struct weft_profile *profile;
};

static bool rotate_key_is_of(const struct weft_key *private_key,
			     const struct weft_key *public_key)
{
	struct weft_key derived;

	return !weft_key_is_zero(private_key) &&
	       weft_key_derive_public(&derived, private_key) &&
	       weft_key_equal(&derived, public_key);
}

/* Whether the file has the interface's key. */
static bool rotate_file_says(const struct rotate_job *job,
			     const struct weft_key *public_key)
{
	return job->profile &&
	       rotate_key_is_of(&job->profile->dev->private_key, public_key);
}

static bool rotate_file_remembers(const struct rotate_job *job,
				  const struct weft_key *public_key)
{
	return job->profile &&
	       rotate_key_is_of(&job->profile->previous_key, public_key);
}

static bool rotate_read_file(struct rotate_job *job)
{
	struct weft_location location;
	struct weft_file copy;

	if (!weft_locate_running(job->ctx, weft_locate_folders, job->name,
				 &location)) {
		if (errno == ENOENT)
			return true;
		return weft_complain(job->ctx, "out of memory");
	}
	job->path = location.path;
	if (!weft_config_read(job->ctx, job->path, &job->text))
		return false;
	copy.len = job->text.len;
	copy.text = strdup(job->text.text);
	if (!copy.text)
		return weft_complain(job->ctx, "out of memory");
	job->profile = weft_profile_parse(job->ctx, job->path, copy.text,
					  job->name);
	weft_file_wipe(&copy);
	return job->profile;
}

static bool rotate_put(struct rotate_job *job, const struct weft_file *text)
{
	return weft_writer_put(job->ctx, job->path, 0600, &job->text.seen,
			       text->text, text->len);
}

static bool rotate_write(struct rotate_job *job,
			 const struct weft_rewrite *rewrite)
{
	struct weft_file fresh;
	bool good;

	if (!weft_rewrite_text(&job->text, rewrite, &fresh))
		return weft_complain(job->ctx, "out of memory");
	good = rotate_put(job, &fresh);
	weft_file_wipe(&fresh);
	return good;
}

static void rotate_warn_other(const struct rotate_job *job)
{
	if (job->profile)
		weft_warn(job->ctx, "'%s' does not have the private key of '%s': the file stays unchanged",
			  job->path, job->name);
	else
		weft_warn(job->ctx, "'%s' has no file: the key is changed in the kernel only",
			  job->name);
}

static bool rotate_ask(struct rotate_job *job)
{
	struct weft_backend *backend = job->ctx->backend;

	if (!backend->rotate(backend, job->name, &job->wish))
		return true;
	return weft_complain(job->ctx, "cannot rotate the key of '%s': %s", job->name,
			     backend->error);
}

/* Restores the file if the kernel refuses after it was written. */
static bool rotate_ask_or_restore(struct rotate_job *job, bool written)
{
	if (rotate_ask(job))
		return true;
	if (written)
		rotate_put(job, &job->text);
	return false;
}

static void rotate_print(const struct rotate_job *job)
{
	struct weft_key public_key;

	if (weft_key_derive_public(&public_key, &job->wish.private_key))
		fprintf(job->ctx->out, "%s\n",
			weft_key_encode(&public_key).chars);
}

/*
 * The file has a new key that the kernel does not have: an earlier try was stopped
 * in between. Peers may have been configured with that key already.
 */
static bool rotate_was_stopped(const struct rotate_job *job)
{
	return rotate_file_remembers(job, &job->have->public_key) &&
	       !rotate_file_says(job, &job->have->public_key);
}

static void rotate_choose_key(struct rotate_job *job)
{
	if (job->has_key)
		return;
	if (rotate_was_stopped(job))
		job->wish.private_key = job->profile->dev->private_key;
	else
		weft_key_generate_private(&job->wish.private_key);
}

static bool rotate_refuse_second(const struct rotate_job *job)
{
	return weft_complain(job->ctx,
			     "an earlier rotation of '%s' has not ended: run weft rotate %s finish, or undo, first",
			     job->name, weft_format_shell(job->name).chars);
}

static bool rotate_begin(struct rotate_job *job)
{
	struct weft_rewrite rewrite = {
		.private_key = &job->wish.private_key,
		.until = job->wish.grace ? job->ctx->now + job->wish.grace : 0,
	};
	bool again = job->has_key &&
		     rotate_key_is_of(&job->wish.private_key,
				      &job->have->public_key);
	bool follows;

	if (job->have->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY && !again)
		return rotate_refuse_second(job);
	follows = !again && (rotate_file_says(job, &job->have->public_key) ||
			     rotate_was_stopped(job));
	rotate_choose_key(job);
	rewrite.previous = &job->have->private_key;
	if (follows && !rotate_write(job, &rewrite))
		return false;
	if (!follows && !again)
		rotate_warn_other(job);
	if (!rotate_ask_or_restore(job, follows))
		return false;
	rotate_print(job);
	return true;
}

static bool rotate_finish(struct rotate_job *job)
{
	bool has = job->have->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY;
	struct weft_rewrite rewrite = { };
	bool remembers;

	remembers = rotate_file_says(job, &job->have->public_key) &&
		    !weft_key_is_zero(&job->profile->previous_key);
	if (remembers) {
		rewrite.private_key = &job->profile->dev->private_key;
		if (!rotate_write(job, &rewrite))
			return false;
	}
	/* The kernel has dropped the previous key itself at the end of its grace. */
	return (remembers && !has) || rotate_ask_or_restore(job, remembers);
}

static bool rotate_undo(struct rotate_job *job)
{
	const struct weft_key *before = &job->have->previous_public_key;
	struct weft_rewrite rewrite = { };
	bool follows = false;

	if (job->have->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY) {
		follows = rotate_file_remembers(job, before);
		if (!follows && !rotate_file_says(job, before))
			rotate_warn_other(job);
	}
	if (follows) {
		rewrite.private_key = &job->profile->previous_key;
		if (!rotate_write(job, &rewrite))
			return false;
	}
	if (!rotate_ask_or_restore(job, follows))
		return false;
	fprintf(job->ctx->out, "%s\n", weft_key_encode(before).chars);
	return true;
}

/* Only weft's links support rotation; for others the file is left alone. */
static bool rotate_may(const struct rotate_job *job)
{
	if (job->have->kind == WEFT_KIND_WEFT)
		return true;
	return weft_complain(job->ctx,
			     "cannot rotate the key of '%s': rotation needs a link of kind weft, and this link is of kind %s",
			     job->name, weft_model_kind_name(job->have->kind));
}

/* The next "apply" brings the fleet's key back, and until then no other node knows this one. */
static bool rotate_is_ours(const struct rotate_job *job)
{
	const struct weft_context *ctx = job->ctx;

	if (ctx->really || !weft_folder_is_there(ctx, job->name))
		return true;
	return weft_complain(ctx,
			     "'%s' is the interface of a fleet, whose nodes would not learn its key: use 'weft fleet rotate %s announce', or --really",
			     job->name, weft_format_shell(job->name).chars);
}

static bool rotate_run(struct rotate_job *job)
{
	if (!rotate_is_ours(job))
		return false;
	if (!weft_backend_get(job->ctx, job->name, &job->have) ||
	    !rotate_may(job) || !rotate_read_file(job))
		return false;
	switch (job->wish.action) {
	case WEFT_ROTATE_ACTION_FINISH:
		return rotate_finish(job);
	case WEFT_ROTATE_ACTION_UNDO:
		return rotate_undo(job);
	default:
		return rotate_begin(job);
	}
}

static bool rotate_run_locked(struct rotate_job *job)
{
	struct weft_lock lock;
	bool good;

	if (!weft_lock_take(job->ctx, job->name, &lock))
		return false;
	weft_signals_outlive_reader();
	good = rotate_run(job);
	weft_lock_release(&lock);
	return good;
}

static bool rotate_take_action(struct rotate_job *job, int argc, char **argv)
{
	if (argc != 1)
		return false;
	if (!strcmp(argv[0], "finish"))
		job->wish.action = WEFT_ROTATE_ACTION_FINISH;
	else if (!strcmp(argv[0], "undo"))
		job->wish.action = WEFT_ROTATE_ACTION_UNDO;
	return job->wish.action != WEFT_ROTATE_ACTION_BEGIN;
}

static bool rotate_take_key(struct rotate_job *job, struct weft_parser *parser,
			    const char *path)
{
	struct weft_device dev = { };

	parser->dev = &dev;
	job->has_key = weft_setting_find_word("private-key")->set(parser, path);
	job->wish.private_key = dev.private_key;
	weft_key_wipe(&dev.private_key);
	if (!job->has_key || !weft_key_is_zero(&job->wish.private_key))
		return job->has_key;
	return weft_complain(job->ctx, "rotate: '%s' is empty: a rotation needs a private key",
			     path);
}

static bool rotate_refuse_word(const struct rotate_job *job, int argc, char **argv)
{
	const char *value = !strcmp(argv[0], "private-key") ? "FILE" :
			    !strcmp(argv[0], "grace") ? "SECONDS|off" : NULL;

	if (value && argc == 1)
		return weft_complain(job->ctx, "rotate: %s: requires a value: %s", argv[0], value);
	return weft_complain(job->ctx,
			     "rotate: unexpected argument '%s': use private-key FILE, grace SECONDS|off, finish or undo",
			     argv[0]);
}

static bool rotate_take_words(struct rotate_job *job, int argc, char **argv)
{
	struct weft_parser parser = { .ctx = job->ctx };
	bool good = true;

	/* Alone, either is a whole request; the word behind it is unexpected. */
	if (argc > 1 && rotate_take_action(job, 1, argv))
		return rotate_refuse_word(job, argc - 1, argv + 1);
	for (; good && argc >= 2; argc -= 2, argv += 2) {
		parser.place.name = argv[0];
		if (!strcmp(argv[0], "private-key"))
			good = rotate_take_key(job, &parser, argv[1]);
		else if (!strcmp(argv[0], "grace"))
			good = weft_setting_grace(&parser, argv[1],
						  &job->wish.grace);
		else
			break;
	}
	return good && (!argc || rotate_refuse_word(job, argc, argv));
}

int weft_command_rotate(struct weft_context *ctx, int argc, char **argv)
{
	struct rotate_job job = {
		.ctx = ctx, .name = argv[0],
		.wish = {
			.action = WEFT_ROTATE_ACTION_BEGIN,
			.grace = WEFT_GRACE_SECONDS,
		},
	};
	bool good;

	good = weft_command_takes_name(ctx, argv[0]) &&
	       (rotate_take_action(&job, argc - 1, argv + 1) ||
		rotate_take_words(&job, argc - 1, argv + 1)) &&
	       rotate_run_locked(&job);
	weft_key_wipe(&job.wish.private_key);
	weft_model_device_free(job.have);
	weft_profile_free(job.profile);
	if (job.text.text)
		weft_file_wipe(&job.text);
	free(job.path);
	return good ? 0 : 1;
}
