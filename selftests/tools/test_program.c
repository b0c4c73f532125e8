// SPDX-License-Identifier: GPL-2.0
/* Programs: status, output, input, signals; and settings read and written. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/core.h"
#include "base/signals.h"
#include "host/host.h"
#include "host/program.h"
#include "support.h"

static struct weft_host *host;

/**
 * struct run_case - a shell command, and its result
 * @command: for sh -c
 * @input: the standard input
 * @output: the captured output; NULL to capture none
 * @err: the result of the run
 * @error: the error text
 */
static const struct run_case {
	const char *command;
	const char *input;
	const char *output;
	int err;
	const char *error;
} runs[] = {
	{ .command = "true" },
	{ .command = "exit 3", .err = -EIO, .error = "sh: exit status 3" },
	{ .command = "kill -9 $$", .err = -EIO, .error = "sh: killed by signal 9" },
	{ .command = "echo a; echo b", .output = "a\nb\n" },
	{ .command = "cat", .output = "" },
	{ .command = "cat", .input = "one\ntwo", .output = "one\ntwo" },
	{ .command = "echo to the other >&2; echo x", .output = "x\n" },
	{ .command = "echo x; exit 1", .output = "", .err = -EIO, .error = "sh: exit status 1" },
	/* The shell has default signal handlers, and its signals do not end this program. */
	{ .command = "kill -INT $$", .err = -EIO, .error = "sh: killed by signal 2" },
	/* Some shells ignore SIGQUIT themselves, and a program that takes their place has it as they got it. */
	{ .command = "while kill -QUIT $$; do sleep 0.1; done >/dev/null 2>&1 & exec sleep 60", .err = -EIO,
	  .error = "sh: killed by signal 3" },
	{ .command = "kill -INT $PPID; kill -QUIT $PPID; sleep 0.1" },
};

static int run_shell(const char *command, const char *input, char **output)
{
	struct weft_program program = { };
	int err;

	if (!weft_program_set(&program, input, "sh", "-c", command, NULL))
		test_bail("no memory");
	host->error[0] = '\0';
	err = weft_program_run(host, &program, output);
	while (program.count)
		free(program.words[--program.count]);
	free(program.words);
	free(program.input);
	return err;
}

static void test_run(const struct run_case *test)
{
	char name[160], *output = NULL;
	int err;

	err = run_shell(test->command, test->input, test->output ? &output : NULL);
	snprintf(name, sizeof(name), "'%s' returns %d", test->command, test->err);
	test_ok(err == test->err, name);
	test_text("  the error text", host->error, test->error ?: "");
	if (test->output)
		test_text("  the output", output ?: "", test->output);
	free(output);
}

/* The first file that this program opens becomes its standard input. */
static void test_closed_input(void)
{
	static const struct run_case test = { .command = "cat", .input = "one", .output = "one" };
	int copy = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	close(STDIN_FILENO);
	test_run(&test);
	test_ok(fcntl(STDIN_FILENO, F_GETFD) < 0, "a closed standard input stays closed");
	if (copy < 0)
		return;
	dup2(copy, STDIN_FILENO);
	close(copy);
}

static bool has_handler(int number, void (*handler)(int))
{
	struct sigaction action;

	sigaction(number, NULL, &action);
	return action.sa_handler == handler;
}

static void test_handlers(void)
{
	/* A shell starts background programs with these ignored. */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	run_shell("true", NULL, NULL);
	test_ok(has_handler(SIGINT, SIG_DFL) && has_handler(SIGQUIT, SIG_DFL),
		"signals have their defaults after a run");
	signal(SIGINT, SIG_IGN);
	run_shell("true", NULL, NULL);
	test_ok(has_handler(SIGINT, SIG_IGN), "an ignored signal stays ignored after a run");
	signal(SIGINT, SIG_DFL);
}

