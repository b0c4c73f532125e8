// SPDX-License-Identifier: GPL-2.0
/* Rulesets as "nft -j list ruleset" prints them; libnftables-json(5). */
#include <json-c/json.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "doctor/walk.h"

/* In the hooks prerouting and output; enum nf_ip_hook_priorities of the kernel. */
#define NFT_PRIORITY_CONNTRACK	(-200)

/**
 * struct nft_reader - the state of reading a ruleset
 * @walk: receives its chains
 * @packet: the packet that its conditions are compared with
 * @all: the array of objects that nft has listed
 * @elsewhere: tables of iptables are read from iptables-save
 * @priority: of the chain being read
 */
struct nft_reader {
	struct weft_walk *walk;
	const struct weft_packet *packet;
	struct json_object *all;
	bool elsewhere;
	int priority;
};

static const char *nft_word(struct json_object *value)
{
	const char *word = json_object_get_string(value);

	return word ? word : "";
}

static const char *nft_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return "";
	return nft_word(value);
}

/* The @i-th listed object, if it is a @kind. */
static struct json_object *nft_item(const struct nft_reader *reader, size_t i,
				    const char *kind)
{
	struct json_object *item = NULL;

	json_object_object_get_ex(json_object_array_get_idx(reader->all, i), kind,
				  &item);
	return item;
}

static size_t nft_count(const struct nft_reader *reader)
{
	return json_object_array_length(reader->all);
}

static bool nft_same_table(struct json_object *a, struct json_object *b)
{
	return !strcmp(nft_text(a, "family"), nft_text(b, "family")) &&
	       !strcmp(nft_text(a, "table"), nft_text(b, "table"));
}

/* The elements of the set "@name", or NULL; to be released by json_object_put(). */
static struct json_object *nft_named(const struct nft_reader *reader,
				     struct json_object *rule, const char *kind,
				     const char *name)
{
	struct json_object *item, *elements = NULL;
	size_t i;

	for (i = 0; i < nft_count(reader) && !elements; i++) {
		item = nft_item(reader, i, kind);
		if (!item || !nft_same_table(item, rule) ||
		    strcmp(nft_text(item, "name"), name))
			continue;
		/* nft lists an empty set without "elem". */
		if (!json_object_object_get_ex(item, "elem", &elements))
			return json_object_new_array();
	}
	return json_object_get(elements);
}

static enum weft_match nft_number_or_word(struct json_object *item,
					  int number, const char *word)
{
	if (json_object_is_type(item, json_type_int))
		return weft_match_of(json_object_get_int(item) == number);
	if (json_object_is_type(item, json_type_string))
		return weft_match_of(!strcmp(json_object_get_string(item), word));
	return WEFT_MATCH_MAYBE;
}

static enum weft_match nft_port(const struct nft_reader *reader, bool source,
				struct json_object *item)
{
	struct json_object *range = NULL;
	long first, last;

	if (json_object_is_type(item, json_type_int)) {
		first = json_object_get_int(item);
		last = first;
	} else if (json_object_object_get_ex(item, "range", &range) &&
		   json_object_array_length(range) == 2) {
		first = json_object_get_int(json_object_array_get_idx(range, 0));
		last = json_object_get_int(json_object_array_get_idx(range, 1));
	} else {
		return WEFT_MATCH_MAYBE;
	}
	return weft_packet_own_port(reader->packet, source, first, last);
}

static enum weft_match nft_address(const struct nft_reader *reader, bool source,
				   struct json_object *item)
{
	struct json_object *prefix = NULL;
	char text[INET6_ADDRSTRLEN + 8];

	if (json_object_is_type(item, json_type_string))
		return weft_packet_address(reader->packet, source,
					   json_object_get_string(item));
	if (!json_object_object_get_ex(item, "prefix", &prefix))
		return WEFT_MATCH_MAYBE;
	snprintf(text, sizeof(text), "%s/%s", nft_text(prefix, "addr"),
		 nft_text(prefix, "len"));
	return weft_packet_address(reader->packet, source, text);
}

static bool nft_is_source(const char *field)
{
	return *field == 's';
}

