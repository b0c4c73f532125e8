// SPDX-License-Identifier: GPL-2.0
/*
 * The loop around weft_step(). One process waits for:
 *
 *   watch    the program of the store that prints records as they change
 *   task     "get" of all records, now and then, and "put" of the node's own hello
 *   pairs    the program that prints preshared keys, where the fleet wants these
 *   events   of the kernel: a session is up, the interface is gone
 *   links    the machine's links or addresses have changed: its endpoints follow a policy
 *   folder   another command has written the state folder
 *   timers   the rotation's next turn, retries, comparisons of the interface
 *
 * The time between steps depends on the cost of the last ones, so that a store that changes
 * all the time, or lies, gets a tenth of a CPU and no more. Some steps that follow a quiet time
 * are taken at once: those of a node that joins. What is not taken is not read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "apply/lock.h"
#include "base/complain.h"
#include "base/notify.h"
#include "base/signals.h"
#include "fleet/agent.h"
#include "fleet/agent_lock.h"
#include "fleet/courier.h"
#include "fleet/inside.h"
#include "fleet/looks.h"
#include "fleet/merge.h"
#include "fleet/preshared.h"
#include "fleet/share.h"
#include "fleet/step.h"
#include "genl/backend.h"
#include "genl/event.h"

#define AGENT_NEVER		INT64_MAX
/* Changes that come together are taken together. */
#define AGENT_GATHER_MS		100
#define AGENT_EVENT_MS		1000
#define AGENT_RETRY_MS		1000
#define AGENT_RETRY_MAX_MS	60000
/* A run of "watch" of this length has worked: the next failure is a first one. */
#define AGENT_WORKS_MS		30000
#define AGENT_TASK_MS		60000
#define AGENT_GET_MS		600000
/* A store whose watch has ended may be another one. */
#define AGENT_GET_AGAIN_MS	30000
/* The store may have the hello: its lines come first, and soon behind others. */
#define AGENT_FIRST_PUT_MS	4000
#define AGENT_BEHIND_MS		500
#define AGENT_APPLY_MS		3600000
/* The longest sleep: the machine's clock is compared. */
#define AGENT_SLEEP_MS		60000
/* A clock that is slewed goes on evenly, within this. */
#define AGENT_JUMP_S		5

enum agent_task {
	AGENT_NOTHING,
	AGENT_GETS,
	AGENT_PUTS,
};

/**
 * struct agent - the agent
 * @ctx: the context, with the machine's clock as it was last read
 * @call: the command line
 * @user: the user of the store's program
 * @watch: the program that watches
 * @task: the program of a task
 * @pairs: the program of preshared keys
 * @pairs_user: the user that it runs as
 * @preshared: its keys
 * @doing: the task
 * @putting: the hello that is being put
 * @text: lines that no step has taken yet
 * @len: their length
 * @all: they include all that the store has
 * @got: lines of "get", which are taken together
 * @got_len: their length
 * @step: the last step
 * @read_ms: when the machine's clock was read, by a clock that goes on evenly
 * @at_step: when to take the next step, in ms of that clock; so are the following
 * @share: the CPU time of steps
 * @at_watch: when to start the program that watches
 * @at_pairs: when to start the program of preshared keys
 * @at_put: when to put the hello again
 * @at_get: when to get all records
 * @at_apply: when to compare the interface
 * @at_end: when the task has taken too long
 * @watch_began: when the program that watches was started
 * @watch_wait: the wait after its next failure
 * @pairs_wait: the same of the program of preshared keys
 * @put_wait: the same of "put"
 * @get_wait: the same of "get"
 * @keys_wait: the same of setting preshared keys
 * @step_wait: the same of a step
 * @folder: the inotify descriptor of the state folder, or -1
 * @looks: when to look at this machine's addresses, and at the endpoints of peers
 * @lock: keeps a second agent away, or -1
 * @events: the subscription to the kernel's events has succeeded
 * @keys_due: the kernel has not taken the preshared keys
 * @replaced: the state folder has been moved or removed
 * @ready: the first step is done
 * @stuck: the log has said that the rotation is stuck
 * @expired: the log has said that the node's admission is over
 * @bare: the log has said that there is no program of preshared keys
 * @placed: "watch" has printed records, before which it may say where the store is
 * @over: a signal has come that ends the agent
 * @at_read: when to read the output of the store's programs again
 * @at_hear: the same of the program of preshared keys
 * @outside: the signal mask outside of the agent
 */
