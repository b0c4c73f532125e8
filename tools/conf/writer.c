// SPDX-License-Identifier: GPL-2.0
/*
 * The successor has no name until it is complete (O_TMPFILE), or a unique one
 * on file systems without O_TMPFILE. A process that is killed in between may leave
 * a named one. A successor is locked while its writer lives, and the next writer of
 * the same file removes unlocked ones.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/array.h"
#include "base/complain.h"
#include "conf/file.h"
#include "conf/writer.h"

#define WRITER_BUFFER_BYTES	16384
#define WRITER_MARK		".weft-"
#define WRITER_NAMES_TRIED	100
#define WRITER_ACL		"system.posix_acl_access"

static bool writer_complain(const struct weft_context *ctx, const char *path,
			    int err)
{
	const char *why = strerror(-err);

	if (err == -ESTALE)
		why = "the file was changed or replaced since it was read";
	else if (err == -EINVAL)
		why = "not a regular file";
	return weft_complain(ctx, "cannot write '%s': %s", path, why);
}

/* Termination by a signal, or by the file size limit, would leave a successor behind. */
static void writer_hold_signals(struct weft_writer *writer)
{
	static const int numbers[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM,
		SIGTSTP, SIGXCPU,
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, &writer->mask);
	sigaction(SIGXFSZ, &ignore, &writer->on_size);
}

static void writer_release_signals(struct weft_writer *writer)
{
	sigaction(SIGXFSZ, &writer->on_size, NULL);
	sigprocmask(SIG_SETMASK, &writer->mask, NULL);
}

/* The folder is resolved first; the name in it is not followed as a link. */
static int writer_find_name(struct weft_writer *writer, const char *path)
{
	char *copy = strdup(path), *folder;

	folder = copy ? realpath(dirname(copy), NULL) : NULL;
	free(copy);
	if (!folder)
		return -errno;
	copy = strdup(path);
	if (!copy || asprintf(&writer->path, "%s/%s", folder, basename(copy)) < 0)
		writer->path = NULL;
	free(copy);
	free(folder);
	return writer->path ? 0 : -ENOMEM;
}

/* 0 or a negative errno. */
static int writer_find(struct weft_writer *writer, const char *path)
{
	if (!writer->seen)
		return writer_find_name(writer, path);
	writer->path = realpath(path, NULL);
	return writer->path ? 0 : -errno;
}