static enum weft_match nft_payload(const struct nft_reader *reader,
				   struct json_object *payload,
				   struct json_object *item)
{
	const char *field = nft_text(payload, "field");

	if (!strcmp(field, "sport") || !strcmp(field, "dport"))
		return nft_port(reader, nft_is_source(field), item);
	if (!strcmp(field, "saddr") || !strcmp(field, "daddr"))
		return nft_address(reader, nft_is_source(field), item);
	if (!strcmp(field, "protocol") || !strcmp(field, "nexthdr"))
		return nft_number_or_word(item, IPPROTO_UDP, "udp");
	return WEFT_MATCH_MAYBE;
}

static enum weft_match nft_meta(const struct nft_reader *reader,
				struct json_object *meta,
				struct json_object *item)
{
	const struct weft_packet *packet = reader->packet;
	bool is_ip4 = packet->family == AF_INET;
	const char *key = nft_text(meta, "key");

	if (!strcmp(key, "l4proto"))
		return nft_number_or_word(item, IPPROTO_UDP, "udp");
	if (!strcmp(key, "nfproto"))
		return nft_number_or_word(item, is_ip4 ? 2 : 10,
					  is_ip4 ? "ipv4" : "ipv6");
	if (!strcmp(key, "protocol"))
		return nft_number_or_word(item, is_ip4 ? 0x0800 : 0x86dd,
					  is_ip4 ? "ip" : "ip6");
	if (!strncmp(key, "iif", 3) && (!key[3] || !strcmp(key + 3, "name")))
		return weft_packet_link(packet, false, nft_word(item), '*');
	if (!strncmp(key, "oif", 3) && (!key[3] || !strcmp(key + 3, "name")))
		return weft_packet_link(packet, true, nft_word(item), '*');
	if (!strcmp(key, "pkttype") && json_object_is_type(item, json_type_string))
		return weft_packet_cast(packet, json_object_get_string(item));
	if (!strcmp(key, "mark") && packet->out &&
	    json_object_is_type(item, json_type_int))
		return weft_match_of(json_object_get_int64(item) == packet->mark);
	return WEFT_MATCH_MAYBE;
}

static bool nft_has_flag(struct json_object *holder, const char *flag)
{
	struct json_object *flags = NULL;
	size_t i;

	if (!json_object_object_get_ex(holder, "flags", &flags))
		return false;
	if (!json_object_is_type(flags, json_type_array))
		return !strcmp(nft_word(flags), flag);
	for (i = 0; i < json_object_array_length(flags); i++)
		if (!strcmp(nft_word(json_object_array_get_idx(flags, i)), flag))
			return true;
	return false;
}

/* "oif missing" is false, or 0 in words; "exists" is true. */
static enum weft_match nft_fib(const struct nft_reader *reader,
			       struct json_object *fib, struct json_object *item)
{
	const char *word = nft_word(item);
	enum weft_match astray;

	/* Incoming packets of the tunnel are addressed to this host. */
	if (!strcmp(nft_text(fib, "result"), "type") && !reader->packet->out &&
	    nft_has_flag(fib, "daddr"))
		return weft_match_of(!strcmp(word, "local"));
	if (strcmp(nft_text(fib, "result"), "oif") ||
	    !nft_has_flag(fib, "saddr") || !nft_has_flag(fib, "iif"))
		return WEFT_MATCH_MAYBE;
	astray = weft_packet_astray(reader->packet, nft_has_flag(fib, "mark"),
				    reader->priority);
	if (!strcmp(word, "false") || !strcmp(word, "0"))
		return astray;
	return !strcmp(word, "true") ? weft_match_not(astray) :
				       WEFT_MATCH_MAYBE;
}

static enum weft_match nft_ct(const struct nft_reader *reader,
			      struct json_object *ct, struct json_object *item)
{
	const char *key = nft_text(ct, "key");

	if (!json_object_is_type(item, json_type_string))
		return WEFT_MATCH_MAYBE;
	if (!strcmp(key, "status"))
		return weft_packet_translated(reader->packet,
					      json_object_get_string(item));
	if (strcmp(key, "state"))
		return WEFT_MATCH_MAYBE;
	return weft_packet_flow(reader->packet, json_object_get_string(item));
}

