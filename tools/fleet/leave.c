// SPDX-License-Identifier: GPL-2.0
/*
 * The interface goes first, then the state folder: a run that was killed in between is
 * completed by the next one. Outside of its name the state folder is no fleet of this
 * machine: "~" is in no name of an interface.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/up.h"
#include "base/complain.h"
#include "conf/locate.h"
#include "conf/record.h"
#include "fleet/folder.h"
#include "fleet/leave.h"
#include "fleet/recorder.h"

/**
 * struct leave_job - one run
 * @ctx: the context
 * @name: the fleet
 * @leave: the outcome
 * @path: the state folder
 * @aside: the folder that it is renamed to
 */
struct leave_job {
	const struct weft_context *ctx;
	const char *name;
	struct weft_leave *leave;
	char *path;
	char *aside;
};

static bool leave_no_memory(const struct leave_job *job)
{
	return weft_complain(job->ctx, "out of memory");
}

static bool leave_fail(const struct leave_job *job, const char *what, const char *path)
{
	return weft_complain(job->ctx, "cannot %s '%s': %s", what, path, strerror(errno));
}

static __printf(2, 3)
bool leave_say(struct leave_job *job, const char *fmt, ...)
{
	va_list args;
	bool good;

	va_start(args, fmt);
	good = weft_profile_words_print(&job->leave->changes, fmt, args);
	va_end(args);
	return good || leave_no_memory(job);
}

static bool leave_exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* Behind a link are files of others, which are not to be erased: before any change. */
static bool leave_is_folder(const struct leave_job *job, const char *path)
{
	struct stat st;

	return lstat(path, &st) || S_ISDIR(st.st_mode) ||
	       weft_complain(job->ctx, "'%s' is not a folder: nothing is changed", path);
}

/* The interface. */

/* The file that "apply" has written, or else the record of "up". */
static struct weft_profile *leave_profile(struct leave_job *job, const struct weft_record *record)
{
	struct weft_location location = { };
	struct weft_profile *profile = NULL;

	if (asprintf(&location.path, "%s/%s.conf", job->path, job->name) < 0)
		return NULL;
	snprintf(location.name, sizeof(location.name), "%s", job->name);
	if (leave_exists(location.path))
		profile = weft_locate_read(job->ctx, &location);
	free(location.path);
	return profile ? profile : weft_record_profile(record, job->name);
}

static bool leave_take_down(struct leave_job *job, const struct weft_profile *profile)
{
	struct weft_recorder recorder;
	struct weft_context through;
	bool good;

	weft_recorder_begin(&recorder, job->ctx, &through);
	good = weft_down(&through, profile);
	job->leave->changes = recorder.changes;
	memset(&recorder.changes, 0, sizeof(recorder.changes));
	weft_recorder_free(&recorder);
	return good && (!recorder.failed || leave_no_memory(job));
}

/* A tunnel without a node's state is not the fleet's, nor is a link that is no tunnel. */
static bool leave_interface(struct leave_job *job)
{
	struct weft_host *host = job->ctx->host;
	struct weft_host_link link = { };
	struct weft_profile *profile;
	struct weft_record record;
	bool good = true;

	if (!weft_folder_is_there(job->ctx, job->name))
		return true;
	if (host->link(host, job->name, &link))
		return weft_complain(job->ctx, "%s: cannot read the link: %s", job->name,
				     host->error);
	weft_record_read(job->ctx, job->name, &record);
	if ((link.index && link.kind != WEFT_KIND_NONE) || (!link.index && record.there)) {
		profile = leave_profile(job, &record);
		good = profile ? leave_take_down(job, profile) : leave_no_memory(job);
		weft_profile_free(profile);
	}
	weft_record_free(&record);
	return good;
}

/* The state folder. */

/* Best effort: the file system may keep the former blocks. */
static void leave_overwrite(int folder, const char *name)
{
	static const char zeros[4096];
	int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t done;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		for (; st.st_size > 0; st.st_size -= done) {
			done = write(fd, zeros, st.st_size < (off_t)sizeof(zeros) ?
					       (size_t)st.st_size : sizeof(zeros));
			if (done <= 0)
				break;
		}
		fsync(fd);
	}
	close(fd);
}

static bool leave_empty(const struct leave_job *job, DIR *dir)
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		leave_overwrite(dirfd(dir), entry->d_name);
		if (unlinkat(dirfd(dir), entry->d_name, 0))
			return leave_fail(job, "remove", entry->d_name);
	}
	return true;
}

/* The folder of a former membership. */
static bool leave_erase(const struct leave_job *job)
{
	DIR *dir = opendir(job->aside);
	bool good;

	if (!dir)
		return leave_fail(job, "read", job->aside);
	good = leave_empty(job, dir);
	closedir(dir);
	return good && (!rmdir(job->aside) || leave_fail(job, "remove", job->aside));
}

static void leave_sync(const struct leave_job *job)
{
	int fd = open(job->ctx->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Another command of this machine, in any network namespace, may have the folder. */
static bool leave_rename(const struct leave_job *job)
{
	int lock = open(job->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool good = (lock >= 0 && !flock(lock, LOCK_EX)) || leave_fail(job, "lock", job->path);

	if (good && leave_exists(job->aside))
		good = leave_erase(job);
	good = good && (!rename(job->path, job->aside) || leave_fail(job, "rename", job->path));
	if (lock >= 0)
		close(lock);
	return good;
}

static bool leave_state(struct leave_job *job)
{
	bool there = leave_exists(job->path), erase = job->ctx->really;
	bool good = true;

	if (there && !job->ctx->dry_run)
		good = leave_rename(job);
	if (good && erase && (there || leave_exists(job->aside))) {
		good = (job->ctx->dry_run || leave_erase(job)) &&
		       leave_say(job, "erase the state folder %s", job->path);
	} else if (good && there) {
		good = leave_say(job, "rename the state folder %s to %s", job->path, job->aside);
	}
	if (!job->ctx->dry_run)
		leave_sync(job);
	return good;
}

bool weft_leave(const struct weft_context *ctx, const char *name, struct weft_leave *leave)
{
	struct leave_job job = { .ctx = ctx, .name = name, .leave = leave };
	bool good;

	memset(leave, 0, sizeof(*leave));
	if (asprintf(&job.path, "%s/%s", ctx->state, name) < 0)
		return leave_no_memory(&job);
	if (asprintf(&job.aside, "%s~", job.path) < 0) {
		free(job.path);
		return leave_no_memory(&job);
	}
	good = leave_is_folder(&job, job.path) && leave_is_folder(&job, job.aside) &&
	       leave_interface(&job) && leave_state(&job);
	if (leave_exists(job.aside))
		leave->aside = job.aside;
	else
		free(job.aside);
	free(job.path);
	return good;
}

void weft_leave_free(struct weft_leave *leave)
{
	weft_profile_words_free(&leave->changes);
	free(leave->aside);
	memset(leave, 0, sizeof(*leave));
}
