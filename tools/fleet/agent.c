// SPDX-License-Identifier: GPL-2.0
/*
 * The loop around weft_step(). One process waits for:
 *
 *   watch    the program of the store that prints records as they change
 *   task     "get" of all records, now and then, and "put" of the node's own hello
 *   events   of the kernel: a session is up, the interface is gone
 *   folder   another command has written the state folder
 *   timers   the rotation's next turn, retries, comparisons of the interface
 *
 * The time between steps depends on the cost of the last one, so that a store that changes
 * all the time, or lies, gets a tenth of a CPU and no more. What is not taken is not read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "apply/lock.h"
#include "base/complain.h"
#include "base/notify.h"
#include "base/signals.h"
#include "conf/runtime.h"
#include "fleet/agent.h"
#include "fleet/courier.h"
#include "fleet/inside.h"
#include "fleet/merge.h"
#include "fleet/step.h"
#include "genl/backend.h"
#include "genl/event.h"

#define AGENT_NEVER		INT64_MAX
/* Changes that come together are taken together. */
#define AGENT_GATHER_MS		100
#define AGENT_COST_FACTOR	10
#define AGENT_EVENT_MS		1000
#define AGENT_RETRY_MS		1000
#define AGENT_RETRY_MAX_MS	60000
/* A run of "watch" of this length has worked: the next failure is a first one. */
#define AGENT_WORKS_MS		30000
#define AGENT_TASK_MS		60000
#define AGENT_GET_MS		600000
/* The store may have the hello: its lines come first. */
#define AGENT_FIRST_PUT_MS	4000
#define AGENT_APPLY_MS		3600000
/* The longest sleep: the clock of the rotation is looked at. */
#define AGENT_SLEEP_MS		60000

enum agent_task {
	AGENT_NOTHING,
	AGENT_GETS,
	AGENT_PUTS,
};

/**
 * struct agent - the agent
 * @ctx: the context, with a clock that goes on evenly whatever the machine's does
 * @call: the command line
 * @user: the user of the store's program
 * @watch: the program that watches
 * @task: the program of a task
 * @doing: the task
 * @putting: the hello that is being put
 * @text: lines that no step has taken yet
 * @len: their length
 * @all: they include all that the store has
 * @step: the last step
 * @began: seconds since 1970 at the start
 * @began_ms: the same moment of the even clock
 * @at_step: when to take the next step, in ms of that clock; so are the following
 * @rest_until: no step is taken before
 * @at_watch: when to start the program that watches
 * @at_put: when to put the hello again
 * @at_get: when to get all records
 * @at_apply: when to compare the interface
 * @at_end: when the task has taken too long
 * @watch_began: when the program that watches was started
 * @watch_wait: the wait after its next failure
 * @put_wait: the same of "put"
 * @step_wait: the same of a step
 * @folder: the inotify descriptor of the state folder, or -1
 * @lock: keeps a second agent away, or -1
 * @events: the subscription to the kernel's events has succeeded
 * @ready: the first step is done
 * @stuck: the log has said that the rotation is stuck
 * @placed: "watch" has printed records, before which it may say where the store is
 * @over: a signal has come that ends the agent
 * @at_read: when to read the programs' output again
 * @outside: the signal mask outside of the agent
 */
struct agent {
	struct weft_context ctx;
	const struct weft_agent_call *call;
	struct weft_courier_user user;
	struct weft_courier watch;
	struct weft_courier task;
	enum agent_task doing;
	char *putting;
	char *text;
	size_t len;
	bool all;
	struct weft_step step;
	time_t began;
	__s64 began_ms;
	__s64 at_step;
	__s64 rest_until;
	__s64 at_watch;
	__s64 at_put;
	__s64 at_get;
	__s64 at_apply;
	__s64 at_end;
	__s64 watch_began;
	__s64 watch_wait;
	__s64 put_wait;
	__s64 step_wait;
	int folder;
	int lock;
	bool events;
	bool ready;
	bool stuck;
	bool placed;
	bool over;
	__s64 at_read;
	sigset_t outside;
};

/* Also while the machine sleeps. */
static __s64 agent_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* CPU time, not elapsed time: on a busy machine a step is not dearer, only later. */
static __s64 agent_cost_ms(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1000LL + used.tv_nsec / 1000000;
}

