// SPDX-License-Identifier: GPL-2.0
/*
 * The timers: each alone, as a script of times, events and expected actions; then two peers with a
 * network between them, over minutes of simulated time.
 */
#include "test.h"
#include <linux/limits.h>
#include "lib/fsm.c"

#define MS(ms)	((u64)(ms) * NSEC_PER_MSEC)
#define JITTER	(WEFT_REKEY_JITTER_MS + 1)

/* A register, in headers of ARCH=um. */
#undef DS

/* Short names for the scripts. */
enum {
	DS = WEFT_FSM_DATA_SENT, DR = WEFT_FSM_DATA_RECEIVED,
	AS = WEFT_FSM_ANY_SENT, AR = WEFT_FSM_ANY_RECEIVED,
	WANTED = WEFT_FSM_SESSION_WANTED, ENDING = WEFT_FSM_SESSION_ENDING,
	INIT_SENT = WEFT_FSM_INITIATION_SENT, RESP_SENT = WEFT_FSM_RESPONSE_SENT,
	BARRED = WEFT_FSM_INITIATION_BARRED,
	LOST = WEFT_FSM_INITIATION_LOST,
	DERIVED = WEFT_FSM_SESSION_DERIVED, CONFIRMED = WEFT_FSM_SESSION_CONFIRMED,
	INITIATE = WEFT_FSM_DO_INITIATE, KEEPALIVE = WEFT_FSM_DO_KEEPALIVE,
	CONNECT = WEFT_FSM_CONNECT, MENDED = WEFT_FSM_MENDED, STRAY = WEFT_FSM_STRAY,
	REFUSED = WEFT_FSM_REFUSED,
	FORGET = WEFT_FSM_DO_FORGET_SOURCE, GIVE_UP = WEFT_FSM_DO_GIVE_UP,
	ERASE = WEFT_FSM_DO_ERASE, RETRY = FORGET | WEFT_FSM_DO_MOVE_ON | INITIATE,
};

enum op { REPORT, EXPIRE, PERSISTENT, STOP };

/* One step: at @ms, an operation and the expected actions. */
struct step {
	u32 ms;
	enum op op;
	u32 arg;
	u32 want;
};

static u32 step_do(struct weft_fsm *fsm, const struct step *step, u64 now)
{
	switch (step->op) {
	case REPORT:
		return weft_fsm_report(fsm, step->arg, now);
	case EXPIRE:
		return weft_fsm_expire(fsm, now);
	case PERSISTENT:
		return weft_fsm_set_persistent(fsm, step->arg, now);
	default:
		weft_fsm_stop(fsm, now);
		return 0;
	}
}

/*
 * The session that the steps of a script lead to: when its keys were derived, and until when they
 * are valid.
 */
struct validity {
	u64 derived;
	u64 until;
};

/* The expected event of a step, besides its actions. No script is long enough to give up. */
static u32 validity_event(struct validity *valid, const struct step *step, u64 now)
{
	bool has = valid->until > now;

	if (step->op == STOP)
		valid->until = 0;
	if (step->op == REPORT && step->arg & DERIVED)
		valid->derived = now;
	if (step->op != REPORT || !(step->arg & CONFIRMED))
		return 0;
	valid->until = valid->derived + MS(180000);
	return has ? WEFT_FSM_TELL_RENEWED : WEFT_FSM_TELL_UP;
}

static void script_run_once(struct test *t, const struct step *steps, size_t count, u32 seed,
			    u64 start)
{
	struct validity valid = { 0, 0 };
	struct weft_fsm fsm;
	size_t i;
	u64 now;

	weft_fsm_init(&fsm, seed, start);
	EXPECT_EQ(t, weft_fsm_next(&fsm), WEFT_FSM_NEVER);
	for (i = 0; i < count; i++) {
		now = start + MS(steps[i].ms);
		EXPECT_EQ(t, step_do(&fsm, &steps[i], now),
			  steps[i].want | validity_event(&valid, &steps[i], now));
	}
}

/* Every script runs at several start times and with several seeds, with the same result. */
static void script_run(struct test *t, const struct step *steps, size_t count)
{
	static const u64 starts[] = { 0, 1, MS(1000), 1ULL << 62 };
	size_t start;
	u32 seed;

	for (start = 0; start < ARRAY_SIZE(starts); start++)
		for (seed = 0; seed < 100; seed++)
			script_run_once(t, steps, count, seed * 0x9e3779b1, starts[start]);
}

#define SCRIPT(t, ...) do {						\
	static const struct step steps_[] = { __VA_ARGS__ };		\
									\
	script_run(t, steps_, ARRAY_SIZE(steps_));			\
} while (0)

static void fsm_wanted(struct test *t)
{
	/*
	 * The first initiation leaves at once, then at most one in 5 s, however many events ask for
	 * one.
	 */
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 0, REPORT, WANTED, 0 },
	       { 4999, REPORT, WANTED, 0 }, { 5000, REPORT, WANTED, INITIATE },
	       { 9999, REPORT, WANTED, 0 }, { 10000, REPORT, WANTED, INITIATE });
	/*
	 * After an initiation has left, the timer sends the next one, with jitter, despite events
	 * meanwhile.
	 */
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 1000, REPORT, INIT_SENT | AS, 0 },
	       { 6000, REPORT, WANTED, 0 }, { 6000, REPORT, ENDING, 0 },
	       { 6000 + JITTER, EXPIRE, 0, RETRY });
	/* The 5 s count from our own response, too. */
	SCRIPT(t, { 0, REPORT, RESP_SENT | DERIVED | AS | AR, 0 }, { 4999, REPORT, WANTED, 0 },
	       { 5000, REPORT, WANTED, INITIATE });
}

/*
 * Without a key no initiation leaves: tries continue on the timer, and the first possible one is
 * immediate.
 */
static void fsm_barred(struct test *t)
{
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 0, REPORT, BARRED, 0 },
	       { 4999, EXPIRE, 0, 0 }, { 5000 + JITTER, EXPIRE, 0, RETRY });
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 0, REPORT, BARRED, 0 },
	       { 1, REPORT, WANTED, INITIATE }, { 1, REPORT, INIT_SENT | AS, 0 },
	       { 5001, REPORT, WANTED, 0 }, { 5001 + JITTER, EXPIRE, 0, RETRY });
	/* An initiation from before the removal of the key still counts. */
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 0, REPORT, INIT_SENT | AS, 0 },
	       { 4999, REPORT, WANTED, 0 }, { 5000 + JITTER, EXPIRE, 0, RETRY },
	       { 5000 + JITTER, REPORT, BARRED, 0 }, { 5000 + JITTER, REPORT, WANTED, INITIATE });
}

static void fsm_clock_of_another_cpu(struct test *t)
{
	SCRIPT(t, { 1000, REPORT, WANTED, INITIATE }, { 999, REPORT, WANTED, 0 });
}

static void fsm_retransmit(struct test *t)
{
	/* The timer is not armed before the initiation has left. */
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 60000, EXPIRE, 0, 0 });
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 0, REPORT, INIT_SENT | AS, 0 },
	       { 4999, EXPIRE, 0, 0 }, { 5000 + JITTER, EXPIRE, 0, RETRY },
	       { 5000 + JITTER, EXPIRE, 0, 0 });
	/* An initiation that could not leave counts for the 5 s. */
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 0, REPORT, INIT_SENT | AS, 0 },
	       { 5000 + JITTER, EXPIRE, 0, RETRY }, { 10000, REPORT, WANTED, 0 },
	       { 10000 + JITTER, REPORT, WANTED, INITIATE });
	/* A confirmed session ends the series. */
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 0, REPORT, INIT_SENT | AS, 0 },
	       { 100, REPORT, AR | DERIVED | CONFIRMED, 0 }, { 100000, EXPIRE, 0, 0 });
	/* A derived session does not, until it is confirmed. */
	SCRIPT(t, { 0, REPORT, WANTED, INITIATE }, { 0, REPORT, INIT_SENT | AS, 0 },
	       { 100, REPORT, AR | DERIVED, 0 }, { 5000 + JITTER, EXPIRE, 0, RETRY });
}

/* 18 tries in 90 s, then the peer is given up, and the next packet starts anew. */
static void fsm_give_up(struct test *t)
{
	struct weft_fsm fsm;
	u64 now = 0, deadline;
	int tries;

	weft_fsm_init(&fsm, 7, 0);
	weft_fsm_report(&fsm, DR | AR, 0);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, now), INITIATE);
	for (tries = 1; ; tries++) {
		EXPECT_EQ(t, weft_fsm_report(&fsm, INIT_SENT, now), 0);
		deadline = fsm.deadline[WEFT_FSM_RETRANSMIT];
		EXPECT(t, deadline - now >= MS(5000));
		EXPECT(t, deadline - now <= MS(5000 + WEFT_REKEY_JITTER_MS));
		now = deadline;
		if (tries == 18)
			break;
		fsm_disarm(&fsm, WEFT_FSM_KEEPALIVE);
		EXPECT_EQ(t, weft_fsm_expire(&fsm, now), RETRY);
	}
	fsm_arm(&fsm, WEFT_FSM_KEEPALIVE, now + 1);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, now), GIVE_UP | WEFT_FSM_TELL_GIVEN_UP);
	EXPECT(t, now >= MS(90000) && now <= MS(90000 + 18 * WEFT_REKEY_JITTER_MS));
	/* Only the erasure of the keys remains armed. */
	EXPECT_EQ(t, weft_fsm_next(&fsm), now + MS(540000));
	EXPECT_EQ(t, weft_fsm_expire(&fsm, now + MS(539999)), 0);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, now + MS(540000)), ERASE);
	EXPECT_EQ(t, weft_fsm_next(&fsm), WEFT_FSM_NEVER);
	/* Data arrives again: another 18 tries. */
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, now + MS(600000)), INITIATE);
	EXPECT_EQ(t, fsm.tries, 0);
}

/* Giving up does not postpone an erasure that is already due. */
static void fsm_give_up_keeps_erase(struct test *t)
{
	struct weft_fsm fsm;

	weft_fsm_init(&fsm, 7, 0);
	weft_fsm_report(&fsm, DERIVED, 0);
	fsm.tries = WEFT_REKEY_ATTEMPTS - 1;
	weft_fsm_report(&fsm, INIT_SENT, MS(400000));
	EXPECT_EQ(t, weft_fsm_expire(&fsm, MS(400000 + 5000 + JITTER)), GIVE_UP);
	EXPECT_EQ(t, weft_fsm_next(&fsm), MS(540000));
}

/* Data during the series restarts the count; the counter does not wrap. */
static void fsm_tries(struct test *t)
{
	struct weft_fsm fsm;
	int i;

	weft_fsm_init(&fsm, 7, 0);
	for (i = 0; i < 256 + 5; i++)
		weft_fsm_report(&fsm, INIT_SENT, 0);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, MS(6000)), GIVE_UP);
	fsm.tries = WEFT_REKEY_ATTEMPTS;
	weft_fsm_report(&fsm, INIT_SENT, MS(10000));
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, MS(12000)), 0);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, MS(16000)), RETRY);
}

static void fsm_keepalive(struct test *t)
{
	/* A keepalive is sent once, 10 s after the first unanswered data. */
	SCRIPT(t, { 0, REPORT, DR | AR, 0 }, { 9000, REPORT, DR | AR, 0 }, { 9999, EXPIRE, 0, 0 },
	       { 10000, EXPIRE, 0, KEEPALIVE }, { 100000, EXPIRE, 0, 0 });
	/* Any packet sent counts as an answer. */
	SCRIPT(t, { 0, REPORT, DR | AR, 0 }, { 9999, REPORT, AS, 0 }, { 60000, EXPIRE, 0, 0 });
	/* Within one report, packets received come first, and packets sent answer them. */
	SCRIPT(t, { 0, REPORT, DR | AR | AS, 0 }, { 60000, EXPIRE, 0, 0 });
	/* A keepalive needs no answer. */
	SCRIPT(t, { 0, REPORT, AR, 0 }, { 60000, EXPIRE, 0, 0 });
}

static void fsm_new_handshake(struct test *t)
{
	/* A new handshake starts 15 s after the first unanswered data. */
	SCRIPT(t, { 0, REPORT, DS | AS, 0 }, { 14000, REPORT, DS | AS, 0 }, { 14999, EXPIRE, 0, 0 },
	       { 15000 + JITTER, EXPIRE, 0, FORGET | INITIATE }, { 60000, EXPIRE, 0, 0 });
	/* Any packet received is an answer; data in the same report was sent after it. */
	SCRIPT(t, { 0, REPORT, DS | AS, 0 }, { 14999, REPORT, AR, 0 }, { 60000, EXPIRE, 0, 0 });
	SCRIPT(t, { 0, REPORT, DS | AS, 0 }, { 10000, REPORT, DS | AS | AR, 0 },
	       { 24999, EXPIRE, 0, 0 }, { 25000 + JITTER, EXPIRE, 0, FORGET | INITIATE });
	/* A keepalive expects no answer. */
	SCRIPT(t, { 0, REPORT, AS, 0 }, { 60000, EXPIRE, 0, 0 });
	/* The new handshake respects the 5 s, too. */
	SCRIPT(t, { 0, REPORT, DS | AS, 0 }, { 14000, REPORT, RESP_SENT, 0 },
	       { 15000 + JITTER, EXPIRE, 0, FORGET });
}

