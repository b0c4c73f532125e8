// SPDX-License-Identifier: GPL-2.0
/*
 * The order: records of the fleet first, which say whose signatures count and which
 * nodes are revoked; then nodes, which say whose hellos count; then hellos.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/merge.h"

/* The refused records that are kept with their reasons. */
#define MERGE_REFUSED_MAX	1024

/**
 * struct merge_job - one merge
 * @fleet: the fleet
 * @result: the result
 * @records: the parsed records; NULL where one was taken or refused
 * @count: their number
 * @failed: memory was short
 */
struct merge_job {
	struct weft_fleet *fleet;
	struct weft_merge *result;
	struct weft_fleet_record **records;
	size_t count;
	bool failed;
};

/**
 * struct merge_reason - a reason for a refusal
 * @class: its class
 * @text: the reason in words
 */
struct merge_reason {
	enum weft_refused class;
	const char *text;
};

static const struct merge_reason
	reason_of_other_fleet = { WEFT_REFUSED_FORM, "a record of another fleet" },
	reason_cut = { WEFT_REFUSED_FORM, "no newline ends it: it may be cut" },
	reason_no_generation = { WEFT_REFUSED_FORM, "its generation is beyond the last one, 2^62" },
	reason_no_admin = { WEFT_REFUSED_SIGNATURE, "not signed by an admin key of this fleet" },
	reason_no_identity = { WEFT_REFUSED_SIGNATURE, "not signed by the identity of the node" },
	reason_no_proof = { WEFT_REFUSED_SIGNATURE, "no proof that the node has the tunnel key" },
	reason_former = { WEFT_REFUSED_OLD, "of a former admission of the node" },
	reason_revoked = { WEFT_REFUSED_REVOKED, "revoked" },
	reason_no_new_node = { WEFT_REFUSED_EXPIRED, "not_after is over: it admits no new node" },
	reason_no_new_key = { WEFT_REFUSED_EXPIRED, "not_after is over: it admits no new key" },
	reason_no_terms = { WEFT_REFUSED_UNKNOWN, "no record of the fleet is known" },
	reason_not_admitted = { WEFT_REFUSED_UNKNOWN, "the node is not admitted" },
	reason_ahead = {
		WEFT_REFUSED_UNKNOWN, "its serial is higher than that of the node's record",
	};

bool weft_merge_refuse(struct weft_merge *merge, const char *record, enum weft_refused class,
		       const char *reason)
{
	struct weft_merge_refused *refused;

	if (merge->refused_count == MERGE_REFUSED_MAX) {
		merge->refused_more++;
		return true;
	}
	refused = reallocarray(merge->refused, merge->refused_count + 1, sizeof(*refused));
	if (!refused)
		return false;
	merge->refused = refused;
	refused += merge->refused_count;
	refused->record = strdup(record);
	refused->reason = strdup(reason);
	refused->class = class;
	merge->refused_count++;
	return refused->record && refused->reason;
}

static void merge_note(struct merge_job *job, const char *record,
		       const struct merge_reason *reason)
{
	job->failed |= !weft_merge_refuse(job->result, record, reason->class, reason->text);
}

/* Each way ends a record: it is taken, known, or refused. */

static void merge_end_same(struct merge_job *job, struct weft_fleet_record **record)
{
	job->result->same++;
	weft_fleet_record_free(*record);
	*record = NULL;
}

static void merge_end_refused(struct merge_job *job, struct weft_fleet_record **record,
			      const struct merge_reason *reason)
{
	merge_note(job, weft_fleet_record_name(*record).text, reason);
	weft_fleet_record_free(*record);
	*record = NULL;
}

static void merge_end_old(struct merge_job *job, struct weft_fleet_record **record,
			  const char *number, __u64 seen)
{
	char why[128];

	if ((*record)->number == seen)
		snprintf(why, sizeof(why), "%s %llu was seen with other contents", number,
			 (unsigned long long)seen);
	else
		snprintf(why, sizeof(why), "%s %llu is older than %llu, which was seen", number,
			 (unsigned long long)(*record)->number, (unsigned long long)seen);
	merge_end_refused(job, record, &(struct merge_reason){ WEFT_REFUSED_OLD, why });
}

/* Parsing. */

