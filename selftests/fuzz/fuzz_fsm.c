// SPDX-License-Identifier: GPL-2.0
/*
 * A peer's timers: any events at any time, and the invariants after each. Initiations are reported
 * as the module reports them, if later; all other events are arbitrary. Input: steps of four bytes.
 */
#include "fuzz.h"
#include "lib/fsm.c"

#define SECOND		((u64)NSEC_PER_SEC)
#define CLOCKS_APART	(SECOND / 1000)
#define EVENTS_ANY	(BIT(16) - 1)
#define INITIATION	(WEFT_FSM_INITIATION_SENT | WEFT_FSM_INITIATION_BARRED)
#define NONE		U64_MAX

/* The expected state, derived from the reports independently. */
static struct {
	struct weft_fsm fsm;
	u64 now;
	u64 asked_at;		/* when DO_INITIATE was last returned; NONE: no limit applies */
	bool owed;		/* and its result is not yet reported */
	unsigned int sent;	/* initiations since a packet came or the peer was given up */
	u64 received_at;	/* of the first unanswered data received */
	u64 sent_at;		/* of the first unanswered data sent */
	u64 derived_at;
	u64 up_until;
} world;

static bool due(const struct weft_fsm *fsm, enum weft_fsm_timer timer, u64 now)
{
	return fsm->deadline[timer] <= now;
}

static void initiate_check(u32 actions, u64 at)
{
	if (!(actions & WEFT_FSM_DO_INITIATE))
		return;
	/* A second request before the initiation is merged with the first. */
	if (world.asked_at != NONE && !world.owed)
		FUZZ_MUST(at + CLOCKS_APART >= world.asked_at + SECOND * WEFT_REKEY_TIMEOUT_S);
	world.asked_at = at;
	world.owed = true;
}

static void given_up_check(u32 actions)
{
	if (!(actions & WEFT_FSM_TELL_GIVEN_UP))
		return;
	FUZZ_MUST(world.sent >= WEFT_REKEY_ATTEMPTS);
	world.sent = 0;
}

/* How long an answer is awaited. The kernel's timer may be late, and what follows on it is as well. */
static void answer_check(u64 deadline)
{
	const u64 answer = SECOND * (WEFT_KEEPALIVE_S + WEFT_REKEY_TIMEOUT_S), doubt = SECOND * 4;
	u64 wait = deadline - world.sent_at;

	switch (fsm_stage_of(world.fsm.armed)) {
	case FSM_AWAITS:
		FUZZ_MUST(world.sent_at == NONE ? deadline == WEFT_FSM_NEVER :
						  wait >= answer && wait < answer + SECOND / 3);
		break;
	case FSM_AWAITS_SOON:
		FUZZ_MUST(world.sent_at != NONE && wait == doubt);
		break;
	case FSM_DOUBTS:
		FUZZ_MUST(world.sent_at != NONE && wait >= answer);
		break;
	default:
		FUZZ_MUST(world.sent_at != NONE && wait + CLOCKS_APART >= doubt + SECOND);
	}
}

/* The two deadlines that depend on traffic alone. */
static void traffic_check(void)
{
	const u64 *deadline = world.fsm.deadline;

	if (world.received_at == NONE)
		FUZZ_MUST(deadline[WEFT_FSM_KEEPALIVE] == WEFT_FSM_NEVER);
	else
		FUZZ_MUST(deadline[WEFT_FSM_KEEPALIVE] ==
			  world.received_at + SECOND * WEFT_KEEPALIVE_S);
	answer_check(deadline[WEFT_FSM_NEW_HANDSHAKE]);
}

static void state_check(void)
{
	const struct weft_fsm *fsm = &world.fsm;
	enum weft_fsm_state state;
	u64 since;

	state = weft_fsm_state(fsm, world.now, &since);
	FUZZ_MUST(since <= world.now);
	FUZZ_MUST((state == WEFT_FSM_UP || state == WEFT_FSM_SILENT || fsm->given_up) ==
		  (fsm->given_up || world.up_until > world.now));
	/* A series continues by its timer. */
	FUZZ_MUST(!fsm->trying || world.owed || fsm_armed(fsm, WEFT_FSM_RETRANSMIT));
	if (fsm_armed(fsm, WEFT_FSM_ERASE))
		FUZZ_MUST(fsm->deadline[WEFT_FSM_ERASE] <=
			  world.now + SECOND * WEFT_ERASE_AFTER_S);
	if (fsm_armed(fsm, WEFT_FSM_PERSISTENT))
		FUZZ_MUST(fsm->persistent_s && fsm->deadline[WEFT_FSM_PERSISTENT] <=
			  world.now + SECOND * fsm->persistent_s);
	traffic_check();
}

static void report_traffic(u32 events, u64 at)
{
	if (events & WEFT_FSM_ANY_RECEIVED)
		world.sent_at = NONE;
	/* A try in progress may still count. */
	if (events & (WEFT_FSM_ANY_RECEIVED | WEFT_FSM_SESSION_CONFIRMED))
		world.sent = fsm_armed(&world.fsm, WEFT_FSM_RETRANSMIT);
	if (events & WEFT_FSM_DATA_RECEIVED && world.received_at == NONE)
		world.received_at = at;
	if (events & WEFT_FSM_ANY_SENT)
		world.received_at = NONE;
	if (events & WEFT_FSM_DATA_SENT && world.sent_at == NONE)
		world.sent_at = at;
}

