// SPDX-License-Identifier: GPL-2.0
/*
 * The agent beside programs of a store that are slow, and a kernel that has only events: how often it publishes, and how it ends.
 * Node ant of fleet prod, whose links cannot be read: each step fails, so that it reads all records again and again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fleet.h"
#include "fleet_node.h"
#include "fleet/agent.h"
#include "fleet/agent_lock.h"
#include "fleet/folder.h"
#include "support.h"

static char folder_name[] = "/tmp/weft-agent-XXXXXX";
static int alarm_ends[2];

/* Events: none, up to a signal, which the subscription takes for itself, as that of the kernel does. */

static int watch(struct weft_backend *backend)
{
	(void)backend;
	return 0;
}

static void unwatch(struct weft_backend *backend)
{
	(void)backend;
}

static int watch_fd(struct weft_backend *backend)
{
	(void)backend;
	return alarm_ends[0];
}

static int next_event(struct weft_backend *backend, struct weft_event *event, int timeout_ms)
{
	char byte;

	(void)backend;
	(void)event;
	(void)timeout_ms;
	return read(alarm_ends[0], &byte, 1) == 1 ? -EINTR : -EAGAIN;
}

static void prepare(struct test_bench *bench)
{
	test_bench_start(bench, "");
	bench->ctx.host = &fleet_node_host;
	bench->ctx.state = "state";
	bench->ctx.runtime = "run";
	bench->ctx.now = time(NULL);
	bench->backend.watch = watch;
	bench->backend.unwatch = unwatch;
	bench->backend.watch_fd = watch_fd;
	bench->backend.next = next_event;
}

static void write_file(const char *name, mode_t mode, const char *chars, size_t len)
{
	FILE *file = fopen(name, "w");

	if (!file || fwrite(chars, 1, len, file) != len || fclose(file) || chmod(name, mode))
		test_bail("a file of the test");
}

static void new_node(void)
{
	const struct weft_key tunnel = fleet_seed('t');
	struct test_bench bench;

	prepare(&bench);
	fleet_node_create(&bench.ctx, "ant", &tunnel, time(NULL));
	test_bench_end(&bench);
}

static void new_store(const char *program)
{
	struct fleet_text text = { };

	fleet_terms(&text, 'A', 1, "A", "");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	write_file("records", 0644, text.chars, text.len);
	write_file("store", 0755, program, strlen(program));
	write_file("gets", 0666, "", 0);
	write_file("puts", 0666, "", 0);
	fleet_clear(&text);
}

/* The hello stands behind the rest of "get", which takes longer than a step waits. */
static const char slow_store[] =
	"#!/bin/sh\n"
	"cd \"${0%/*}\"\n"
	"case $1 in\n"
	"watch) cat records; exec sleep 1000 ;;\n"
	"get) cat records; sleep 1.5; cat hello 2>/dev/null; echo >>gets ;;\n"
	"put) cat >hello; echo >>puts ;;\n"
	"esac\n";
/* "watch" prints nothing for a while, and the first "get" fails. */
static const char late_store[] =
	"#!/bin/sh\n"
	"cd \"${0%/*}\"\n"
	"case $1 in\n"
	"watch) exec sleep 1000 ;;\n"
	"get) sleep 5; echo >>gets; [ $(wc -l <gets) -gt 1 ] && cat records hello ;;\n"
	"put) cat >hello; echo >>puts ;;\n"
	"esac\n";

static pid_t start(void)
{
	struct weft_agent_call call = { .fleet = "prod", .user = geteuid() ? NULL : "daemon" };
	struct test_bench bench;
	char *store;
	pid_t pid = fork();

	if (pid)
		return pid;
	alarm(60);
	if (asprintf(&store, "%s/store", folder_name) < 0)
		_exit(3);
	call.store = store;
	prepare(&bench);
	_exit(weft_agent_run(&bench.ctx, &call));
}

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) ? 0 : st.st_size;
}

static bool grows_to(const char *name, off_t size)
{
	int i;

	for (i = 0; i < 3000 && size_of(name) < size; i++)
		usleep(10000);
	return size_of(name) >= size;
}

static bool ends_with(pid_t pid, int want)
{
	int status = 0, i;

	for (i = 0; i < 1000 && waitpid(pid, &status, WNOHANG) != pid; i++)
		usleep(10000);
	if (i == 1000) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == want;
}

static void check_slow(void)
{
	pid_t agent = start();

	test_ok(grows_to("puts", 1) && grows_to("gets", 4), "all records are read after each failure, slowly");
	test_ok(size_of("puts") == 1, "... and the hello, which is among them, is put once");
	kill(agent, SIGTERM);
	test_ok(ends_with(agent, 0), "a signal ends the agent");
}

static void check_events(void)
{
	pid_t agent = start();
	struct test_bench bench;
	int fd;

	grows_to("gets", 1);
	prepare(&bench);
	test_ok(!weft_agent_lock_exclude(&bench.ctx, "prod", &fd), "an agent keeps others from its fleet");
	test_bench_flush(&bench);
	test_ok(strstr(bench.err, "an agent of fleet 'prod' runs"), "... which is said");
	if (write(alarm_ends[1], "", 1) != 1)
		test_bail("a pipe");
	test_ok(ends_with(agent, 0), "a signal that the subscription takes ends the agent");
	test_ok(weft_agent_lock_exclude(&bench.ctx, "prod", &fd) && fd >= 0, "... and the lock with it");
	weft_agent_lock_release(fd);
	test_bench_end(&bench);
}

static bool hello_says(const char *text)
{
	char line[WEFT_FLEET_LINE_BYTES + 1] = "";
	FILE *file = fopen("hello", "r");

	if (!file || !fgets(line, sizeof(line), file) || fclose(file))
		test_bail("the store's hello");
	return strstr(line, text);
}

/* The store's hello is of generation 9, the folder's of an older one. */
static void check_restored(void)
{
	struct fleet_text text = { };
	struct weft_folder folder;
	struct test_bench bench;
	bool changed;
	pid_t agent;

	new_store(late_store);
	fleet_hello(&text, 'a', "ant", 1, 9, 'y', "");
	write_file("hello", 0666, text.chars, text.len);
	fleet_clear(&text);
	prepare(&bench);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", true))
		test_bail("the state cannot be read");
	folder.self->serial = 1;
	if (!weft_folder_write(&folder, &changed))
		test_bail("the state cannot be written");
	weft_folder_free(&folder);
	test_bench_end(&bench);
	agent = start();
	test_ok(grows_to("puts", 1) && hello_says("\"generation\":10"),
		"a restored folder's hello does not take the place of the store's, which is newer");
	kill(agent, SIGTERM);
	test_ok(ends_with(agent, 0), "... and a signal ends the agent");
}

static void remove_all(void)
{
	static const char *const names[] = {
		"state/prod/self", "state/prod/memory", "state/prod/last", "state/prod", "state",
		"records", "store", "gets", "puts", "hello",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		remove(names[i]);
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	/* The store's user has to reach its program. */
	if (!mkdtemp(folder_name) || chmod(folder_name, 0777) || chdir(folder_name) ||
	    pipe2(alarm_ends, O_CLOEXEC | O_NONBLOCK))
		test_bail("a folder in /tmp");
	signal(SIGINT, SIG_DFL);
	new_store(slow_store);
	new_node();
	check_slow();
	unlink("gets");
	write_file("gets", 0666, "", 0);
	check_events();
	remove_all();
	new_node();
	check_restored();
	remove_all();
	return test_end();
}