/* Steps: data at @ms, and data that answers it 10 ms later. */
#define ANSWERED(ms)	{ ms, REPORT, DS | AS, 0 }, { (ms) + 10, REPORT, DR | AR, 0 }

/* Data without an answer at @ms, on which the peer is doubted 4 s later; then more data. */
#define IN_DOUBT(ms)	{ ms, REPORT, DS | AS, 0 }, { (ms) + 4000, EXPIRE, 0, 0 }, \
			{ (ms) + 4000, REPORT, DS | AS, 0 }
#define CONVERSATION	ANSWERED(0), ANSWERED(20), ANSWERED(40)

static void fsm_doubt(struct test *t)
{
	/*
	 * After three answers in a row: data without one, more data 4 s later, and a second for its
	 * answer. Data in between does not count.
	 */
	SCRIPT(t, CONVERSATION, { 60, REPORT, DS | AS, 0 }, { 3999, REPORT, DS | AS, 0 },
	       { 4060, EXPIRE, 0, 0 }, { 6000, REPORT, DS | AS, 0 }, { 6500, REPORT, DS | AS, 0 },
	       { 6999, EXPIRE, 0, 0 }, { 7000 + JITTER, EXPIRE, 0, INITIATE },
	       { 7000 + JITTER, REPORT, INIT_SENT | AS, 0 },
	       { 12000 + 2 * JITTER, EXPIRE, 0, RETRY });
	/* Without more data the exchange is over. The timer of 15 s decides as ever. */
	SCRIPT(t, CONVERSATION, { 60, REPORT, DS | AS, 0 }, { 4060, EXPIRE, 0, 0 },
	       { 10060, REPORT, AR, 0 }, { 15060 + JITTER, EXPIRE, 0, 0 });
	SCRIPT(t, CONVERSATION, { 60, REPORT, DS | AS, 0 }, { 4060, EXPIRE, 0, 0 },
	       { 15059, EXPIRE, 0, 0 }, { 15060 + JITTER, EXPIRE, 0, FORGET | INITIATE },
	       { 15060 + JITTER, REPORT, INIT_SENT | AS, 0 },
	       { 15070 + JITTER, REPORT, DS | AS, 0 }, { 19000, EXPIRE, 0, 0 });
	/* It also ends a second that has begun. */
	SCRIPT(t, CONVERSATION, { 60, REPORT, DS | AS, 0 }, { 4060, EXPIRE, 0, 0 },
	       { 14900, REPORT, DS | AS, 0 }, { 15060 + JITTER, EXPIRE, 0, FORGET | INITIATE },
	       { 15900 + 2 * JITTER, EXPIRE, 0, 0 });
	/* An answer within that second, of any kind, ends the doubt. */
	SCRIPT(t, CONVERSATION, IN_DOUBT(60), { 5059, REPORT, AR, 0 }, { 999999, EXPIRE, 0, 0 });
	/* An answer to the initiation, which comes late, removes it: data may go one way. */
	SCRIPT(t, CONVERSATION, IN_DOUBT(60), { 5060 + JITTER, EXPIRE, 0, INITIATE },
	       { 5060 + JITTER, REPORT, INIT_SENT | AS, 0 },
	       { 6000, REPORT, DERIVED | CONFIRMED | AR, 0 }, { 6000, REPORT, DS | AS, 0 },
	       ANSWERED(6010), ANSWERED(6030), IN_DOUBT(7000), { 21999, EXPIRE, 0, 0 },
	       { 22000 + JITTER, EXPIRE, 0, FORGET | INITIATE });
	/* Two answers are too few. */
	SCRIPT(t, ANSWERED(0), ANSWERED(20), IN_DOUBT(60), { 15059, EXPIRE, 0, 0 },
	       { 15060 + JITTER, EXPIRE, 0, FORGET | INITIATE });
	/* So are three of which one took more than a second and jitter, be it a keepalive. */
	SCRIPT(t, ANSWERED(0), ANSWERED(20), { 40, REPORT, DS | AS, 0 },
	       { 1041 + JITTER, REPORT, DR | AR, 0 }, IN_DOUBT(1400), { 16399, EXPIRE, 0, 0 });
	SCRIPT(t, CONVERSATION, { 60, REPORT, DS | AS, 0 }, { 1061, REPORT, AR, 0 },
	       IN_DOUBT(1070), { 16069, EXPIRE, 0, 0 });
	/* A second is not too long. */
	SCRIPT(t, ANSWERED(0), ANSWERED(20), { 40, REPORT, DS | AS, 0 },
	       { 1040, REPORT, DR | AR, 0 }, IN_DOUBT(1050), { 6050 + JITTER, EXPIRE, 0, INITIATE });
	/* Handshakes and keepalives in time, and data without a question, count for nothing. */
	SCRIPT(t, ANSWERED(0), ANSWERED(20), { 40, REPORT, DS | AS, 0 }, { 50, REPORT, AR, 0 },
	       { 60, REPORT, DR | AR, 0 }, IN_DOUBT(70), { 15069, EXPIRE, 0, 0 });
	SCRIPT(t, ANSWERED(0), ANSWERED(20), { 40, REPORT, DS | AS, 0 }, { 50, REPORT, AR, 0 },
	       ANSWERED(60), IN_DOUBT(100), { 5100 + JITTER, EXPIRE, 0, INITIATE });
	/* The next initiation leaves 5 s after the last message of a handshake. */
	SCRIPT(t, CONVERSATION, IN_DOUBT(60), { 4100, REPORT, RESP_SENT | AS, 0 },
	       { 5060 + JITTER, EXPIRE, 0, 0 }, { 9099, EXPIRE, 0, 0 },
	       { 9100 + JITTER, EXPIRE, 0, INITIATE });
	/* Answers before a stop do not count, nor does a doubt. */
	SCRIPT(t, CONVERSATION, { 50, STOP, 0, 0 }, IN_DOUBT(60), { 15059, EXPIRE, 0, 0 });
	SCRIPT(t, CONVERSATION, IN_DOUBT(60), { 4070, STOP, 0, 0 }, { 999999, EXPIRE, 0, 0 });
	SCRIPT(t, CONVERSATION, { 60, REPORT, DS | AS, 0 }, { 4060, EXPIRE, 0, 0 },
	       { 4070, STOP, 0, 0 }, { 4080, REPORT, DS | AS, 0 }, { 19079, EXPIRE, 0, 0 });
}

static void fsm_persistent(struct test *t)
{
	SCRIPT(t, { 0, PERSISTENT, 25, KEEPALIVE }, { 24999, EXPIRE, 0, 0 },
	       { 25000, EXPIRE, 0, KEEPALIVE },
	       /* the interval continues though no keepalive could leave */
	       { 49999, EXPIRE, 0, 0 }, { 50000, EXPIRE, 0, KEEPALIVE },
	       /* the interval counts from the last packet in either direction */
	       { 60000, REPORT, AS, 0 }, { 84999, EXPIRE, 0, 0 },
	       { 84999, REPORT, AR, 0 }, { 109998, EXPIRE, 0, 0 }, { 109999, EXPIRE, 0, KEEPALIVE },
	       /* a new interval applies at once; setting the same one changes nothing */
	       { 110000, PERSISTENT, 5, 0 }, { 114000, PERSISTENT, 5, 0 },
	       { 114999, EXPIRE, 0, 0 }, { 115000, EXPIRE, 0, KEEPALIVE },
	       { 116000, PERSISTENT, 0, 0 }, { 117000, REPORT, AS | AR, 0 },
	       { 999999, EXPIRE, 0, 0 });
	/* The greatest value. */
	SCRIPT(t, { 0, PERSISTENT, 65535, KEEPALIVE }, { 65534999, EXPIRE, 0, 0 },
	       { 65535000, EXPIRE, 0, KEEPALIVE });
	/* After a stop, setting the interval arms the timer again. */
	SCRIPT(t, { 0, PERSISTENT, 25, KEEPALIVE }, { 1000, STOP, 0, 0 }, { 99000, EXPIRE, 0, 0 },
	       { 99000, PERSISTENT, 25, KEEPALIVE }, { 124000, EXPIRE, 0, KEEPALIVE });
	SCRIPT(t, { 0, PERSISTENT, 0, 0 }, { 99000, EXPIRE, 0, 0 });
}

static void fsm_erase(struct test *t)
{
	SCRIPT(t, { 0, REPORT, DERIVED, 0 }, { 539999, EXPIRE, 0, 0 }, { 540000, EXPIRE, 0, ERASE },
	       { 9999999, EXPIRE, 0, 0 });
	/* Only a new session postpones the erasure, traffic does not. */
	SCRIPT(t, { 0, REPORT, DERIVED, 0 }, { 500000, REPORT, AS | AR | DS | DR, 0 },
	       { 510000, REPORT, AS | AR, 0 }, { 540000, EXPIRE, 0, ERASE });
	SCRIPT(t, { 0, REPORT, DERIVED, 0 }, { 500000, REPORT, DERIVED | CONFIRMED, 0 },
	       { 1039999, EXPIRE, 0, 0 }, { 1040000, EXPIRE, 0, ERASE });
}

static void fsm_ending(struct test *t)
{
	/* A session renews once. */
	SCRIPT(t, { 0, REPORT, ENDING, INITIATE }, { 6000, REPORT, ENDING, 0 },
	       { 12000, REPORT, ENDING | DR | AR | AS, 0 },
	       { 13000, REPORT, CONFIRMED, 0 }, { 180000, REPORT, ENDING, INITIATE });
	/* Not within 5 s of another handshake message. */
	SCRIPT(t, { 0, REPORT, RESP_SENT, 0 }, { 1000, REPORT, ENDING, 0 });
}

/* All expired timers fire in one call. */
static void fsm_together(struct test *t)
{
	SCRIPT(t, { 0, PERSISTENT, 1, KEEPALIVE }, { 0, REPORT, INIT_SENT | DERIVED | AS, 0 },
	       { 0, REPORT, DR | AR, 0 }, { 0, REPORT, DS, 0 },
	       { 540000, EXPIRE, 0, RETRY | KEEPALIVE | ERASE });
}

static void fsm_stop(struct test *t)
{
	SCRIPT(t, { 0, PERSISTENT, 25, KEEPALIVE }, { 0, REPORT, WANTED, INITIATE },
	       { 0, REPORT, INIT_SENT | DERIVED | AS | DS, 0 }, { 0, REPORT, DR, 0 },
	       { 0, REPORT, ENDING, 0 }, { 1, STOP, 0, 0 }, { 9999999, EXPIRE, 0, 0 },
	       /* within 5 s of the last one, but the stop has reset the limit */
	       { 2, REPORT, WANTED, INITIATE }, { 6000, REPORT, ENDING, INITIATE });
}

static void fsm_next(struct test *t)
{
	struct weft_fsm fsm;

	weft_fsm_init(&fsm, 1, 0);
	weft_fsm_report(&fsm, DERIVED, MS(1));
	EXPECT_EQ(t, weft_fsm_next(&fsm), MS(540001));
	weft_fsm_report(&fsm, DR | AR, MS(2));
	EXPECT_EQ(t, weft_fsm_next(&fsm), MS(10002));
	weft_fsm_set_persistent(&fsm, 3, MS(3));
	EXPECT_EQ(t, weft_fsm_next(&fsm), MS(3003));
	weft_fsm_stop(&fsm, 0);
	EXPECT_EQ(t, weft_fsm_next(&fsm), WEFT_FSM_NEVER);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, U64_MAX), 0);
}

/* The generator of Numerical Recipes, chapter 7.1: its first numbers. */
static void fsm_random_numbers(struct test *t)
{
	struct weft_fsm fsm;

	weft_fsm_init(&fsm, 0, 0);
	EXPECT_EQ(t, fsm_random(&fsm, 1024), 1013904223 >> 22);
	EXPECT_EQ(t, fsm.jitter, 0x3c6ef35f);
	fsm_random(&fsm, 1024);
	EXPECT_EQ(t, fsm.jitter, 0x47502932);
	fsm_random(&fsm, 1024);
	EXPECT_EQ(t, fsm.jitter, 0xd1ccf6e9);
	fsm.jitter = 0xfff00000;
	EXPECT_EQ(t, fsm_random(&fsm, 0), 0);
}