/* Compares the field that @left selects with @item, a single value. */
static enum weft_match nft_compare_one(const struct nft_reader *reader,
				       struct json_object *left,
				       struct json_object *item)
{
	struct json_object *what = NULL;

	if (json_object_object_get_ex(item, "elem", &what))
		json_object_object_get_ex(what, "val", &item);
	if (json_object_object_get_ex(left, "payload", &what))
		return nft_payload(reader, what, item);
	if (json_object_object_get_ex(left, "meta", &what))
		return nft_meta(reader, what, item);
	if (json_object_object_get_ex(left, "ct", &what))
		return nft_ct(reader, what, item);
	if (json_object_object_get_ex(left, "fib", &what))
		return nft_fib(reader, what, item);
	return WEFT_MATCH_MAYBE;
}

/* A concatenation: each value is compared with its own field. */
static enum weft_match nft_compare_item(const struct nft_reader *reader,
					struct json_object *left,
					struct json_object *item)
{
	struct json_object *keys = NULL, *values = NULL;
	enum weft_match met = WEFT_MATCH_YES, one;
	size_t i;

	if (!json_object_object_get_ex(left, "concat", &keys))
		return nft_compare_one(reader, left, item);
	if (!json_object_object_get_ex(item, "concat", &values))
		return WEFT_MATCH_MAYBE;
	for (i = 0; i < json_object_array_length(keys); i++) {
		one = nft_compare_one(reader,
				      json_object_array_get_idx(keys, i),
				      json_object_array_get_idx(values, i));
		met = one < met ? one : met;
	}
	return met;
}

/* Any item of the list; MAYBE if none could be read. */
static enum weft_match nft_compare_list(const struct nft_reader *reader,
					struct json_object *left,
					struct json_object *list)
{
	enum weft_match met = WEFT_MATCH_NO, one;
	size_t i;

	if (!json_object_is_type(list, json_type_array))
		return WEFT_MATCH_MAYBE;
	for (i = 0; i < json_object_array_length(list); i++) {
		one = nft_compare_item(reader, left,
				       json_object_array_get_idx(list, i));
		met = weft_match_or(met, one);
	}
	return met;
}

/* A value, or a list or set of values of which one has to match. */
static enum weft_match nft_compare(const struct nft_reader *reader,
				   struct json_object *rule,
				   struct json_object *left,
				   struct json_object *right)
{
	struct json_object *list = NULL;
	const char *word = nft_word(right);
	enum weft_match met;

	if (json_object_is_type(right, json_type_array))
		return nft_compare_list(reader, left, right);
	if (json_object_object_get_ex(right, "set", &list))
		return nft_compare_list(reader, left, list);
	if (*word != '@')
		return nft_compare_item(reader, left, right);
	list = nft_named(reader, rule, "set", word + 1);
	met = nft_compare_list(reader, left, list);
	json_object_put(list);
	return met;
}

/* A match on a protocol's field implies a match on the protocol. */
static bool nft_has_field(const struct nft_reader *reader,
			  struct json_object *left)
{
	static const char * const any[] = { "", "udp", "th", "ether", "vlan" };
	struct json_object *payload = NULL;
	const char *protocol;
	size_t i;

	if (!json_object_object_get_ex(left, "payload", &payload))
		return true;
	protocol = nft_text(payload, "protocol");
	if (!strcmp(protocol, "ip") || !strcmp(protocol, "ip6"))
		return (reader->packet->family == AF_INET) == !protocol[2];
	for (i = 0; i < ARRAY_SIZE(any); i++)
		if (!strcmp(protocol, any[i]))
			return true;
	return false;
}

static enum weft_match nft_match(const struct nft_reader *reader,
				 struct json_object *rule,
				 struct json_object *match)
{
	struct json_object *left = NULL, *right = NULL;
	const char *op = nft_text(match, "op");
	enum weft_match met;

