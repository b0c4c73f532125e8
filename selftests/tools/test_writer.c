// SPDX-License-Identifier: GPL-2.0
/*
 * Files are replaced completely: a writer that is killed or gets an error at any system call leaves
 * the old text or the new one, with its attributes, and no other file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "conf/writer.h"
#include "support.h"

/* Where users once had numbers of 16 bits, the C library has another call. */
#ifdef SYS_fchown32
#define FCHOWN	SYS_fchown32
#else
#define FCHOWN	SYS_fchown
#endif

#define LONG_BYTES	40000
#define STEPS_MAX	2000
#define WRITERS		6
#define ROUNDS		60

static char folder[32];
static char path[sizeof(folder) + 16];
static char old_text[] = "the old text\n";
static char new_text[LONG_BYTES + 1];

static void put_plain(const char *where, const char *text, mode_t mode)
{
	int fd = open(where, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fchmod(fd, mode) || close(fd))
		test_bail("a file of the test cannot be written");
}

/* The clock of files stands still for up to 10 ms: within these a file that is written again looks the same. */
static void put_later(const char *where, const char *text, const struct stat *than)
{
	struct stat now;

	do {
		put_plain(where, text, 0600);
		if (stat(where, &now))
			test_bail("a file of the test is gone");
	} while (now.st_mtim.tv_sec == than->st_mtim.tv_sec && now.st_mtim.tv_nsec == than->st_mtim.tv_nsec);
}

static const char *get(const char *where)
{
	static char text[LONG_BYTES * 2];
	int fd = open(where, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len < 0)
		return "(cannot be read)";
	text[len] = '\0';
	return text;
}

/* Counts the files in the folder. */
static int count_files(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(dir);
	return count;
}

static void clear_folder(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static bool put_seen(const char *where, const char *text, mode_t mode, struct stat *seen,
		     char **complaint)
{
	struct test_bench bench;
	bool good;

	test_bench_start(&bench, "");
	good = weft_writer_put(&bench.ctx, where, mode, seen, text, strlen(text));
	test_bench_flush(&bench);
	if (complaint)
		*complaint = strdup(bench.err);
	test_bench_end(&bench);
	return good;
}

static bool put(const char *where, const char *text, mode_t mode, char **complaint)
{
	return put_seen(where, text, mode, NULL, complaint);
}

static mode_t mode_of(const char *where)
{
	struct stat st;

	return lstat(where, &st) ? 0 : st.st_mode;
}

static bool enter(const char *template)
{
	strcpy(folder, template);
	return mkdtemp(folder) && snprintf(path, sizeof(path), "%s/x.conf", folder) > 0;
}

static void test_new(void)
{
	clear_folder();
	test_ok(put(path, new_text, 0640, NULL), "a new file");
	test_text("a new file: text", get(path), new_text);
	test_ok((mode_of(path) & 07777) == 0640, "a new file: mode");
	test_ok(count_files() == 1, "a new file: no other file");
}

/* Version 2; the owner rw, uid 65 r, the group r, the mask r, others nothing. */
static const unsigned char acl[] = {
	2, 0, 0, 0,
	1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,
	2, 0, 4, 0, 65, 0, 0, 0,
	4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
};

static void test_attributes(void)
{
	char value[128];
	struct stat st;
	bool owned, labelled, marked, listed;

	clear_folder();
	put_plain(path, old_text, 0640);
	owned = !chown(path, 1234, 2345) && !chmod(path, 0640);
	labelled = !setxattr(path, "user.label", "keep me", 7, 0);
	marked = !setxattr(path, "user.empty", "", 0, 0);
	listed = !setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0);
	printf("# owner %d, label %d, access list %d can be set here\n", owned, labelled, listed);
	test_ok(put(path, new_text, 0600, NULL), "attributes: written");
	test_text("attributes: text", get(path), new_text);
	test_ok(!stat(path, &st) && (st.st_mode & 07777) == 0640, "attributes: mode");
	test_ok(!owned || (st.st_uid == 1234 && st.st_gid == 2345), "attributes: owner");
	test_ok(!labelled || (getxattr(path, "user.label", value, sizeof(value)) == 7 &&
			      !memcmp(value, "keep me", 7)), "attributes: label");
	test_ok(!marked || !getxattr(path, "user.empty", value, sizeof(value)),
		"attributes: empty label");
	test_ok(!listed || (getxattr(path, "system.posix_acl_access", value, sizeof(value)) == sizeof(acl) &&
			    !memcmp(value, acl, sizeof(acl))), "attributes: access list");
}