/* Retries of many peers spread over the whole third of a second. */
static void fsm_jitter_spreads(struct test *t)
{
	u32 tenth[10] = { 0 };
	struct weft_fsm fsm;
	u64 extra;
	u32 seed;
	int i;

	for (seed = 0; seed < 10000; seed++) {
		weft_fsm_init(&fsm, seed, 0);
		for (i = 0; i < 5; i++)
			weft_fsm_report(&fsm, INIT_SENT, 0);
		extra = fsm.deadline[WEFT_FSM_RETRANSMIT] - MS(5000);
		EXPECT(t, extra < MS(WEFT_REKEY_JITTER_MS));
		tenth[extra * 10 / MS(WEFT_REKEY_JITTER_MS)]++;
	}
	for (i = 0; i < 10; i++)
		EXPECT(t, tenth[i] > 800 && tenth[i] < 1200);
}

/* Events and states: a script of reports and, where events is 0, of expired deadlines. */
struct transition {
	u32 ms;
	u32 events;
	u32 tells;
	enum weft_fsm_state state;
	u32 since;
};

static void transitions_run(struct test *t, const struct transition *transitions, size_t count)
{
	struct weft_fsm fsm;
	u32 actions;
	u64 since;
	size_t i;

	weft_fsm_init(&fsm, 1, MS(1000));
	for (i = 0; i < count; i++) {
		u64 now = MS(1000 + transitions[i].ms);

		if (transitions[i].events)
			actions = weft_fsm_report(&fsm, transitions[i].events, now);
		else
			actions = weft_fsm_expire(&fsm, now);
		EXPECT_EQ(t, actions & WEFT_FSM_TELL, transitions[i].tells);
		EXPECT_EQ(t, weft_fsm_state(&fsm, now, &since), transitions[i].state);
		EXPECT_EQ(t, since, MS(1000 + transitions[i].since));
	}
}

#define TRANSITIONS(t, ...) do {					\
	static const struct transition transitions_[] = { __VA_ARGS__ };	\
									\
	transitions_run(t, transitions_, ARRAY_SIZE(transitions_));	\
} while (0)

static void fsm_states(struct test *t)
{
	const u32 up = WEFT_FSM_TELL_UP, renewed = WEFT_FSM_TELL_RENEWED;

	/* Our handshake: a session, the next one, and its end, which causes no event. */
	TRANSITIONS(t, { 10, AS, 0, WEFT_FSM_IDLE, 0 }, { 20, WANTED, 0, WEFT_FSM_HANDSHAKING, 20 },
		    { 20, INIT_SENT | AS, 0, WEFT_FSM_HANDSHAKING, 20 },
		    { 70, AR | DERIVED | CONFIRMED, up, WEFT_FSM_UP, 70 },
		    { 120070, WANTED, 0, WEFT_FSM_UP, 70 },
		    { 120100, INIT_SENT | AS, 0, WEFT_FSM_UP, 70 },
		    { 120200, AR | DERIVED | CONFIRMED, renewed, WEFT_FSM_UP, 70 },
		    { 300199, AS, 0, WEFT_FSM_UP, 70 }, { 300200, AS, 0, WEFT_FSM_IDLE, 300200 },
		    { 400000, AS, 0, WEFT_FSM_IDLE, 300200 });
	/*
	 * The peer's handshake: the session is up at its first packet, and ages from its
	 * derivation.
	 */
	TRANSITIONS(t, { 10, AR | RESP_SENT | AS | DERIVED, 0, WEFT_FSM_IDLE, 0 },
		    { 500, AR | DR | CONFIRMED, up, WEFT_FSM_UP, 500 },
		    { 180009, AS, 0, WEFT_FSM_UP, 500 }, { 180010, AS, 0, WEFT_FSM_IDLE, 180010 });
	/* A session ends during the next handshake. */
	TRANSITIONS(t, { 0, AR | DERIVED | CONFIRMED, up, WEFT_FSM_UP, 0 },
		    { 179000, WANTED, 0, WEFT_FSM_UP, 0 },
		    { 180000, INIT_SENT | AS, 0, WEFT_FSM_HANDSHAKING, 180000 });
	/* Data is unanswered, and then answered. */
	TRANSITIONS(t, { 0, AR | DERIVED | CONFIRMED, up, WEFT_FSM_UP, 0 },
		    { 20000, DS | AS, 0, WEFT_FSM_UP, 0 }, { 36000, 0, 0, WEFT_FSM_SILENT, 36000 },
		    { 36000, INIT_SENT | AS, 0, WEFT_FSM_SILENT, 36000 },
		    { 37000, DS | AS, 0, WEFT_FSM_SILENT, 36000 },
		    { 38000, AR, 0, WEFT_FSM_UP, 0 });
}

/* A series ends: the event comes once, whether or not tries continue. */
static void fsm_reports_giving_up_once(struct test *t)
{
	struct weft_fsm fsm;
	u64 now = MS(5), since;
	u32 actions, reports = 0;
	int tries;

	weft_fsm_init(&fsm, 3, 0);
	weft_fsm_report(&fsm, WANTED, now);
	for (tries = 1; tries < 60; tries++) {
		weft_fsm_report(&fsm, INIT_SENT | AS, now);
		/* Data asks for a session all the time. */
		weft_fsm_report(&fsm, WANTED, now);
		now = fsm.deadline[WEFT_FSM_RETRANSMIT];
		actions = weft_fsm_expire(&fsm, now);
		EXPECT_EQ(t, actions & ~WEFT_FSM_TELL, tries == 36 ? 0 : RETRY);
		EXPECT_EQ(t, !!(actions & WEFT_FSM_TELL_GIVEN_UP), tries == 18);
		if (tries == 36) {
			now = fsm.deadline[WEFT_FSM_RETRANSMIT];
			EXPECT_EQ(t, weft_fsm_expire(&fsm, now), RETRY);
		}
		reports += !!(actions & WEFT_FSM_TELL_GIVEN_UP);
		EXPECT_EQ(t, weft_fsm_state(&fsm, now, &since), WEFT_FSM_HANDSHAKING);
		EXPECT_EQ(t, since, MS(5));
	}
	EXPECT_EQ(t, reports, 1);
	weft_fsm_report(&fsm, REFUSED, now);
	EXPECT(t, fsm.refused);
	weft_fsm_report(&fsm, AR | DERIVED | CONFIRMED, now);
	EXPECT(t, !fsm.refused);
	EXPECT_EQ(t, weft_fsm_state(&fsm, now, &since), WEFT_FSM_UP);
}

/* Drives a peer with a keepalive until it is given up. Returns that time. */
static u64 given_up(struct test *t, struct weft_fsm *fsm, u32 seed)
{
	u64 now = 0;
	int tries;

	weft_fsm_init(fsm, seed, 0);
	EXPECT_EQ(t, weft_fsm_set_persistent(fsm, 25, 0), KEEPALIVE);
	weft_fsm_report(fsm, WANTED, 0);
	for (tries = 0; tries < 18; tries++) {
		weft_fsm_report(fsm, INIT_SENT | AS, now);
		now = fsm->deadline[WEFT_FSM_RETRANSMIT];
		weft_fsm_expire(fsm, now);
	}
	EXPECT(t, fsm->given_up);
	return now;
}

static void fsm_backs_off(struct test *t)
{
	static const u32 least_ms[] = { 7500, 15000, 30000, 45000, 45000, 125000, 45000 };
	static const u32 most_s[] = { 10, 20, 40, 60, 60, 130, 60 };
	u64 now, before, since, at;
	struct weft_fsm fsm;
	u32 actions, seed;
	size_t i;

	for (seed = 0; seed < 1000; seed++) {
		at = given_up(t, &fsm, seed * 0x9e3779b1);
		before = fsm.handshake_at;
		for (i = 0; i < ARRAY_SIZE(most_s); i++) {
			now = fsm.deadline[WEFT_FSM_RETRY];
			EXPECT(t, now - before <= MS(1000 * most_s[i]));
			EXPECT(t, now - before >= MS(least_ms[i]));
			/* Keepalives of the interval send no initiation meanwhile. */
			actions = weft_fsm_expire(&fsm, now);
			EXPECT_EQ(t, actions & ~ERASE, RETRY);
			weft_fsm_report(&fsm, INIT_SENT | AS, now);
			before = now;
			now = fsm.deadline[WEFT_FSM_RETRANSMIT];
			actions = weft_fsm_expire(&fsm, now);
			EXPECT_EQ(t, actions & ~ERASE, GIVE_UP);
			EXPECT_EQ(t, weft_fsm_state(&fsm, now, &since), WEFT_FSM_GIVEN_UP);
			EXPECT_EQ(t, since, at);
		}
	}
	/* Any packet from the peer ends the retries. */
	weft_fsm_report(&fsm, AR, now);
	EXPECT_EQ(t, fsm.deadline[WEFT_FSM_RETRY], WEFT_FSM_NEVER);
	EXPECT_EQ(t, weft_fsm_state(&fsm, now, &since), WEFT_FSM_IDLE);
	EXPECT_EQ(t, since, now);
	EXPECT(t, weft_fsm_expire(&fsm, now + MS(25000)) & KEEPALIVE);
	/* Data begins a new series, and so does MENDED. */
	now = given_up(t, &fsm, 1);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, now), INITIATE);
	EXPECT_EQ(t, fsm.deadline[WEFT_FSM_RETRY], WEFT_FSM_NEVER);
	now = given_up(t, &fsm, 1);
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, now), INITIATE);
	EXPECT_EQ(t, weft_fsm_state(&fsm, now, &since), WEFT_FSM_HANDSHAKING);
	EXPECT_EQ(t, since, now);
	/* Without a keepalive, MENDED sends no initiation. */
	now = given_up(t, &fsm, 1);
	weft_fsm_set_persistent(&fsm, 0, now);
	EXPECT_EQ(t, fsm.deadline[WEFT_FSM_RETRY], WEFT_FSM_NEVER);
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, now), 0);
}

/* RETRY waits for a try in progress, and for 5 s from any handshake message. */
static void fsm_retry_is_put_off(struct test *t)
{
	struct weft_fsm fsm;
	u64 due, again;
	u32 seed;

	for (seed = 0; seed < 100; seed++) {
		given_up(t, &fsm, seed * 0x9e3779b1);
		due = fsm.deadline[WEFT_FSM_RETRY];
		EXPECT_EQ(t, weft_fsm_report(&fsm, STRAY, due - MS(1000)), INITIATE);
		weft_fsm_report(&fsm, INIT_SENT | AS, due - MS(1000));
		EXPECT_EQ(t, weft_fsm_expire(&fsm, due), 0);
		again = fsm.deadline[WEFT_FSM_RETRY];
		EXPECT(t, again >= due + MS(5000) && again < due + MS(5000 + JITTER));
		/* The single try expires, and RETRY sends the next one. */
		EXPECT_EQ(t, weft_fsm_expire(&fsm, due + MS(4000 + JITTER)), 0);
		EXPECT(t, !fsm_armed(&fsm, WEFT_FSM_RETRANSMIT));
		EXPECT_EQ(t, weft_fsm_expire(&fsm, again), RETRY);

		given_up(t, &fsm, seed * 0x9e3779b1);
		due = fsm.deadline[WEFT_FSM_RETRY];
		weft_fsm_report(&fsm, RESP_SENT, due - MS(4999));
		EXPECT_EQ(t, weft_fsm_expire(&fsm, due), 0);
		again = fsm.deadline[WEFT_FSM_RETRY];
		EXPECT(t, again >= due + MS(5000) && again < due + MS(5000 + JITTER));
		EXPECT_EQ(t, weft_fsm_expire(&fsm, again), RETRY);

		given_up(t, &fsm, seed * 0x9e3779b1);
		due = fsm.deadline[WEFT_FSM_RETRY];
		weft_fsm_report(&fsm, RESP_SENT, due - MS(5000));
		EXPECT_EQ(t, weft_fsm_expire(&fsm, due), RETRY);
	}
}

/* RETRY continues for days, and each sixth time makes a pause. */
static void fsm_retries_for_days(struct test *t)
{
	struct weft_fsm fsm;
	u64 now, before;
	u32 i, actions;

	now = given_up(t, &fsm, 9);
	for (i = 1; i < 1000; i++) {
		before = fsm.handshake_at;
		now = fsm.deadline[WEFT_FSM_RETRY];
		EXPECT_EQ(t, now - before >= MS(125000), i % 6 == 0);
		actions = weft_fsm_expire(&fsm, now);
		EXPECT_EQ(t, actions & ~ERASE, RETRY);
		weft_fsm_report(&fsm, INIT_SENT | AS, now);
		EXPECT_EQ(t, weft_fsm_expire(&fsm, fsm.deadline[WEFT_FSM_RETRANSMIT]) & ~ERASE,
			  GIVE_UP);
		EXPECT(t, fsm.in_vain <= 18 + 6);
	}
}