	if (!json_object_object_get_ex(match, "left", &left) ||
	    !json_object_object_get_ex(match, "right", &right))
		return WEFT_MATCH_MAYBE;
	if (!nft_has_field(reader, left))
		return WEFT_MATCH_NO;
	met = nft_compare(reader, rule, left, right);
	if (!strcmp(op, "!="))
		return weft_match_not(met);
	return !strcmp(op, "==") || !strcmp(op, "in") ? met : WEFT_MATCH_MAYBE;
}

/* Whether @left selects that field, alone or in a concatenation. */
static bool nft_takes(struct json_object *left, const char *field)
{
	struct json_object *what = NULL;
	size_t i;

	if (json_object_object_get_ex(left, "payload", &what))
		return !strcmp(nft_text(what, "field"), field);
	if (json_object_object_get_ex(left, "concat", &what))
		for (i = 0; i < json_object_array_length(what); i++)
			if (nft_takes(json_object_array_get_idx(what, i), field))
				return true;
	return false;
}

/* A negated range of sources covers most sources, and is not narrow. */
static bool nft_is_narrow(const struct nft_reader *reader,
			  struct json_object *left, const char *op,
			  enum weft_match met)
{
	return met == WEFT_MATCH_MAYBE && strcmp(op, "!=") &&
	       weft_packet_is_any_caller(reader->packet) &&
	       nft_takes(left, "saddr");
}

/* Whether the rule matches on the tunnel's port, the route back or a range of sources. */
static void nft_classify(const struct nft_reader *reader,
			 struct json_object *match, enum weft_match met,
			 struct weft_walk_rule *rule)
{
	struct json_object *left = NULL, *what = NULL;

	if (!json_object_object_get_ex(match, "left", &left))
		return;
	if (json_object_object_get_ex(left, "fib", &what))
		rule->reverse |= !strcmp(nft_text(what, "result"), "oif");
	rule->meant |= nft_takes(left, reader->packet->out ? "sport" : "dport");
	rule->narrow |= nft_is_narrow(reader, left, nft_text(match, "op"), met);
}

/* Statements without influence on the verdict. */
static bool nft_is_idle(struct json_object *statement)
{
	static const char * const idle[] = {
		"counter", "log", "comment", "mangle", "set",
		"ct helper", "ct timeout", "ct expectation",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(idle); i++)
		if (json_object_object_get_ex(statement, idle[i], NULL))
			return true;
	return false;
}

static enum weft_walk_verdict nft_verdict(struct json_object *statement,
					  const char **target)
{
	static const struct {
		const char *word;
		enum weft_walk_verdict verdict;
	} verdicts[] = {
		{ "accept", WEFT_WALK_ACCEPT }, { "queue", WEFT_WALK_ACCEPT },
		{ "drop", WEFT_WALK_DROP }, { "reject", WEFT_WALK_DROP },
		{ "jump", WEFT_WALK_JUMP }, { "goto", WEFT_WALK_GOTO },
		{ "return", WEFT_WALK_RETURN }, { "notrack", WEFT_WALK_NOTRACK },
	};
	struct json_object *to = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verdicts); i++) {
		if (!json_object_object_get_ex(statement, verdicts[i].word, &to))
			continue;
		*target = nft_text(to, "target");
		return verdicts[i].verdict;
	}
	return WEFT_WALK_NEXT;
}

static void nft_add(const struct nft_reader *reader,
		    struct weft_walk_chain *chain, struct json_object *rule,
		    struct json_object *statement, struct weft_walk_rule built)
{
	const char *target = "", *what;

	built.verdict = nft_verdict(statement, &target);
	if (built.verdict == WEFT_WALK_NEXT || built.met == WEFT_MATCH_NO)
		return;
	what = built.reverse ? "a reverse path filter" :
	       json_object_object_get_ex(statement, "reject", NULL) ?
	       "a reject" : "a drop";
	built.target = strdup(target);
	if (asprintf(&built.text, "%s in chain %s of nft table %s %s", what,
		     chain->name, nft_text(rule, "family"),
		     nft_text(rule, "table")) < 0)
		built.text = NULL;
	weft_walk_add_rule(reader->walk, chain, &built);
}