struct agent {
	struct weft_context ctx;
	const struct weft_agent_call *call;
	struct weft_courier_user user;
	struct weft_courier watch;
	struct weft_courier task;
	struct weft_courier pairs;
	struct weft_courier_user pairs_user;
	struct weft_preshared preshared;
	enum agent_task doing;
	char *putting;
	char *text;
	size_t len;
	bool all;
	char *got;
	size_t got_len;
	struct weft_step step;
	__s64 read_ms;
	__s64 at_step;
	struct weft_share share;
	__s64 at_watch;
	__s64 at_pairs;
	__s64 at_put;
	__s64 at_get;
	__s64 at_apply;
	__s64 at_end;
	__s64 watch_began;
	__s64 watch_wait;
	__s64 pairs_wait;
	__s64 put_wait;
	__s64 get_wait;
	__s64 keys_wait;
	__s64 step_wait;
	int folder;
	struct weft_looks looks;
	int lock;
	bool events;
	bool keys_due;
	bool replaced;
	bool ready;
	bool stuck;
	bool expired;
	bool bare;
	bool placed;
	bool over;
	__s64 at_read;
	__s64 at_hear;
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

static void agent_sooner(__s64 *at, __s64 then)
{
	if (then < *at)
		*at = then;
}

/*
 * The times of a rotation are of the machine's clock, which may be set: at boot without a
 * battery, or by hand. Steps get to know of a jump, as waits are not over by it.
 */
static void agent_read_clock(struct agent *agent)
{
	__s64 now_ms = agent_clock_ms(), jump;
	time_t now = time(NULL);

	jump = now - agent->ctx.now - (now_ms - agent->read_ms) / 1000;
	/* Otherwise parts of seconds would add up. */
	agent->read_ms += (now - agent->ctx.now - jump) * 1000;
	agent->ctx.now = now;
	if (llabs(jump) <= AGENT_JUMP_S)
		return;
	weft_warn(&agent->ctx, "%s: the machine's clock was set by %+lld seconds",
		  agent->call->fleet, (long long)jump);
	agent->step.jump += jump;
	agent_sooner(&agent->at_step, now_ms);
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

static void agent_forget_got(struct agent *agent)
{
	free(agent->got);
	agent->got = NULL;
	agent->got_len = 0;
}

static void agent_begin_task(struct agent *agent, enum agent_task task, const char *key,
			     const char *input)
{
	agent_forget_got(agent);
	agent->doing = task;
	agent->at_end = agent_clock_ms() + AGENT_TASK_MS;
	if (!weft_courier_start(&agent->ctx, &agent->task, &agent->user, agent->call->store,
				task == AGENT_GETS ? "get" : "put", key, input)) {
		agent->doing = AGENT_NOTHING;
		if (task == AGENT_GETS)
			agent->at_get = agent_back_off(&agent->get_wait);
		else
			agent->at_put = agent_back_off(&agent->put_wait);
	}
}

static void agent_put(struct agent *agent)
{
	char *key = NULL, *line = NULL;

	/* What "get" has shown before does not have it. */
	agent->all = false;
	free(agent->putting);
	agent->putting = strdup(agent->step.hello);
	if (agent->putting && asprintf(&key, "hello/%s", agent->step.node) >= 0 &&
	    asprintf(&line, "%s\n", agent->putting) >= 0)
		agent_begin_task(agent, AGENT_PUTS, key, line);
	free(key);
	free(line);
}

static void agent_start_pairs(struct agent *agent)
{
	agent->at_pairs = AGENT_NEVER;
	if (!weft_courier_start(&agent->ctx, &agent->pairs, &agent->pairs_user, agent->call->psk,
				agent->step.node, NULL, NULL))
		agent->at_pairs = agent_back_off(&agent->pairs_wait);
}

static bool agent_wants_pairs(const struct agent *agent)
{
	return agent->call->psk && agent->step.in && agent->step.preshared;
}

/* A fleet that no longer wants preshared keys: they are wiped here, and stay in the interface. */
static void agent_stop_pairs(struct agent *agent)
{
	weft_courier_stop(&agent->pairs);
	weft_preshared_free(&agent->preshared);
	agent->keys_due = false;
	agent->at_pairs = 0;
}

/* A hello that is older than the store's would take its place. */
static bool agent_wants_put(const struct agent *agent)
{
	return agent->step.hello && !agent->step.published_at && agent->step.complete;
}

static void agent_begin_tasks(struct agent *agent)
{
	__s64 now = agent_clock_ms();

	if (agent->pairs.pid && !agent_wants_pairs(agent))
		agent_stop_pairs(agent);
	if (agent_wants_pairs(agent) && !agent->pairs.pid && now >= agent->at_pairs)
		agent_start_pairs(agent);
	if (now >= agent->at_watch)
		agent_start_watch(agent);
	if (agent->doing != AGENT_NOTHING)
		return;
	if (agent_wants_put(agent) && now >= agent->at_put) {
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
	agent_read_clock(agent);
	if (agent->step.hello && !strcmp(agent->step.hello, agent->putting))
		agent->step.published_at = agent->ctx.now;
	/* The rotation may have waited for it. */
	agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_GATHER_MS);
}

/*
 * The lines are taken by one step, however slow the program is: of a part of them nothing follows
 * for the other records. A part is worth having nevertheless.
 */
static bool agent_end_get(struct agent *agent, bool good)
{
	char *text = realloc(agent->text, agent->len + agent->got_len + 1);

	if (!text)
		return weft_complain(&agent->ctx, "out of memory");
	if (agent->got_len)
		memcpy(text + agent->len, agent->got, agent->got_len);
	agent->text = text;
	agent->len += agent->got_len;
	text[agent->len] = '\0';
	agent->all |= good;
	if (!good && !agent->get_wait)
		weft_warn(&agent->ctx,
			  "%s: the store's program 'get' has failed, or has taken more than %d s: %s",
			  agent->call->fleet, AGENT_TASK_MS / 1000, agent->step.complete ?
			  "it is started again" :
			  "the hello of this node is put after one that succeeds");
	if (good)
		agent->get_wait = 0;
	else
		agent_sooner(&agent->at_get, agent_back_off(&agent->get_wait));
	agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_GATHER_MS);
	return true;
}

static bool agent_end_task(struct agent *agent, bool good)
{
	enum agent_task task = agent->doing;

	agent->doing = AGENT_NOTHING;
	if (task == AGENT_GETS)
		good = agent_end_get(agent, good);
	else
		agent_end_put(agent, good);
	agent_forget_got(agent);
	return task != AGENT_GETS || good;
}

static void agent_end_watch(struct agent *agent)
{
	if (agent_clock_ms() - agent->watch_began > AGENT_WORKS_MS)
		agent->watch_wait = 0;
	weft_warn(&agent->ctx, "%s: the store's program 'watch' has ended, and is started again",
		  agent->call->fleet);
	agent->at_watch = agent_back_off(&agent->watch_wait);
	agent_sooner(&agent->at_get, agent_clock_ms() + agent_jitter(AGENT_GET_AGAIN_MS));
}

/* What the kernel did not take is tried again by a later step. */
static bool agent_set_keys(struct agent *agent)
{
	agent->keys_due = !weft_preshared_apply(&agent->ctx, agent->call->fleet, &agent->preshared);
	if (agent->keys_due)
		agent_sooner(&agent->at_step, agent_back_off(&agent->keys_wait));
	else
		agent->keys_wait = 0;
	return !agent->keys_due;
}

/* What it has printed holds, also when it has ended. */
static bool agent_take_pairs(struct agent *agent)
{
	bool open = true, good;

	if (agent->pairs.out >= 0 &&
	    !weft_preshared_read(&agent->preshared, agent->pairs.out, &open))
		return weft_complain(&agent->ctx, "out of memory");
	if (!open) {
		close(agent->pairs.out);
		agent->pairs.out = -1;
	}
	if (agent->preshared.changed && agent_set_keys(agent))
		agent->pairs_wait = 0;
	if (!weft_courier_reap(&agent->pairs, &good))
		return true;
	weft_warn(&agent->ctx, "%s: the program of preshared keys has ended, and is started again",
		  agent->call->fleet);
	agent->at_pairs = agent_back_off(&agent->pairs_wait);
	return true;
}

/* Its output, and the keys in the kernel, take a share of a CPU of their own. */
static bool agent_hear_pairs(struct agent *agent)
{
	__s64 before = agent_cost_ms();

	if (agent_clock_ms() < agent->at_hear)
		return true;
	if (!agent_take_pairs(agent))
		return false;
	agent->at_hear = agent_clock_ms() + WEFT_SHARE_FACTOR * (agent_cost_ms() - before);
	return true;
}

static bool agent_read(struct agent *agent)
{
	size_t before = agent->len;

	if (!weft_courier_read(&agent->watch, &agent->text, &agent->len, WEFT_FLEET_TEXT_BYTES) ||
	    !weft_courier_read(&agent->task, &agent->got, &agent->got_len, WEFT_FLEET_TEXT_BYTES))
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
	if (!agent_read(agent) || !agent_store_is_outside(agent, from))
		return false;
	agent->at_read = agent_clock_ms() + WEFT_SHARE_FACTOR * (agent_cost_ms() - before);
	return true;
}

/* The output first: a program may end behind its last line. */
static bool agent_hear(struct agent *agent)
{
	bool good;

	if (!agent_read_all(agent) || !agent_hear_pairs(agent))
		return false;
	if (weft_courier_reap(&agent->watch, &good))
		agent_end_watch(agent);
	if (agent->task.out < 0 && weft_courier_reap(&agent->task, &good))
		return agent_end_task(agent, good);
	if (agent->doing == AGENT_NOTHING || agent_clock_ms() < agent->at_end)
		return true;
	weft_courier_stop(&agent->task);
	return agent_end_task(agent, false);
}

/* The kernel's events. */

static void agent_take_event(struct agent *agent, const struct weft_event *event)
{
	if (strcmp(event->ifname, agent->call->fleet))
		return;
	weft_looks_event(&agent->looks, event, agent_clock_ms());
	if (event->type == WEFT_EVENT_DEVICE_REMOVED)
		agent_sooner(&agent->at_apply, agent_clock_ms() + AGENT_EVENT_MS);
	else if (!agent->step.meets || (event->type != WEFT_EVENT_SESSION_UP &&
					event->type != WEFT_EVENT_SESSION_RENEWED))
		return;
	agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_EVENT_MS);
}