/* After a stop in any state, the state equals that of a new peer with the same setting. */
static void stopped_check(struct test *t, struct weft_fsm *fsm, u64 now)
{
	struct weft_fsm fresh;
	u64 since;

	memset(&fresh, 0, sizeof(fresh));
	weft_fsm_stop(fsm, now);
	EXPECT_EQ(t, weft_fsm_state(fsm, now, &since), WEFT_FSM_IDLE);
	EXPECT_EQ(t, since, now);
	EXPECT_EQ(t, weft_fsm_next(fsm), WEFT_FSM_NEVER);
	weft_fsm_init(&fresh, fsm->jitter, now);
	fresh.persistent_s = fsm->persistent_s;
	/* These times are valid only together with another field. */
	fresh.handshake_at = fsm->handshake_at;
	fresh.derived_at = fsm->derived_at;
	fresh.up_at = fsm->up_at;
	fresh.trying_at = fsm->trying_at;
	fresh.missed_at = fsm->missed_at;
	fresh.given_up_at = fsm->given_up_at;
	fresh.retries = fsm->retries;
	EXPECT(t, !memcmp(fsm, &fresh, sizeof(fresh)));
	EXPECT_EQ(t, weft_fsm_report(fsm, WANTED, now), INITIATE);
}

static void fsm_stops_in_any_state(struct test *t)
{
	struct weft_fsm fsm;
	u64 now;
	int i;

	memset(&fsm, 0, sizeof(fsm));
	stopped_check(t, &fsm, given_up(t, &fsm, 1));
	/* During a series, after refused responses. */
	weft_fsm_init(&fsm, 1, 0);
	weft_fsm_report(&fsm, WANTED, 0);
	for (now = 0, i = 0; i < 3; i++) {
		weft_fsm_report(&fsm, INIT_SENT | AS | REFUSED, now);
		now = fsm.deadline[WEFT_FSM_RETRANSMIT];
		EXPECT_EQ(t, weft_fsm_expire(&fsm, now), RETRY);
	}
	stopped_check(t, &fsm, now + 1);
	/* With a session, unanswered data, and a renewal due. */
	weft_fsm_init(&fsm, 1, 0);
	weft_fsm_report(&fsm, AR | DERIVED | CONFIRMED, 0);
	weft_fsm_report(&fsm, ENDING | DS | AS, MS(170000));
	stopped_check(t, &fsm, MS(171000));
	/* After answers that came soon. */
	for (i = 0; i < 3; i++)
		weft_fsm_report(&fsm, DS | DR | AS | AR, MS(171000 + i));
	EXPECT(t, fsm.soon > 0);
	stopped_check(t, &fsm, MS(171003));
	/* With a waiting try, and with a single one. */
	weft_fsm_init(&fsm, 1, 0);
	weft_fsm_report(&fsm, AR | RESP_SENT | AS | DERIVED, 0);
	weft_fsm_report(&fsm, CONNECT, MS(1000));
	EXPECT(t, fsm.waiting);
	stopped_check(t, &fsm, MS(1001));
	weft_fsm_init(&fsm, 1, 0);
	weft_fsm_report(&fsm, STRAY, 0);
	weft_fsm_report(&fsm, INIT_SENT | AS, 0);
	EXPECT(t, fsm.single);
	stopped_check(t, &fsm, MS(1001));
}

/* A packet from the peer in the middle of a series resets the count. */
static void fsm_answer_resets_count(struct test *t)
{
	struct weft_fsm fsm;
	u64 now = 0, since;
	int tries, reported = 0;

	weft_fsm_init(&fsm, 11, 0);
	weft_fsm_report(&fsm, WANTED, 0);
	for (tries = 1; tries <= 28; tries++) {
		weft_fsm_report(&fsm, INIT_SENT | AS, now);
		weft_fsm_report(&fsm, WANTED, now);
		now = fsm.deadline[WEFT_FSM_RETRANSMIT];
		reported = weft_fsm_expire(&fsm, now) & WEFT_FSM_TELL_GIVEN_UP ? tries : reported;
		if (tries != 10)
			continue;
		EXPECT_EQ(t, fsm.unanswered, 10);
		weft_fsm_report(&fsm, REFUSED, now);
		weft_fsm_report(&fsm, AR, now);
		EXPECT_EQ(t, fsm.unanswered, 0);
		EXPECT_EQ(t, fsm.in_vain, 0);
		EXPECT(t, !fsm.missed && !fsm.refused);
		EXPECT_EQ(t, weft_fsm_state(&fsm, now, &since), WEFT_FSM_HANDSHAKING);
		EXPECT_EQ(t, since, 0);
	}
	EXPECT_EQ(t, reported, 28);
}

/* Drives a peer to @tries tries in vain, while data asks for a session all the time. */
static u64 in_vain(struct test *t, struct weft_fsm *fsm, u32 seed, int tries)
{
	u64 now = 0;
	int i;

	weft_fsm_init(fsm, seed, 0);
	EXPECT_EQ(t, weft_fsm_report(fsm, WANTED, 0), INITIATE);
	for (i = 1; i <= tries; i++) {
		weft_fsm_report(fsm, INIT_SENT | AS, now);
		weft_fsm_report(fsm, WANTED, now);
		now = fsm->deadline[WEFT_FSM_RETRANSMIT];
		EXPECT_EQ(t, weft_fsm_expire(fsm, now) & RETRY, i < 36 ? RETRY : 0);
	}
	return now;
}

/* Makes the next 36 tries after a pause. Returns when the last one has expired. */
static u64 in_vain_again(struct test *t, struct weft_fsm *fsm, u64 now)
{
	int tries;

	for (tries = 1; tries <= 36; tries++) {
		weft_fsm_report(fsm, INIT_SENT | AS, now);
		weft_fsm_report(fsm, WANTED, now + 1);
		now = fsm->deadline[WEFT_FSM_RETRANSMIT];
		EXPECT_EQ(t, weft_fsm_expire(fsm, now), tries < 36 ? RETRY : 0);
	}
	return now;
}

/* Pauses outlast a router's flow entry: 30 s for an unreplied one, then 120 s. */
static void fsm_pauses(struct test *t)
{
	struct weft_fsm fsm;
	u64 now, last, end;
	u32 seed;

	for (seed = 0; seed < 1000; seed++) {
		now = in_vain(t, &fsm, seed * 0x9e3779b1, 36);
		last = fsm.handshake_at;
		EXPECT(t, fsm.pausing);
		/* No event causes a try meanwhile. */
		EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED | ENDING | STRAY, now), 0);
		end = fsm.deadline[WEFT_FSM_RETRANSMIT];
		EXPECT(t, end - last >= MS(35000) && end - last < MS(40000));
		EXPECT_EQ(t, weft_fsm_expire(&fsm, end - 1), 0);
		EXPECT_EQ(t, weft_fsm_expire(&fsm, end), RETRY);
		EXPECT(t, !fsm.pausing);
		now = in_vain_again(t, &fsm, end);
		last = fsm.handshake_at;
		end = fsm.deadline[WEFT_FSM_RETRANSMIT];
		EXPECT(t, end - last >= MS(125000) && end - last < MS(130000));
		EXPECT_EQ(t, weft_fsm_expire(&fsm, end), RETRY);
	}
	/*
	 * A pause whose time has passed is not repeated, and the first pause is not repeated after
	 * it.
	 */
	now = in_vain_again(t, &fsm, end);
	end = fsm.handshake_at + MS(125000);
	fsm_disarm(&fsm, WEFT_FSM_RETRANSMIT);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, end - 1), 0);
	fsm_disarm(&fsm, WEFT_FSM_RETRANSMIT);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, end), INITIATE);
	EXPECT_EQ(t, fsm.in_vain, 0);
}

/* The limit holds for the tries of several series together. */
static void fsm_pauses_between_series(struct test *t)
{
	struct weft_fsm fsm;
	u64 now = MS(1000);
	int series, tries;

	weft_fsm_init(&fsm, 5, 0);
	for (series = 1; series <= 2; series++) {
		EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, now), INITIATE);
		for (tries = 1; tries <= 18; tries++) {
			weft_fsm_report(&fsm, INIT_SENT | AS, now);
			now = fsm.deadline[WEFT_FSM_RETRANSMIT];
			EXPECT_EQ(t, weft_fsm_expire(&fsm, now) & (INITIATE | GIVE_UP),
				  tries < 18 ? INITIATE : GIVE_UP);
		}
		now += MS(10000);
	}
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, now), 0);
	EXPECT(t, fsm.pausing);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, fsm.handshake_at + MS(40000)), RETRY);
}

static void fsm_pause_ends_early(struct test *t)
{
	struct weft_fsm fsm;
	u64 now;

	/*
	 * A packet from the peer ends the pause: the next try leaves at once, to the new endpoint.
	 */
	now = in_vain(t, &fsm, 1, 36);
	weft_fsm_report(&fsm, AR, now);
	EXPECT(t, !fsm.pausing);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, now + MS(JITTER)), INITIATE);
	EXPECT_EQ(t, fsm.in_vain, 0);
	now = in_vain(t, &fsm, 1, 36);
	weft_fsm_report(&fsm, AR | DERIVED | CONFIRMED, now);
	EXPECT(t, !fsm.pausing);
	EXPECT_EQ(t, fsm.deadline[WEFT_FSM_RETRANSMIT], WEFT_FSM_NEVER);
	/* MENDED ends the pause. */
	now = in_vain(t, &fsm, 1, 36);
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, now), INITIATE);
	weft_fsm_report(&fsm, INIT_SENT | AS, now);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, fsm.deadline[WEFT_FSM_RETRANSMIT]), RETRY);
	EXPECT_EQ(t, fsm.in_vain, 1);
	/* MENDED does not interrupt a series. */
	now = in_vain(t, &fsm, 1, 3);
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, now), 0);
	/* Our response is a handshake message: the try waits 5 s after it. */
	now = in_vain(t, &fsm, 1, 36);
	weft_fsm_report(&fsm, RESP_SENT, now);
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, now), 0);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, now + MS(4999)), 0);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, now + MS(5000 + JITTER)), INITIATE);
	/* A stop ends the pause. */
	now = in_vain(t, &fsm, 1, 36);
	weft_fsm_stop(&fsm, now);
	EXPECT(t, !fsm.pausing);
	EXPECT_EQ(t, fsm.in_vain, 0);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, now), INITIATE);
}

/* CONNECT causes an immediate try, once in each pause, and a full pause follows it. */
static void fsm_pause_grants_a_try(struct test *t)
{
	struct weft_fsm fsm;
	u64 now, asked;

	now = in_vain(t, &fsm, 1, 36);
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONNECT, now), INITIATE);
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONNECT, now), 0);
	weft_fsm_report(&fsm, INIT_SENT | AS, now);
	asked = now;
	now = fsm.deadline[WEFT_FSM_RETRANSMIT];
	EXPECT_EQ(t, weft_fsm_expire(&fsm, now), 0);
	EXPECT(t, fsm.pausing);
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONNECT, now + MS(20000)), 0);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, asked + MS(34999)), 0);
	now = fsm.deadline[WEFT_FSM_RETRANSMIT];
	EXPECT(t, now - asked >= MS(35000) && now - asked < MS(40000));
	EXPECT_EQ(t, weft_fsm_expire(&fsm, now), RETRY);
	/* The next pause allows another one. */
	now = in_vain_again(t, &fsm, now);
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONNECT, now), INITIATE);
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONNECT, now), 0);
	/* The try waits 5 s after our response. */
	now = in_vain(t, &fsm, 1, 36);
	weft_fsm_report(&fsm, RESP_SENT, now);
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONNECT, now + MS(4999)), 0);
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONNECT, now + MS(5000)), INITIATE);
}

/* Barred tries send nothing that keeps a flow entry alive: no pause follows them. */
static void fsm_barred_does_not_pause(struct test *t)
{
	struct weft_fsm fsm;
	u64 now = 0;
	int tries;

	weft_fsm_init(&fsm, 3, 0);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, 0), INITIATE);
	for (tries = 0; tries < 100; tries++) {
		weft_fsm_report(&fsm, BARRED, now);
		EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, now), INITIATE);
		weft_fsm_report(&fsm, BARRED, now);
		now = fsm.deadline[WEFT_FSM_RETRANSMIT];
		EXPECT_EQ(t, weft_fsm_expire(&fsm, now) & ~WEFT_FSM_TELL, RETRY);
	}
	EXPECT_EQ(t, fsm.in_vain, 0);
	/* A barred try does not end a pause that was due, either. */
	now = in_vain(t, &fsm, 3, 36);
	weft_fsm_report(&fsm, BARRED, now);
	EXPECT(t, !fsm.pausing);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, now), INITIATE);
}

