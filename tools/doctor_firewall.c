// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the firewall of this machine bars the tunnel's own packets. Only what
 * certainly does is told: a rule with a condition that is not understood is
 * taken to let through, and not to bar.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "doctor.h"

/* Chains that call chains that call chains; and nobody calls that far. */
#define FIREWALL_DEPTH_MAX	16

enum firewall_match {
	FIREWALL_NO,
	FIREWALL_MAYBE,
	FIREWALL_YES,
};

enum firewall_verdict {
	FIREWALL_NEXT,
	FIREWALL_ACCEPT,
	FIREWALL_DROP,
};

/**
 * struct firewall_walk - a packet on its way through rules
 * @rules: all that nft has listed
 * @port: the tunnel's
 * @out: the packet leaves, @port is its source
 * @depth: chains called
 * @culprit: the rule that dropped it, in words; to be freed
 */
struct firewall_walk {
	struct json_object *rules;
	__u16 port;
	bool out;
	int depth;
	char *culprit;
};

static const char *firewall_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return "";
	return json_object_get_string(value) ? json_object_get_string(value) : "";
}

static bool firewall_in_range(struct json_object *item, int port)
{
	struct json_object *range = NULL;

	if (!json_object_is_type(item, json_type_object))
		return json_object_get_int(item) == port;
	if (!json_object_object_get_ex(item, "range", &range) ||
	    json_object_array_length(range) != 2)
		return false;
	return json_object_get_int(json_object_array_get_idx(range, 0)) <= port &&
	       json_object_get_int(json_object_array_get_idx(range, 1)) >= port;
}

/* A number, a range, a set of both; or the name of a set, which is not read. */
static enum firewall_match firewall_match_port(struct json_object *right,
					       int port)
{
	struct json_object *set = NULL;
	size_t i;

	if (json_object_is_type(right, json_type_string))
		return FIREWALL_MAYBE;
	if (!json_object_is_type(right, json_type_object) ||
	    !json_object_object_get_ex(right, "set", &set))
		return firewall_in_range(right, port) ? FIREWALL_YES : FIREWALL_NO;
	for (i = 0; i < json_object_array_length(set); i++)
		if (firewall_in_range(json_object_array_get_idx(set, i), port))
			return FIREWALL_YES;
	return FIREWALL_NO;
}

static enum firewall_match firewall_match_payload(const struct firewall_walk *walk,
						  struct json_object *payload,
						  struct json_object *right)
{
	const char *protocol = firewall_text(payload, "protocol");
	const char *field = firewall_text(payload, "field");
	bool ours = !strcmp(field, walk->out ? "sport" : "dport");

	if (!strcmp(protocol, "tcp") || !strcmp(protocol, "icmp") ||
	    !strcmp(protocol, "icmpv6") || !strcmp(protocol, "sctp"))
		return FIREWALL_NO;
	if ((!strcmp(protocol, "udp") || !strcmp(protocol, "th")) && ours)
		return firewall_match_port(right, walk->port);
	if (!strcmp(field, "protocol") || !strcmp(field, "nexthdr"))
		return strcmp(json_object_get_string(right), "udp") ?
			       FIREWALL_NO : FIREWALL_YES;
	return FIREWALL_MAYBE;
}

static enum firewall_match firewall_match_meta(struct json_object *meta,
					       struct json_object *right)
{
	if (strcmp(firewall_text(meta, "key"), "l4proto") ||
	    !json_object_is_type(right, json_type_string))
		return FIREWALL_MAYBE;
	return strcmp(json_object_get_string(right), "udp") ? FIREWALL_NO :
							      FIREWALL_YES;
}

static enum firewall_match firewall_match(const struct firewall_walk *walk,
					  struct json_object *match)
{
	struct json_object *left = NULL, *right = NULL, *what = NULL;
	const char *op = firewall_text(match, "op");
	enum firewall_match found = FIREWALL_MAYBE;

	if (!json_object_object_get_ex(match, "left", &left) ||
	    !json_object_object_get_ex(match, "right", &right))
		return FIREWALL_MAYBE;
	if (json_object_object_get_ex(left, "payload", &what))
		found = firewall_match_payload(walk, what, right);
	else if (json_object_object_get_ex(left, "meta", &what))
		found = firewall_match_meta(what, right);
	if (!strcmp(op, "!=") && found != FIREWALL_MAYBE)
		return found == FIREWALL_YES ? FIREWALL_NO : FIREWALL_YES;
	return !strcmp(op, "==") || !strcmp(op, "in") || !strcmp(op, "!=") ?
		       found : FIREWALL_MAYBE;
}

static enum firewall_verdict firewall_walk_chain(struct firewall_walk *walk,
						 struct json_object *like,
						 const char *chain);

