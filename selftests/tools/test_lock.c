// SPDX-License-Identifier: GPL-2.0
/*
 * The lock of an interface: one holder, released with the process, and shared with the commands of
 * a hook.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/lock.h"
#include "base/signals.h"
#include "support.h"

#define PROCESSES	8
#define ROUNDS		100

static char folder[] = "/tmp/weft-lock-XXXXXX";
static unsigned int pauses;
static unsigned int signal_at;

static void count_pause(unsigned int us)
{
	if (++pauses == signal_at)
		raise(SIGTERM);
	(void)us;
}

static void nap(unsigned int us)
{
	usleep(us / 100);
}

static bool take(const char *name, struct weft_lock *lock, char **complaint)
{
	struct test_bench bench;
	bool good;

	test_bench_start(&bench, "");
	bench.ctx.runtime = folder;
	bench.ctx.pause = pauses ? nap : count_pause;
	good = weft_lock_take(&bench.ctx, name, lock);
	test_bench_flush(&bench);
	if (complaint)
		*complaint = strdup(bench.err);
	test_bench_end(&bench);
	return good;
}

static int count_files(void)
{
	DIR *dir = opendir(folder);
	int count = -2;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Opens the only file in the folder. */
static int open_lock_file(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int fd = -1;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			fd = openat(dirfd(dir), entry->d_name, O_RDWR | O_TRUNC);
	closedir(dir);
	return fd;
}