static bool merge_keep(struct merge_job *job, struct weft_fleet_record *record)
{
	struct weft_fleet_record **records;

	/* Capacities are powers of two. */
	if (!(job->count & (job->count - 1))) {
		records = reallocarray(job->records, job->count ? 2 * job->count : 1,
				       sizeof(*records));
		if (!records) {
			weft_fleet_record_free(record);
			return false;
		}
		job->records = records;
	}
	job->records[job->count++] = record;
	return true;
}

static void merge_take_line(struct merge_job *job, const char *line, size_t len, size_t number)
{
	struct weft_refusal why;
	struct weft_fleet_record *record = weft_fleet_record_parse(line, len, &why);
	char name[32];

	if (!record) {
		snprintf(name, sizeof(name), "line %zu", number);
		merge_note(job, name, &(struct merge_reason){ WEFT_REFUSED_FORM, why.text });
	} else if (strcmp(record->fleet, job->fleet->name)) {
		merge_end_refused(job, &record, &reason_of_other_fleet);
	} else if (record->kind == WEFT_FLEET_HELLO && record->number > WEFT_FLEET_GENERATION_MAX) {
		merge_end_refused(job, &record, &reason_no_generation);
	} else {
		job->failed |= !merge_keep(job, record);
	}
}

static void merge_parse(struct merge_job *job, const char *text, size_t len)
{
	const char *end = text + len, *line, *newline;
	size_t number = 1;

	/* Behind so many lines that are no records, others are not worth the time. */
	for (line = text; line < end && !job->failed; line = newline + 1, number++) {
		if (!job->result->whole && job->result->refused_more >= MERGE_REFUSED_MAX)
			return;
		newline = memchr(line, '\n', end - line);
		if (!newline) {
			merge_note(job, "the last line", &reason_cut);
			return;
		}
		if (newline != line)
			merge_take_line(job, line, newline - line, number);
	}
}

/* Kinds, then nodes, then numbers. */
static int merge_compare(const void *a, const void *b)
{
	const struct weft_fleet_record *x = *(struct weft_fleet_record * const *)a;
	const struct weft_fleet_record *y = *(struct weft_fleet_record * const *)b;
	int diff;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	diff = strcmp(x->node, y->node);
	if (diff)
		return diff;
	return (x->number > y->number) - (x->number < y->number);
}

/* The end of the records of @kind, which begin at @from. */
static size_t merge_end_of(const struct merge_job *job, size_t from, enum weft_fleet_kind kind)
{
	while (from < job->count && job->records[from]->kind == kind)
		from++;
	return from;
}

/* Records of the fleet. */

static bool merge_is_trusted(const struct merge_job *job, const struct weft_fleet_record *record)
{
	return weft_keys_have(&job->fleet->trust, &record->signer) &&
	       weft_fleet_record_verify(record, &record->signer);
}

static void merge_set_terms(struct merge_job *job, struct weft_fleet_record **record)
{
	job->failed |= !weft_fleet_set_terms(job->fleet, *record);
	*record = NULL;
	job->result->accepted++;
}

/*
 * The newest one that is signed by a trusted key. A node that has missed epochs may
 * need an older one first, which hands over to other admin keys.
 */
static bool merge_advance(struct merge_job *job, size_t end)
{
	struct weft_fleet_record *record;
	size_t i;

	for (i = end; i-- > 0;) {
		record = job->records[i];
		if (!record || record->number <= weft_fleet_epoch(job->fleet) ||
		    !merge_is_trusted(job, record))
			continue;
		merge_set_terms(job, &job->records[i]);
		return true;
	}
	return false;
}

static bool merge_is_present(const struct weft_fleet *fleet, const struct weft_fleet_record *record)
{
	return fleet->terms && weft_fleet_record_equal(fleet->terms, record);
}

static void merge_finish_terms(struct merge_job *job, struct weft_fleet_record **record,
			       bool current)
{
	__u64 epoch = weft_fleet_epoch(job->fleet);

	if (merge_is_present(job->fleet, *record) || ((*record)->number < epoch && current))
		merge_end_same(job, record);
	else if ((*record)->number > epoch || !epoch)
		merge_end_refused(job, record, &reason_no_admin);
	else
		merge_end_old(job, record, "epoch", epoch);
}

