// SPDX-License-Identifier: GPL-2.0
/*
 * The order: records of the fleet and of nodes first, until no more of them pass, because a
 * record of the fleet may name the key that has signed the next one; then hellos, whose
 * signers are the identities of the nodes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "fleet/gate.h"

/* Lines of unknown signers that are kept: the records that introduce them may follow. */
#define GATE_STRANGERS_BYTES	1048576
/* Each record has more bytes: a text of empty lines needs no memory for them. */
#define GATE_LINE_BYTES		(WEFT_KEY_CHARS + WEFT_SIGNATURE_CHARS)

enum gate_verdict {
	GATE_UNDECIDED,
	GATE_PASSED,
	GATE_DROPPED,
};

/**
 * struct gate_line - one line of the text
 * @number: its number, from 1
 * @at: its beginning
 * @len: its length, without the newline
 * @kind: its kind
 * @signer: the key that it names
 * @signature: its signature
 * @payload: the signed text
 * @verdict: what has become of it
 */
struct gate_line {
	size_t number;
	const char *at;
	size_t len;
	enum weft_fleet_kind kind;
	struct weft_key signer;
	struct weft_signature signature;
	const char *payload;
	enum gate_verdict verdict;
};

/**
 * struct gate_job - one text
 * @fleet: the fleet
 * @gate: the result
 * @lines: the lines that have the form of a record
 * @count: their number
 * @known: the records that the fleet has, sorted by their lines
 * @known_count: their number
 * @signers: the identities of the nodes, sorted
 * @signer_count: their number
 * @failed: memory was short
 */
struct gate_job {
	struct weft_fleet *fleet;
	struct weft_gate *gate;
	struct gate_line *lines;
	size_t count;
	const struct weft_fleet_record **known;
	size_t known_count;
	struct weft_key *signers;
	size_t signer_count;
	bool failed;
};

/* The form of a line. */

static bool gate_take_kind(struct gate_line *line, const char **at)
{
	static const struct {
		const char *text;
		enum weft_fleet_kind kind;
	} heads[] = {
		{ "weft-fleet/1 fleet ", WEFT_FLEET_TERMS },
		{ "weft-fleet/1 node ", WEFT_FLEET_NODE },
		{ "weft-fleet/1 hello ", WEFT_FLEET_HELLO },
	};
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		len = strlen(heads[i].text);
		if (line->len <= len || memcmp(line->at, heads[i].text, len))
			continue;
		line->kind = heads[i].kind;
		*at = line->at + len;
		return true;
	}
	return false;
}

static bool gate_take_line(struct gate_line *line)
{
	size_t limit;
	char key[WEFT_KEY_CHARS + 1];
	const char *at;

	if (!gate_take_kind(line, &at))
		return false;
	limit = line->kind == WEFT_FLEET_TERMS ? WEFT_FLEET_TERMS_BYTES : WEFT_FLEET_LINE_BYTES;
	if (line->len > limit || memchr(line->at, '\0', line->len) ||
	    line->at + line->len - at <= WEFT_KEY_CHARS + WEFT_SIGNATURE_CHARS + 2 ||
	    at[WEFT_KEY_CHARS] != ' ' || at[WEFT_KEY_CHARS + 1 + WEFT_SIGNATURE_CHARS] != ' ')
		return false;
	memcpy(key, at, WEFT_KEY_CHARS);
	key[WEFT_KEY_CHARS] = '\0';
	line->payload = at + WEFT_KEY_CHARS + WEFT_SIGNATURE_CHARS + 2;
	return weft_key_decode(&line->signer, key) &&
	       weft_signature_decode(&line->signature, at + WEFT_KEY_CHARS + 1);
}

static void gate_refuse(struct gate_job *job, const char *record, enum weft_refused class,
			const char *reason)
{
	job->failed |= !weft_merge_refuse(&job->gate->merge, record, class, reason);
}

/* The reason comes from the head of the line alone. */
static void gate_tell_noise(struct gate_job *job, const struct gate_line *line)
{
	struct weft_refusal why = { "no payload follows the signature" };
	char name[32];

	job->gate->noise++;
	if (!job->gate->tells)
		return;
	snprintf(name, sizeof(name), "line %zu", line->number);
	weft_fleet_record_has_head(line->at, line->len, &why);
	gate_refuse(job, name, WEFT_REFUSED_FORM, why.text);
}

static void gate_tell_cut(struct gate_job *job, const char *text, const char *end)
{
	if (job->gate->tells && text < end)
		gate_refuse(job, "the last line", WEFT_REFUSED_FORM,
			    "no newline ends it: it may be cut");
}