/* Forks a process that holds the lock until it is killed. */
static pid_t hold(const char *name)
{
	struct weft_lock lock;
	int pipes[2];
	char byte;
	pid_t pid;

	if (pipe(pipes))
		test_bail("no pipe");
	pid = fork();
	if (!pid) {
		if (!take(name, &lock, NULL) || write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	if (read(pipes[0], &byte, 1) != 1)
		test_bail("the holder has no lock");
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_one(void)
{
	struct weft_lock lock, other;

	test_ok(take("wft0", &lock, NULL) && lock.fd >= 0 && !lock.shared, "free: taken");
	test_ok(take("wft1", &other, NULL) && other.fd >= 0, "another interface: taken beside it");
	weft_lock_release(&other);
	weft_lock_release(&lock);
	test_ok(!count_files(), "released: no file is left");
}

/* An agent takes the lock at each step: its list for hooks does not grow. */
static void test_list(void)
{
	char was[64], *list;
	struct weft_lock lock;
	bool good;

	good = take("wft0", &lock, NULL);
	list = getenv("WEFT_LOCK_HOLDERS");
	snprintf(was, sizeof(was), "%s", list ?: "");
	weft_lock_release(&lock);
	good &= take("wft0", &lock, NULL);
	weft_lock_release(&lock);
	list = getenv("WEFT_LOCK_HOLDERS");
	test_ok(good && *was, "taken twice");
	test_text("taken twice: the holder is listed once", list ?: "", was);
	unsetenv("WEFT_LOCK_HOLDERS");
}

static void test_busy(void)
{
	char want[256], *complaint;
	struct weft_lock lock;
	pid_t pid = hold("wft0");

	pauses = 0;
	test_ok(!take("wft0", &lock, &complaint) && lock.fd < 0, "busy: refused");
	snprintf(want, sizeof(want),
		 "weft: wft0: waiting for the lock that process %d holds\n"
		 "weft: wft0: process %d has held the lock for over 60 seconds: giving up\n",
		 pid, pid);
	test_text("busy: error", complaint, want);
	test_ok(pauses == 61 * 50, "busy: waited a minute");
	free(complaint);
	end(pid);
	pauses = 0;
	test_ok(take("wft0", &lock, &complaint) && lock.fd >= 0, "the holder was killed: taken");
	test_ok(!pauses && !*complaint, "the holder was killed: at once");
	free(complaint);
	weft_lock_release(&lock);
}

/* Only a handled signal ends the wait, and a free lock is still taken. */
static void test_interrupted(void)
{
	char want[128], *complaint;
	struct weft_lock lock;
	pid_t pid = hold("wft0");

	weft_signals_heed();
	pauses = 0;
	signal_at = 3;
	test_ok(!take("wft0", &lock, &complaint) && lock.fd < 0, "interrupted: refused");
	test_ok(pauses == 3, "interrupted: at once");
	snprintf(want, sizeof(want),
		 "weft: wft0: interrupted by signal 15 while waiting for the lock that process %d holds\n", pid);
	test_text("interrupted: error", complaint, want);
	free(complaint);
	end(pid);
	pauses = 0;
	test_ok(take("wft0", &lock, NULL) && !pauses, "interrupted: a free lock is taken");
	weft_lock_release(&lock);
	weft_signals_heed();
	signal_at = 0;
}

/*
 * A hook's commands have the holder in their environment; another holder's number grants nothing.
 */
static void test_hook(void)
{
	struct weft_lock lock;
	pid_t pid = hold("wft0");
	char list[64];

	pauses = 0;
	snprintf(list, sizeof(list), "1 %d ", pid);
	setenv("WEFT_LOCK_HOLDERS", list, 1);
	test_ok(take("wft0", &lock, NULL) && lock.fd < 0 && lock.shared, "under the holder: shared");
	weft_lock_release(&lock);
	test_ok(count_files() == 1, "under the holder: its file stays");
	setenv("WEFT_LOCK_HOLDERS", "1 2 x", 1);
	test_ok(!take("wft0", &lock, NULL), "under another holder: refused");
	unsetenv("WEFT_LOCK_HOLDERS");
	end(pid);
}

/* The exit status of a descendant of this process that takes the lock. */
static int take_below(bool deeper)
{
	struct weft_lock lock;
	int status;

	fflush(NULL);
	if (!fork()) {
		pauses = 0;
		if (deeper && fork()) {
			wait(&status);
			_exit(WEXITSTATUS(status));
		}
		_exit(!take("wft0", &lock, NULL) ? 2 : lock.fd >= 0 ? 3 : pauses ? 4 : 0);
	}
	wait(&status);
	return WEXITSTATUS(status);
}

/* A hook's sudo drops the environment: the lock then checks the ancestors. */
static void test_descent(void)
{
	struct weft_lock lock;
	pid_t pid;
	int fd;

	test_ok(take("wft0", &lock, NULL), "for a descendant: taken");
	unsetenv("WEFT_LOCK_HOLDERS");
	test_ok(!take_below(false), "child without the environment: shared at once");
	test_ok(!take_below(true), "grandchild without the environment: shared at once");
	weft_lock_release(&lock);
	pid = hold("wft0");
	fd = open_lock_file();
	test_ok(fd >= 0 && dprintf(fd, "%d\n", getpid()) > 0, "the holder's number is reused");
	test_ok(take_below(false) == 2, "the ancestor of that number holds no lock: refused");
	close(fd);
	end(pid);
}

/* The lock excludes all other processes between the two steps of a count. */
static void test_at_once(void)
{
	volatile int *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct weft_lock lock;
	int i, round, seen, status, bad = 0;

	pauses = 1;
	for (i = 0; i < PROCESSES; i++) {
		if (fork())
			continue;
		for (round = 0; round < ROUNDS; round++) {
			if (!take("wft0", &lock, NULL))
				_exit(1);
			seen = *count;
			sched_yield();
			*count = seen + 1;
			weft_lock_release(&lock);
		}
		_exit(0);
	}
	for (i = 0; i < PROCESSES; i++) {
		wait(&status);
		bad += status;
	}
	test_ok(!bad, "at once: each process had the lock");
	test_ok(*count == PROCESSES * ROUNDS, "at once: one at a time");
	test_ok(!count_files(), "at once: no file is left");
}

static void test_namespace_shared(void)
{
	pid_t pid = hold("wft0");
	struct weft_lock lock;
	char list[32];

	snprintf(list, sizeof(list), "%d ", pid);
	setenv("WEFT_LOCK_HOLDERS", list, 1);
	test_ok(take("wft0", &lock, NULL) && lock.fd < 0 && lock.shared, "the namespace, under the holder: shared");
	weft_lock_release(&lock);
	unsetenv("WEFT_LOCK_HOLDERS");
	end(pid);
}

/* Without a folder the lock is the namespace's; it excludes other processes, too. */
static void test_no_folder(void)
{
	char *complaint, want[192];
	struct weft_lock lock;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		printf("# no network namespace of its own can be had\n");
		return;
	}
	chmod(folder, 0722);
	pauses = 0;
	test_ok(take("wft0", &lock, &complaint) && !lock.path, "a folder open to other users: not used");
	snprintf(want, sizeof(want),
		 "weft: warning: wft0: cannot use '%s': other users can write to the folder (chmod go-w): all interfaces of the network namespace are locked instead\n",
		 folder);
	test_text("a folder open to other users: warning", complaint, want);
	free(complaint);
	test_ok(!count_files(), "a folder open to other users: no file in it");
	weft_lock_release(&lock);
	test_namespace_shared();
	chmod(folder, 0700);
}

static void expect_instead(const char *name, const char *why)
{
	char *complaint, text[96];
	struct weft_lock lock;

	pauses = 0;
	snprintf(text, sizeof(text), "%s: the namespace is locked", name);
	test_ok(take("wft0", &lock, &complaint) && !lock.path && lock.fd >= 0, text);
	snprintf(text, sizeof(text), "%s: warning", name);
	test_ok(strstr(complaint, "-wft0.lock': ") && strstr(complaint, why) && strstr(complaint, "cannot create '"),
		text);
	weft_lock_release(&lock);
	free(complaint);
}

/* A full file system, and a read-only one. */
static void test_full(void)
{
	struct weft_lock lock;
	char *path;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", folder, "tmpfs", 0, "nr_inodes=2,mode=700")) {
		printf("# nothing can be mounted here\n");
		return;
	}
	test_ok(take("wft1", &lock, NULL) && lock.path, "room for one file: taken");
	expect_instead("no room", "No space left on device");
	path = strdup(lock.path);
	weft_lock_release(&lock);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	test_ok(!mount(NULL, folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "not writable any more");
	expect_instead("not writable", "Read-only file system");
	pauses = 0;
	test_ok(take("wft1", &lock, NULL) && lock.path, "not writable, an existing file: taken");
	weft_lock_release(&lock);
	free(path);
	umount2(folder, MNT_DETACH);
}

int main(void)
{
	if (!mkdtemp(folder))
		test_bail("no folder");
	test_one();
	test_list();
	test_busy();
	test_interrupted();
	test_hook();
	test_descent();
	test_at_once();
	test_no_folder();
	test_full();
	end(hold("wft0"));
	unlink(folder);
	if (!fork())
		execlp("rm", "rm", "-r", folder, NULL);
	wait(NULL);
	return test_end();
}