static void merge_terms(struct merge_job *job, size_t end)
{
	__u64 before = weft_fleet_epoch(job->fleet);
	bool current = false;
	size_t i;

	while (!job->failed && merge_advance(job, end))
		current = true;
	/* Older records beside the present one are the history that a store keeps. */
	for (i = 0; i < end; i++)
		current |= before && job->records[i] &&
			   merge_is_present(job->fleet, job->records[i]);
	for (i = 0; i < end && !job->failed; i++)
		if (job->records[i])
			merge_finish_terms(job, &job->records[i], current);
}

/* Nodes. */

static bool merge_is_expired(const struct merge_job *job, const struct weft_fleet_record *node)
{
	return node->not_after && (__s64)node->not_after < job->result->now;
}

/* NULL for a record that may be taken in, or the reason. */
static const struct merge_reason *merge_judge_node(const struct merge_job *job,
						   const struct weft_member *member,
						   const struct weft_fleet_record *record)
{
	if (!job->fleet->terms)
		return &reason_no_terms;
	if (member && record->number <= member->revoked)
		return &reason_revoked;
	if (!merge_is_trusted(job, record))
		return &reason_no_admin;
	if (merge_is_expired(job, record) && (!member || !weft_member_is_in(member)))
		return &reason_no_new_node;
	return NULL;
}

/* True where the record may be taken in. */
static bool merge_pass_node(struct merge_job *job, struct weft_fleet_record **record)
{
	struct weft_member *member = weft_fleet_find(job->fleet, (*record)->node);
	const struct weft_fleet_record *known = member ? member->node : NULL;
	const struct merge_reason *why;

	if (known && weft_fleet_record_equal(known, *record) && weft_member_is_in(member)) {
		merge_end_same(job, record);
		return false;
	}
	why = merge_judge_node(job, member, *record);
	if (!why && known && (*record)->number <= known->number) {
		merge_end_old(job, record, "serial", known->number);
		return false;
	}
	if (why)
		merge_end_refused(job, record, why);
	return !why;
}

static bool merge_add_members(struct merge_job *job, size_t from, size_t to)
{
	const char **names = calloc(to - from + 1, sizeof(*names));
	size_t i, count = 0;
	bool good;

	if (!names)
		return false;
	for (i = from; i < to; i++)
		if (job->records[i])
			names[count++] = job->records[i]->node;
	good = weft_fleet_add(job->fleet, names, count);
	free(names);
	return good;
}

/* The hello of a former admission, or of another identity, counts no more. */
static void merge_drop_hello(struct weft_member *member)
{
	if (!member->hello || (member->hello->serial >= member->node->admitted &&
			       weft_key_equal(&member->hello->signer, &member->node->identity)))
		return;
	weft_fleet_record_free(member->hello);
	member->hello = NULL;
}

static bool merge_is_anew(const struct weft_member *member, const struct weft_fleet_record *record)
{
	return !member->node || member->node->admitted != record->admitted ||
	       !weft_key_equal(&member->node->identity, &record->identity);
}

static void merge_set_node(struct merge_job *job, struct weft_fleet_record **record)
{
	struct weft_member *member = weft_fleet_find(job->fleet, (*record)->node);

	/* A record of the same text. */
	if (member->node && weft_fleet_record_equal(member->node, *record)) {
		merge_end_same(job, record);
		return;
	}
	if (member->node && (*record)->number <= member->node->number) {
		merge_end_old(job, record, "serial", member->node->number);
		return;
	}
	/* An admin without the present record signed it: hellos that ended would count again. */
	if (member->node && (*record)->admitted < member->node->admitted) {
		merge_end_refused(job, record, &reason_former);
		return;
	}
	if (merge_is_anew(member, *record))
		job->failed |= !weft_member_renew(member);
	weft_fleet_record_free(member->node);
	member->node = *record;
	*record = NULL;
	job->result->accepted++;
	merge_drop_hello(member);
}

static void merge_nodes(struct merge_job *job, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to && !job->failed; i++)
		merge_pass_node(job, &job->records[i]);
	if (job->failed || !merge_add_members(job, from, to)) {
		job->failed = true;
		return;
	}
	for (i = from; i < to; i++)
		if (job->records[i])
			merge_set_node(job, &job->records[i]);
}