/* "udp dport vmap { 51820 : accept }": a rule for each entry. */
static void nft_add_map(const struct nft_reader *reader,
			struct weft_walk_chain *chain, struct json_object *rule,
			struct json_object *map,
			const struct weft_walk_rule *built)
{
	struct json_object *key = NULL, *data = NULL, *entries = NULL, *entry;
	struct weft_walk_rule one = *built;
	enum weft_match met;
	size_t i;

	json_object_object_get_ex(map, "key", &key);
	json_object_object_get_ex(map, "data", &data);
	if (!key || !data || !nft_has_field(reader, key))
		return;
	if (json_object_object_get_ex(data, "set", &entries))
		json_object_get(entries);
	else if (json_object_is_type(data, json_type_string))
		entries = nft_named(reader, rule, "map", json_object_get_string(data) + 1);
	for (i = 0; json_object_is_type(entries, json_type_array) &&
	     i < json_object_array_length(entries); i++) {
		entry = json_object_array_get_idx(entries, i);
		if (json_object_array_length(entry) != 2)
			continue;
		met = nft_compare_item(reader, key,
				       json_object_array_get_idx(entry, 0));
		one.met = met < built->met ? met : built->met;
		one.narrow = built->narrow || nft_is_narrow(reader, key, "", met);
		nft_add(reader, chain, rule, json_object_array_get_idx(entry, 1),
			one);
	}
	json_object_put(entries);
}

static void nft_read_rule(const struct nft_reader *reader,
			  struct weft_walk_chain *chain,
			  struct json_object *rule)
{
	struct json_object *expr = NULL, *statement, *what;
	struct weft_walk_rule built = { .met = WEFT_MATCH_YES };
	enum weft_match one;
	const char *target;
	size_t i;

	if (!json_object_object_get_ex(rule, "expr", &expr))
		return;
	for (i = 0; i < json_object_array_length(expr); i++) {
		statement = json_object_array_get_idx(expr, i);
		if (json_object_object_get_ex(statement, "vmap", &what)) {
			nft_add_map(reader, chain, rule, what, &built);
		} else if (nft_verdict(statement, &target) != WEFT_WALK_NEXT) {
			nft_add(reader, chain, rule, statement, built);
		} else if (json_object_object_get_ex(statement, "match", &what)) {
			one = nft_match(reader, rule, what);
			nft_classify(reader, what, one, &built);
			built.met = one < built.met ? one : built.met;
		} else if (!nft_is_idle(statement) && built.met == WEFT_MATCH_YES) {
			built.met = WEFT_MATCH_MAYBE;
		}
	}
}

static bool nft_is_met(const struct nft_reader *reader,
		       struct json_object *chain)
{
	const char *hook = nft_text(chain, "hook");

	if (!*hook || !strcmp(nft_text(chain, "type"), "nat"))
		return false;
	return reader->packet->out ?
	       !strcmp(hook, "output") || !strcmp(hook, "postrouting") :
	       !strcmp(hook, "input") || !strcmp(hook, "prerouting");
}

/*
 * A dormant table is listed, but has no effect. nft 1.0.6 prints freed memory in
 * place of a single flag: such a table is taken for active.
 */
static bool nft_is_dormant(const struct nft_reader *reader,
			   struct json_object *item)
{
	struct json_object *table;
	size_t i;

	for (i = 0; i < nft_count(reader); i++) {
		table = nft_item(reader, i, "table");
		if (table && !strcmp(nft_text(table, "family"), nft_text(item, "family")) &&
		    !strcmp(nft_text(table, "name"), nft_text(item, "table")))
			return nft_has_flag(table, "dormant");
	}
	return false;
}

/* The tables of "up" and wg-quick match on the tunnel's inner addresses, and are skipped. */
static bool nft_is_read(const struct nft_reader *reader,
			struct json_object *item)
{
	const char *family = nft_text(item, "family");
	const char *table = nft_text(item, "table");

	if (!strncmp(table, "weft-", 5) || !strncmp(table, "wg-quick-", 9))
		return false;
	return !strcmp(family, "inet") ||
	       !strcmp(family, reader->packet->family == AF_INET ? "ip" : "ip6");
}

static char *nft_table(struct json_object *item)
{
	char *table;

	if (asprintf(&table, "%s %s", nft_text(item, "family"),
		     nft_text(item, "table")) < 0)
		return NULL;
	return table;
}