static void agent_lose_events(struct agent *agent)
{
	agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_EVENT_MS);
	weft_looks_event(&agent->looks, NULL, agent_clock_ms());
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
			agent_lose_events(agent);
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

static void agent_leave_folder(struct agent *agent)
{
	close(agent->folder);
	agent->folder = -1;
}

/* Whether there is an event. The next step watches the folder in the place of one that is gone. */
static bool agent_drain(struct agent *agent)
{
	union {
		struct inotify_event first;
		char chars[4096];
	} buffer;
	const struct inotify_event *event;
	bool any = false, gone = false;
	ssize_t len, at;

	while (agent->folder >= 0 && (len = read(agent->folder, &buffer, sizeof(buffer))) > 0) {
		for (at = 0; at < len; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(buffer.chars + at);
			gone |= !!(event->mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_IGNORED));
		}
		any = true;
	}
	if (gone)
		agent_leave_folder(agent);
	agent->replaced |= gone;
	return any;
}

/* Opened late: the folder is made by the first command of the node. */
static void agent_watch_folder(struct agent *agent, const struct weft_folder *folder)
{
	if (agent->folder >= 0)
		return;
	agent->folder = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (agent->folder >= 0 &&
	    inotify_add_watch(agent->folder, folder->path,
			      IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF) < 0)
		agent_leave_folder(agent);
}

