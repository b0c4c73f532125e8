// SPDX-License-Identifier: GPL-2.0
/* The context that main() makes from the environment before a command runs. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/* The tested file, with a main() that this one calls. */
#define main weft_main
#include "cli/main.c"
#undef main

#include "support.h"

static struct weft_context seen;
static int seen_argc;
static char *seen_path;

int weft_command_main(struct weft_context *ctx, int argc, char **argv)
{
	seen = *ctx;
	seen_argc = argc;
	free(seen_path);
	seen_path = strdup(getenv("PATH") ?: "");
	return argv[argc] ? -1 : 7;
}

static void run(const char *variable, const char *value)
{
	char *words[] = { "weft", "show", NULL };

	if (variable)
		setenv(variable, value, 1);
	test_ok(weft_main(2, words) == 7 && seen_argc == 2, "the command's status is main's");
	if (variable)
		unsetenv(variable);
}

static void test_plain(void)
{
	time_t now = time(NULL);

	run(NULL, NULL);
	test_ok(seen.in == stdin && seen.out == stdout && seen.err == stderr,
		"the streams are the program's");
	test_ok(seen.now >= now && seen.now <= now + 5, "the time is now");
	test_ok(seen.lookup == getaddrinfo && seen.release == freeaddrinfo,
		"names are looked up");
	test_ok(seen.backend == weft_netlink_backend() && seen.host == weft_host_kernel(),
		"the kernel is the real one");
	test_text("the folder of locks", seen.runtime, "/run/weft");
	test_ok(!seen.show_keys && !seen.json && !seen.nested && !seen.as_wg,
		"all other settings are defaults");
}

static void test_path(const char *path, const char *want)
{
	run("PATH", path);
	test_text("the folders of the superuser's programs come last", seen_path, want);
}

static void test_paths(void)
{
	test_path("/a:/b", "/a:/b:/usr/local/sbin:/usr/sbin:/sbin");
	test_path("", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
	run(NULL, NULL);
	test_text("the folders without a PATH", seen_path,
		  "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
}

static void test_keys(void)
{
	run("WG_HIDE_KEYS", "never");
	test_ok(seen.show_keys, "keys are shown");
	run("WG_HIDE_KEYS", "always");
	test_ok(!seen.show_keys, "keys are hidden");
}

static void test_colours(void)
{
	run("WG_COLOR_MODE", "always");
	test_ok(seen.colour, "colours are on");
	run("WG_COLOR_MODE", "never");
	test_ok(!seen.colour, "colours are off");
	run("NO_COLOR", "1");
	test_ok(!seen.colour, "nor with NO_COLOR");
}

static void test_retries(void)
{
	run(NULL, NULL);
	test_ok(seen.retries == 15 && seen.patience_ms == WEFT_RESOLVE_PATIENCE_MS,
		"names are tried 15 times, for a limited time");
	run("WG_ENDPOINT_RESOLUTION_RETRIES", "3");
	test_ok(seen.retries == 3 && !seen.patience_ms, "names are tried as often as configured");
}

static double seconds_of(unsigned int us)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	seen.pause(us);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
}

static void nothing(int number)
{
	(void)number;
}

/* Fires a timer during a pause. */
static void strike(int number, unsigned int us)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = number };
	struct itimerspec at = { .it_value.tv_nsec = us * 1000L };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &at, NULL))
		test_bail("no timer");
}

static void test_pauses(void)
{
	double seconds;

	run(NULL, NULL);
	seconds = seconds_of(50000);
	test_ok(seconds >= 0.05 && seconds < 10, "a pause of less than a second");
	seconds = seconds_of(1020000);
	test_ok(seconds >= 1.02 && seconds < 10, "a pause of more than a second");
	signal(SIGUSR1, nothing);
	strike(SIGUSR1, 20000);
	seconds = seconds_of(200000);
	test_ok(seconds >= 0.2, "an unrelated signal does not end a pause");
	weft_signals_heed();
	strike(SIGTERM, 20000);
	seconds = seconds_of(20000000);
	test_ok(seconds < 10, "a handled signal ends a pause");
}

/* Standard input is unbuffered, so that no key stays in a buffer. */
static void test_buffer(void)
{
	int pipes[2];
	char byte;

	if (pipe(pipes) || write(pipes[1], "ab", 2) != 2 || dup2(pipes[0], 0) < 0)
		test_bail("no pipe");
	run(NULL, NULL);
	test_ok(getchar() == 'a' && read(0, &byte, 1) == 1 && byte == 'b',
		"no input is read in advance");
}

static void test_core(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CORE, &limit);
	weft_core_allow();
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
	run(NULL, NULL);
	test_ok(!getrlimit(RLIMIT_CORE, &limit) && limit.rlim_cur <= 1, "no core is dumped");
}

int main(void)
{
	unsetenv("PATH");
	unsetenv("WG_HIDE_KEYS");
	unsetenv("WG_COLOR_MODE");
	unsetenv("NO_COLOR");
	unsetenv("WG_ENDPOINT_RESOLUTION_RETRIES");
	test_plain();
	unsetenv("PATH");
	test_paths();
	test_keys();
	test_colours();
	test_retries();
	test_buffer();
	test_pauses();
	test_core();
	free(seen_path);
	return test_end();
}