/* The folder's default access list does not apply to the replaced file. */
static void test_default_acl(void)
{
	char value[128];

	clear_folder();
	put_plain(path, old_text, 0640);
	if (setxattr(folder, "system.posix_acl_default", acl, sizeof(acl), 0)) {
		printf("# no access lists here\n");
		return;
	}
	test_ok(put(path, new_text, 0600, NULL) && (mode_of(path) & 07777) == 0640,
		"a folder with a default access list: written");
	test_ok(getxattr(path, "system.posix_acl_access", value, sizeof(value)) < 0,
		"a folder with a default access list: the file has none");
	removexattr(folder, "system.posix_acl_default");
}

/* /dev/stdout is such a link. */
static void test_link_to_pipe(const char *link)
{
	char want[160], *complaint;

	clear_folder();
	snprintf(want, sizeof(want), "weft: cannot write '%s': not a regular file\n", link);
	test_ok(!mkfifo(path, 0600) && !symlink(path, link) && !put(link, new_text, 0600, &complaint),
		"a link to a pipe: refused");
	test_text("a link to a pipe: error", complaint, want);
	test_ok(S_ISLNK(mode_of(link)), "a link to a pipe: the link stays");
	free(complaint);
	unlink(link);
}

/* A link in a folder that another user may write to may point to any file. */
static void test_links(void)
{
	char link[sizeof(path) + 8];

	clear_folder();
	snprintf(link, sizeof(link), "%s.link", path);
	put_plain(path, old_text, 0600);
	test_ok(!symlink(path, link) && put(link, new_text, 0640, NULL), "a link: written");
	test_ok(mode_of(link) == (S_IFREG | 0640), "a link: replaced by a file");
	test_text("a link: text", get(link), new_text);
	test_text("a link: text of the file behind it", get(path), old_text);
	unlink(link);
	unlink(path);
	test_ok(!symlink(path, link) && put(link, new_text, 0600, NULL) && S_ISREG(mode_of(link)),
		"a dangling link: replaced by a file");
	test_ok(count_files() == 1, "a dangling link: no other file");
	test_link_to_pipe(link);
}

static void expect_stale(const char *name, const char *where, struct stat *seen)
{
	char text[96], want[160], *complaint;

	snprintf(text, sizeof(text), "%s: refused", name);
	test_ok(!put_seen(where, new_text, 0600, seen, &complaint), text);
	snprintf(want, sizeof(want), "weft: cannot write '%s': the file was changed or replaced since it was read\n", path);
	snprintf(text, sizeof(text), "%s: error", name);
	test_text(text, complaint, want);
	snprintf(text, sizeof(text), "%s: text", name);
	test_text(text, get(path), old_text);
	free(complaint);
}

/* A configuration may be a link on purpose: the file that was read is the one that is written. */
static void test_seen(void)
{
	char link[sizeof(path) + 8], other[sizeof(path) + 8], *complaint;
	struct stat seen;

	clear_folder();
	snprintf(link, sizeof(link), "%s.link", path);
	snprintf(other, sizeof(other), "%s.other", path);
	put_plain(path, "read", 0600);
	if (symlink(path, link) || stat(link, &seen))
		test_bail("no link");
	test_ok(put_seen(link, new_text, 0600, &seen, NULL), "the file that was read, through a link: written");
	test_ok(S_ISLNK(mode_of(link)), "the file that was read, through a link: the link stays");
	test_text("the file that was read, through a link: text", get(path), new_text);
	test_ok(put_seen(link, old_text, 0600, &seen, NULL), "the file that was written: written again");
	test_text("the file that was written: text", get(path), old_text);
	put_later(path, old_text, &seen);
	expect_stale("a file that was written in its place", link, &seen);
	put_plain(other, old_text, 0600);
	if (rename(other, path))
		test_bail("no rename");
	expect_stale("another file", link, &seen);
	put_plain(other, "read", 0600);
	if (stat(other, &seen) || unlink(other) || symlink(path, other))
		test_bail("no link");
	expect_stale("a link to another file", other, &seen);
	unlink(path);
	test_ok(!put_seen(link, new_text, 0600, &seen, &complaint), "gone since the read: refused");
	test_ok(strstr(complaint, ": No such file or directory"), "gone since the read: error");
	test_ok(count_files() == 2, "gone since the read: no other file");
	free(complaint);
}