/* Tries lost for want of a route or of memory keep no flow entry alive, either. */
static void fsm_lost_does_not_pause(struct test *t)
{
	struct weft_fsm fsm;
	u64 now = 0;
	int tries;

	weft_fsm_init(&fsm, 7, 0);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, 0), INITIATE);
	for (tries = 0; tries < 100; tries++) {
		weft_fsm_report(&fsm, INIT_SENT, now);
		weft_fsm_report(&fsm, LOST, now);
		weft_fsm_report(&fsm, WANTED, now);
		now = fsm.deadline[WEFT_FSM_RETRANSMIT];
		EXPECT_EQ(t, weft_fsm_expire(&fsm, now) & RETRY, RETRY);
	}
	EXPECT_EQ(t, fsm.in_vain, 0);
	/* A sent try counts again. */
	weft_fsm_report(&fsm, INIT_SENT | AS, now);
	weft_fsm_expire(&fsm, fsm.deadline[WEFT_FSM_RETRANSMIT]);
	EXPECT_EQ(t, fsm.in_vain, 1);
}

/* Tries before MENDED do not count after it, without a pause either. */
static void fsm_mended_resets_count(struct test *t)
{
	struct weft_fsm fsm;
	u64 now;

	now = in_vain(t, &fsm, 1, 35);
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, now), 0);
	EXPECT_EQ(t, fsm.in_vain, 0);
	weft_fsm_report(&fsm, INIT_SENT | AS, now);
	weft_fsm_report(&fsm, WANTED, now);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, fsm.deadline[WEFT_FSM_RETRANSMIT]) & RETRY, RETRY);
	EXPECT(t, !fsm.pausing);
}

static void fsm_connect_asks(struct test *t)
{
	struct weft_fsm fsm;
	u64 since;

	SCRIPT(t, { 0, REPORT, CONNECT, INITIATE }, { 0, REPORT, INIT_SENT | AS, 0 },
	       { 100, REPORT, AR | DERIVED | CONFIRMED, 0 },
	       /* A session exists, until it is too old, or silent. */
	       { 1000, REPORT, CONNECT, 0 }, { 10000, REPORT, CONNECT, 0 },
	       { 10000, REPORT, DS | AS, 0 }, { 25000 + JITTER, EXPIRE, 0, FORGET | INITIATE },
	       { 30000 + JITTER, REPORT, CONNECT, INITIATE });
	SCRIPT(t, { 0, REPORT, AR | DERIVED | CONFIRMED, 0 },
	       { 180000, REPORT, CONNECT, INITIATE });
	/* Within the 5 s, the try is deferred. */
	SCRIPT(t, { 0, REPORT, AR | RESP_SENT | AS | DERIVED, 0 }, { 1000, REPORT, CONNECT, 0 },
	       { 4999, EXPIRE, 0, 0 }, { 5000 + JITTER, EXPIRE, 0, INITIATE },
	       { 5000 + JITTER, REPORT, INIT_SENT | AS, 0 },
	       { 10000 + 2 * JITTER, EXPIRE, 0, RETRY });
	/* The deferred try does not make the session silent. */
	weft_fsm_init(&fsm, 1, 0);
	weft_fsm_report(&fsm, AR | RESP_SENT | AS | DERIVED | CONFIRMED, MS(1000));
	EXPECT_EQ(t, weft_fsm_report(&fsm, WEFT_FSM_RENEWAL, MS(2000)), 0);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, MS(6000 + JITTER)), INITIATE);
	EXPECT_EQ(t, weft_fsm_state(&fsm, MS(6000 + JITTER), &since), WEFT_FSM_UP);
	EXPECT_EQ(t, fsm.unanswered, 0);
}

static void fsm_stray_is_one_try(struct test *t)
{
	struct weft_fsm fsm;
	u64 since;

	/* STRAY causes no second try, and none during a session or a try. */
	SCRIPT(t, { 0, REPORT, STRAY, INITIATE }, { 0, REPORT, INIT_SENT | AS, 0 },
	       { 1000, REPORT, STRAY, 0 }, { 5000 + JITTER, EXPIRE, 0, 0 },
	       { 100000, EXPIRE, 0, 0 }, { 100000, REPORT, STRAY, INITIATE },
	       { 100000, REPORT, INIT_SENT | AS, 0 },
	       { 100100, REPORT, AR | DERIVED | CONFIRMED, 0 }, { 200000, REPORT, STRAY, 0 },
	       { 280099, REPORT, STRAY, 0 }, { 280100, REPORT, STRAY, INITIATE });
	/* Data during the try turns it into a series. */
	SCRIPT(t, { 0, REPORT, STRAY, INITIATE }, { 0, REPORT, INIT_SENT | AS, 0 },
	       { 1000, REPORT, WANTED, 0 }, { 5000 + JITTER, EXPIRE, 0, RETRY });
	/* A single try causes no event and no change of state. */
	weft_fsm_init(&fsm, 1, 0);
	weft_fsm_report(&fsm, STRAY, MS(10));
	weft_fsm_report(&fsm, INIT_SENT | AS, MS(10));
	EXPECT_EQ(t, weft_fsm_state(&fsm, MS(10), &since), WEFT_FSM_IDLE);
	weft_fsm_expire(&fsm, MS(6000));
	EXPECT_EQ(t, weft_fsm_state(&fsm, MS(6000), &since), WEFT_FSM_IDLE);
	EXPECT_EQ(t, since, 0);
	EXPECT(t, !fsm.missed);
	/* The handshake's keys are erased in the end. */
	EXPECT_EQ(t, weft_fsm_next(&fsm), MS(546000));
}

static void fsm_forgets_sessions(struct test *t)
{
	struct weft_fsm fsm;
	u64 since;

	weft_fsm_init(&fsm, 1, 0);
	weft_fsm_report(&fsm, AR | DERIVED | CONFIRMED, MS(10));
	weft_fsm_forget_session(&fsm, MS(500));
	EXPECT_EQ(t, weft_fsm_state(&fsm, MS(600), &since), WEFT_FSM_IDLE);
	EXPECT_EQ(t, since, MS(500));
	weft_fsm_report(&fsm, AR | DERIVED | CONFIRMED, MS(700));
	EXPECT_EQ(t, weft_fsm_state(&fsm, MS(800), &since), WEFT_FSM_UP);
	EXPECT_EQ(t, since, MS(700));
	weft_fsm_stop(&fsm, MS(900));
	EXPECT_EQ(t, weft_fsm_state(&fsm, MS(950), &since), WEFT_FSM_IDLE);
	EXPECT_EQ(t, since, MS(900));
}

static void quiet_check(struct test *t, const struct weft_fsm *fsm, u32 events)
{
	struct weft_fsm after = *fsm;
	u32 actions = weft_fsm_report(&after, events, MS(1000000));
	bool same = !actions && !memcmp(&after, fsm, sizeof(after));

	/* An event that changes the state is never quiet; otherwise plain traffic is. */
	if (weft_fsm_is_quiet(fsm, events))
		EXPECT(t, same);
	else if (events < WEFT_FSM_SESSION_WANTED && !fsm->persistent_s)
		EXPECT(t, !same);
}

/* All events against all combinations of armed timers. */
static void fsm_quiet(struct test *t)
{
	struct weft_fsm fsm;
	u32 events, armed, timer;

	for (armed = 0; armed < 1 << (WEFT_FSM_TIMERS + 3); armed++) {
		memset(&fsm, 0, sizeof(fsm));
		weft_fsm_init(&fsm, 1, 0);
		for (timer = 0; timer < WEFT_FSM_TIMERS; timer++)
			if (armed & 1 << timer)
				fsm_arm(&fsm, timer, MS(1000000) + timer);
		fsm.ending = armed >> WEFT_FSM_TIMERS & 1;
		fsm.missed = armed >> (WEFT_FSM_TIMERS + 1) & 1;
		/* In doubt of an answer that is awaited. */
		if (fsm_armed(&fsm, WEFT_FSM_NEW_HANDSHAKE) && armed >> (WEFT_FSM_TIMERS + 2))
			fsm_await(&fsm, FSM_DOUBTS, MS(1010000));
		fsm.persistent_s = fsm_armed(&fsm, WEFT_FSM_PERSISTENT) ? 25 : 0;
		for (events = 0; events < WEFT_FSM_SESSION_CONFIRMED << 1; events++)
			quiet_check(t, &fsm, events);
	}
	/* A flow in either direction, and in both: it is quiet after its first packet. */
	weft_fsm_init(&fsm, 1, 0);
	EXPECT(t, weft_fsm_is_quiet(&fsm, 0));
	weft_fsm_report(&fsm, DS | AS, 0);
	EXPECT(t, weft_fsm_is_quiet(&fsm, DS | AS));
	weft_fsm_stop(&fsm, 0);
	weft_fsm_report(&fsm, DR | AR, 0);
	EXPECT(t, weft_fsm_is_quiet(&fsm, DR | AR));
}

static void fsm_ages(struct test *t)
{
	const u64 born = MS(777), s = NSEC_PER_SEC;
	const u64 renew = WEFT_REKEY_AFTER_MESSAGES, reject = WEFT_REJECT_AFTER_MESSAGES;

	EXPECT(t, weft_fsm_session_usable(born, 0, born));
	EXPECT(t, weft_fsm_session_usable(born, 0, born - 1));
	EXPECT(t, weft_fsm_session_usable(born, reject - 1, born + 180 * s - 1));
	EXPECT(t, !weft_fsm_session_usable(born, 0, born + 180 * s));
	EXPECT(t, !weft_fsm_session_usable(born, reject, born));
	EXPECT(t, !weft_fsm_session_usable(born, U64_MAX, born));
	EXPECT(t, !weft_fsm_session_usable(born, 0, U64_MAX));

	EXPECT(t, !weft_fsm_session_due(true, born, renew - 1, born + 120 * s - 1));
	EXPECT(t, weft_fsm_session_due(true, born, 0, born + 120 * s));
	EXPECT(t, weft_fsm_session_due(true, born, renew, born));
	EXPECT(t, !weft_fsm_session_due(false, born, renew - 1, born + 179 * s));
	EXPECT(t, weft_fsm_session_due(false, born, renew, born));
	EXPECT(t, !weft_fsm_session_due(true, born, 0, born - 1));

	EXPECT(t, !weft_fsm_session_ending(true, born, born + 165 * s - 1));
	EXPECT(t, weft_fsm_session_ending(true, born, born + 165 * s));
	EXPECT(t, !weft_fsm_session_ending(false, born, born + 179 * s));
	EXPECT(t, !weft_fsm_session_ending(true, born, born - 1));
}

/*
 * Two peers and a network. A side is the environment of a state machine: sessions, staged data, and
 * the rules by which the data path asks for a session. Keys are numbers.
 */
#define SIM_DELAY	MS(20)
#define SIM_QUEUE	128

enum packet_type { NOTHING, INITIATION, RESPONSE, DATA, EMPTY };

struct packet {
	enum packet_type type;
	int to;
	u32 key;
	u64 at;
};

struct session {
	u32 key;	/* 0: none */
	bool initiator;
	u64 born;
};

struct side {
	struct weft_fsm fsm;
	struct session live, previous, next;
	u32 offered;	/* key of the initiation that waits for its answer */
	u32 staged;
	u32 sent[EMPTY + 1];
	u32 got[EMPTY + 1];
	u32 gave_up, erased;
	u64 initiated_at;
};

struct sim {
	struct test *t;
	u64 now;
	u32 keys;
	bool cut;
	struct side side[2];
	struct packet queue[SIM_QUEUE];
};

static void sim_do(struct sim *sim, int me, u32 actions);

static void sim_report(struct sim *sim, int me, u32 events)
{
	struct weft_fsm *fsm = &sim->side[me].fsm;

	if (!weft_fsm_is_quiet(fsm, events))
		sim_do(sim, me, weft_fsm_report(fsm, events, sim->now));
}

static void sim_send(struct sim *sim, int me, enum packet_type type, u32 key)
{
	int i;

	sim->side[me].sent[type]++;
	if (sim->cut)
		return;
	for (i = 0; i < SIM_QUEUE; i++) {
		if (sim->queue[i].type == NOTHING) {
			sim->queue[i] = (struct packet){ type, !me, key, sim->now + SIM_DELAY };
			return;
		}
	}
	EXPECT(sim->t, !"the network has room");
}

static void sim_send_data(struct sim *sim, int me, bool keepalive)
{
	struct side *side = &sim->side[me];
	const struct session *session = &side->live;

	if (!session->key || !weft_fsm_session_usable(session->born, 0, sim->now)) {
		side->staged += !keepalive;
		sim_report(sim, me, WANTED);
		return;
	}
	sim_send(sim, me, keepalive ? EMPTY : DATA, session->key);
	sim_report(sim, me, AS | (keepalive ? 0 : DS));
	if (weft_fsm_session_due(session->initiator, session->born, 0, sim->now))
		sim_report(sim, me, WANTED);
}

static void sim_initiate(struct sim *sim, int me)
{
	struct side *side = &sim->side[me];

	/* A side sends at most one initiation in 5 s. */
	EXPECT(sim->t, !side->sent[INITIATION] || sim->now - side->initiated_at >= MS(5000));
	side->initiated_at = sim->now;
	side->offered = ++sim->keys;
	sim_send(sim, me, INITIATION, side->offered);
	sim_report(sim, me, INIT_SENT | AS);
}