/* A confirmed session is reported as new or as renewed. */
static u32 report_session(u32 events, u64 at)
{
	u32 tell;

	if (events & WEFT_FSM_SESSION_DERIVED)
		world.derived_at = at;
	if (!(events & WEFT_FSM_SESSION_CONFIRMED))
		return 0;
	tell = world.up_until > at ? WEFT_FSM_TELL_RENEWED : WEFT_FSM_TELL_UP;
	world.up_until = world.derived_at + SECOND * WEFT_REJECT_AFTER_S;
	return tell;
}

static void step_report(u32 events, u64 at)
{
	struct weft_fsm before = world.fsm;
	bool quiet = weft_fsm_is_quiet(&world.fsm, events);
	u32 actions, tell;

	if (events & INITIATION) {
		world.owed = false;
		world.sent++;
	}
	if (events & WEFT_FSM_INITIATION_BARRED)
		world.asked_at = NONE;
	report_traffic(events, at);
	tell = report_session(events, at);
	actions = weft_fsm_report(&world.fsm, events, at);
	FUZZ_MUST((actions & WEFT_FSM_TELL) == tell);
	FUZZ_MUST(!(actions & ~(WEFT_FSM_DO_INITIATE | WEFT_FSM_TELL)));
	if (quiet)
		FUZZ_MUST(!actions && !memcmp(&before, &world.fsm, sizeof(before)));
	initiate_check(actions, at);
}

static void step_expire(void)
{
	struct weft_fsm before = world.fsm;
	u32 actions = weft_fsm_expire(&world.fsm, world.now);

	if (weft_fsm_next(&before) > world.now)
		FUZZ_MUST(!actions && !memcmp(&before, &world.fsm, sizeof(before)));
	FUZZ_MUST(weft_fsm_next(&world.fsm) > world.now);
	if (actions & WEFT_FSM_DO_KEEPALIVE)
		FUZZ_MUST(due(&before, WEFT_FSM_KEEPALIVE, world.now) ||
			  due(&before, WEFT_FSM_PERSISTENT, world.now));
	if (actions & WEFT_FSM_DO_ERASE)
		FUZZ_MUST(due(&before, WEFT_FSM_ERASE, world.now));
	if (due(&before, WEFT_FSM_KEEPALIVE, world.now) || actions & WEFT_FSM_DO_GIVE_UP)
		world.received_at = NONE;
	if (due(&before, WEFT_FSM_NEW_HANDSHAKE, world.now) && fsm_stage_of(before.armed) != FSM_AWAITS_SOON) {
		FUZZ_MUST(fsm_stage_of(before.armed) == FSM_AWAITS_AGAIN || actions & WEFT_FSM_DO_FORGET_SOURCE);
		world.sent_at = NONE;
	}
	given_up_check(actions);
	initiate_check(actions, world.now);
}

static void step_stop(void)
{
	weft_fsm_stop(&world.fsm, world.now);
	FUZZ_MUST(weft_fsm_next(&world.fsm) == WEFT_FSM_NEVER);
	world.asked_at = NONE;
	world.received_at = NONE;
	world.sent_at = NONE;
	world.up_until = 0;
	world.sent = 0;
}

/* The timer expires late by up to @by. */
static void step_advance(u64 by)
{
	u64 next = weft_fsm_next(&world.fsm);

	world.now += by;
	if (next <= world.now)
		step_expire();
}

static void step_persistent(u16 seconds)
{
	bool running = fsm_armed(&world.fsm, WEFT_FSM_PERSISTENT);
	u32 actions = weft_fsm_set_persistent(&world.fsm, seconds, world.now);

	FUZZ_MUST(actions == (seconds && !running ? WEFT_FSM_DO_KEEPALIVE : 0));
	FUZZ_MUST(fsm_armed(&world.fsm, WEFT_FSM_PERSISTENT) == !!seconds);
}

/* A requested initiation happens before anything else, or a little later. */
static void step_initiation(u8 how)
{
	if (!world.owed || how & 1)
		return;
	if (how & 2)
		step_report(WEFT_FSM_INITIATION_BARRED, world.now);
	else
		step_report(WEFT_FSM_INITIATION_SENT | (how & 4 ? WEFT_FSM_ANY_SENT : 0), world.now);
}

static void step(struct fuzz_input *input)
{
	u8 op = fuzz_u8(input), how = fuzz_u8(input);
	u16 value = fuzz_u16(input);
	u64 apart = how & 8 ? CLOCKS_APART : 0;

	step_initiation(how);
	switch (op % 8) {
	case 0:
		step_advance((u64)value << 14);
		break;
	case 1:
		/* The result of an initiation is reported first. */
		step_initiation(how & ~1);
		step_advance((u64)value << 24);
		break;
	case 2:
		step_initiation(how & ~1);
		if (weft_fsm_next(&world.fsm) != WEFT_FSM_NEVER)
			step_advance(max(weft_fsm_next(&world.fsm), world.now) - world.now);
		break;
	case 3:
		if (how & 0x80)
			step_stop();
		break;
	case 4:
		step_persistent(how & 0x80 ? value : value % 64);
		break;
	case 5:
		weft_fsm_forget_session(&world.fsm, world.now);
		world.up_until = min(world.up_until, world.now);
		break;
	default:
		value &= EVENTS_ANY & ~INITIATION;
		step_report(value | (how & 0x10 ? WEFT_FSM_RENEWAL : 0), world.now - apart);
	}
	state_check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	u32 seed = fuzz_u32(&input);

	memset(&world, 0, sizeof(world));
	world.now = SECOND << fuzz_u8(&input) % 33;
	world.asked_at = NONE;
	world.received_at = NONE;
	world.sent_at = NONE;
	weft_fsm_init(&world.fsm, seed, world.now);
	while (fuzz_more(&input))
		step(&input);
	return 0;
}