static void test_others(void)
{
	char nowhere[96], wanted[256], *complaint;

	clear_folder();
	test_ok(!mkfifo(path, 0600) && !put(path, new_text, 0600, &complaint), "a pipe: refused");
	free(complaint);
	test_ok(S_ISFIFO(mode_of(path)) && count_files() == 1, "a pipe: stays");
	test_ok(!put(folder, new_text, 0600, NULL), "a folder: refused");
	snprintf(nowhere, sizeof(nowhere), "%s/none/x", folder);
	snprintf(wanted, sizeof(wanted), "weft: cannot write '%s': No such file or directory\n", nowhere);
	test_ok(!put(nowhere, new_text, 0600, &complaint), "no folder: refused");
	test_text("no folder: error", complaint, wanted);
	free(complaint);
}

/* Returns 0 for the old text, 1 for a new one, -1 for any other. */
static int which(void)
{
	const char *text = get(path);

	if (!strcmp(text, old_text))
		return 0;
	return strcmp(text, new_text) ? -1 : 1;
}

/* System call @number fails with @err; -1 stands for an openat() with O_TMPFILE. */
static void deny(int number, int err)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number < 0 ? SYS_openat : number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, number < 0 ? (O_TMPFILE & ~O_DIRECTORY) : 0xffffffff, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	/* Calls other than openat() fail with any third argument. */
	if (number >= 0)
		filter[3] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(9);
}

static int child_put(bool named)
{
	if (named)
		deny(-1, EOPNOTSUPP);
	return put(path, new_text, 0600, NULL) ? 0 : 1;
}

/* Stops a writer at its @step-th entry to or return from a system call. */
static bool stop_at(pid_t *pid, bool named, unsigned int step)
{
	unsigned int i;
	int status;

	*pid = fork();
	if (!*pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(child_put(named));
	}
	waitpid(*pid, &status, 0);
	for (i = 0; i < step; i++) {
		ptrace(PTRACE_SYSCALL, *pid, NULL, NULL);
		waitpid(*pid, &status, 0);
		if (!WIFSTOPPED(status))
			return false;
	}
	return true;
}

static void test_killed(bool named)
{
	int torn = 0, after[2] = { };
	unsigned int step;
	char name[64];
	pid_t pid;

	for (step = 1; step < STEPS_MAX; step++) {
		clear_folder();
		put_plain(path, old_text, 0600);
		if (!stop_at(&pid, named, step))
			break;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (which() < 0)
			torn++;
		else
			after[which()]++;
		/* The next writer removes the remains. */
		torn += !put(path, new_text, 0600, NULL) || which() != 1 || count_files() != 1;
	}
	snprintf(name, sizeof(name), "killed at any step%s: old or new", named ? ", named" : "");
	printf("# %u steps: %d times old, %d times new\n", step - 1, after[0], after[1]);
	test_ok(!torn && after[0] && after[1] && step < STEPS_MAX, name);
}

static void test_terminated(bool named)
{
	int torn = 0, left = 0, status, number;
	unsigned int step;
	char name[64];
	pid_t pid;

	for (step = 1; step < STEPS_MAX; step++) {
		clear_folder();
		put_plain(path, old_text, 0600);
		if (!stop_at(&pid, named, step))
			break;
		kill(pid, SIGTERM);
		for (number = 0;; number = WSTOPSIG(status)) {
			ptrace(PTRACE_CONT, pid, NULL, number == SIGTERM ? number : 0);
			waitpid(pid, &status, 0);
			if (!WIFSTOPPED(status))
				break;
		}
		torn += which() < 0;
		left += count_files() != 1;
	}
	snprintf(name, sizeof(name), "SIGTERM at any step%s: old or new", named ? ", named" : "");
	test_ok(!torn && step < STEPS_MAX, name);
	snprintf(name, sizeof(name), "SIGTERM at any step%s: nothing left", named ? ", named" : "");
	test_ok(!left, name);
}