static void sim_do(struct sim *sim, int me, u32 actions)
{
	struct side *side = &sim->side[me];

	if (actions & ERASE) {
		side->live.key = 0;
		side->previous.key = 0;
		side->next.key = 0;
		side->offered = 0;
		side->erased++;
	}
	if (actions & GIVE_UP) {
		side->staged = 0;
		side->gave_up++;
	}
	if (actions & INITIATE)
		sim_initiate(sim, me);
	if (actions & KEEPALIVE)
		sim_send_data(sim, me, true);
}

static void sim_flush(struct sim *sim, int me)
{
	struct side *side = &sim->side[me];
	u32 count = side->staged;

	side->staged = 0;
	if (!count)
		sim_send_data(sim, me, true);
	while (count--)
		sim_send_data(sim, me, false);
}

static void sim_got_initiation(struct sim *sim, int me, u32 key)
{
	struct side *side = &sim->side[me];

	/* The peer's initiation overtakes ours: a response to ours comes too late. */
	side->offered = 0;
	side->next = (struct session){ key, false, sim->now };
	sim_send(sim, me, RESPONSE, key);
	sim_report(sim, me, AR | AS | RESP_SENT | DERIVED);
}

static void sim_got_response(struct sim *sim, int me, u32 key)
{
	struct side *side = &sim->side[me];

	if (key != side->offered)
		return;
	side->offered = 0;
	side->previous = side->live;
	side->live = (struct session){ key, true, sim->now };
	sim_report(sim, me, AR | DERIVED | CONFIRMED);
	sim_flush(sim, me);
}

static void sim_got_data(struct sim *sim, int me, u32 key, bool keepalive)
{
	struct side *side = &sim->side[me];
	const struct session *session = &side->live;

	if (key == side->next.key) {
		side->previous = side->live;
		side->live = side->next;
		side->next.key = 0;
		sim_report(sim, me, CONFIRMED);
		if (side->staged)
			sim_flush(sim, me);
	} else if (key == side->previous.key) {
		session = &side->previous;
	} else if (key != side->live.key) {
		return;
	}
	if (!weft_fsm_session_usable(session->born, 0, sim->now))
		return;
	sim_report(sim, me, AR | (keepalive ? 0 : DR));
	if (!keepalive && weft_fsm_session_ending(session->initiator, session->born, sim->now))
		sim_report(sim, me, ENDING);
	side->got[keepalive ? EMPTY : DATA]++;
}

static void sim_deliver(struct sim *sim, struct packet packet)
{
	if (packet.type == INITIATION)
		sim_got_initiation(sim, packet.to, packet.key);
	else if (packet.type == RESPONSE)
		sim_got_response(sim, packet.to, packet.key);
	else
		sim_got_data(sim, packet.to, packet.key, packet.type == EMPTY);
}

/* The time of the next delivery or timer; *which is the packet of a delivery. */
static u64 sim_next(const struct sim *sim, int *which)
{
	u64 next = min(weft_fsm_next(&sim->side[0].fsm), weft_fsm_next(&sim->side[1].fsm));
	int i;

	*which = -1;
	for (i = 0; i < SIM_QUEUE; i++) {
		if (sim->queue[i].type != NOTHING && sim->queue[i].at <= next) {
			next = sim->queue[i].at;
			*which = i;
		}
	}
	return next;
}

static void sim_run_until(struct sim *sim, u64 end)
{
	struct packet packet;
	int which;
	u64 next;

	while ((next = sim_next(sim, &which)) <= end) {
		sim->now = next;
		if (which >= 0) {
			packet = sim->queue[which];
			sim->queue[which].type = NOTHING;
			sim_deliver(sim, packet);
			continue;
		}
		sim_do(sim, 0, weft_fsm_expire(&sim->side[0].fsm, sim->now));
		sim_do(sim, 1, weft_fsm_expire(&sim->side[1].fsm, sim->now));
	}
	sim->now = end;
}

static struct sim *sim_start(struct test *t)
{
	struct sim *sim = test_zalloc(t, sizeof(*sim));

	sim->t = t;
	sim->now = MS(1000);
	weft_fsm_init(&sim->side[0].fsm, 1, sim->now);
	weft_fsm_init(&sim->side[1].fsm, 2, sim->now);
	return sim;
}

static void sim_end(struct sim *sim)
{
	test_free(sim);
}

/* Sends @count packets, one every @every_ms, from side @me. */
static void sim_flow(struct sim *sim, int me, u32 count, u32 every_ms)
{
	while (count--) {
		sim_send_data(sim, me, false);
		sim_run_until(sim, sim->now + MS(every_ms));
	}
}

/*
 * One packet: handshake, delivery, one keepalive as the answer, silence, and no key left after 9
 * minutes.
 */
static void sim_one_packet(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];

	sim_send_data(sim, 0, false);
	sim_run_until(sim, MS(500000));
	EXPECT_EQ(t, b->got[DATA], 1);
	EXPECT_EQ(t, a->sent[INITIATION], 1);
	EXPECT_EQ(t, b->sent[RESPONSE], 1);
	EXPECT_EQ(t, b->sent[INITIATION], 0);
	EXPECT_EQ(t, b->sent[EMPTY], 1);
	EXPECT_EQ(t, a->sent[EMPTY], 0);
	EXPECT_EQ(t, a->erased + b->erased, 0);
	sim_run_until(sim, MS(1000000));
	EXPECT_EQ(t, a->erased, 1);
	EXPECT_EQ(t, b->erased, 1);
	EXPECT_EQ(t, sim_next(sim, &(int){ 0 }), WEFT_FSM_NEVER);
	sim_end(sim);
}

/*
 * A steady flow one way for an hour: no loss, and the initiator renews the session every two
 * minutes.
 */
static void sim_steady_flow(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];

	sim_flow(sim, 0, 3600, 1000);
	EXPECT_EQ(t, b->got[DATA], 3600);
	EXPECT(t, a->sent[INITIATION] >= 29 && a->sent[INITIATION] <= 31);
	EXPECT_EQ(t, b->sent[INITIATION], 0);
	EXPECT_EQ(t, b->sent[RESPONSE], a->sent[INITIATION]);
	/* One keepalive for each 10 s of data; the other way only those that confirm a session. */
	EXPECT(t, b->sent[EMPTY] >= 300 && b->sent[EMPTY] <= 360);
	EXPECT(t, a->sent[EMPTY] <= a->sent[INITIATION]);
	sim_end(sim);
}

/*
 * The initiator of the session only receives: it renews at 165 s, before the session expires for
 * the sender.
 */
static void sim_receiver_renews(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];

	sim_send_data(sim, 0, false);
	sim_run_until(sim, MS(2000));
	sim_flow(sim, 1, 600, 1000);
	EXPECT_EQ(t, a->got[DATA], 600);
	EXPECT_EQ(t, b->sent[INITIATION], 0);
	EXPECT(t, a->sent[INITIATION] >= 4);
	sim_end(sim);
}

/* Data both ways: no keepalives apart from those that confirm a session. */
static void sim_both_talk(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];
	int i;

	for (i = 0; i < 600; i++) {
		sim_send_data(sim, i & 1, false);
		sim_run_until(sim, sim->now + MS(1000));
	}
	EXPECT_EQ(t, a->got[DATA] + b->got[DATA], 600);
	EXPECT(t, a->sent[EMPTY] + b->sent[EMPTY] <= a->sent[INITIATION] + b->sent[INITIATION]);
	sim_end(sim);
}

/*
 * Both sides start at the same time, and their initiations cross until their jitter differs by more
 * than the delay. They settle on one handshake, and none follows.
 */
static void sim_simultaneous(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];

	sim_send_data(sim, 0, false);
	sim_send_data(sim, 1, false);
	sim_run_until(sim, MS(60000));
	EXPECT_EQ(t, a->got[DATA], 1);
	EXPECT_EQ(t, b->got[DATA], 1);
	EXPECT(t, a->sent[INITIATION] <= 3);
	EXPECT(t, b->sent[INITIATION] <= 3);
	EXPECT(t, a->sent[EMPTY] + b->sent[EMPTY] <= 4);
	sim_end(sim);
}

/*
 * The same with traffic both ways, which asks for a session all the time: the jitter of the retries
 * still separates the two sides.
 */
static void sim_simultaneous_flows(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];
	int i;

	for (i = 0; i < 100; i++) {
		sim_send_data(sim, 0, false);
		sim_send_data(sim, 1, false);
		sim_run_until(sim, sim->now + MS(200));
	}
	EXPECT(t, a->got[DATA] > 0);
	EXPECT(t, b->got[DATA] > 0);
	sim_end(sim);
}

/*
 * The peer does not answer: 18 tries, the staged packets are dropped, silence. Later the next
 * packet starts a handshake, which succeeds.
 */
static void sim_dead_peer(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];

	sim->cut = true;
	sim_send_data(sim, 0, false);
	EXPECT_EQ(t, a->staged, 1);
	sim_run_until(sim, MS(600000));
	EXPECT_EQ(t, a->sent[INITIATION], 18);
	EXPECT_EQ(t, a->gave_up, 1);
	EXPECT_EQ(t, a->staged, 0);
	sim->cut = false;
	sim_send_data(sim, 0, false);
	sim_run_until(sim, MS(700000));
	EXPECT_EQ(t, b->got[DATA], 1);
	EXPECT_EQ(t, a->sent[INITIATION], 19);
	sim_end(sim);
}

static void sim_forgets(struct sim *sim, int me)
{
	struct side *side = &sim->side[me];

	side->live.key = side->previous.key = side->next.key = side->offered = 0;
	weft_fsm_stop(&side->fsm, sim->now);
}

/* The peer is restarted, and so no longer knows the session. Before that it answered at once. */
static void sim_restarted_peer(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];
	u32 got, i;

	for (i = 0; i < 5; i++) {
		sim_flow(sim, 0, 1, 100);
		sim_flow(sim, 1, 1, 100);
	}
	sim_forgets(sim, 1);
	got = b->got[DATA];
	sim_flow(sim, 0, 49, 100);
	EXPECT_EQ(t, a->sent[INITIATION], 1);
	EXPECT_EQ(t, b->got[DATA], got);
	sim_flow(sim, 0, 10, 100);
	EXPECT_EQ(t, a->sent[INITIATION], 2);
	EXPECT(t, b->got[DATA] > got);
	sim_end(sim);
}

/* Of a flow one way, that follows an exchange, one more handshake is all that is to be seen. */
static void sim_exchange_then_flow(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0];
	u32 i;

	for (i = 0; i < 5; i++) {
		sim_flow(sim, 0, 1, 100);
		sim_flow(sim, 1, 1, 100);
	}
	sim_flow(sim, 0, 100, 1000);
	EXPECT_EQ(t, a->sent[INITIATION], 2);
	EXPECT_EQ(t, sim->side[1].sent[INITIATION], 0);
	sim_end(sim);
}

/*
 * Exchanges of which the last packet needs no answer, as TCP's acknowledgement, with pauses in which
 * a keepalive comes: no handshake but the renewals.
 */
static void sim_exchanges(struct test *t)
{
	struct sim *sim = sim_start(t);
	u32 i, j;

	for (i = 0; i < 50; i++) {
		for (j = 0; j < 6; j++) {
			sim_flow(sim, 0, 1, 100);
			sim_flow(sim, 1, 1, 100);
		}
		sim_flow(sim, 0, 1, 3000 + 200 * i);
	}
	EXPECT(t, sim->side[0].sent[INITIATION] <= 1 + sim->now / MS(120000));
	EXPECT_EQ(t, sim->side[1].sent[INITIATION], 0);
	sim_end(sim);
}

/* The path breaks under a session: detected within 15 s, and repaired as soon as the path works. */
static void sim_broken_path(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];
	u64 cut_at;

	sim_flow(sim, 0, 30, 1000);
	EXPECT_EQ(t, a->sent[INITIATION], 1);
	sim->cut = true;
	cut_at = sim->now;
	sim_flow(sim, 0, 5, 1000);
	EXPECT_EQ(t, a->sent[INITIATION], 1);
	sim_run_until(sim, cut_at + MS(15000 + WEFT_REKEY_JITTER_MS));
	EXPECT(t, a->sent[INITIATION] >= 2);
	sim->cut = false;
	sim_flow(sim, 0, 20, 1000);
	EXPECT_EQ(t, b->got[DATA], 50);
	EXPECT_EQ(t, a->gave_up, 0);
	sim_end(sim);
}

/*
 * An idle tunnel with a persistent keepalive on one side: one packet per interval, and a session at
 * all times.
 */