static void firewall_blame(struct firewall_walk *walk, struct json_object *rule,
			   const char *what)
{
	if (asprintf(&walk->culprit, "%s in chain %s of nft table %s %s", what,
		     firewall_text(rule, "chain"), firewall_text(rule, "table"),
		     firewall_text(rule, "family")) < 0)
		walk->culprit = NULL;
}

/* What a statement does with a packet that meets all conditions before it. */
static enum firewall_verdict firewall_do(struct firewall_walk *walk,
					 struct json_object *rule,
					 struct json_object *statement,
					 enum firewall_match met)
{
	struct json_object *to = NULL;

	if (json_object_object_get_ex(statement, "accept", NULL) ||
	    json_object_object_get_ex(statement, "queue", NULL))
		return FIREWALL_ACCEPT;
	if (json_object_object_get_ex(statement, "jump", &to) ||
	    json_object_object_get_ex(statement, "goto", &to)) {
		if (met == FIREWALL_YES)
			return firewall_walk_chain(walk, rule,
						   firewall_text(to, "target"));
		return FIREWALL_NEXT;
	}
	if (met != FIREWALL_YES ||
	    (!json_object_object_get_ex(statement, "drop", NULL) &&
	     !json_object_object_get_ex(statement, "reject", NULL)))
		return FIREWALL_NEXT;
	firewall_blame(walk, rule,
		       json_object_object_get_ex(statement, "drop", NULL) ?
		       "a drop" : "a reject");
	return FIREWALL_DROP;
}

/* Statements that do nothing to where a packet goes. */
static bool firewall_is_idle(struct json_object *statement)
{
	static const char * const idle[] = {
		"counter", "log", "comment", "mangle", "accept", "drop",
		"reject", "jump", "goto", "return", "queue",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(idle); i++)
		if (json_object_object_get_ex(statement, idle[i], NULL))
			return true;
	return false;
}

static enum firewall_verdict firewall_walk_rule(struct firewall_walk *walk,
						struct json_object *rule)
{
	enum firewall_match met = FIREWALL_YES, one;
	enum firewall_verdict verdict = FIREWALL_NEXT;
	struct json_object *expr = NULL, *statement, *match;
	size_t i;

	if (!json_object_object_get_ex(rule, "expr", &expr))
		return FIREWALL_NEXT;
	for (i = 0; i < json_object_array_length(expr) &&
	     verdict == FIREWALL_NEXT; i++) {
		statement = json_object_array_get_idx(expr, i);
		match = NULL;
		one = firewall_is_idle(statement) ? FIREWALL_YES : FIREWALL_MAYBE;
		if (json_object_object_get_ex(statement, "match", &match))
			one = firewall_match(walk, match);
		if (one == FIREWALL_NO)
			return FIREWALL_NEXT;
		if (one == FIREWALL_MAYBE)
			met = FIREWALL_MAYBE;
		verdict = firewall_do(walk, rule, statement, met);
	}
	return verdict;
}

static bool firewall_same_table(struct json_object *a, struct json_object *b)
{
	return !strcmp(firewall_text(a, "family"), firewall_text(b, "family")) &&
	       !strcmp(firewall_text(a, "table"), firewall_text(b, "table"));
}

static enum firewall_verdict firewall_walk_chain(struct firewall_walk *walk,
						 struct json_object *like,
						 const char *chain)
{
	enum firewall_verdict verdict = FIREWALL_NEXT;
	struct json_object *rule;
	size_t i;

	if (++walk->depth > FIREWALL_DEPTH_MAX)
		return FIREWALL_ACCEPT;
	for (i = 0; i < json_object_array_length(walk->rules) &&
	     verdict == FIREWALL_NEXT; i++) {
		rule = NULL;
		if (json_object_object_get_ex(json_object_array_get_idx(walk->rules, i),
					      "rule", &rule) &&
		    firewall_same_table(rule, like) &&
		    !strcmp(firewall_text(rule, "chain"), chain))
			verdict = firewall_walk_rule(walk, rule);
	}
	walk->depth--;
	return verdict;
}

/* A chain that packets of this direction go through, from its beginning. */
static void firewall_walk_base(struct firewall_walk *walk,
			       struct json_object *chain)
{
	enum firewall_verdict verdict;

	if (strcmp(firewall_text(chain, "hook"), walk->out ? "output" : "input") ||
	    strcmp(firewall_text(chain, "type"), "filter") ||
	    !strcmp(firewall_text(chain, "family"), "bridge") ||
	    !strcmp(firewall_text(chain, "family"), "arp"))
		return;
	verdict = firewall_walk_chain(walk, chain, firewall_text(chain, "name"));
	if (verdict != FIREWALL_NEXT || strcmp(firewall_text(chain, "policy"), "drop"))
		return;
	if (asprintf(&walk->culprit, "the policy of chain %s of nft table %s %s is drop",
		     firewall_text(chain, "name"), firewall_text(chain, "table"),
		     firewall_text(chain, "family")) < 0)
		walk->culprit = NULL;
}