static void test_denied(void)
{
	static const struct {
		const char *name;
		int number;
	} calls[] = {
		{ "write", SYS_write }, { "fsync", SYS_fsync }, { "fchown", FCHOWN },
		{ "fchmod", SYS_fchmod }, { "linkat", SYS_linkat }, { "renameat", SYS_renameat },
	};
	int status, named;
	char name[64];
	size_t i;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(calls) * 2; i++) {
		named = i & 1;
		if (named && calls[i / 2].number == SYS_linkat)
			continue;
		clear_folder();
		put_plain(path, old_text, 0600);
		pid = fork();
		if (!pid) {
			deny(calls[i / 2].number, ENOSPC);
			_exit(child_put(named));
		}
		waitpid(pid, &status, 0);
		snprintf(name, sizeof(name), "%s() fails%s", calls[i / 2].name, named ? ", named" : "");
		test_ok(WIFEXITED(status) && WEXITSTATUS(status) == 1 && count_files() == 1 &&
			which() == 0, name);
	}
}

/* A signal that ends programs comes with the limit on sizes. */
static void test_size_limit(void)
{
	struct rlimit limit = { };
	int status, bad = 0;
	pid_t pid;

	for (limit.rlim_cur = 0; limit.rlim_cur < LONG_BYTES; limit.rlim_cur += 4999) {
		clear_folder();
		put_plain(path, old_text, 0600);
		limit.rlim_max = limit.rlim_cur;
		pid = fork();
		if (!pid) {
			setrlimit(RLIMIT_FSIZE, &limit);
			_exit(child_put(false));
		}
		waitpid(pid, &status, 0);
		bad += !WIFEXITED(status) || WEXITSTATUS(status) != 1 || which() != 0 || count_files() != 1;
	}
	test_ok(!bad, "too long for the limit on sizes: the old text stays");
}

/* Each writer writes a text of one letter; a reader sees only one of them. */
static void test_at_once(void)
{
	char text[LONG_BYTES + 1];
	const char *seen;
	int i, round, torn = 0;
	size_t len;

	clear_folder();
	memset(text, 'z', LONG_BYTES);
	text[LONG_BYTES] = '\0';
	put(path, text, 0600, NULL);
	for (i = 0; i < WRITERS; i++) {
		if (fork())
			continue;
		memset(text, 'a' + i, LONG_BYTES);
		for (round = 0; round < ROUNDS; round++)
			if (!put(path, text, 0600, NULL))
				_exit(1);
		_exit(0);
	}
	for (i = 0; i < WRITERS;) {
		int status;

		seen = get(path);
		len = strlen(seen);
		torn += len != LONG_BYTES || strspn(seen, (char[]){ seen[0], '\0' }) != len;
		if (waitpid(-1, &status, WNOHANG) <= 0)
			continue;
		torn += status;
		i++;
	}
	test_ok(!torn, "writers at once: each text is complete");
	test_ok(count_files() == 1, "writers at once: nothing left");
}

/* A failed open closes no file: the standard streams stay open. */
static void test_streams(void)
{
	char nowhere[96];
	int fd;

	snprintf(nowhere, sizeof(nowhere), "%s/none/file", folder);
	test_ok(!put(nowhere, new_text, 0600, NULL), "a folder that is not there");
	for (fd = 0; fd < 3; fd++)
		test_ok(fcntl(fd, F_GETFD) >= 0, "the standard streams stay open");
}

int main(void)
{
	if (!enter("/tmp/weft-writer-XXXXXX"))
		test_bail("no folder");
	memset(new_text, 'n', LONG_BYTES);
	new_text[LONG_BYTES - 1] = '\n';
	test_new();
	test_attributes();
	test_default_acl();
	test_links();
	test_seen();
	test_streams();
	test_others();
	/* In memory, where fsync() costs nothing: the rest calls it a thousand times. */
	clear_folder();
	rmdir(folder);
	if (!enter("/dev/shm/weft-writer-XXXXXX") && !enter("/tmp/weft-writer-XXXXXX"))
		test_bail("no folder");
	test_killed(false);
	test_killed(true);
	test_terminated(false);
	test_terminated(true);
	test_denied();
	test_size_limit();
	test_at_once();
	clear_folder();
	rmdir(folder);
	return test_end();
}