static void sim_persistent(struct test *t)
{
	struct sim *sim = sim_start(t);
	struct side *a = &sim->side[0], *b = &sim->side[1];

	sim_do(sim, 0, weft_fsm_set_persistent(&a->fsm, 25, sim->now));
	sim_run_until(sim, MS(1000) + MS(3600 * 1000));
	/* In 125 s: five keepalives, then an initiation is due, and its confirmation. */
	EXPECT(t, a->sent[EMPTY] + a->sent[INITIATION] >= 3600 / 125 * 7);
	EXPECT(t, a->sent[EMPTY] + a->sent[INITIATION] <= 3600 / 125 * 7 + 7);
	EXPECT_EQ(t, b->sent[EMPTY], 0);
	EXPECT_EQ(t, b->sent[INITIATION], 0);
	EXPECT_EQ(t, a->erased + b->erased, 0);
	/* The peer is unreachable for a day: its return is detected without any data. */
	sim->cut = true;
	sim_run_until(sim, sim->now + MS(24 * 3600 * 1000));
	sim->cut = false;
	sim_run_until(sim, sim->now + MS(60 * 1000));
	EXPECT(t, weft_fsm_session_usable(a->live.born, 0, sim->now));
	EXPECT(t, a->gave_up > 0);
	sim_end(sim);
}

/* ---- the effect of each event on a state in which everything is set ---- */

#define NOW	MS(1000000)

/* No timer is armed, no pause and no single try is in progress. */
static struct weft_fsm full_state(void)
{
	struct weft_fsm fsm;
	int timer;

	memset(&fsm, 0, sizeof(fsm));
	for (timer = 0; timer < WEFT_FSM_TIMERS; timer++)
		fsm.deadline[timer] = WEFT_FSM_NEVER;
	fsm.handshake_at = MS(900000);
	fsm.derived_at = MS(910000);
	fsm.up_at = MS(920000);
	fsm.up_until = MS(1090000);
	fsm.idle_at = MS(930000);
	fsm.trying_at = MS(940000);
	fsm.missed_at = MS(950000);
	fsm.given_up_at = MS(960000);
	fsm.jitter = 7;
	fsm.tries = fsm.unanswered = fsm.retries = fsm.in_vain = fsm.pauses = 3;
	fsm.soon = 3;
	fsm.ending = fsm.handshaked = fsm.trying = fsm.waiting = fsm.lost = true;
	fsm.missed = fsm.refused = fsm.given_up = true;
	return fsm;
}

static void expect_timers(struct test *t, const struct weft_fsm *fsm, const struct weft_fsm *want)
{
	int timer;

	for (timer = 0; timer < WEFT_FSM_TIMERS; timer++)
		EXPECT_EQ(t, fsm->deadline[timer], want->deadline[timer]);
	EXPECT_EQ(t, fsm->handshake_at, want->handshake_at);
	EXPECT_EQ(t, fsm->derived_at, want->derived_at);
	EXPECT_EQ(t, fsm->up_at, want->up_at);
	EXPECT_EQ(t, fsm->up_until, want->up_until);
	EXPECT_EQ(t, fsm->idle_at, want->idle_at);
	EXPECT_EQ(t, fsm->trying_at, want->trying_at);
	EXPECT_EQ(t, fsm->missed_at, want->missed_at);
	EXPECT_EQ(t, fsm->given_up_at, want->given_up_at);
}

static void expect_state(struct test *t, const struct weft_fsm *fsm, const struct weft_fsm *want)
{
	expect_timers(t, fsm, want);
	EXPECT_EQ(t, fsm->persistent_s, want->persistent_s);
	EXPECT_EQ(t, fsm->tries, want->tries);
	EXPECT_EQ(t, fsm->unanswered, want->unanswered);
	EXPECT_EQ(t, fsm->retries, want->retries);
	EXPECT_EQ(t, fsm->in_vain, want->in_vain);
	EXPECT_EQ(t, fsm->pauses, want->pauses);
	EXPECT_EQ(t, fsm->soon, want->soon);
	EXPECT_EQ(t, fsm->ending, want->ending);
	EXPECT_EQ(t, fsm->handshaked, want->handshaked);
	EXPECT_EQ(t, fsm->trying, want->trying);
	EXPECT_EQ(t, fsm->waiting, want->waiting);
	EXPECT_EQ(t, fsm->lost, want->lost);
	EXPECT_EQ(t, fsm->pausing, want->pausing);
	EXPECT_EQ(t, fsm->single, want->single);
	EXPECT_EQ(t, fsm->missed, want->missed);
	EXPECT_EQ(t, fsm->refused, want->refused);
	EXPECT_EQ(t, fsm->given_up, want->given_up);
}

/* Expects a timer armed from @from on, with less than @span of jitter. */
static void expect_armed(struct test *t, const struct weft_fsm *fsm, struct weft_fsm *want,
			 enum weft_fsm_timer timer, u64 from, u64 span)
{
	EXPECT(t, fsm->deadline[timer] >= from);
	EXPECT(t, fsm->deadline[timer] < from + span);
	want->deadline[timer] = fsm->deadline[timer];
}

static void want_handshake(struct weft_fsm *want)
{
	want->handshake_at = NOW;
	want->handshaked = true;
}

static void want_heard(struct weft_fsm *want)
{
	want->missed = false;
	want->unanswered = 0;
	want->in_vain = 0;
	want->pauses = 0;
	want->refused = false;
	want->given_up = false;
	want->idle_at = NOW;
	want->deadline[WEFT_FSM_RETRY] = WEFT_FSM_NEVER;
}

static void fsm_leaves_heard(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	fsm.deadline[WEFT_FSM_NEW_HANDSHAKE] = MS(1001000);
	fsm.deadline[WEFT_FSM_RETRY] = MS(1002000);
	want = fsm;
	want.deadline[WEFT_FSM_NEW_HANDSHAKE] = WEFT_FSM_NEVER;
	want.soon = 0;
	want_heard(&want);
	EXPECT_EQ(t, weft_fsm_report(&fsm, AR, NOW), 0);
	expect_state(t, &fsm, &want);

	/* No data was unanswered. */
	fsm = full_state();
	fsm.missed = false;
	fsm.deadline[WEFT_FSM_RETRY] = MS(1002000);
	want = fsm;
	EXPECT_EQ(t, weft_fsm_report(&fsm, AR, NOW), 0);
	expect_state(t, &fsm, &want);

	/* The peer was not given up. */
	fsm = full_state();
	fsm.given_up = false;
	fsm.deadline[WEFT_FSM_RETRY] = MS(1002000);
	want = fsm;
	want_heard(&want);
	want.idle_at = fsm.idle_at;
	want.deadline[WEFT_FSM_RETRY] = MS(1002000);
	EXPECT_EQ(t, weft_fsm_report(&fsm, AR, NOW), 0);
	expect_state(t, &fsm, &want);

	/* The event ends a pause. */
	fsm = full_state();
	fsm.pausing = true;
	fsm.waiting = false;
	want = fsm;
	want_heard(&want);
	want.pausing = false;
	want.waiting = true;
	EXPECT_EQ(t, weft_fsm_report(&fsm, AR, NOW), 0);
	expect_armed(t, &fsm, &want, WEFT_FSM_RETRANSMIT, NOW, MS(WEFT_REKEY_JITTER_MS));
	EXPECT(t, fsm.deadline[WEFT_FSM_RETRANSMIT] > NOW);
	expect_state(t, &fsm, &want);
}

static void want_series(struct weft_fsm *want)
{
	want->tries = 0;
	want->single = false;
	want->trying = true;
	want->trying_at = NOW;
	want->unanswered = 0;
	want->refused = false;
	want->given_up = false;
	want->deadline[WEFT_FSM_RETRY] = WEFT_FSM_NEVER;
}

static void fsm_leaves_wanted(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	/* A series begins. */
	fsm.trying = false;
	fsm.single = true;
	fsm.deadline[WEFT_FSM_RETRY] = MS(1002000);
	want = fsm;
	want_series(&want);
	want_handshake(&want);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, NOW), INITIATE);
	expect_state(t, &fsm, &want);

	/* A series continues. */
	fsm = full_state();
	fsm.single = true;
	want = fsm;
	want.tries = 0;
	want.single = false;
	want_handshake(&want);
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, NOW), INITIATE);
	expect_state(t, &fsm, &want);

	/* Within the 5 s: the event only resets the count. */
	fsm = full_state();
	fsm.handshake_at = NOW - MS(4999);
	want = fsm;
	want.tries = 0;
	EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED, NOW), 0);
	expect_state(t, &fsm, &want);

	/* After one request: the try is deferred. */
	fsm.trying = false;
	fsm.waiting = false;
	fsm.tries = 3;
	want = fsm;
	want_series(&want);
	want.waiting = true;
	EXPECT_EQ(t, weft_fsm_report(&fsm, WEFT_FSM_RENEWAL, NOW), 0);
	expect_armed(t, &fsm, &want, WEFT_FSM_RETRANSMIT, NOW + MS(1),
		     MS(WEFT_REKEY_JITTER_MS));
	expect_state(t, &fsm, &want);
}

static void fsm_leaves_mended(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	/* A try in progress stays so. */
	fsm.deadline[WEFT_FSM_RETRANSMIT] = MS(1001000);
	fsm.deadline[WEFT_FSM_RETRY] = MS(1002000);
	want = fsm;
	want.in_vain = 0;
	want.tries = 0;
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, NOW), 0);
	expect_state(t, &fsm, &want);

	/* A pause ends. */
	fsm.pausing = true;
	fsm.in_vain = 200;
	want = fsm;
	want.in_vain = 0;
	want.tries = 0;
	want.pausing = false;
	want.deadline[WEFT_FSM_RETRANSMIT] = WEFT_FSM_NEVER;
	want_handshake(&want);
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, NOW), INITIATE);
	expect_state(t, &fsm, &want);

	/* Nothing was in progress. */
	fsm = full_state();
	want = fsm;
	want.in_vain = 0;
	EXPECT_EQ(t, weft_fsm_report(&fsm, MENDED, NOW), 0);
	expect_state(t, &fsm, &want);
}

static void fsm_leaves_stray(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	fsm.up_until = 0;
	fsm.handshaked = false;
	want = fsm;
	want.single = true;
	want_handshake(&want);
	EXPECT_EQ(t, weft_fsm_report(&fsm, STRAY, NOW), INITIATE);
	expect_state(t, &fsm, &want);
	/* Its single try expires: the keys are erased in the end. */
	weft_fsm_report(&fsm, INIT_SENT, NOW);
	want = fsm;
	want.single = false;
	want.deadline[WEFT_FSM_RETRANSMIT] = WEFT_FSM_NEVER;
	want.deadline[WEFT_FSM_ERASE] = NOW + MS(6000 + 540000);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW + MS(6000)), 0);
	expect_state(t, &fsm, &want);
}

static void fsm_leaves_sent(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	fsm.pausing = true;
	want = fsm;
	want.tries = 4;
	want.waiting = false;
	want.pausing = false;
	want.lost = false;
	want_handshake(&want);
	EXPECT_EQ(t, weft_fsm_report(&fsm, INIT_SENT, NOW), 0);
	expect_armed(t, &fsm, &want, WEFT_FSM_RETRANSMIT, NOW + MS(5000),
		     MS(WEFT_REKEY_JITTER_MS));
	expect_state(t, &fsm, &want);
	fsm.tries = U8_MAX;
	want.tries = U8_MAX;
	want.handshaked = false;
	EXPECT_EQ(t, weft_fsm_report(&fsm, BARRED, NOW), 0);
	want.deadline[WEFT_FSM_RETRANSMIT] = fsm.deadline[WEFT_FSM_RETRANSMIT];
	expect_state(t, &fsm, &want);
	want.handshaked = true;
	EXPECT_EQ(t, weft_fsm_report(&fsm, RESP_SENT, NOW), 0);
	expect_state(t, &fsm, &want);
	want.lost = true;
	fsm.refused = false;
	want.refused = true;
	EXPECT_EQ(t, weft_fsm_report(&fsm, LOST | REFUSED, NOW), 0);
	expect_state(t, &fsm, &want);
	want.derived_at = NOW;
	want.deadline[WEFT_FSM_ERASE] = NOW + MS(540000);
	EXPECT_EQ(t, weft_fsm_report(&fsm, DERIVED, NOW), 0);
	expect_state(t, &fsm, &want);
}

static void fsm_leaves_confirmed(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	fsm.single = true;
	fsm.deadline[WEFT_FSM_RETRANSMIT] = MS(1001000);
	want = fsm;
	want_heard(&want);
	want.deadline[WEFT_FSM_RETRANSMIT] = WEFT_FSM_NEVER;
	want.tries = 0;
	want.trying = false;
	want.waiting = false;
	want.single = false;
	want.ending = false;
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONFIRMED, NOW), WEFT_FSM_TELL_RENEWED);
	expect_state(t, &fsm, &want);
	/* During a pause, without a session. */
	fsm = full_state();
	fsm.pausing = true;
	fsm.single = true;
	fsm.missed = false;
	fsm.up_until = NOW;
	want = full_state();
	want.missed = false;
	want.tries = 0;
	want.trying = false;
	want.waiting = false;
	want.ending = false;
	want.up_until = MS(1090000);
	want.up_at = NOW;
	EXPECT_EQ(t, weft_fsm_report(&fsm, CONFIRMED, NOW), WEFT_FSM_TELL_UP);
	expect_state(t, &fsm, &want);
}