static void agent_set_now(struct agent *agent)
{
	agent->ctx.now = agent->began + (agent_clock_ms() - agent->began_ms) / 1000;
}

static void agent_sooner(__s64 *at, __s64 then)
{
	if (then < *at)
		*at = then;
}

/* Half of @ms to all of it: the agents of a fleet do not act at the same time. */
static __s64 agent_jitter(__s64 ms)
{
	return ms - randombytes_uniform(ms / 2 + 1);
}

/* The wait after a failure, which doubles. */
static __s64 agent_back_off(__s64 *wait)
{
	__s64 now = *wait ?: AGENT_RETRY_MS;

	*wait = 2 * now < AGENT_RETRY_MAX_MS ? 2 * now : AGENT_RETRY_MAX_MS;
	return agent_clock_ms() + agent_jitter(now);
}

/* The store's programs. */

static void agent_start_watch(struct agent *agent)
{
	agent->at_watch = AGENT_NEVER;
	agent->watch_began = agent_clock_ms();
	agent->placed = false;
	if (!weft_courier_start(&agent->ctx, &agent->watch, &agent->user, agent->call->store,
				"watch", NULL, NULL))
		agent->at_watch = agent_back_off(&agent->watch_wait);
}

static void agent_begin_task(struct agent *agent, enum agent_task task, const char *key,
			     const char *input)
{
	agent->doing = task;
	agent->at_end = agent_clock_ms() + AGENT_TASK_MS;
	if (!weft_courier_start(&agent->ctx, &agent->task, &agent->user, agent->call->store,
				task == AGENT_GETS ? "get" : "put", key, input)) {
		agent->doing = AGENT_NOTHING;
		agent->at_put = agent_back_off(&agent->put_wait);
	}
}

static void agent_put(struct agent *agent)
{
	char *key = NULL, *line = NULL;

	free(agent->putting);
	agent->putting = strdup(agent->step.hello);
	if (agent->putting && asprintf(&key, "hello/%s", agent->step.node) >= 0 &&
	    asprintf(&line, "%s\n", agent->putting) >= 0)
		agent_begin_task(agent, AGENT_PUTS, key, line);
	free(key);
	free(line);
}

static void agent_begin_tasks(struct agent *agent)
{
	__s64 now = agent_clock_ms();

	if (now >= agent->at_watch)
		agent_start_watch(agent);
	if (agent->doing != AGENT_NOTHING)
		return;
	if (agent->step.hello && !agent->step.published_at && now >= agent->at_put) {
		agent_put(agent);
	} else if (now >= agent->at_get) {
		agent->at_get = now + agent_jitter(AGENT_GET_MS);
		agent_begin_task(agent, AGENT_GETS, NULL, NULL);
	}
}

static void agent_end_put(struct agent *agent, bool good)
{
	if (!good) {
		weft_warn(&agent->ctx, "%s: the store did not take the hello of this node",
			  agent->call->fleet);
		agent->at_put = agent_back_off(&agent->put_wait);
		return;
	}
	agent->put_wait = 0;
	agent->at_put = 0;
	agent_set_now(agent);
	if (agent->step.hello && !strcmp(agent->step.hello, agent->putting))
		agent->step.published_at = agent->ctx.now;
	/* The rotation may have waited for it. */
	agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_GATHER_MS);
}

static void agent_end_task(struct agent *agent, bool good)
{
	if (agent->doing == AGENT_PUTS)
		agent_end_put(agent, good);
	else if (good)
		agent->all = true;
	if (agent->doing == AGENT_GETS && good)
		agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_GATHER_MS);
	agent->doing = AGENT_NOTHING;
}

static void agent_end_watch(struct agent *agent)
{
	if (agent_clock_ms() - agent->watch_began > AGENT_WORKS_MS)
		agent->watch_wait = 0;
	weft_warn(&agent->ctx, "%s: the store's program 'watch' has ended, and is started again",
		  agent->call->fleet);
	agent->at_watch = agent_back_off(&agent->watch_wait);
}

static bool agent_read(struct agent *agent, struct weft_courier *courier)
{
	size_t before = agent->len;

	if (!weft_courier_read(courier, &agent->text, &agent->len, WEFT_FLEET_TEXT_BYTES))
		return weft_complain(&agent->ctx, "out of memory");
	if (agent->len > before)
		agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_GATHER_MS);
	return true;
}

