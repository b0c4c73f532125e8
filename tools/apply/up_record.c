// SPDX-License-Identifier: GPL-2.0
/* The record of "up". */
#include <string.h>

#include "apply/up_job.h"
#include "base/complain.h"
#include "conf/profile.h"

/* A full disk does not keep a tunnel down, and a stale record must not describe this one. */
bool weft_up_write_record(struct weft_up_job *job)
{
	if (!job->unrecorded &&
	    !weft_record_write(job->ctx, job->profile->name, &job->record)) {
		job->unrecorded = true;
		weft_record_remove(job->ctx, job->profile->name);
		weft_warn(job->ctx, "%s: the changes are not recorded: 'weft down' needs the file and the link",
			  job->profile->name);
	}
	return true;
}

/* The leftover of another link becomes part of this record, and is removed by "down". */
static bool up_absorb_leftover(struct weft_up_job *job)
{
	return !job->beside || weft_record_absorb(&job->record, &job->before) ||
	       weft_up_no_memory(job);
}

/* From here on the next command would undo the recorded changes after a crash. */
bool weft_up_record(struct weft_up_job *job)
{
	struct weft_record *record = &job->record;

	if (job->fresh) {
		record->rising = true;
		record->dns = job->dns;
	}
	record->index = job->state.link.index;
	if (!record->there && !job->fresh)
		record->reached = WEFT_HOOK_POST_UP;
	return (weft_record_take_profile(record, job->profile) ||
		weft_up_no_memory(job)) &&
	       up_absorb_leftover(job) && weft_up_write_record(job);
}

/* Recorded before rules and firewall are made, which are not deleted with the link. */
bool weft_up_record_policy(struct weft_up_job *job)
{
	if (!job->policy.table)
		return true;
	weft_record_add_table(&job->record, job->policy.table);
	return weft_up_write_record(job);
}

/* From here on the next command may delete the link after a crash. */
bool weft_up_record_link(struct weft_up_job *job)
{
	job->record.index = job->state.link.index;
	return weft_up_write_record(job);
}

bool weft_up_record_dns(struct weft_up_job *job)
{
	return (weft_record_take_dns(&job->record, job->profile, job->dns) ||
		weft_up_no_memory(job)) &&
	       up_absorb_leftover(job) && weft_up_write_record(job);
}

/* After a failure the former record gets the tables and name servers that were not undone. */
static void up_join_before(struct weft_up_job *job)
{
	struct weft_record *before = &job->before, *record = &job->record;
	size_t i;

	for (i = 0; i < record->table_count; i++)
		weft_record_add_table(before, record->tables[i]);
	if (job->dns == WEFT_DNS_NONE)
		return;
	weft_profile_words_free(&before->servers);
	weft_profile_words_free(&before->search);
	before->dns = record->dns;
	before->servers = record->servers;
	before->search = record->search;
	memset(&record->servers, 0, sizeof(record->servers));
	memset(&record->search, 0, sizeof(record->search));
}

static void up_record_before(struct weft_up_job *job)
{
	weft_record_free(&job->record);
	job->record = job->before;
	memset(&job->before, 0, sizeof(job->before));
	memset(&job->former, 0, sizeof(job->former));
	/* An earlier failure has removed the record, and the disk may have space again. */
	job->unrecorded = false;
	weft_up_write_record(job);
}

/* The next command undoes the leftover of a link that was created here. */
void weft_up_unrecord(struct weft_up_job *job, bool undone)
{
	if (!undone && job->fresh) {
		weft_record_keep(&job->record);
		weft_up_write_record(job);
		return;
	}
	if (!undone && job->before.there)
		up_join_before(job);
	if (job->before.there)
		up_record_before(job);
	else if (undone)
		weft_record_remove(job->ctx, job->profile->name);
}

/* The final record describes only the present tunnel. */
void weft_up_record_end(struct weft_up_job *job)
{
	struct weft_record *record = &job->record;

	record->rising = false;
	record->index = job->state.link.index;
	record->table_count = 0;
	weft_record_add_table(record, job->policy.table);
	up_absorb_leftover(job);
	weft_up_write_record(job);
}

/* "down" deletes the record after its hooks, or keeps it for a leftover. */
bool weft_up_was_taken_down(const struct weft_up_job *job)
{
	struct weft_record now;
	bool there;

	/* Without a record a run of "down" cannot be detected. */
	if (job->unrecorded)
		return false;
	weft_record_read(job->ctx, job->profile->name, &now);
	there = now.there && !now.falling;
	weft_record_free(&now);
	return !there;
}