/* The last try of a series. */
static void fsm_leaves_given_up(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	fsm.waiting = false;
	fsm.missed = false;
	fsm.given_up = false;
	fsm.lost = false;
	fsm.persistent_s = 25;
	fsm.handshake_at = NOW - MS(5100);
	fsm.tries = WEFT_REKEY_ATTEMPTS;
	fsm.unanswered = WEFT_REKEY_ATTEMPTS - 1;
	fsm.deadline[WEFT_FSM_RETRANSMIT] = NOW;
	fsm.deadline[WEFT_FSM_KEEPALIVE] = MS(1001000);
	want = fsm;
	want.missed = true;
	want.missed_at = NOW;
	want.in_vain = 4;
	want.unanswered = WEFT_REKEY_ATTEMPTS;
	want.given_up = true;
	want.given_up_at = NOW;
	want.retries = 1;
	want.trying = false;
	want.deadline[WEFT_FSM_RETRANSMIT] = WEFT_FSM_NEVER;
	want.deadline[WEFT_FSM_KEEPALIVE] = WEFT_FSM_NEVER;
	want.deadline[WEFT_FSM_ERASE] = NOW + MS(540000);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), GIVE_UP | WEFT_FSM_TELL_GIVEN_UP);
	expect_armed(t, &fsm, &want, WEFT_FSM_RETRY, NOW - MS(5100) + MS(7500), MS(2501));
	expect_state(t, &fsm, &want);
	/* A second time: the state's time and the erasure stay; the next RETRY comes later. */
	fsm.deadline[WEFT_FSM_RETRANSMIT] = NOW + MS(100);
	want = fsm;
	want.in_vain = 5;
	want.unanswered = WEFT_REKEY_ATTEMPTS + 1;
	want.retries = 2;
	want.deadline[WEFT_FSM_RETRANSMIT] = WEFT_FSM_NEVER;
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW + MS(100)), GIVE_UP);
	expect_armed(t, &fsm, &want, WEFT_FSM_RETRY, NOW - MS(5100) + MS(15000), MS(5001));
	expect_state(t, &fsm, &want);
}

/* An expired keepalive is not sent to a peer that was given up; the timer is armed again. */
static void fsm_leaves_persistent(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	fsm.persistent_s = 25;
	fsm.deadline[WEFT_FSM_PERSISTENT] = NOW;
	want = fsm;
	want.deadline[WEFT_FSM_PERSISTENT] = NOW + MS(25000);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), 0);
	expect_state(t, &fsm, &want);
	/* An event that has been handled is quiet, too. */
	EXPECT(t, weft_fsm_is_quiet(&fsm, ENDING));
	EXPECT(t, !weft_fsm_is_quiet(&fsm, AS));
}

static void fsm_leaves_tried(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	/* The first try of a series, which was deferred. */
	fsm.deadline[WEFT_FSM_RETRANSMIT] = NOW;
	want = fsm;
	want.deadline[WEFT_FSM_RETRANSMIT] = WEFT_FSM_NEVER;
	want.waiting = false;
	want_handshake(&want);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), INITIATE);
	expect_state(t, &fsm, &want);
	/* A barred try keeps no flow entry alive. */
	fsm.deadline[WEFT_FSM_RETRANSMIT] = NOW;
	want.unanswered = 4;
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), RETRY);
	expect_state(t, &fsm, &want);
	/* Counters do not wrap. */
	fsm.deadline[WEFT_FSM_RETRANSMIT] = NOW;
	fsm.lost = false;
	fsm.in_vain = FSM_PAUSE_AFTER - 2;
	fsm.unanswered = U8_MAX;
	want.lost = false;
	want.in_vain = FSM_PAUSE_AFTER - 1;
	want.unanswered = U8_MAX;
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), RETRY);
	expect_state(t, &fsm, &want);
	/* The count of tries in vain does not wrap either, and a pause follows. */
	fsm.deadline[WEFT_FSM_RETRANSMIT] = NOW;
	fsm.in_vain = U8_MAX;
	want.in_vain = U8_MAX;
	want.pausing = true;
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), 0);
	expect_armed(t, &fsm, &want, WEFT_FSM_RETRANSMIT, NOW + MS(125000), MS(5000));
	expect_state(t, &fsm, &want);
}

static void fsm_leaves_paused(struct test *t)
{
	static const u8 pauses[][2] = { { 0, 1 }, { 3, 4 }, { U8_MAX, U8_MAX } };
	struct weft_fsm fsm, want;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pauses); i++) {
		fsm = full_state();
		fsm.waiting = false;
		fsm.pausing = true;
		fsm.pauses = pauses[i][0];
		fsm.deadline[WEFT_FSM_RETRANSMIT] = NOW;
		want = fsm;
		want.deadline[WEFT_FSM_RETRANSMIT] = WEFT_FSM_NEVER;
		want.pausing = false;
		want.in_vain = 0;
		want.pauses = pauses[i][1];
		want_handshake(&want);
		EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), RETRY);
		expect_state(t, &fsm, &want);
	}
}

/*
 * RETRY comes up to a quarter earlier than 10 s, and the jitter reaches every part of that quarter.
 */
static void fsm_retries_spread(struct test *t)
{
	u64 after, least = U64_MAX, most = 0;
	struct weft_fsm fsm;
	u32 seed;

	for (seed = 0; seed < 2000; seed++) {
		weft_fsm_init(&fsm, seed * 0x9e3779b1, 0);
		after = fsm_retry_after(&fsm);
		least = min(least, after);
		most = max(most, after);
	}
	EXPECT(t, least >= MS(7500) && least < MS(7600));
	EXPECT(t, most > MS(9900) && most <= MS(10000));
}

static void fsm_leaves_retried(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	fsm.deadline[WEFT_FSM_RETRY] = NOW;
	want = fsm;
	want.deadline[WEFT_FSM_RETRY] = WEFT_FSM_NEVER;
	want.tries = WEFT_REKEY_ATTEMPTS;
	want_handshake(&want);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), RETRY);
	expect_state(t, &fsm, &want);
	/* The router has forgotten the flow. */
	fsm.deadline[WEFT_FSM_RETRY] = NOW;
	fsm.handshake_at = NOW - MS(125000);
	want.in_vain = 0;
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), RETRY);
	expect_state(t, &fsm, &want);
	/* Within the 5 s. */
	fsm.deadline[WEFT_FSM_RETRY] = NOW;
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), 0);
	expect_armed(t, &fsm, &want, WEFT_FSM_RETRY, NOW + MS(5000), MS(WEFT_REKEY_JITTER_MS));
	expect_state(t, &fsm, &want);
	/* A try is in progress. */
	fsm.handshake_at = MS(900000);
	fsm.deadline[WEFT_FSM_RETRANSMIT] = NOW + 1;
	fsm.deadline[WEFT_FSM_RETRY] = NOW;
	want.handshake_at = MS(900000);
	want.deadline[WEFT_FSM_RETRANSMIT] = NOW + 1;
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), 0);
	expect_armed(t, &fsm, &want, WEFT_FSM_RETRY, NOW + MS(5000), MS(WEFT_REKEY_JITTER_MS));
	expect_state(t, &fsm, &want);
}

static void fsm_leaves_missed(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;

	fsm.deadline[WEFT_FSM_NEW_HANDSHAKE] = NOW;
	want = fsm;
	want.deadline[WEFT_FSM_NEW_HANDSHAKE] = WEFT_FSM_NEVER;
	want.tries = 0;
	want_handshake(&want);
	EXPECT_EQ(t, weft_fsm_expire(&fsm, NOW), FORGET | INITIATE);
	expect_state(t, &fsm, &want);
	/* A forgotten session ends now, unless it has ended before. */
	weft_fsm_forget_session(&fsm, MS(1000000));
	EXPECT_EQ(t, fsm.up_until, MS(1000000));
	weft_fsm_forget_session(&fsm, MS(1000001));
	EXPECT_EQ(t, fsm.up_until, MS(1000000));
}

static void fsm_leaves_stopped(struct test *t)
{
	struct weft_fsm fsm = full_state(), want;
	int timer;

	fsm.pausing = true;
	fsm.single = true;
	fsm.persistent_s = 25;
	want = fsm;
	for (timer = 0; timer < WEFT_FSM_TIMERS; timer++)
		fsm.deadline[timer] = MS(1001000);
	want.tries = want.unanswered = want.in_vain = want.pauses = want.soon = 0;
	want.handshaked = want.trying = want.waiting = want.pausing = want.single = false;
	want.refused = want.given_up = want.missed = want.ending = false;
	want.up_until = 0;
	want.idle_at = NOW;
	weft_fsm_stop(&fsm, NOW);
	expect_state(t, &fsm, &want);
}

/* Two requests in one report: the first is served regardless of the second. */
static void fsm_actions_together(struct test *t)
{
	static const u32 wishes[] = {
		ENDING, WEFT_FSM_RENEWAL, CONNECT, MENDED, STRAY,
	};
	struct weft_fsm fsm;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		weft_fsm_init(&fsm, 1, 0);
		EXPECT_EQ(t, weft_fsm_report(&fsm, WANTED | wishes[i], NOW), INITIATE);
	}
	weft_fsm_init(&fsm, 1, 0);
	EXPECT_EQ(t, weft_fsm_report(&fsm, DERIVED | CONFIRMED | WANTED, NOW),
		  WEFT_FSM_TELL_UP | INITIATE);
}

TEST_SUITE("fsm",
	   TEST_CASE(fsm_wanted),
	   TEST_CASE(fsm_barred),
	   TEST_CASE(fsm_clock_of_another_cpu),
	   TEST_CASE(fsm_retransmit),
	   TEST_CASE(fsm_give_up),
	   TEST_CASE(fsm_give_up_keeps_erase),
	   TEST_CASE(fsm_tries),
	   TEST_CASE(fsm_keepalive),
	   TEST_CASE(fsm_new_handshake),
	   TEST_CASE(fsm_doubt),
	   TEST_CASE(fsm_persistent),
	   TEST_CASE(fsm_erase),
	   TEST_CASE(fsm_ending),
	   TEST_CASE(fsm_together),
	   TEST_CASE(fsm_stop),
	   TEST_CASE(fsm_next),
	   TEST_CASE(fsm_random_numbers),
	   TEST_CASE(fsm_jitter_spreads),
	   TEST_CASE(fsm_states),
	   TEST_CASE(fsm_reports_giving_up_once),
	   TEST_CASE(fsm_backs_off),
	   TEST_CASE(fsm_retry_is_put_off),
	   TEST_CASE(fsm_retries_for_days),
	   TEST_CASE(fsm_stops_in_any_state),
	   TEST_CASE(fsm_answer_resets_count),
	   TEST_CASE(fsm_pauses),
	   TEST_CASE(fsm_pauses_between_series),
	   TEST_CASE(fsm_pause_ends_early),
	   TEST_CASE(fsm_pause_grants_a_try),
	   TEST_CASE(fsm_barred_does_not_pause),
	   TEST_CASE(fsm_lost_does_not_pause),
	   TEST_CASE(fsm_mended_resets_count),
	   TEST_CASE(fsm_connect_asks),
	   TEST_CASE(fsm_stray_is_one_try),
	   TEST_CASE(fsm_forgets_sessions),
	   TEST_CASE(fsm_quiet),
	   TEST_CASE(fsm_ages),
	   TEST_CASE(sim_one_packet),
	   TEST_CASE(sim_steady_flow),
	   TEST_CASE(sim_receiver_renews),
	   TEST_CASE(sim_both_talk),
	   TEST_CASE(sim_simultaneous),
	   TEST_CASE(sim_simultaneous_flows),
	   TEST_CASE(sim_dead_peer),
	   TEST_CASE(sim_restarted_peer),
	   TEST_CASE(sim_exchange_then_flow),
	   TEST_CASE(sim_exchanges),
	   TEST_CASE(sim_broken_path),
	   TEST_CASE(sim_persistent),
	   TEST_CASE(fsm_leaves_heard),
	   TEST_CASE(fsm_leaves_wanted),
	   TEST_CASE(fsm_leaves_mended),
	   TEST_CASE(fsm_leaves_stray),
	   TEST_CASE(fsm_leaves_sent),
	   TEST_CASE(fsm_leaves_confirmed),
	   TEST_CASE(fsm_leaves_given_up),
	   TEST_CASE(fsm_leaves_persistent),
	   TEST_CASE(fsm_leaves_tried),
	   TEST_CASE(fsm_leaves_paused),
	   TEST_CASE(fsm_retries_spread),
	   TEST_CASE(fsm_leaves_retried),
	   TEST_CASE(fsm_leaves_missed),
	   TEST_CASE(fsm_leaves_stopped),
	   TEST_CASE(fsm_actions_together));
