// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "doctor/walk.h"

/* nft allows 16 nested calls. */
#define WALK_DEPTH_MAX	16
/* Bounds rulesets whose chains call each next chain twice; no real one is near. */
#define WALK_STEPS_MAX	200000

/**
 * struct walk_run - the traversal of one packet
 * @walk: the ruleset
 * @depth: nested calls
 * @steps: rules evaluated
 * @accepted: a rule accepts, if its conditions hold
 * @meant: the rule that accepts names the tunnel's port
 * @untracked: a rule takes the packet out of connection tracking
 * @suspect: the first rule that drops, if its conditions hold
 * @culprit: the rule that drops
 */
struct walk_run {
	const struct weft_walk *walk;
	int depth;
	int steps;
	bool accepted;
	bool meant;
	enum weft_match untracked;
	const struct weft_walk_rule *suspect;
	const struct weft_walk_rule *culprit;
};

void weft_walk_init(struct weft_walk *walk)
{
	memset(walk, 0, sizeof(*walk));
	walk->tail = &walk->chains;
}

static void walk_rules_free(struct weft_walk_rule *rule)
{
	struct weft_walk_rule *next;

	for (; rule; rule = next) {
		next = rule->next;
		free(rule->target);
		free(rule->text);
		free(rule);
	}
}

void weft_walk_clear(struct weft_walk *walk)
{
	struct weft_walk_chain *chain, *next;

	for (chain = walk->chains; chain; chain = next) {
		next = chain->next;
		walk_rules_free(chain->rules);
		free(chain->table);
		free(chain->name);
		free(chain->text);
		free(chain->mend);
		free(chain);
	}
	weft_walk_init(walk);
}

struct weft_walk_chain *weft_walk_add_chain(struct weft_walk *walk, char *table,
					    char *name)
{
	struct weft_walk_chain *chain = calloc(1, sizeof(*chain));

	if (!chain || !table || !name) {
		free(chain);
		free(table);
		free(name);
		walk->no_memory = true;
		return NULL;
	}
	chain->table = table;
	chain->name = name;
	chain->tail = &chain->rules;
	*walk->tail = chain;
	walk->tail = &chain->next;
	return chain;
}

struct weft_walk_chain *weft_walk_find(const struct weft_walk *walk,
				       const char *table, const char *name)
{
	struct weft_walk_chain *chain;

	for (chain = walk->chains; chain; chain = chain->next)
		if (!strcmp(chain->name, name) && !strcmp(chain->table, table))
			return chain;
	return NULL;
}

void weft_walk_add_rule(struct weft_walk *walk, struct weft_walk_chain *chain,
			const struct weft_walk_rule *rule)
{
	struct weft_walk_rule *copy = malloc(sizeof(*copy));

	if (!copy) {
		free(rule->target);
		free(rule->text);
		walk->no_memory = true;
		return;
	}
	*copy = *rule;
	copy->next = NULL;
	*chain->tail = copy;
	chain->tail = &copy->next;
}

static enum weft_walk_verdict walk_chain(struct walk_run *run,
					 const struct weft_walk_chain *chain);

static enum weft_walk_verdict walk_call(struct walk_run *run,
					const struct weft_walk_chain *from,
					const struct weft_walk_rule *rule)
{
	const struct weft_walk_chain *chain;
	enum weft_walk_verdict verdict = WEFT_WALK_ACCEPT;

	chain = rule->target ? weft_walk_find(run->walk, from->table,
					      rule->target) : NULL;
	/* A chain of a skipped table may have any verdict. */
	if (!chain)
		run->accepted = true;
	if (!chain)
		return WEFT_WALK_NEXT;
	if (++run->depth <= WALK_DEPTH_MAX)
		verdict = walk_chain(run, chain);
	run->depth--;
	return verdict;
}

/* A rule whose conditions may hold: its verdict is recorded, and the traversal goes on. */
static void walk_doubt(struct walk_run *run, const struct weft_walk_rule *rule,
		       enum weft_walk_verdict verdict)
{
	if (verdict == WEFT_WALK_ACCEPT && (!rule->narrow || run->meant))
		run->accepted = true;
	if (verdict == WEFT_WALK_DROP && !run->suspect)
		run->suspect = run->culprit ? run->culprit : rule;
	run->culprit = NULL;
}

/* A rule that accepts the tunnel's port is meant for the tunnel, whatever its other conditions. */
static bool walk_is_sure(const struct weft_walk_rule *rule, bool doubt)
{
	if (rule->verdict == WEFT_WALK_ACCEPT && rule->meant)
		return true;
	return rule->met == WEFT_MATCH_YES && !doubt;
}