/*
 * A tunnel that is down would never come up by a store behind it. What "watch" says before the
 * first record is its own: behind that are data, which nodes write.
 */
static bool agent_store_is_outside(struct agent *agent, size_t from)
{
	const char *text = agent->text + from;
	size_t len = agent->len - from;
	char address[64];

	if (agent->placed || !len)
		return true;
	agent->placed = memmem(text, len, "weft-fleet/", strlen("weft-fleet/"));
	if (!weft_inside_find(&agent->ctx, agent->call->fleet, text, len, address, sizeof(address)))
		return true;
	return weft_complain(&agent->ctx,
			     "the store at %s is reached through the tunnel '%s' itself: give it an address outside",
			     address, agent->call->fleet);
}

/* Reading, too, takes a share of a CPU: a program may print nonsense without end. */
static bool agent_read_all(struct agent *agent)
{
	__s64 before = agent_cost_ms();
	size_t from = agent->len;

	if (agent_clock_ms() < agent->at_read)
		return true;
	if (!agent_read(agent, &agent->watch) || !agent_store_is_outside(agent, from) ||
	    !agent_read(agent, &agent->task))
		return false;
	agent->at_read = agent_clock_ms() + AGENT_COST_FACTOR * (agent_cost_ms() - before);
	return true;
}

/* The output first: a program may end behind its last line. */
static bool agent_hear(struct agent *agent)
{
	bool good;

	if (!agent_read_all(agent))
		return false;
	if (weft_courier_reap(&agent->watch, &good))
		agent_end_watch(agent);
	if (agent->task.out < 0 && weft_courier_reap(&agent->task, &good))
		agent_end_task(agent, good);
	if (agent->doing != AGENT_NOTHING && agent_clock_ms() >= agent->at_end) {
		weft_courier_stop(&agent->task);
		agent_end_task(agent, false);
	}
	return true;
}

/* The kernel's events. */

static void agent_take_event(struct agent *agent, const struct weft_event *event)
{
	if (strcmp(event->ifname, agent->call->fleet))
		return;
	if (event->type == WEFT_EVENT_DEVICE_REMOVED)
		agent_sooner(&agent->at_apply, agent_clock_ms() + AGENT_EVENT_MS);
	else if (event->type != WEFT_EVENT_SESSION_UP && event->type != WEFT_EVENT_SESSION_RENEWED)
		return;
	agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_EVENT_MS);
}

static void agent_take_events(struct agent *agent)
{
	struct weft_backend *backend = agent->ctx.backend;
	struct weft_event event;
	int got = 0;

	while (agent->events) {
		got = backend->next(backend, &event, 0);
		if (got > 0)
			agent_take_event(agent, &event);
		else if (got == -ENOBUFS)
			agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_EVENT_MS);
		else
			break;
	}
	/* The subscription takes signals for itself. */
	agent->over |= agent->events && got == -EINTR;
}

/* Links of the kernel's own WireGuard have no events: the rotation has its timers. */
static void agent_subscribe(struct agent *agent)
{
	struct weft_backend *backend = agent->ctx.backend;

	if (!agent->events && backend->watch_fd)
		agent->events = !backend->watch(backend);
}

/* Steps. */

static void agent_drain(struct agent *agent)
{
	char buffer[4096];

	while (agent->folder >= 0 && read(agent->folder, buffer, sizeof(buffer)) > 0)
		;
}

/* Opened late: the folder is made by the first command of the node. */
static void agent_watch_folder(struct agent *agent, const struct weft_folder *folder)
{
	if (agent->folder >= 0)
		return;
	agent->folder = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (agent->folder >= 0)
		inotify_add_watch(agent->folder, folder->path, IN_MOVED_TO);
}

static bool agent_locked_step(struct agent *agent, struct weft_folder *folder)
{
	bool good;

	agent_watch_folder(agent, folder);
	good = weft_folder_need(folder) && weft_step(folder, &agent->step);
	/* Files that others write later cause a step, the agent's own do not. */
	agent_drain(agent);
	return good;
}