/* A folder that was moved away is not made again: another one is to take its place. */
static bool agent_has_node(const struct weft_folder *folder)
{
	return folder->self ||
	       weft_complain(folder->ctx,
			     "%s: the folder '%s' has no keys of a node: nothing is done until it has",
			     folder->name, folder->path);
}

static bool agent_locked_step(struct agent *agent, struct weft_folder *folder)
{
	bool good;

	agent_watch_folder(agent, folder);
	good = agent_has_node(folder) && weft_step(folder, &agent->step);
	/* Files that others write later cause a step, the agent's own do not. */
	agent_drain(agent);
	return good;
}

static bool agent_try_step(struct agent *agent)
{
	struct weft_folder folder = { .lock = -1 };
	struct weft_lock lock = { .fd = -1 };
	bool good;

	agent_read_clock(agent);
	agent->step.text = agent->text;
	agent->step.len = agent->len;
	agent->step.all = agent->all;
	agent->step.apply = agent_clock_ms() >= agent->at_apply;
	weft_looks_fill(&agent->looks, &agent->step, agent_clock_ms());
	good = weft_lock_take(&agent->ctx, agent->call->fleet, &lock) &&
	       weft_folder_read(&folder, &agent->ctx, agent->call->fleet, WEFT_FOLDER_LOCKED) &&
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

	weft_notify("%sSTATUS=%s, epoch %llu, %zu peers%s%s%s\n", agent->ready ? "" : "READY=1\n",
		    step->in ? "in the fleet" : "not in the fleet",
		    (unsigned long long)step->epoch, step->peers,
		    step->published_at ? "" : ", hello not in the store",
		    step->stuck ? ", rotation stuck" : "",
		    step->expired ? ", admission over" : "");
	agent->ready = true;
	if (step->stuck && !agent->stuck)
		weft_warn(&agent->ctx,
			  "%s: the rotation of the tunnel key is stuck: the hello of this node does not reach the store",
			  agent->call->fleet);
	if (step->expired && !agent->expired)
		weft_warn(&agent->ctx,
			  "%s: the admission of this node is over (not_after), and its tunnel key is due: peers take no new one, so it stays until the node is admitted again",
			  agent->call->fleet);
	if (step->preshared && !agent->call->psk && !agent->bare)
		weft_warn(&agent->ctx,
			  "%s: the fleet wants preshared keys, and this agent has no program for them: 'psk COMMAND psk-user USER'",
			  agent->call->fleet);
	agent->bare = step->preshared;
	agent->stuck = step->stuck;
	agent->expired = step->expired;
}