static void nft_read_chain(struct nft_reader *reader, struct json_object *item)
{
	struct weft_walk_chain *chain;
	struct json_object *prio;

	chain = weft_walk_add_chain(reader->walk, nft_table(item),
				    strdup(nft_text(item, "name")));
	if (!chain)
		return;
	chain->base = nft_is_met(reader, item);
	if (json_object_object_get_ex(item, "prio", &prio))
		chain->priority = json_object_get_int(prio);
	chain->drops = !strcmp(nft_text(item, "policy"), "drop");
	chain->early = chain->priority < NFT_PRIORITY_CONNTRACK &&
		       strcmp(nft_text(item, "hook"), "input") &&
		       strcmp(nft_text(item, "hook"), "postrouting");
	if (asprintf(&chain->text, "the policy of chain %s of nft table %s is drop",
		     chain->name, chain->table) < 0)
		chain->text = NULL;
	if (asprintf(&chain->mend, "nft insert rule %s %s udp %s %u accept",
		     chain->table, chain->name,
		     reader->packet->out ? "sport" : "dport",
		     reader->packet->port) < 0)
		chain->mend = NULL;
}

/* Rules with matches of iptables are read from iptables-save. */
static bool nft_is_of_iptables(const struct nft_reader *reader,
			       struct json_object *item)
{
	struct json_object *rule, *expr;
	size_t i, j;

	for (i = 0; i < nft_count(reader); i++) {
		rule = nft_item(reader, i, "rule");
		if (!rule || !nft_same_table(rule, item) ||
		    !json_object_object_get_ex(rule, "expr", &expr))
			continue;
		for (j = 0; j < json_object_array_length(expr); j++)
			if (json_object_object_get_ex(json_object_array_get_idx(expr, j),
						      "xt", NULL))
				return true;
	}
	return false;
}

/* Chains first: a rule may precede the chain that it calls. */
static void nft_read_chains(struct nft_reader *reader)
{
	struct json_object *item;
	size_t i;

	for (i = 0; i < nft_count(reader); i++) {
		item = nft_item(reader, i, "chain");
		if (!item || !nft_is_read(reader, item) ||
		    nft_is_dormant(reader, item) ||
		    (reader->elsewhere && strcmp(nft_text(item, "family"), "inet") &&
		     nft_is_of_iptables(reader, item)))
			continue;
		nft_read_chain(reader, item);
	}
}

/* Any base chain of the table may call it. */
static int nft_priority(const struct nft_reader *reader,
			const struct weft_walk_chain *of)
{
	const struct weft_walk_chain *chain;
	int first = 0;

	if (of->base)
		return of->priority;
	for (chain = reader->walk->chains; chain; chain = chain->next)
		if (chain->base && chain->priority < first &&
		    !strcmp(chain->table, of->table))
			first = chain->priority;
	return first;
}

static void nft_read_rules(struct nft_reader *reader)
{
	struct weft_walk_chain *chain;
	struct json_object *rule;
	char *table;
	size_t i;

	for (i = 0; i < nft_count(reader); i++) {
		rule = nft_item(reader, i, "rule");
		if (!rule || !nft_is_read(reader, rule))
			continue;
		table = nft_table(rule);
		chain = table ? weft_walk_find(reader->walk, table,
					       nft_text(rule, "chain")) : NULL;
		free(table);
		if (!chain)
			continue;
		reader->priority = nft_priority(reader, chain);
		nft_read_rule(reader, chain, rule);
	}
}

void weft_walk_read_nft(struct weft_walk *walk, const char *json,
			bool elsewhere, const struct weft_packet *packet)
{
	struct json_object *root = json_tokener_parse(json);
	struct nft_reader reader = {
		.walk = walk, .packet = packet, .elsewhere = elsewhere,
	};

	if (json_object_is_type(root, json_type_object) &&
	    json_object_object_get_ex(root, "nftables", &reader.all) &&
	    json_object_is_type(reader.all, json_type_array)) {
		nft_read_chains(&reader);
		nft_read_rules(&reader);
	}
	json_object_put(root);
}