char *weft_doctor_nft_bars(const char *json, __u16 port, bool out)
{
	struct json_object *root = json_tokener_parse(json), *chain;
	struct firewall_walk walk = { .port = port, .out = out };
	size_t i;

	if (!json_object_is_type(root, json_type_object) ||
	    !json_object_object_get_ex(root, "nftables", &walk.rules) ||
	    !json_object_is_type(walk.rules, json_type_array)) {
		json_object_put(root);
		return NULL;
	}
	for (i = 0; i < json_object_array_length(walk.rules) && !walk.culprit; i++)
		if (json_object_object_get_ex(json_object_array_get_idx(walk.rules, i),
					      "chain", &chain))
			firewall_walk_base(&walk, chain);
	json_object_put(root);
	return walk.culprit;
}

/* iptables-save: what a rule says of the packet, word by word. */
static enum firewall_match firewall_words_match(char **words, int port, bool out)
{
	const char *mine = out ? "--sport" : "--dport";
	enum firewall_match met = FIREWALL_YES;

	for (; *words && strcmp(*words, "-j"); words++) {
		if (!strcmp(*words, "-p") && words[1]) {
			if (strcmp(*++words, "udp"))
				return FIREWALL_NO;
		} else if (!strcmp(*words, mine) && words[1]) {
			if (atoi(*++words) != port)
				return strchr(*words, ':') ? FIREWALL_MAYBE :
							     FIREWALL_NO;
		} else if (words[1] &&
			   (!strcmp(*words, "--comment") ||
			    (!strcmp(*words, "-m") &&
			     (!strcmp(words[1], "udp") ||
			      !strcmp(words[1], "comment"))))) {
			words++;
		} else {
			met = FIREWALL_MAYBE;
		}
	}
	return met;
}

#define FIREWALL_WORDS_MAX	64

/* What a rule of the chain does: "-A INPUT ... -j DROP". */
static enum firewall_verdict firewall_words_do(char *line, const char *chain,
					       int port, bool out)
{
	char *words[FIREWALL_WORDS_MAX + 1] = { }, *rest = NULL, **word;
	enum firewall_match met;
	int count = 0;

	for (words[0] = strtok_r(line, " ", &rest);
	     words[count] && count < FIREWALL_WORDS_MAX;)
		words[++count] = strtok_r(NULL, " ", &rest);
	words[count] = NULL;
	if (count < 2 || strcmp(words[0], "-A") || strcmp(words[1], chain))
		return FIREWALL_NEXT;
	met = firewall_words_match(words + 2, port, out);
	for (word = words; *word && strcmp(*word, "-j"); word++)
		;
	if (!*word || !word[1] || met == FIREWALL_NO)
		return FIREWALL_NEXT;
	if (!strcmp(word[1], "DROP") || !strcmp(word[1], "REJECT"))
		return met == FIREWALL_YES ? FIREWALL_DROP : FIREWALL_NEXT;
	/* Another chain may do anything with it. */
	return strcmp(word[1], "LOG") ? FIREWALL_ACCEPT : FIREWALL_NEXT;
}

char *weft_doctor_iptables_bars(const char *text, __u16 port, bool out)
{
	const char *chain = out ? "OUTPUT" : "INPUT";
	enum firewall_verdict verdict = FIREWALL_NEXT;
	char *copy = strdup(text), *rest = copy, *line, *culprit = NULL, *shown;
	bool policy = false, filter = false;

	while (rest && verdict == FIREWALL_NEXT && (line = strsep(&rest, "\n"))) {
		if (*line == '*')
			filter = !strcmp(line, "*filter");
		if (!filter)
			continue;
		if (*line == ':' && !strncmp(line + 1, chain, strlen(chain)))
			policy = !strncmp(line + 1 + strlen(chain), " DROP", 5);
		shown = strdup(line);
		verdict = firewall_words_do(line, chain, port, out);
		if (verdict == FIREWALL_DROP &&
		    asprintf(&culprit, "the rule '%s' of iptables",
			     shown ? shown : "") < 0)
			culprit = NULL;
		free(shown);
	}
	if (verdict == FIREWALL_NEXT && policy &&
	    asprintf(&culprit, "the policy of iptables' chain %s is DROP", chain) < 0)
		culprit = NULL;
	free(copy);
	return culprit;
}