/* After a failure all records are read at once, and taken later: a damaged folder needs time. */
static void agent_step(struct agent *agent)
{
	__s64 before = agent_cost_ms();
	bool was_complete = agent->step.complete;
	bool good = agent_try_step(agent), applied = agent->step.apply;

	if (was_complete && !agent->step.complete) {
		agent->at_get = agent_clock_ms();
		agent->get_wait = 0;
	}

	/* A store that does not take it gets time, whatever it tells. */
	if (agent->len && !agent->put_wait)
		agent_sooner(&agent->at_put, agent_clock_ms() + agent_jitter(AGENT_BEHIND_MS));
	agent->at_step = AGENT_NEVER;
	/* A peer may be new. */
	if (agent->step.changed || agent->keys_due)
		agent_set_keys(agent);
	weft_share_spend(&agent->share, agent_clock_ms(), agent_cost_ms() - before,
			 agent->step.accepted);
	agent_forget_text(agent);
	if (good) {
		agent->step_wait = 0;
		if (applied)
			agent->at_apply = agent_clock_ms() + agent_jitter(AGENT_APPLY_MS);
		agent_sooner(&agent->at_step, agent_next_turn(agent));
	} else {
		agent->at_step = agent_back_off(&agent->step_wait);
		agent->at_apply = agent->at_step;
		weft_share_defer(&agent->share, agent->at_step);
		agent->at_get = agent_clock_ms();
	}
	/* The folder in the place of the former one is not watched yet. */
	if (agent->replaced)
		agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_GATHER_MS);
	agent->replaced = false;
	if (agent->step.again)
		agent_sooner(&agent->at_apply, agent_clock_ms() + AGENT_EVENT_MS);
	agent_subscribe(agent);
	weft_looks_settle(&agent->looks, &agent->step, good, agent_clock_ms());
	agent_report(agent);
}

/* The loop. */

static __s64 agent_step_at(const struct agent *agent)
{
	__s64 at = agent->at_step < agent->at_apply ? agent->at_step : agent->at_apply;

	agent_sooner(&at, weft_looks_at(&agent->looks));
	return weft_share_at(&agent->share, at);
}

static __s64 agent_wake_at(const struct agent *agent)
{
	__s64 at = agent_clock_ms() + AGENT_SLEEP_MS, beat = weft_notify_watchdog_ms() / 2;

	if (beat)
		agent_sooner(&at, agent_clock_ms() + beat);
	agent_sooner(&at, agent_step_at(agent));
	agent_sooner(&at, agent->at_watch);
	if (agent_wants_pairs(agent) && !agent->pairs.pid)
		agent_sooner(&at, agent->at_pairs);
	if (agent_clock_ms() < agent->at_read)
		agent_sooner(&at, agent->at_read);
	if (agent_clock_ms() < agent->at_hear)
		agent_sooner(&at, agent->at_hear);
	if (agent->doing != AGENT_NOTHING) {
		agent_sooner(&at, agent->at_end);
		return at;
	}
	agent_sooner(&at, agent->at_get);
	if (agent_wants_put(agent))
		agent_sooner(&at, agent->at_put);
	return at;
}