/* The verdict of the rule, calls followed; RETURN ends the chain. */
static enum weft_walk_verdict walk_rule(struct walk_run *run,
					const struct weft_walk_chain *chain,
					const struct weft_walk_rule *rule)
{
	enum weft_walk_verdict verdict;

	switch (rule->verdict) {
	case WEFT_WALK_JUMP:
		return walk_call(run, chain, rule);
	case WEFT_WALK_GOTO:
		verdict = walk_call(run, chain, rule);
		return verdict == WEFT_WALK_NEXT ? WEFT_WALK_RETURN : verdict;
	case WEFT_WALK_DROP:
		run->culprit = rule;
		return WEFT_WALK_DROP;
	case WEFT_WALK_NOTRACK:
		run->untracked = WEFT_MATCH_YES;
		return WEFT_WALK_NEXT;
	default:
		run->meant = rule->meant;
		return rule->verdict;
	}
}

/*
 * The same with the rule's conditions: the verdict of a MAYBE is uncertain, and a
 * rule for a range of sources does not apply to an arbitrary peer.
 */
static enum weft_walk_verdict walk_weigh(struct walk_run *run,
					 const struct weft_walk_chain *chain,
					 const struct weft_walk_rule *rule,
					 bool sure)
{
	enum weft_match untracked = run->untracked;
	bool accepted = run->accepted;
	enum weft_walk_verdict verdict = walk_rule(run, chain, rule);

	if (!sure && run->untracked != untracked)
		run->untracked = WEFT_MATCH_MAYBE;
	if (rule->narrow)
		run->accepted = accepted;
	return verdict;
}

/* NEXT: the packet reaches the end of the chain. */
static enum weft_walk_verdict walk_chain(struct walk_run *run,
					 const struct weft_walk_chain *chain)
{
	const struct weft_walk_rule *rule;
	enum weft_walk_verdict verdict;
	bool doubt = false, sure;

	for (rule = chain->rules; rule; rule = rule->next) {
		if (rule->met == WEFT_MATCH_NO)
			continue;
		if (++run->steps > WALK_STEPS_MAX)
			return WEFT_WALK_ACCEPT;
		sure = walk_is_sure(rule, doubt);
		verdict = walk_weigh(run, chain, rule, sure);
		if (verdict == WEFT_WALK_NEXT)
			continue;
		if (!sure) {
			walk_doubt(run, rule, verdict);
			doubt |= verdict == WEFT_WALK_RETURN;
		} else if (verdict == WEFT_WALK_RETURN) {
			return WEFT_WALK_NEXT;
		} else {
			return verdict;
		}
	}
	return WEFT_WALK_NEXT;
}

static void walk_base(const struct weft_walk *walk,
		      const struct weft_walk_chain *chain, struct weft_bar *bar)
{
	struct walk_run run = { .walk = walk };
	const struct weft_walk_rule *culprit;
	enum weft_walk_verdict verdict = walk_chain(&run, chain);
	const char *text = NULL;
	bool drops;

	drops = verdict == WEFT_WALK_DROP ||
		(verdict == WEFT_WALK_NEXT && chain->drops);
	culprit = drops ? run.culprit : run.suspect;
	if (culprit)
		text = culprit->text;
	else if (drops)
		text = chain->text;
	memset(bar, 0, sizeof(*bar));
	if (!text)
		return;
	bar->culprit = strdup(text);
	bar->mend = chain->mend ? strdup(chain->mend) : NULL;
	bar->reverse = culprit && culprit->reverse;
	bar->bars = !drops ? WEFT_BARS_PERHAPS :
		    run.accepted ? WEFT_BARS_UNLESS : WEFT_BARS;
}

void weft_walk_run(const struct weft_walk *walk, struct weft_bar *bar)
{
	const struct weft_walk_chain *chain;
	struct weft_bar one;

	memset(bar, 0, sizeof(*bar));
	for (chain = walk->chains; chain && !walk->no_memory; chain = chain->next) {
		if (!chain->base)
			continue;
		walk_base(walk, chain, &one);
		weft_bar_join(bar, &one);
	}
}

enum weft_match weft_walk_untracks(const struct weft_walk *walk)
{
	const struct weft_walk_chain *chain;
	struct walk_run run = { .walk = walk };

	for (chain = walk->chains; chain && !walk->no_memory; chain = chain->next)
		if (chain->base && chain->early)
			walk_chain(&run, chain);
	return run.untracked;
}

void weft_bar_join(struct weft_bar *bar, struct weft_bar *other)
{
	if (other->bars > bar->bars) {
		weft_bar_clear(bar);
		*bar = *other;
		memset(other, 0, sizeof(*other));
	}
	weft_bar_clear(other);
}

void weft_bar_clear(struct weft_bar *bar)
{
	free(bar->culprit);
	free(bar->mend);
	memset(bar, 0, sizeof(*bar));
}