/* Hellos. */

/* The admin has pinned the key, or the node proves that it has it. */
static bool merge_owns(const struct weft_fleet_record *hello, const struct weft_fleet_record *node,
		       const struct weft_key *key, const struct weft_proof *proof)
{
	return weft_key_equal(key, &node->public_key) ||
	       weft_proof_check(proof, key, hello->fleet, hello->node);
}

static bool merge_owns_all(const struct weft_fleet_record *hello,
			   const struct weft_fleet_record *node)
{
	return merge_owns(hello, node, &hello->public_key, &hello->proof) &&
	       (weft_key_is_zero(&hello->next_public_key) ||
		merge_owns(hello, node, &hello->next_public_key, &hello->next_proof));
}

static bool merge_has_new_key(const struct weft_fleet_record *hello,
			      const struct weft_fleet_record *known)
{
	if (!known || (!weft_key_equal(&hello->public_key, &known->public_key) &&
		       !weft_key_equal(&hello->public_key, &known->next_public_key)))
		return true;
	return !weft_key_is_zero(&hello->next_public_key) &&
	       !weft_key_equal(&hello->next_public_key, &known->next_public_key);
}

static const struct merge_reason *merge_judge_hello(const struct merge_job *job,
						    const struct weft_member *member,
						    const struct weft_fleet_record *hello)
{
	const struct weft_fleet_record *node = member ? member->node : NULL;

	if (!node)
		return &reason_not_admitted;
	if (!weft_member_is_in(member))
		return &reason_revoked;
	if (weft_key_is_zero(&node->identity) ||
	    !weft_fleet_record_verify(hello, &node->identity))
		return &reason_no_identity;
	if (hello->serial < node->admitted)
		return &reason_former;
	if (hello->serial > node->number)
		return &reason_ahead;
	if (merge_is_expired(job, node) && merge_has_new_key(hello, member->hello))
		return &reason_no_new_key;
	if (!merge_owns_all(hello, node))
		return &reason_no_proof;
	return NULL;
}

static void merge_hello(struct merge_job *job, struct weft_fleet_record **record)
{
	struct weft_member *member = weft_fleet_find(job->fleet, (*record)->node);
	const struct weft_fleet_record *known = member ? member->hello : NULL;
	const struct merge_reason *why;

	if (!member) {
		merge_end_refused(job, record, &reason_not_admitted);
		return;
	}
	if (known && weft_fleet_record_equal(known, *record) && weft_member_is_in(member)) {
		merge_end_same(job, record);
		return;
	}
	why = merge_judge_hello(job, member, *record);
	if (why) {
		merge_end_refused(job, record, why);
		return;
	}
	if (known && (*record)->number <= known->number) {
		if ((*record)->number == known->number)
			member->clash = known->number;
		merge_end_old(job, record, "generation", known->number);
		return;
	}
	weft_fleet_record_free(member->hello);
	member->hello = *record;
	*record = NULL;
	job->result->accepted++;
}

static void merge_run(struct merge_job *job)
{
	size_t terms, nodes, i;

	if (job->count)
		qsort(job->records, job->count, sizeof(*job->records), merge_compare);
	terms = merge_end_of(job, 0, WEFT_FLEET_TERMS);
	nodes = merge_end_of(job, terms, WEFT_FLEET_NODE);
	merge_terms(job, terms);
	if (!job->failed)
		merge_nodes(job, terms, nodes);
	for (i = nodes; i < job->count && !job->failed; i++)
		merge_hello(job, &job->records[i]);
}

bool weft_fleet_merge(struct weft_fleet *fleet, const char *text, size_t len,
		      struct weft_merge *merge)
{
	struct merge_job job = { .fleet = fleet, .result = merge };
	size_t i;

	merge_parse(&job, text, len);
	if (!job.failed)
		merge_run(&job);
	for (i = 0; i < job.count; i++)
		weft_fleet_record_free(job.records[i]);
	free(job.records);
	return !job.failed;
}

void weft_merge_free(struct weft_merge *merge)
{
	size_t i;

	for (i = 0; i < merge->refused_count; i++) {
		free(merge->refused[i].record);
		free(merge->refused[i].reason);
	}
	free(merge->refused);
	memset(merge, 0, sizeof(*merge));
}