static void agent_add_fd(struct pollfd *fds, nfds_t *count, int fd)
{
	if (fd >= 0)
		fds[(*count)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* A full text is not read on. */
static void agent_add_outputs(const struct agent *agent, struct pollfd *fds, nfds_t *count)
{
	__s64 now = agent_clock_ms();

	if (agent->len < WEFT_FLEET_TEXT_BYTES && now >= agent->at_read)
		agent_add_fd(fds, count, agent->watch.out);
	if (agent->got_len < WEFT_FLEET_TEXT_BYTES && now >= agent->at_read)
		agent_add_fd(fds, count, agent->task.out);
	if (now < agent->at_hear)
		return;
	agent_add_fd(fds, count, agent->pairs.fd);
	agent_add_fd(fds, count, agent->pairs.out);
}

/* Signals arrive here, and nowhere else. */
static void agent_sleep(struct agent *agent)
{
	__s64 left = agent_wake_at(agent) - agent_clock_ms();
	struct timespec timeout = { };
	struct pollfd fds[9];
	nfds_t count = 0;

	if (left > 0)
		timeout = (struct timespec){ left / 1000, left % 1000 * 1000000 };
	agent_add_fd(fds, &count, agent->watch.fd);
	/* The end of a task is behind its output. */
	if (agent->task.out < 0)
		agent_add_fd(fds, &count, agent->task.fd);
	agent_add_outputs(agent, fds, &count);
	agent_add_fd(fds, &count, agent->folder);
	agent_add_fd(fds, &count, agent->looks.links);
	if (agent->events)
		agent_add_fd(fds, &count, agent->ctx.backend->watch_fd(agent->ctx.backend));
	ppoll(fds, count, &timeout, &agent->outside);
}

static void agent_take_folder(struct agent *agent)
{
	if (agent_drain(agent))
		agent_sooner(&agent->at_step, agent_clock_ms() + AGENT_GATHER_MS);
}

static bool agent_turn(struct agent *agent)
{
	if (!agent_hear(agent))
		return false;
	agent_read_clock(agent);
	agent_take_events(agent);
	agent_take_folder(agent);
	weft_looks_hear(&agent->looks, agent_clock_ms());
	if (agent_clock_ms() >= agent_step_at(agent))
		agent_step(agent);
	agent_begin_tasks(agent);
	weft_notify("WATCHDOG=1");
	agent_sleep(agent);
	return true;
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
	weft_courier_stop(&agent->pairs);
	weft_preshared_free(&agent->preshared);
	if (agent->events)
		agent->ctx.backend->unwatch(agent->ctx.backend);
	if (agent->folder >= 0)
		close(agent->folder);
	weft_looks_end(&agent->looks);
	weft_agent_lock_release(agent->lock);
	weft_step_free(&agent->step);
	free(agent->putting);
	free(agent->text);
	free(agent->got);
}

/* The state folder's own complaints come before the first try of anything. */
static bool agent_check(struct agent *agent)
{
	struct weft_folder folder = { .lock = -1 };
	bool good = weft_folder_read(&folder, &agent->ctx, agent->call->fleet,
				     WEFT_FOLDER_UNLOCKED) &&
		    weft_folder_need(&folder);

	weft_folder_free(&folder);
	return good;
}

/* Programs of one user can read each other's memory. */
static bool agent_find_pairs_user(struct agent *agent)
{
	if (!weft_courier_find_user(&agent->ctx, agent->call->psk_user, &agent->pairs_user))
		return false;
	return geteuid() || agent->pairs_user.uid != agent->user.uid ||
	       weft_complain(&agent->ctx,
			     "the program of preshared keys needs another user than that of the store, '%s'",
			     agent->user.name);
}

int weft_agent_run(const struct weft_context *ctx, const struct weft_agent_call *call)
{
	struct agent agent = {
		.ctx = *ctx, .call = call, .folder = -1, .lock = -1,
		.read_ms = agent_clock_ms(),
	};
	bool good;

	agent.at_put = agent.read_ms + agent_jitter(AGENT_FIRST_PUT_MS);
	weft_looks_begin(&agent.looks, &agent.ctx, call->fleet);
	weft_courier_init(&agent.watch);
	weft_courier_init(&agent.task);
	weft_courier_init(&agent.pairs);
	good = agent_check(&agent) && weft_courier_find_user(ctx, call->user, &agent.user) &&
	       (!call->psk || agent_find_pairs_user(&agent)) &&
	       weft_agent_lock_take(ctx, call->fleet, &agent.lock);
	if (good)
		agent_block_signals(&agent);
	while (good && !agent.over && !weft_signals_caught())
		good = agent_turn(&agent);
	agent_end(&agent);
	return good ? 0 : 1;
}
