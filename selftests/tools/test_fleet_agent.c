// SPDX-License-Identifier: GPL-2.0
/*
 * The agent beside programs that are slow or print without end, a kernel that has only events, and a state folder that is restored
 * or replaced: how often it publishes, and how it ends. Node ant of fleet prod, whose links cannot be read: each step fails in
 * which the node has a record, so that the agent reads all records again and again.
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

/* The node of the state folder knows its serial; @port 0: as before. */
static void set_node(unsigned int port)
{
	struct weft_folder folder;
	struct test_bench bench;
	bool changed;

	prepare(&bench);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED))
		test_bail("the state cannot be read");
	folder.self->serial = 1;
	folder.self->port = port ?: folder.self->port;
	if (!weft_folder_write(&folder, &changed))
		test_bail("the state cannot be written");
	weft_folder_free(&folder);
	test_bench_end(&bench);
}

static void new_store_of(const char *program, const char *terms)
{
	struct fleet_text text = { };

	fleet_terms(&text, 'A', 1, "A", terms);
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	write_file("records", 0644, text.chars, text.len);
	write_file("store", 0755, program, strlen(program));
	write_file("gets", 0666, "", 0);
	write_file("puts", 0666, "", 0);
	fleet_clear(&text);
}

static void new_store(const char *program)
{
	new_store_of(program, "");
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

/* All at once. */
static const char quick_store[] =
	"#!/bin/sh\n"
	"cd \"${0%/*}\"\n"
	"case $1 in\n"
	"watch) cat records; exec sleep 1000 ;;\n"
	"get) cat records; cat hello 2>/dev/null; echo >>gets ;;\n"
	"put) cat >hello; echo >>puts ;;\n"
	"esac\n";

static const char failing_store[] =
	"#!/bin/sh\n"
	"cd \"${0%/*}\"\n"
	"case $1 in\n"
	"watch) cat records; exec sleep 1000 ;;\n"
	"get) cat records; echo >>gets; exit 1 ;;\n"
	"put) cat >hello; echo >>puts ;;\n"
	"esac\n";

static pid_t start(const char *pairs)
{
	struct weft_agent_call call = {
		.fleet = "prod", .user = geteuid() ? NULL : "daemon",
		.psk = pairs, .psk_user = geteuid() ? NULL : "bin",
	};
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
	bench.ctx.err = fopen("log", "we");
	if (!bench.ctx.err)
		_exit(3);
	setlinebuf(bench.ctx.err);
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
	pid_t agent = start(NULL);

	test_ok(grows_to("puts", 1) && grows_to("gets", 4), "all records are read after each failure, slowly");
	test_ok(size_of("puts") == 1, "... and the hello, which is among them, is put once");
	kill(agent, SIGTERM);
	test_ok(ends_with(agent, 0), "a signal ends the agent");
}

static void check_events(void)
{
	pid_t agent = start(NULL);
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
	pid_t agent;

	new_store(late_store);
	fleet_hello(&text, 'a', "ant", 1, 9, 'y', "");
	write_file("hello", 0666, text.chars, text.len);
	fleet_clear(&text);
	set_node(0);
	agent = start(NULL);
	test_ok(grows_to("puts", 1) && hello_says("\"generation\":10"),
		"a restored folder's hello does not take the place of the store's, which is newer");
	kill(agent, SIGTERM);
	test_ok(ends_with(agent, 0), "... and a signal ends the agent");
}

/* A step follows each put, and would see the next change: where it is not over in time, the test shows less. */
static bool is_put(off_t number, const char *text)
{
	bool good = grows_to("puts", number) && hello_says(text);

	usleep(500000);
	return good;
}

static bool logs(const char *text)
{
	char command[256];
	int i;

	snprintf(command, sizeof(command), "grep -qF -- \"%s\" log", text);
	for (i = 0; i < 3000 && system(command); i++)
		usleep(10000);
	return i < 3000;
}

/* Nothing but a file of the state folder is a reason for a step: the store has no record of the node. */
static void check_replaced(void)
{
	struct fleet_text text = { };
	pid_t agent;

	new_store(quick_store);
	fleet_terms(&text, 'A', 1, "A", "");
	write_file("records", 0644, text.chars, text.len);
	fleet_clear(&text);
	set_node(0);
	agent = start(NULL);
	test_ok(is_put(1, "ant"), "a node without a record puts its hello");
	set_node(6000);
	test_ok(is_put(2, "6000"), "... and another one when a command changes the folder");
	if (system("mv state/prod state/old"))
		test_bail("the state folder");
	test_ok(logs("has no keys of a node") && access("state/prod", F_OK), "... and makes none where the folder is gone");
	if (system("cp -a state/old state/prod"))
		test_bail("a copy of the state folder");
	set_node(6001);
	test_ok(is_put(3, "6001"), "a folder in the place of that one is read");
	set_node(6002);
	test_ok(is_put(4, "6002"), "... and watched");
	/* A step waits for the lock meanwhile. */
	if (system("flock state/prod sh -c 'cp state/prod/self state/prod/new; mv state/prod/new state/prod/self; sleep 1;"
		   "mv state/prod state/older; cp -a state/older state/prod'"))
		test_bail("a copy of the state folder");
	usleep(1000000);
	set_node(6003);
	test_ok(is_put(5, "6003"), "... also where it took its place during a step");
	kill(agent, SIGTERM);
	test_ok(ends_with(agent, 0), "... and a signal ends the agent");
	if (system("rm -r state/old state/older"))
		test_bail("the former state folder");
}

static void check_failing(void)
{
	pid_t agent;

	new_store(failing_store);
	set_node(0);
	agent = start(NULL);
	test_ok(logs("'get' has failed, or has taken more than 60 s: the hello of this node is put after"),
		"a store whose 'get' fails is told, with the hello that waits for it");
	test_ok(grows_to("gets", 3) && !size_of("puts"), "... which is not put");
	kill(agent, SIGTERM);
	test_ok(ends_with(agent, 0), "... and a signal ends the agent");
}

/* Of the process alone, in clock ticks. */
static unsigned long cpu_of(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char name[64];
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	file = fopen(name, "r");
	if (!file || fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		test_bail("the CPU time of the agent");
	fclose(file);
	return user + system;
}

/* Two keys of one node in turn, without end. */
static const char endless_pairs[] =
	"#!/bin/sh\n"
	"echo >>\"${0%/*}/begun\"\n"
	"exec yes \"$(printf 'bee AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\\nbee AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=')\"\n";

static void check_endless(void)
{
	char pairs[64];
	unsigned long before, spent;
	pid_t agent;

	new_store_of(quick_store, ",\"preshared\":true");
	set_node(0);
	write_file("begun", 0666, "", 0);
	write_file("pairs", 0755, endless_pairs, strlen(endless_pairs));
	snprintf(pairs, sizeof(pairs), "%s/pairs #", folder_name);
	agent = start(pairs);
	test_ok(grows_to("begun", 1), "a program of preshared keys is started");
	before = cpu_of(agent);
	sleep(4);
	spent = cpu_of(agent) - before;
	printf("# %lu ticks of CPU in 4 s\n", spent);
	test_ok(spent < (unsigned long)sysconf(_SC_CLK_TCK), "... and takes less than a quarter of a CPU, however much it prints");
	kill(agent, SIGTERM);
	test_ok(ends_with(agent, 0), "... and a signal ends the agent");
}

static void remove_all(void)
{
	static const char *const names[] = {
		"state/prod/self", "state/prod/memory", "state/prod/last", "state/prod", "state",
		"records", "store", "gets", "puts", "hello", "pairs", "begun", "log",
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
	new_node();
	check_replaced();
	remove_all();
	new_node();
	check_failing();
	remove_all();
	new_node();
	check_endless();
	remove_all();
	return test_end();
}