static bool agent_try_step(struct agent *agent)
{
	struct weft_folder folder = { .lock = -1 };
	struct weft_lock lock = { .fd = -1 };
	bool good;

	agent_set_now(agent);
	agent->step.text = agent->text;
	agent->step.len = agent->len;
	agent->step.all = agent->all;
	agent->step.apply = agent_clock_ms() >= agent->at_apply;
	good = weft_lock_take(&agent->ctx, agent->call->fleet, &lock) &&
	       weft_folder_read(&folder, &agent->ctx, agent->call->fleet, true) &&
	       agent_locked_step(agent, &folder);
	weft_folder_free(&folder);
	weft_lock_release(&lock);
	return good;
}

static void agent_forget_text(struct agent *agent)
{
	free(agent->text);
	agent->text = NULL;
	agent->len = 0;
	agent->all = false;
}

static __s64 agent_next_turn(const struct agent *agent)
{
	__s64 left;

	if (agent->step.next == INT64_MAX)
		return AGENT_NEVER;
	left = agent->step.next - agent->ctx.now;
	if (left > AGENT_APPLY_MS / 1000)
		return AGENT_NEVER;
	return agent_clock_ms() + (left > 0 ? left : 0) * 1000;
}

static void agent_report(struct agent *agent)
{
	const struct weft_step *step = &agent->step;

	weft_notify("%sSTATUS=%s, epoch %llu, %zu peers%s%s\n", agent->ready ? "" : "READY=1\n",
		    step->in ? "in the fleet" : "not in the fleet",
		    (unsigned long long)step->epoch, step->peers,
		    step->published_at ? "" : ", hello not in the store",
		    step->stuck ? ", rotation stuck" : "");
	agent->ready = true;
	if (step->stuck && !agent->stuck)
		weft_warn(&agent->ctx,
			  "%s: the rotation of the tunnel key is stuck: the hello of this node does not reach the store",
			  agent->call->fleet);
	agent->stuck = step->stuck;
}

/* After a failure all records are read again; a damaged folder does not heal by haste. */
static void agent_step(struct agent *agent)
{
	__s64 before = agent_cost_ms();
	bool good = agent_try_step(agent), applied = agent->step.apply;

	agent->rest_until = agent_clock_ms() + AGENT_COST_FACTOR * (agent_cost_ms() - before);
	agent->at_step = AGENT_NEVER;
	agent_forget_text(agent);
	if (good) {
		agent->step_wait = 0;
		if (applied)
			agent->at_apply = agent_clock_ms() + agent_jitter(AGENT_APPLY_MS);
		agent_sooner(&agent->at_step, agent_next_turn(agent));
	} else {
		agent->at_step = agent_back_off(&agent->step_wait);
		agent->at_apply = agent->at_step;
		agent->rest_until = agent->at_step;
		agent->at_get = agent->at_step;
	}
	agent_subscribe(agent);
	agent_report(agent);
}

/* The loop. */

static __s64 agent_step_at(const struct agent *agent)
{
	__s64 at = agent->at_step < agent->at_apply ? agent->at_step : agent->at_apply;

	return at > agent->rest_until ? at : agent->rest_until;
}

static __s64 agent_wake_at(const struct agent *agent)
{
	__s64 at = agent_clock_ms() + AGENT_SLEEP_MS, beat = weft_notify_watchdog_ms() / 2;

	if (beat)
		agent_sooner(&at, agent_clock_ms() + beat);
	agent_sooner(&at, agent_step_at(agent));
	agent_sooner(&at, agent->at_watch);
	if (agent_clock_ms() < agent->at_read)
		agent_sooner(&at, agent->at_read);
	if (agent->doing != AGENT_NOTHING) {
		agent_sooner(&at, agent->at_end);
		return at;
	}
	agent_sooner(&at, agent->at_get);
	if (agent->step.hello && !agent->step.published_at)
		agent_sooner(&at, agent->at_put);
	return at;
}