static int writer_open_folder(struct weft_writer *writer)
{
	char *slash = strrchr(writer->path, '/');

	writer->base = slash + 1;
	*slash = '\0';
	writer->folder = open(slash == writer->path ? "/" : writer->path,
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	return writer->folder < 0 ? -errno : 0;
}

/* A symbolic link of this name is replaced, unless it points to a device or a pipe. */
static int writer_without_old(const struct weft_writer *writer, int err)
{
	struct stat st;

	if (writer->seen || (err != ENOENT && err != ELOOP))
		return -err;
	if (err == ELOOP && !fstatat(writer->folder, writer->base, &st, 0) &&
	    !S_ISREG(st.st_mode))
		return -EINVAL;
	return 0;
}

static int writer_open_old(struct weft_writer *writer)
{
	struct stat st;

	writer->old = openat(writer->folder, writer->base, O_RDONLY |
			     O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (writer->old < 0)
		return writer_without_old(writer, errno);
	if (fstat(writer->old, &st))
		return -errno;
	if (writer->seen && !weft_file_is_same(&st, writer->seen))
		return -ESTALE;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

/* Of the file @base, or for NULL of any file. */
static bool writer_is_successor(const char *base, const char *name)
{
	size_t len = base ? strlen(base) : 0;

	if (name[0] != '.')
		return false;
	if (!base)
		return strstr(name + 1, WRITER_MARK);
	return !strncmp(name + 1, base, len) &&
	       !strncmp(name + 1 + len, WRITER_MARK, strlen(WRITER_MARK));
}

static void writer_sweep_one(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW |
			O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		unlinkat(folder, name, 0);
	close(fd);
}

/* Removes successors of killed writers, which contain keys. */
static void writer_sweep(int folder, const char *base)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (writer_is_successor(base, entry->d_name))
			writer_sweep_one(folder, entry->d_name);
	closedir(dir);
}

void weft_writer_sweep(const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return;
	writer_sweep(folder, NULL);
	close(folder);
}

static char *writer_name(const struct weft_writer *writer)
{
	char *name;

	if (asprintf(&name, ".%s" WRITER_MARK "%d-%08x", writer->base, getpid(),
		     randombytes_random()) < 0)
		return NULL;
	return name;
}

/* Another writer may remove the file between its creation and its lock. */
static int writer_create_named(struct weft_writer *writer)
{
	struct stat st;
	int tries;

	for (tries = 0; tries < WRITER_NAMES_TRIED; tries++) {
		writer->fresh = writer_name(writer);
		if (!writer->fresh)
			return -ENOMEM;
		writer->fd = openat(writer->folder, writer->fresh, O_WRONLY |
				    O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (writer->fd >= 0) {
			flock(writer->fd, LOCK_EX);
			if (!fstat(writer->fd, &st) && st.st_nlink)
				return 0;
			close(writer->fd);
			writer->fd = -1;
			errno = EEXIST;
		}
		free(writer->fresh);
		writer->fresh = NULL;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int writer_create(struct weft_writer *writer)
{
	writer->fd = openat(writer->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC,
			    0600);
	if (writer->fd < 0)
		return writer_create_named(writer);
	flock(writer->fd, LOCK_EX);
	return 0;
}

/* The stream uses a buffer that is wiped, so that no copy of a key stays in memory. */
static int writer_open_stream(struct weft_writer *writer)
{
	int fd = fcntl(writer->fd, F_DUPFD_CLOEXEC, 0);

	writer->buffer = malloc(WRITER_BUFFER_BYTES);
	writer->out = fd < 0 || !writer->buffer ? NULL : fdopen(fd, "w");
	if (writer->out)
		return setvbuf(writer->out, writer->buffer, _IOFBF,
			       WRITER_BUFFER_BYTES) ? -ENOMEM : 0;
	if (fd >= 0)
		close(fd);
	return errno ? -errno : -ENOMEM;
}

static int writer_open(struct weft_writer *writer, const char *path)
{
	int err = writer_find(writer, path);

	if (!err)
		err = writer_open_folder(writer);
	if (!err)
		err = writer_open_old(writer);
	if (err)
		return err;
	if (!writer->swept)
		writer_sweep(writer->folder, writer->base);
	err = writer_create(writer);
	return err ? err : writer_open_stream(writer);
}

/* Attributes that may be missing: the security label, and signatures of the old contents. */
static bool writer_may_miss(const char *name, int err)
{
	return (err == EPERM || err == EACCES || err == EOPNOTSUPP) &&
	       strncmp(name, "user.", 5) && strcmp(name, WRITER_ACL);
}

static bool writer_vouches(const char *name)
{
	return !strcmp(name, "security.ima") || !strcmp(name, "security.evm");
}

/* 0 or a negative errno. An attribute that is equal already needs no permission. */
static int writer_copy_attribute(struct weft_writer *writer, const char *name)
{
	char value[XATTR_SIZE_MAX], have[XATTR_SIZE_MAX];
	ssize_t len = fgetxattr(writer->old, name, value, sizeof(value));
	ssize_t have_len;

	if (len < 0)
		return errno == ENODATA || writer_may_miss(name, errno) ? 0 : -errno;
	have_len = fgetxattr(writer->fd, name, have, sizeof(have));
	if (have_len == len && !memcmp(value, have, len))
		return 0;
	if (!fsetxattr(writer->fd, name, value, len, 0) ||
	    writer_may_miss(name, errno))
		return 0;
	return -errno;
}

/* Removes the access list that the folder's default list has given to the file. */
static int writer_drop_acl(struct weft_writer *writer)
{
	if (!fremovexattr(writer->fd, WRITER_ACL) || errno == ENODATA ||
	    errno == EOPNOTSUPP)
		return 0;
	return -errno;
}

static int writer_copy_attributes(struct weft_writer *writer)
{
	char names[XATTR_LIST_MAX], *name;
	ssize_t len = flistxattr(writer->old, names, sizeof(names));
	int err = 0;

	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (name = names; !err && name < names + len; name += strlen(name) + 1)
		if (!writer_vouches(name))
			err = writer_copy_attribute(writer, name);
	return err;
}

/* With another owner or group other users could read the keys. 0 or a negative errno. */
static int writer_copy_all(struct weft_writer *writer)
{
	struct stat st;
	int err = writer_drop_acl(writer);

	if (err)
		return err;
	if (writer->old < 0)
		return fchmod(writer->fd, writer->mode) ? -errno : 0;
	if (fstat(writer->old, &st) ||
	    fchown(writer->fd, st.st_uid, st.st_gid) ||
	    fchmod(writer->fd, st.st_mode & 07777))
		return -errno;
	return writer_copy_attributes(writer);
}

/* Give the successor a name, for the rename over the file. */
static int writer_link(struct weft_writer *writer)
{
	char proc[sizeof("/proc/self/fd/") + 12];
	int tries;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", writer->fd);
	for (tries = 0; tries < WRITER_NAMES_TRIED; tries++) {
		writer->fresh = writer_name(writer);
		if (!writer->fresh)
			return -ENOMEM;
		if (!linkat(writer->fd, "", writer->folder, writer->fresh,
			    AT_EMPTY_PATH) ||
		    !linkat(AT_FDCWD, proc, writer->folder, writer->fresh,
			    AT_SYMLINK_FOLLOW))
			return 0;
		free(writer->fresh);
		writer->fresh = NULL;
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

/* A rename is durable after an fsync() of the folder, where that is supported. */
static int writer_sync_folder(const struct weft_writer *writer)
{
	if (!fsync(writer->folder) || errno == EINVAL || errno == EROFS ||
	    errno == EOPNOTSUPP)
		return 0;
	return -errno;
}

static int writer_replace(struct weft_writer *writer)
{
	int err = writer_copy_all(writer);

	if (!err && fsync(writer->fd))
		err = -errno;
	if (!err && !writer->fresh)
		err = writer_link(writer);
	if (err)
		return err;
	if (renameat(writer->folder, writer->fresh, writer->folder,
		     writer->base))
		return -errno;
	if (writer->seen && fstat(writer->fd, writer->seen))
		return -errno;
	free(writer->fresh);
	writer->fresh = NULL;
	return writer_sync_folder(writer);
}

/* An earlier write error is returned again by fflush(), or shows only in ferror(). */
static int writer_close_stream(struct weft_writer *writer)
{
	int err = writer->err;

	if (!writer->out)
		return 0;
	errno = 0;
	if ((fflush(writer->out) || ferror(writer->out)) && !err)
		err = errno ? -errno : -EIO;
	if (fclose(writer->out) && !err)
		err = -errno;
	writer->out = NULL;
	return err;
}

static void writer_free(struct weft_writer *writer)
{
	if (writer->fresh)
		unlinkat(writer->folder, writer->fresh, 0);
	if (writer->buffer)
		sodium_memzero(writer->buffer, WRITER_BUFFER_BYTES);
	free(writer->buffer);
	free(writer->fresh);
	if (writer->fd >= 0)
		close(writer->fd);
	if (writer->old >= 0)
		close(writer->old);
	if (writer->folder >= 0)
		close(writer->folder);
	free(writer->path);
	writer_release_signals(writer);
}

static bool writer_begin(struct weft_writer *writer,
			 const struct weft_context *ctx, const char *path,
			 mode_t mode, struct stat *seen, bool swept)
{
	int err;

	memset(writer, 0, sizeof(*writer));
	writer->swept = swept;
	writer->ctx = ctx;
	writer->mode = mode;
	writer->seen = seen;
	writer->folder = -1;
	writer->old = -1;
	writer->fd = -1;
	writer_hold_signals(writer);
	err = writer_open(writer, path);
	if (!err)
		return true;
	writer_close_stream(writer);
	writer_complain(ctx, writer->path ? writer->path : path, err);
	writer_free(writer);
	return false;
}

bool weft_writer_begin(struct weft_writer *writer,
		       const struct weft_context *ctx, const char *path,
		       mode_t mode, struct stat *seen)
{
	return writer_begin(writer, ctx, path, mode, seen, false);
}

bool weft_writer_end(struct weft_writer *writer, bool good)
{
	int err = writer_close_stream(writer);

	if (good && !err)
		err = writer_replace(writer);
	if (good && err)
		good = writer_complain(writer->ctx, writer->path, err);
	writer_free(writer);
	return good;
}

static bool writer_put(struct weft_writer *writer, const char *text, size_t len)
{
	if (fwrite(text, 1, len, writer->out) != len)
		writer->err = -errno;
	return weft_writer_end(writer, true);
}

bool weft_writer_put(const struct weft_context *ctx, const char *path,
		     mode_t mode, struct stat *seen, const char *text,
		     size_t len)
{
	struct weft_writer writer;

	return weft_writer_begin(&writer, ctx, path, mode, seen) &&
	       writer_put(&writer, text, len);
}

bool weft_writer_put_swept(const struct weft_context *ctx, const char *path,
			   mode_t mode, const char *text, size_t len)
{
	struct weft_writer writer;

	return writer_begin(&writer, ctx, path, mode, NULL, true) &&
	       writer_put(&writer, text, len);
}