/* Only the first signal is passed on: the programs that undo the rest run to their end. */
static void test_heeded(void)
{
	int err, i, late = 0;

	/* nohup ignores it, and an ignored signal is not handled. */
	signal(SIGHUP, SIG_DFL);
	/* The signal may arrive before this program waits. */
	for (i = 0; i < 5; i++) {
		weft_signals_heed();
		late += run_shell("kill -TERM $PPID; sleep 3", NULL, NULL) != -EIO;
	}
	test_ok(!late, "a signal during a program's start ends the program");
	weft_signals_heed();
	err = run_shell("sleep 0.3; kill -TERM $PPID; sleep 20", NULL, NULL);
	test_ok(err == -EIO && strstr(host->error, "by signal 15"),
		"a handled signal ends the program");
	test_ok(weft_signals_caught() == SIGTERM, "the signal is recorded");
	test_ok(!run_shell("sleep 0.1", NULL, NULL), "the next program runs to its end");
	test_ok(!run_shell("sleep 0.3; kill -HUP $PPID; sleep 0.1", NULL, NULL),
		"further signals do not end it");
	test_ok(weft_signals_caught() == SIGHUP, "a further signal is recorded");
	weft_signals_heed();
	/* A program left behind would keep the output open. */
	err = run_shell("(sleep 0.3; kill -TERM $PPID) & sleep 7654; true", NULL, NULL);
	test_ok(err == -EIO && system("pgrep -f '^sleep 7654' >/dev/null"), "the program that a shell waits for ends");
	weft_signals_heed();
	test_ok(!weft_signals_caught(), "the record is cleared");
}

static void test_reader(void)
{
	signal(SIGPIPE, SIG_IGN);
	weft_signals_outlive_reader();
	test_ok(!run_shell("kill -PIPE $$", NULL, NULL), "a program has SIGPIPE ignored where it was ignored before");
	signal(SIGPIPE, SIG_DFL);
	weft_signals_outlive_reader();
	test_ok(has_handler(SIGPIPE, SIG_IGN), "output without a reader does not end this program");
	test_ok(run_shell("kill -PIPE $$", NULL, NULL) == -EIO && strstr(host->error, "by signal 13"),
		"a program that it runs ends by SIGPIPE");
}

static void test_missing(void)
{
	char *words[] = { "weft-no-such-program", NULL };
	struct weft_program program = { .words = words, .count = 1 };

	test_ok(weft_program_run(host, &program, NULL) == -ENOENT,
		"a program that is missing is -ENOENT");
	test_text("the error names the program", host->error,
		  "weft-no-such-program: No such file or directory");
}

static void test_path(void)
{
	char *path = strdup(getenv("PATH") ?: "/usr/bin:/bin");

	test_ok(weft_program_is_there(host, "sh"), "sh is in the PATH");
	test_ok(!weft_program_is_there(host, "weft-no-such-program"), "an unknown program is not");
	setenv("PATH", "/nonexistent:/bin", 1);
	test_ok(weft_program_is_there(host, "sh"), "a program in the second folder");
	setenv("PATH", "/bin:/nonexistent", 1);
	test_ok(weft_program_is_there(host, "sh"), "a program in the first folder");
	setenv("PATH", "/bin/sh", 1);
	test_ok(!weft_program_is_there(host, "sh"), "a program in no folder");
	unsetenv("PATH");
	test_ok(!weft_program_is_there(host, "sh"), "no program without a PATH");
	setenv("PATH", path, 1);
	free(path);
}

/* @want: NULL for a failure. */
static void test_read(const char *path, const char *want, const char *name)
{
	char *text = NULL;
	int err;

	host->error[0] = '\0';
	err = host->read(host, path, &text);
	test_ok(want ? !err : err == -ENOENT, name);
	test_text("  the text", text ?: host->error,
		  want ?: "No such file or directory");
	free(text);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		test_bail("cannot write a file");
}

static int change_file(char *path, char *text)
{
	struct weft_change change = {
		.kind = WEFT_CHANGE_FILE, .path = path, .text = text,
	};

	host->error[0] = '\0';
	return host->change(host, &change);
}