static void agent_add_fd(struct pollfd *fds, nfds_t *count, int fd)
{
	if (fd >= 0)
		fds[(*count)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* Signals arrive here, and nowhere else. A full text is not read on. */
static void agent_sleep(struct agent *agent)
{
	__s64 left = agent_wake_at(agent) - agent_clock_ms();
	struct timespec timeout = { };
	struct pollfd fds[6];
	nfds_t count = 0;

	if (left > 0)
		timeout = (struct timespec){ left / 1000, left % 1000 * 1000000 };
	agent_add_fd(fds, &count, agent->watch.fd);
	/* The end of a task is behind its output. */
	if (agent->task.out < 0)
		agent_add_fd(fds, &count, agent->task.fd);
	if (agent->len < WEFT_FLEET_TEXT_BYTES && agent_clock_ms() >= agent->at_read) {
		agent_add_fd(fds, &count, agent->watch.out);
		agent_add_fd(fds, &count, agent->task.out);
	}
	agent_add_fd(fds, &count, agent->folder);
	if (agent->events)
		agent_add_fd(fds, &count, agent->ctx.backend->watch_fd(agent->ctx.backend));
	ppoll(fds, count, &timeout, &agent->outside);
}

static void agent_take_folder(struct agent *agent)
{
	char buffer[4096];

	if (agent->folder >= 0 && read(agent->folder, buffer, sizeof(buffer)) > 0) {
		agent_drain(agent);
		agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_GATHER_MS);
	}
}

static bool agent_turn(struct agent *agent)
{
	if (!agent_hear(agent))
		return false;
	agent_take_events(agent);
	agent_take_folder(agent);
	if (agent_clock_ms() >= agent_step_at(agent))
		agent_step(agent);
	agent_begin_tasks(agent);
	weft_notify("WATCHDOG=1");
	agent_sleep(agent);
	return true;
}

static bool agent_take_lock(struct agent *agent)
{
	char *path = weft_runtime_path(&agent->ctx, agent->call->fleet, "agent");
	bool good;

	if (!path)
		return weft_complain(&agent->ctx, "no folder for the agent's lock: %s",
				     weft_runtime_reason(errno));
	agent->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	good = agent->lock >= 0 && !flock(agent->lock, LOCK_EX | LOCK_NB);
	if (!good && agent->lock >= 0 && errno == EWOULDBLOCK)
		weft_complain(&agent->ctx, "an agent of fleet '%s' runs already",
			      agent->call->fleet);
	else if (!good)
		weft_complain(&agent->ctx, "cannot lock '%s': %s", path, strerror(errno));
	free(path);
	return good;
}

static void agent_block_signals(struct agent *agent)
{
	sigset_t ours;

	weft_signals_heed();
	weft_signals_outlive_reader();
	sigemptyset(&ours);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &agent->outside);
	/* An ignored one would leave no child to wait for. */
	signal(SIGCHLD, SIG_DFL);
}

static void agent_end(struct agent *agent)
{
	weft_notify("STOPPING=1");
	weft_courier_stop(&agent->watch);
	weft_courier_stop(&agent->task);
	if (agent->events)
		agent->ctx.backend->unwatch(agent->ctx.backend);
	if (agent->folder >= 0)
		close(agent->folder);
	if (agent->lock >= 0)
		close(agent->lock);
	weft_step_free(&agent->step);
	free(agent->putting);
	free(agent->text);
}

/* The state folder's own complaints come before the first try of anything. */
static bool agent_check(struct agent *agent)
{
	struct weft_folder folder = { .lock = -1 };
	bool good = weft_folder_read(&folder, &agent->ctx, agent->call->fleet, false) &&
		    weft_folder_need(&folder);

	weft_folder_free(&folder);
	return good;
}

int weft_agent_run(const struct weft_context *ctx, const struct weft_agent_call *call)
{
	struct agent agent = {
		.ctx = *ctx, .call = call, .folder = -1, .lock = -1,
		.began = ctx->now, .began_ms = agent_clock_ms(),
	};
	bool good;

	agent.at_get = agent.began_ms + agent_jitter(AGENT_GET_MS);
	agent.at_put = agent.began_ms + agent_jitter(AGENT_FIRST_PUT_MS);
	weft_courier_init(&agent.watch);
	weft_courier_init(&agent.task);
	good = agent_check(&agent) && weft_courier_find_user(ctx, call->user, &agent.user) &&
	       agent_take_lock(&agent);
	if (good)
		agent_block_signals(&agent);
	while (good && !agent.over && !weft_signals_caught())
		good = agent_turn(&agent);
	agent_end(&agent);
	return good ? 0 : 1;
}