static bool gate_split(struct gate_job *job, const char *text, size_t len)
{
	const char *end = text + len, *newline;
	struct gate_line *line;
	size_t number = 1;

	job->lines = calloc(len / GATE_LINE_BYTES + 1, sizeof(*job->lines));
	if (!job->lines)
		return false;
	for (; text < end && (newline = memchr(text, '\n', end - text)); text = newline + 1) {
		line = &job->lines[job->count];
		*line = (struct gate_line){ number++, text, newline - text };
		if (gate_take_line(line))
			job->count++;
		else if (line->len)
			gate_tell_noise(job, line);
	}
	gate_tell_cut(job, text, end);
	return true;
}

/* What the fleet has. */

static int gate_compare_lines(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return memcmp(a, b, a_len);
}

static int gate_compare_known(const void *a, const void *b)
{
	const struct weft_fleet_record *x = *(const struct weft_fleet_record * const *)a;
	const struct weft_fleet_record *y = *(const struct weft_fleet_record * const *)b;

	return gate_compare_lines(x->line, x->len, y->line, y->len);
}

static int gate_compare_sought(const void *key, const void *element)
{
	const struct gate_line *line = key;
	const struct weft_fleet_record *record =
		*(const struct weft_fleet_record * const *)element;

	return gate_compare_lines(line->at, line->len, record->line, record->len);
}

/* Records of nodes that are in: those of the others are to be judged. */
static bool gate_list_known(struct gate_job *job)
{
	const struct weft_fleet *fleet = job->fleet;
	const struct weft_member *member;
	size_t i;

	job->known = calloc(2 * fleet->count + 1, sizeof(*job->known));
	if (!job->known)
		return false;
	for (i = 0; i < fleet->count; i++) {
		member = &fleet->members[i];
		if (!weft_member_is_in(member))
			continue;
		job->known[job->known_count++] = member->node;
		if (member->hello)
			job->known[job->known_count++] = member->hello;
	}
	if (job->known_count)
		qsort(job->known, job->known_count, sizeof(*job->known), gate_compare_known);
	return true;
}

static bool gate_is_known(const struct gate_job *job, const struct gate_line *line)
{
	return job->known_count && bsearch(line, job->known, job->known_count,
					   sizeof(*job->known), gate_compare_sought);
}

/* @store: what the store has begins there. */
static void gate_drop_known(struct gate_job *job, const char *store, const char *own_hello)
{
	size_t i, own_len = own_hello ? strlen(own_hello) : 0;
	struct gate_line *line;

	for (i = 0; i < job->count; i++) {
		line = &job->lines[i];
		if (own_hello && line->at >= store && line->len == own_len &&
		    !memcmp(line->at, own_hello, own_len))
			job->gate->own = true;
		if (!gate_is_known(job, line))
			continue;
		line->verdict = GATE_DROPPED;
		job->gate->merge.same++;
	}
}

/* Signers. */

static int gate_compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weft_key));
}

static bool gate_list_signers(struct gate_job *job)
{
	const struct weft_fleet *fleet = job->fleet;
	size_t i;

	job->signers = calloc(fleet->count + 1, sizeof(*job->signers));
	if (!job->signers)
		return false;
	for (i = 0; i < fleet->count; i++)
		if (fleet->members[i].node && !weft_key_is_zero(&fleet->members[i].node->identity))
			job->signers[job->signer_count++] = fleet->members[i].node->identity;
	if (job->signer_count)
		qsort(job->signers, job->signer_count, sizeof(*job->signers), gate_compare_keys);
	return true;
}

static bool gate_knows_signer(const struct gate_job *job, const struct gate_line *line)
{
	if (line->kind != WEFT_FLEET_HELLO)
		return weft_keys_have(&job->fleet->trust, &line->signer);
	return job->signer_count && bsearch(&line->signer, job->signers, job->signer_count,
					    sizeof(*job->signers), gate_compare_keys);
}

static bool gate_is_signed(const struct gate_job *job, const struct gate_line *line)
{
	const struct weft_signed what = {
		.kind = weft_fleet_kind_name(line->kind), .fleet = job->fleet->name,
		.text = line->payload, .len = line->at + line->len - line->payload,
	};

	return weft_signature_check(&line->signature, &line->signer, &what);
}

/*
 * Of a payload that is not looked into, the name of the record is not known. There is one
 * record of the fleet, whose name callers compare.
 */
static void gate_name(const struct gate_job *job, const struct gate_line *line, char *name,
		      size_t size)
{
	const char *kind = weft_fleet_kind_name(line->kind);

	if (job->gate->tells && line->kind != WEFT_FLEET_TERMS)
		snprintf(name, size, "%s, line %zu", kind, line->number);
	else
		snprintf(name, size, "%s", kind);
}

