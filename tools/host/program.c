// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/core.h"
#include "base/signals.h"
#include "host/host.h"
#include "host/program.h"

/* Input and output of a program: memory files, which never block. */
struct program_pipes {
	int in;
	int out;
	int script;
};

static int program_fail(struct weft_host *host, const char *what,
			const char *reason, int err)
{
	snprintf(host->error, sizeof(host->error), "%s: %s", what,
		 reason);
	return err;
}

static void program_close(const struct program_pipes *pipes)
{
	if (pipes->in >= 0)
		close(pipes->in);
	if (pipes->out >= 0)
		close(pipes->out);
	if (pipes->script >= 0)
		close(pipes->script);
}

static int program_input(const char *input)
{
	size_t len = input ? strlen(input) : 0;
	int fd = memfd_create("weft", MFD_CLOEXEC);

	if (fd < 0)
		return fd;
	if (write(fd, input, len) == (ssize_t)len && !lseek(fd, 0, SEEK_SET))
		return fd;
	close(fd);
	return -1;
}

static char *program_output(int fd)
{
	struct stat st;
	char *text;

	if (fstat(fd, &st))
		return NULL;
	text = malloc(st.st_size + 1);
	if (text && pread(fd, text, st.st_size, 0) != st.st_size) {
		free(text);
		return NULL;
	}
	if (text)
		text[st.st_size] = '\0';
	return text;
}

/* A program must not inherit signals that are ignored only for weft's own sake. */
static int program_spawn(char **words, const struct program_pipes *pipes,
			 pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults, none;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGQUIT);
	if (weft_signals_outlives_reader())
		sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	/* Nor signals that a service blocks while it works. */
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_adddup2(&actions, pipes->in, STDIN_FILENO);
	/* A dup2() action to the same number clears FD_CLOEXEC in the program. */
	if (pipes->script >= 0)
		posix_spawn_file_actions_adddup2(&actions, pipes->script,
						 pipes->script);
	if (pipes->out >= 0) {
		posix_spawn_file_actions_adddup2(&actions, pipes->out,
						 STDOUT_FILENO);
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
						 "/dev/null", O_WRONLY, 0);
	}
	weft_core_allow();
	err = posix_spawnp(pid, words[0], &actions, &attr, words, environ);
	weft_core_forbid();
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* The number of the script's descriptor follows the program's own words. */
static int program_start(const struct weft_program *program,
			 const struct program_pipes *pipes, pid_t *pid)
{
	char script[16], **words;
	int err = ENOMEM;

	if (pipes->script < 0)
		return program_spawn(program->words, pipes, pid);
	words = calloc(program->count + 2, sizeof(*words));
	if (words) {
		memcpy(words, program->words, program->count * sizeof(*words));
		snprintf(script, sizeof(script), "%d", pipes->script);
		words[program->count] = script;
		err = program_spawn(words, pipes, pid);
	}
	free(words);
	return err;
}

/* A shell that is killed leaves its child running, so the children are signalled, too. */
static void program_kill(pid_t pid, int number)
{
	int child, children[64];
	size_t count = 0;
	char path[64];
	FILE *list;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	list = fopen(path, "re");
	while (list && count < ARRAY_SIZE(children) &&
	       fscanf(list, "%d", &child) == 1)
		children[count++] = child;
	if (list)
		fclose(list);
	/* The shell first, which must not continue with its next command. */
	kill(pid, number);
	while (count)
		kill(children[--count], number);
}

/*
 * The first handled signal also ends the program, except one that undoes a change.
 * @passed: a signal arrived before the program was started.
 */
static int program_reap(pid_t pid, bool passed, int *status)
{
	for (;;) {
		if (weft_signals_caught() && !passed) {
			program_kill(pid, weft_signals_caught());
			passed = true;
		}
		if (waitpid(pid, status, 0) >= 0)
			return 0;
		if (errno != EINTR)
			return errno;
	}
}

/* Ctrl-C ends the program; after that weft undoes its own changes. */
static int program_wait(const struct weft_program *program,
			const struct program_pipes *pipes, int *status)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	bool passed = weft_signals_caught();
	pid_t pid;
	int err;

	sigaction(SIGINT, NULL, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	if (old_int.sa_handler == SIG_DFL)
		sigaction(SIGINT, &ignore, NULL);
	weft_signals_interrupt(true);
	err = program_start(program, pipes, &pid);
	if (!err)
		err = program_reap(pid, passed, status);
	weft_signals_interrupt(false);
	sigaction(SIGQUIT, &old_quit, NULL);
	if (old_int.sa_handler == SIG_DFL)
		sigaction(SIGINT, &old_int, NULL);
	return err;
}

static int program_judge(struct weft_host *host,
			 const struct weft_program *program, int err,
			 int status)
{
	char reason[64];

	if (err)
		return program_fail(host, program->words[0], strerror(err),
				    -err);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFEXITED(status))
		snprintf(reason, sizeof(reason), "exit status %d",
			 WEXITSTATUS(status));
	else
		snprintf(reason, sizeof(reason), "killed by signal %d",
			 WTERMSIG(status));
	return program_fail(host, program->words[0], reason, -EIO);
}

int weft_program_run(struct weft_host *host,
		     const struct weft_program *program, char **output)
{
	struct program_pipes pipes = {
		.in = program_input(program->input), .out = -1, .script = -1,
	};
	int err = 0, status = 0;

	fflush(NULL);
	if (output)
		pipes.out = memfd_create("weft", MFD_CLOEXEC);
	if (program->script)
		pipes.script = program_input(program->script);
	if (pipes.in < 0 || (output && pipes.out < 0) ||
	    (program->script && pipes.script < 0))
		err = errno;
	else
		err = program_wait(program, &pipes, &status);
	err = program_judge(host, program, err, status);
	if (!err && output) {
		*output = program_output(pipes.out);
		if (!*output)
			err = program_fail(host, program->words[0],
					   strerror(ENOMEM), -ENOMEM);
	}
	program_close(&pipes);
	return err;
}

bool weft_program_is_there(struct weft_host *host, const char *name)
{
	const char *path = getenv("PATH"), *end;
	bool there = false;
	char *full;

	(void)host;
	for (; path && !there; path = *end ? end + 1 : NULL) {
		end = strchrnul(path, ':');
		if (asprintf(&full, "%.*s/%s", (int)(end - path), path, name) < 0)
			return false;
		there = !access(full, X_OK);
		free(full);
	}
	return there;
}
