// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/complain.h"
#include "base/core.h"
#include "fleet/courier.h"

#define COURIER_USER	"weft-store"
#define COURIER_SHELL	"/bin/sh"
/* The program's end of a pipe whose other end closes with this process. */
#define COURIER_LIFE	3
/*
 * Also what the program has started ends with this process, however that ends: a part of the
 * program's process group waits for the end of the pipe.
 */
#define COURIER_SCRIPT	"{ read -r line; kill -KILL 0; } <&3 >/dev/null & exec 3<&-; exec %s \"$@\""
/* At once: others print as fast as this process reads. A pipe holds one. */
#define COURIER_READS	16

/* The ends of a program's pipes. */
struct courier_pipes {
	int in;
	int out[2];
	int life[2];
};

bool weft_courier_find_user(const struct weft_context *ctx, const char *name,
			    struct weft_courier_user *user)
{
	const struct passwd *found;

	*user = (struct weft_courier_user){ .name = name };
	if (!name && geteuid())
		return true;
	user->name = name ?: COURIER_USER;
	found = getpwnam(user->name);
	if (!found)
		return weft_complain(ctx,
				     "user '%s' for the store's program does not exist: make it with 'useradd --system %s', or name another with 'user NAME'",
				     user->name, user->name);
	if (!found->pw_uid)
		return weft_complain(ctx,
				     "user '%s' has all rights: the store's program needs a user without",
				     user->name);
	user->change = found->pw_uid != geteuid();
	user->uid = found->pw_uid;
	user->gid = found->pw_gid;
	return true;
}

void weft_courier_init(struct weft_courier *courier)
{
	*courier = (struct weft_courier){ .fd = -1, .out = -1, .life = -1 };
}

/* The child, from here to its end. */

static void courier_fail(const char *what)
{
	const char *reason = strerror(errno);

	dprintf(STDERR_FILENO, "weft: the store's program: %s: %s\n", what, reason);
	_exit(126);
}

/* The change of user clears the signal of the parent's death: the signal comes last. */
static void courier_become(const struct weft_courier_user *user, pid_t parent)
{
	if (user->change && (setgroups(0, NULL) || setgid(user->gid) || setuid(user->uid)))
		courier_fail("cannot change the user");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0))
		courier_fail("prctl");
	if (getppid() != parent)
		_exit(126);
}