static void gate_judge(struct gate_job *job, struct gate_line *line)
{
	char name[48];

	if (gate_is_signed(job, line)) {
		line->verdict = GATE_PASSED;
		return;
	}
	line->verdict = GATE_DROPPED;
	gate_name(job, line, name, sizeof(name));
	gate_refuse(job, name, WEFT_REFUSED_SIGNATURE,
		    "names a signer of the fleet, which has not signed it");
}

static bool gate_is_hello(const struct gate_line *line)
{
	return line->kind == WEFT_FLEET_HELLO;
}

/* Merge the lines of a class that pass now. Returns whether one has. */
static bool gate_merge_class(struct gate_job *job, bool hellos)
{
	char *text = NULL;
	size_t len, i, passed = 0;
	FILE *out = open_memstream(&text, &len);
	struct gate_line *line;

	if (!out) {
		job->failed = true;
		return false;
	}
	for (i = 0; i < job->count; i++) {
		line = &job->lines[i];
		if (line->verdict != GATE_UNDECIDED ||
		    gate_is_hello(line) != hellos || !gate_knows_signer(job, line))
			continue;
		gate_judge(job, line);
		if (line->verdict != GATE_PASSED)
			continue;
		fwrite(line->at, 1, line->len + 1, out);
		passed++;
	}
	job->failed |= fclose(out) != 0;
	job->failed = job->failed || (passed && !weft_fleet_merge(job->fleet, text, len,
								 &job->gate->merge));
	free(text);
	return passed && !job->failed;
}

/* Former records of the fleet stand before the present one: their admins may not be known. */
static size_t gate_present(const struct gate_job *job)
{
	size_t i;

	for (i = job->count; i > 0; i--)
		if (job->lines[i - 1].kind == WEFT_FLEET_TERMS &&
		    job->lines[i - 1].verdict == GATE_PASSED)
			return i - 1;
	return 0;
}

static void gate_tell_stranger(struct gate_job *job, const struct gate_line *line)
{
	char name[48];

	gate_name(job, line, name, sizeof(name));
	if (line->kind == WEFT_FLEET_HELLO)
		gate_refuse(job, name, WEFT_REFUSED_UNKNOWN,
			    "not signed by the identity of an admitted node");
	else
		gate_refuse(job, name, WEFT_REFUSED_SIGNATURE,
			    "not signed by an admin key of this fleet");
}

static void gate_tell_strangers(struct gate_job *job)
{
	size_t i, present = gate_present(job);

	for (i = 0; i < job->count && !job->failed; i++) {
		if (job->lines[i].verdict != GATE_UNDECIDED)
			continue;
		if (job->lines[i].kind == WEFT_FLEET_TERMS && i < present)
			job->gate->merge.same++;
		else
			gate_tell_stranger(job, &job->lines[i]);
	}
}

/* Lines of unknown signers, as many as are kept. */
static void gate_keep_strangers(struct gate_job *job)
{
	struct weft_gate *gate = job->gate;
	FILE *out = open_memstream(&gate->strangers, &gate->strangers_len);
	size_t i, kept = 0;

	if (!out) {
		job->failed = true;
		return;
	}
	for (i = 0; i < job->count; i++) {
		if (job->lines[i].verdict != GATE_UNDECIDED)
			continue;
		gate->stranger_count++;
		if (kept + job->lines[i].len >= GATE_STRANGERS_BYTES)
			continue;
		kept += job->lines[i].len + 1;
		fwrite(job->lines[i].at, 1, job->lines[i].len + 1, out);
	}
	job->failed |= fclose(out) != 0;
}

static void gate_run(struct gate_job *job)
{
	while (gate_merge_class(job, false))
		;
	job->failed = job->failed || !gate_list_signers(job);
	if (!job->failed)
		gate_merge_class(job, true);
	if (job->failed)
		return;
	if (job->gate->tells)
		gate_tell_strangers(job);
	else
		gate_keep_strangers(job);
}

bool weft_gate_merge(struct weft_fleet *fleet, const char *text, size_t len,
		     const char *own_hello, struct weft_gate *gate)
{
	struct gate_job job = { .fleet = fleet, .gate = gate };

	gate->merge.whole = true;
	job.failed = !gate_split(&job, text, len) || job.failed || !gate_list_known(&job);
	if (!job.failed) {
		gate_drop_known(&job, text + gate->kept, own_hello);
		gate_run(&job);
	}
	free(job.lines);
	free(job.known);
	free(job.signers);
	return !job.failed;
}

void weft_gate_free(struct weft_gate *gate)
{
	weft_merge_free(&gate->merge);
	free(gate->strangers);
	memset(gate, 0, sizeof(*gate));
}
