// SPDX-License-Identifier: GPL-2.0
/*
 * weft top on a terminal, by ncurses: what it writes there, and that the terminal is as before after each way to end.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include "cli/command.h"
#include "model/model.h"
#include "support.h"

#define PATIENCE_MS	20000

/* xterm's: to the alternate screen and back, and the cursor's return. */
#define ENTERS	"\x1b[?1049h"
#define LEAVES	"\x1b[?1049l"
#define CURSOR	"\x1b[?25h"

static const char conf[] =
	"[Peer]\nPublicKey = " KEY_A "\nName = ember\nEndpoint = 203.0.113.12:51820\n"
	"[Peer]\nPublicKey = " KEY_B "\nName = spark\n";

/**
 * struct terminal - a command on a pseudoterminal
 * @master: the end that the test reads and writes
 * @slave: the command's end, open here, too: its settings outlive the command
 * @pid: the process of its shell
 * @before: the settings before
 * @text: all that the command has written, with a zero for each zero byte
 * @len: its length
 * @resume: a byte here continues the command after it has stopped
 */
struct terminal {
	int master;
	int slave;
	pid_t pid;
	struct termios before;
	char text[1 << 18];
	size_t len;
	int resume[2];
};

static struct terminal terminal;
static int readings_left;
static int (*real_get)(struct weft_backend *backend, const char *name, struct weft_device **dev);

static int get(struct weft_backend *backend, const char *name, struct weft_device **dev)
{
	if (readings_left-- > 0)
		return real_get(backend, name, dev);
	*dev = NULL;
	strcpy(backend->error, "No such device");
	return -ENODEV;
}

/* Plain lines are kept until the end: this tells that they have begun. */
static void short_pause(unsigned int us)
{
	static bool begun;

	(void)us;
	if (!begun)
		fputs("a pause", stderr);
	begun = true;
}

/* The command, whose own output follows that of the screen. */
static int command(const char *peers, bool colour)
{
	char *argv[] = { "weft", "top", "wft0", "every", "1", "sort", "name", NULL };
	struct test_bench bench;
	int status;

	test_bench_start(&bench, "");
	bench.devices[0] = test_device("wft0", WEFT_KIND_WEFT, conf);
	if (peers)
		bench.devices[0]->peers->name = strdup(peers);
	real_get = bench.backend.get;
	bench.backend.get = get;
	bench.ctx.pause = short_pause;
	bench.ctx.colour = colour;
	status = weft_command_main(&bench.ctx, 7, argv);
	test_bench_flush(&bench);
	printf("%s%sthe status is %d\n", bench.out, bench.err, status);
	fflush(stdout);
	test_bench_end(&bench);
	return status;
}