static void courier_reset_signals(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGCHLD };
	sigset_t none;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		signal(numbers[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void courier_exec(const struct courier_pipes *pipes, const char *script,
			 const char *verb, const char *key)
{
	/* Also where it is that descriptor already, which would be closed on exec. */
	int life = fcntl(pipes->life[0], F_DUPFD, COURIER_LIFE + 1);

	if (dup2(pipes->in, STDIN_FILENO) < 0 || dup2(pipes->out[1], STDOUT_FILENO) < 0 ||
	    dup2(life, COURIER_LIFE) < 0 || chdir("/"))
		courier_fail("cannot prepare");
	/* All others are closed, whatever this process was started with. */
	syscall(SYS_close_range, COURIER_LIFE + 1, ~0U, 0);
	weft_core_allow();
	execl(COURIER_SHELL, "sh", "-c", script, "sh", verb, key, (char *)NULL);
	courier_fail(COURIER_SHELL);
}

/* The parent. */

static int courier_input(const char *input)
{
	size_t len = strlen(input);
	int fd = memfd_create("weft", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (write(fd, input, len) == (ssize_t)len && !lseek(fd, 0, SEEK_SET))
		return fd;
	close(fd);
	return -1;
}

static void courier_close(const int *fds, size_t count)
{
	while (count--)
		close(fds[count]);
}

static bool courier_open(struct courier_pipes *pipes, const char *input)
{
	pipes->in = input ? courier_input(input) : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (pipes->in < 0)
		return false;
	if (!pipe2(pipes->out, O_CLOEXEC)) {
		fcntl(pipes->out[0], F_SETFL, O_NONBLOCK);
		if (!pipe2(pipes->life, O_CLOEXEC))
			return true;
		courier_close(pipes->out, 2);
	}
	close(pipes->in);
	return false;
}

static bool courier_fork(struct weft_courier *courier, const struct weft_courier_user *user,
			 const struct courier_pipes *pipes, const char *script, const char *verb,
			 const char *key)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		setpgid(0, 0);
		courier_reset_signals();
		courier_become(user, parent);
		courier_exec(pipes, script, verb, key);
	}
	close(pipes->in);
	close(pipes->out[1]);
	close(pipes->life[0]);
	if (pid < 0) {
		close(pipes->out[0]);
		close(pipes->life[1]);
		return false;
	}
	setpgid(pid, pid);
	courier->pid = pid;
	courier->out = pipes->out[0];
	courier->life = pipes->life[1];
	courier->fd = syscall(SYS_pidfd_open, pid, 0);
	return true;
}

bool weft_courier_start(const struct weft_context *ctx, struct weft_courier *courier,
			const struct weft_courier_user *user, const char *command,
			const char *verb, const char *key, const char *input)
{
	struct courier_pipes pipes;
	char *script;
	bool good;

	if (asprintf(&script, COURIER_SCRIPT, command) < 0)
		return weft_complain(ctx, "out of memory");
	good = courier_open(&pipes, input) &&
	       courier_fork(courier, user, &pipes, script, verb, key);
	free(script);
	if (!good)
		return weft_complain(ctx, "cannot start the store's program: %s", strerror(errno));
	if (courier->fd >= 0)
		return true;
	weft_complain(ctx, "cannot watch the store's program: %s", strerror(errno));
	weft_courier_stop(courier);
	return false;
}

/* Output. */

static bool courier_append(char **to, size_t *to_len, const char *more, size_t len)
{
	char *grown = realloc(*to, *to_len + len + 1);

	if (!grown)
		return false;
	memcpy(grown + *to_len, more, len);
	*to = grown;
	*to_len += len;
	grown[*to_len] = '\0';
	return true;
}

static bool courier_keep(struct weft_courier *courier, const char *part, size_t len)
{
	if (courier->skips)
		return true;
	if (courier->len + len <= WEFT_COURIER_LINE_BYTES)
		return courier_append(&courier->line, &courier->len, part, len);
	courier->skips = true;
	courier->len = 0;
	return true;
}

/* @part ends a line, with its newline. */
static bool courier_end_line(struct weft_courier *courier, const char *part, size_t len,
			     char **text, size_t *text_len)
{
	bool good = true;

	if (!courier->skips)
		good = courier_append(text, text_len, courier->line ?: "", courier->len) &&
		       courier_append(text, text_len, part, len);
	courier->skips = false;
	courier->len = 0;
	return good;
}

static bool courier_take(struct weft_courier *courier, const char *part, size_t len, char **text,
			 size_t *text_len)
{
	const char *end = part + len, *newline;

	for (; part < end; part = newline + 1) {
		newline = memchr(part, '\n', end - part);
		if (!newline)
			return courier_keep(courier, part, end - part);
		if (!courier_end_line(courier, part, newline + 1 - part, text, text_len))
			return false;
	}
	return true;
}

bool weft_courier_read(struct weft_courier *courier, char **text, size_t *len, size_t limit)
{
	static char buffer[65536];
	unsigned int reads;
	ssize_t got;

	for (reads = 0; reads < COURIER_READS && courier->out >= 0 && *len < limit; reads++) {
		got = read(courier->out, buffer, sizeof(buffer));
		if (got < 0)
			return true;
		if (!got) {
			close(courier->out);
			courier->out = -1;
			return true;
		}
		if (!courier_take(courier, buffer, got, text, len))
			return false;
	}
	return true;
}

/* The end. */

static void courier_clear(struct weft_courier *courier)
{
	if (courier->fd >= 0)
		close(courier->fd);
	if (courier->out >= 0)
		close(courier->out);
	if (courier->life >= 0)
		close(courier->life);
	free(courier->line);
	weft_courier_init(courier);
}

bool weft_courier_reap(struct weft_courier *courier, bool *good)
{
	pid_t pid = courier->pid;
	int status;

	if (!pid || waitpid(pid, &status, WNOHANG) != pid)
		return false;
	*good = WIFEXITED(status) && !WEXITSTATUS(status);
	/* What the program has left behind would print into a pipe without a reader. */
	kill(-pid, SIGTERM);
	courier_clear(courier);
	return true;
}

void weft_courier_stop(struct weft_courier *courier)
{
	if (!courier->pid)
		return;
	/* The program may have gone to another process group, and its process is not reaped yet. */
	kill(-courier->pid, SIGKILL);
	kill(courier->pid, SIGKILL);
	waitpid(courier->pid, NULL, 0);
	courier_clear(courier);
}