static void test_files(void)
{
	char folder[] = "/tmp/weft-program-XXXXXX", path[64];

	if (!mkdtemp(folder))
		test_bail("no folder in /tmp");
	snprintf(path, sizeof(path), "%s/setting", folder);
	test_read(path, NULL, "a file that is missing is -ENOENT");
	test_ok(change_file(path, "1") == -ENOENT && strstr(host->error, "No such file"),
		"a missing file is not created");
	write_file(path, "");
	test_read(path, "", "an empty file");
	write_file(path, "first\nsecond\n");
	test_read(path, "first", "the first line of a file");
	test_ok(!change_file(path, "12"), "a setting is written");
	test_read(path, "12rst", "a setting is written from its beginning");
	unlink(path);
	rmdir(folder);
	test_ok(change_file("/dev/full", "1") == -ENOSPC &&
		strstr(host->error, "No space"), "a refused setting has an error text");
}

static void test_change_program(void)
{
	char *words[] = { "false", NULL };
	struct weft_change change = {
		.kind = WEFT_CHANGE_PROGRAM,
		.program = { .words = words, .count = 1 },
	};

	test_ok(host->change(host, &change) == -EIO, "a program as a change");
}

/* This program dumps no core, and its children have the caller's limit. */
static void test_core(void)
{
	struct rlimit limit, now;
	unsigned long long seen = 0;
	char *output = NULL;

	if (getrlimit(RLIMIT_CORE, &limit))
		test_bail("no limits");
	limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
	weft_core_allow();
	setrlimit(RLIMIT_CORE, &limit);
	weft_core_forbid();
	test_ok(!getrlimit(RLIMIT_CORE, &now) && now.rlim_cur <= 1 && now.rlim_max == limit.rlim_max,
		"no core is dumped");
	test_ok(!run_shell("grep core /proc/self/limits", NULL, &output) &&
		sscanf(output, "Max core file size %llu", &seen) == 1 && seen == limit.rlim_cur,
		"a program has the limit from before");
	test_ok(!getrlimit(RLIMIT_CORE, &now) && now.rlim_cur <= 1, "no core is dumped afterwards");
	free(output);
}

/* Whether this process may raise a hard limit. */
static bool core_is_free(void)
{
	struct rlimit none = { }, more = { 1, 1 };

	return !setrlimit(RLIMIT_CORE, &none) && !setrlimit(RLIMIT_CORE, &more) && !setrlimit(RLIMIT_CORE, &none);
}

/* With 1 byte, less than any core file, the kernel starts no program for the dump. */
static int core_below_zero(bool root)
{
	struct rlimit now;
	rlim_t want;

	weft_core_allow();
	if (!root && !geteuid() && setuid(65534))
		return 4;
	want = core_is_free() ? 1 : 0;
	weft_core_forbid();
	if (getrlimit(RLIMIT_CORE, &now) || now.rlim_cur != want || now.rlim_max != want)
		return 1;
	weft_core_allow();
	return getrlimit(RLIMIT_CORE, &now) || now.rlim_cur || now.rlim_max ? 2 : 0;
}

static void test_core_hard(bool root, const char *name)
{
	int status;

	fflush(NULL);
	if (!fork())
		_exit(core_below_zero(root));
	wait(&status);
	test_ok(!status, name);
}

int main(void)
{
	size_t i;

	host = weft_host_kernel();
	for (i = 0; i < ARRAY_SIZE(runs); i++)
		test_run(&runs[i]);
	test_closed_input();
	test_handlers();
	test_reader();
	test_missing();
	test_path();
	test_files();
	test_change_program();
	test_heeded();
	test_core();
	test_core_hard(true, "a hard limit of 0 is 1 byte if that is permitted, and 0 for a program");
	test_core_hard(false, "a hard limit of 0 stays if it cannot be raised");
	return test_end();
}