/* What a shell does with its job; only a job in such a session can be stopped by a key. Returns its status. */
static int shell(const char *name)
{
	pid_t job = fork();
	int status;
	char byte;

	if (!job) {
		signal(SIGTTOU, SIG_IGN);
		setpgid(0, 0);
		tcsetpgrp(0, getpid());
		signal(SIGTTOU, SIG_DFL);
		/* A test in the background of a script, or behind nohup, may have them ignored. */
		signal(SIGINT, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		exit(command(name, true));
	}
	signal(SIGTTOU, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
		tcsetpgrp(0, getpid());
		if (write(1, "the job has stopped", 19) != 19 || read(terminal.resume[0], &byte, 1) != 1)
			_exit(99);
		tcsetpgrp(0, job);
		kill(job, SIGCONT);
	}
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void begin(const char *term, const char *name, int readings)
{
	struct winsize size = { .ws_row = 12, .ws_col = 100 };

	if (pipe(terminal.resume) || openpty(&terminal.master, &terminal.slave, NULL, NULL, &size) ||
	    tcgetattr(terminal.slave, &terminal.before))
		test_bail("no pseudoterminal");
	terminal.len = 0;
	terminal.text[0] = '\0';
	readings_left = readings;
	terminal.pid = fork();
	if (terminal.pid < 0)
		test_bail("no process");
	if (!terminal.pid) {
		setenv("TERM", term, 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		close(terminal.master);
		if (login_tty(terminal.slave))
			_exit(99);
		exit(shell(name));
	}
}

static __s64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static bool read_some(int timeout_ms)
{
	struct pollfd input = { .fd = terminal.master, .events = POLLIN };
	ssize_t got;

	if (poll(&input, 1, timeout_ms) <= 0 || terminal.len > sizeof(terminal.text) - 4096)
		return false;
	got = read(terminal.master, terminal.text + terminal.len, 4095);
	if (got <= 0)
		return false;
	terminal.len += got;
	terminal.text[terminal.len] = '\0';
	return true;
}

/* Whether the command writes this, from a place on. */
static bool writes(const char *text, size_t from)
{
	__s64 end = now_ms() + PATIENCE_MS;

	while (!strstr(terminal.text + from, text))
		if (now_ms() > end || !read_some(100))
			if (now_ms() > end)
				return false;
	return true;
}

static void type(const char *text)
{
	if (write(terminal.master, text, strlen(text)) < 0)
		test_bail("the terminal takes no input");
}

/* To the job in the foreground. */
static void send_signal(int number)
{
	pid_t group = tcgetpgrp(terminal.master);

	if (group <= 0 || kill(-group, number))
		test_bail("no job on the terminal");
}

/* What the kernel keeps of a terminal's settings. */
static bool is_as_before(void)
{
	struct termios now;

	return !tcgetattr(terminal.slave, &now) && now.c_iflag == terminal.before.c_iflag &&
	       now.c_oflag == terminal.before.c_oflag && now.c_lflag == terminal.before.c_lflag &&
	       now.c_cflag == terminal.before.c_cflag &&
	       !memcmp(now.c_cc, terminal.before.c_cc, sizeof(now.c_cc));
}

static bool ends_with_status(int wanted)
{
	__s64 end = now_ms() + PATIENCE_MS;
	int status;
	pid_t got;

	while (!(got = waitpid(terminal.pid, &status, WNOHANG)) && now_ms() < end)
		read_some(20);
	if (!got)
		kill(terminal.pid, SIGKILL);
	while (read_some(0))
		;
	return got == terminal.pid && WIFEXITED(status) && WEXITSTATUS(status) == wanted;
}

static void end(void)
{
	close(terminal.slave);
	close(terminal.master);
	close(terminal.resume[0]);
	close(terminal.resume[1]);
}

static void say(const char *name, const char *what, bool good)
{
	char text[128];

	snprintf(text, sizeof(text), "%s: %s", name, what);
	test_ok(good, text);
	if (!good)
		printf("# %zu bytes were written\n", terminal.len);
}

/* Each way to end; with it the terminal is as before. */
static void ends_by(const char *name, const char *keys, int number, int readings, int status)
{
	const char *last;

	begin("xterm", NULL, readings);
	say(name, "the peers", writes("spark", 0) && writes("q quit", 0));
	say(name, "the terminal is taken over", !is_as_before());
	if (keys)
		type(keys);
	if (number)
		send_signal(number);
	say(name, "the status", ends_with_status(status));
	last = strstr(terminal.text, LEAVES);
	say(name, "the screen is left", last && strstr(terminal.text, ENTERS) < last);
	say(name, "the cursor is there", last && strstr(terminal.text, CURSOR));
	say(name, "the settings are as before", is_as_before());
	end();
}

static void test_ends(void)
{
	ends_by("the key q", "q", 0, 1000, 0);
	ends_by("ctrl-c", "\x03", 0, 1000, 0);
	ends_by("SIGTERM", NULL, SIGTERM, 1000, 0);
	ends_by("SIGHUP", NULL, SIGHUP, 1000, 0);
	ends_by("an interface that vanishes", NULL, 0, 2, 1);
	test_ok(strstr(terminal.text, LEAVES) < strstr(terminal.text, "cannot read interface 'wft0': No such device"),
		"an interface that vanishes: the reason is on the screen that was there before");
	ends_by("ctrl-\\ and q", "\x1c" "q", 0, 1000, 0);
}

static void test_hang_up(void)
{
	begin("xterm", NULL, 1000);
	writes("q quit", 0);
	close(terminal.slave);
	close(terminal.master);
	test_ok(ends_with_status(0), "a terminal that is gone ends the command");
}

static void test_resize(void)
{
	struct winsize small = { .ws_row = 5, .ws_col = 34 };
	size_t before;

	begin("xterm", NULL, 1000);
	writes("q quit", 0);
	before = terminal.len;
	ioctl(terminal.master, TIOCSWINSZ, &small);
	test_ok(writes("ember", before) && writes("q quit", before), "a resized terminal is drawn again");
	test_ok(!strstr(terminal.text + before, "r reverse"), "... in fewer columns");
	type("q");
	test_ok(ends_with_status(0) && is_as_before(), "... and works");
	end();
}

static void test_stop(void)
{
	size_t before;

	begin("xterm", NULL, 1000);
	writes("q quit", 0);
	type("\x1a");
	test_ok(writes("the job has stopped", 0), "ctrl-z stops the command");
	test_ok(strstr(terminal.text, LEAVES) && is_as_before(), "... and the terminal is as before");
	before = terminal.len;
	if (write(terminal.resume[1], "", 1) != 1)
		test_bail("no way to continue");
	test_ok(writes(ENTERS, before) && writes("ember", before), "... until it continues");
	type("q");
	test_ok(ends_with_status(0) && is_as_before(), "... and works");
	end();
}

/* Without an end as long as the terminal takes no output. */
static void test_stop_while_drawing(void)
{
	begin("xterm", NULL, 1000);
	writes("q quit", 0);
	tcflow(terminal.slave, TCOOFF);
	/* It draws each second. */
	usleep(1500000);
	type("\x1a");
	usleep(300000);
	tcflow(terminal.slave, TCOON);
	test_ok(writes("the job has stopped", 0), "ctrl-z while the screen is drawn stops the command");
	if (write(terminal.resume[1], "", 1) != 1)
		test_bail("no way to continue");
	type("q");
	test_ok(ends_with_status(0) && is_as_before(), "... and it continues");
	end();
}

static void test_hostile_names(void)
{
	static const char name[] = "\x1b]0;owned\x07\x1b[2J\xc2\x9b" "31m\xe2\x80\xaexyz";

	begin("xterm", name, 1000);
	test_ok(writes("\\x1b]0;owned", 0), "a hostile name is written out");
	test_ok(writes("spark", 0), "... and the peer below it");
	test_ok(!strstr(terminal.text, "\x1b]") && !strchr(terminal.text, '\a') && !strstr(terminal.text, "\xc2\x9b") &&
		!strstr(terminal.text, "\xe2\x80\xae"), "... without one of its sequences");
	type("q");
	ends_with_status(0);
	end();
}

static void test_without_screen(void)
{
	begin("no-such-terminal", NULL, 4);
	test_ok(ends_with_status(1), "an unknown terminal: plain lines");
	test_ok(strstr(terminal.text, "no full screen: TERM names no terminal that can be used") &&
		strstr(terminal.text, "spark"), "... and the reason");
	test_ok(!strchr(terminal.text, 0x1b), "... and no escape");
	test_ok(is_as_before(), "... and the terminal is left alone");
	end();
	begin("no-such-terminal", NULL, 1000000);
	writes("a pause", 0);
	send_signal(SIGTERM);
	test_ok(ends_with_status(128 + SIGTERM), "... and a signal ends the command");
	end();
}

/* Of a terminal that it does not know libtinfo keeps a record to itself. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:new_prescr";
}

int main(void)
{
	test_ends();
	test_hang_up();
	test_resize();
	test_stop();
	test_stop_while_drawing();
	test_hostile_names();
	test_without_screen();
	return test_end();
}
