// SPDX-License-Identifier: GPL-2.0
/* Rulesets as iptables-save and ip6tables-save print them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "doctor/walk.h"

#define IPTABLES_WORDS_MAX	256

/**
 * struct iptables_reader - the state of reading a ruleset
 * @walk: receives its chains
 * @packet: the packet that its conditions are compared with
 * @program: iptables or ip6tables
 * @table: the table being read
 */
struct iptables_reader {
	struct weft_walk *walk;
	const struct weft_packet *packet;
	const char *program;
	char table[32];
};

/**
 * struct iptables_rule - a rule that is read word by word
 * @built: the rule so far
 * @reverse: it matches on the route back (-m rpfilter)
 * @loose: --loose: the route may be through any link, and is taken to exist
 * @inverted: --invert: it matches packets without a route back
 * @with_mark: --validmark: the lookup uses the packet's mark
 */
struct iptables_rule {
	struct weft_walk_rule built;
	bool reverse;
	bool loose;
	bool inverted;
	bool with_mark;
};

/* The next word of *@rest, quotes taken off, or NULL. */
static char *iptables_word(char **rest)
{
	char *from = *rest + strspn(*rest, " "), *word = from, *to = from;
	bool quoted = false;

	if (!*from)
		return NULL;
	for (; *from && (quoted || *from != ' '); from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

/* "5:7", "5:", "5" */
static enum weft_match iptables_port(const struct iptables_reader *reader,
				     bool source, const char *word)
{
	long first, last;
	char *end;

	first = strtol(word, &end, 10);
	last = first;
	if (*end == ':')
		last = end[1] ? strtol(end + 1, &end, 10) : 65535;
	if (end == word && *end != ':')
		return WEFT_MATCH_MAYBE;
	return weft_packet_own_port(reader->packet, source, first, last);
}

/* One of "A,B,C". */
static enum weft_match iptables_any(const struct iptables_reader *reader,
				    char *words, bool ports, bool source)
{
	enum weft_match met = WEFT_MATCH_NO, one;
	char *word;

	while ((word = strsep(&words, ","))) {
		one = ports ? iptables_port(reader, source, word) :
			      weft_packet_flow(reader->packet, word);
		met = weft_match_or(met, one);
	}
	return met;
}

static bool iptables_is(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

static enum weft_match iptables_protocol(const struct iptables_reader *reader,
					 const char *word)
{
	(void)reader;
	return weft_match_of(!strcmp(word, "udp") || !strcmp(word, "17") ||
			     !strcmp(word, "all") || !strcmp(word, "0"));
}

/* An unknown option is MAYBE, too. */
static enum weft_match iptables_option(const struct iptables_reader *reader,
				       const char *option, char *value)
{
	const struct weft_packet *packet = reader->packet;

	if (iptables_is(option, "-p", "--protocol"))
		return iptables_protocol(reader, value);
	if (iptables_is(option, "-s", "--source"))
		return weft_packet_address(packet, true, value);
	if (iptables_is(option, "-d", "--destination"))
		return weft_packet_address(packet, false, value);
	if (iptables_is(option, "-i", "--in-interface"))
		return weft_packet_link(packet, false, value, '+');
	if (iptables_is(option, "-o", "--out-interface"))
		return weft_packet_link(packet, true, value, '+');
	if (iptables_is(option, "--sport", "--sports"))
		return iptables_any(reader, value, true, true);
	if (iptables_is(option, "--dport", "--dports"))
		return iptables_any(reader, value, true, false);
	if (iptables_is(option, "--ctstate", "--state"))
		return iptables_any(reader, value, false, false);
	if (!strcmp(option, "--pkt-type"))
		return weft_packet_cast(packet, value);
	/* Incoming packets of the tunnel are addressed to this host. */
	if (!strcmp(option, "--dst-type") && !packet->out)
		return weft_match_of(!strcmp(value, "LOCAL"));
	return WEFT_MATCH_MAYBE;
}

/* Options that do not match on packets. */
static bool iptables_is_idle(const char *option, const char *value)
{
	static const char * const modules[] = {
		"udp", "comment", "conntrack", "state", "multiport", "addrtype",
		"tcp", "rpfilter", "pkttype",
	};
	size_t i;

	if (!strcmp(option, "--comment"))
		return true;
	for (i = 0; !strcmp(option, "-m") && i < ARRAY_SIZE(modules); i++)
		if (!strcmp(value, modules[i]))
			return true;
	return false;
}

static void iptables_meet(struct iptables_rule *rule, enum weft_match one)
{
	if (one < rule->built.met)
		rule->built.met = one;
}

/* An option without a value; false: it is not one. */
static bool iptables_flag(struct iptables_rule *rule, const char *option)
{
	if (!strcmp(option, "--validmark"))
		rule->with_mark = true;
	else if (!strcmp(option, "--invert") && rule->reverse)
		rule->inverted = true;
	else if (!strcmp(option, "--loose"))
		rule->loose = true;
	else
		return !strcmp(option, "--accept-local");
	return true;
}

static bool iptables_is_source(const char *option)
{
	return iptables_is(option, "-s", "--source") ||
	       !strcmp(option, "--src-range");
}

static void iptables_take(const struct iptables_reader *reader,
			  struct iptables_rule *rule, bool not,
			  const char *option, char *value)
{
	enum weft_match one;

	if (iptables_is_idle(option, value)) {
		rule->reverse |= !strcmp(option, "-m") && !strcmp(value, "rpfilter");
		return;
	}
	one = iptables_option(reader, option, value);
	iptables_meet(rule, not ? weft_match_not(one) : one);
	rule->built.narrow |= one == WEFT_MATCH_MAYBE && !not &&
			      weft_packet_is_any_caller(reader->packet) &&
			      iptables_is_source(option);
	rule->built.meant |= one == WEFT_MATCH_YES && !not &&
			     !strncmp(option, reader->packet->out ? "--sport" :
					      "--dport", 7);
}

/* Targets that do not end the traversal are no verdict. */
static enum weft_walk_verdict iptables_verdict(const struct iptables_reader *reader,
					       const char *option,
					       const char *target,
					       const char *more)
{
	static const struct {
		const char *target;
		enum weft_walk_verdict verdict;
	} targets[] = {
		{ "ACCEPT", WEFT_WALK_ACCEPT }, { "QUEUE", WEFT_WALK_ACCEPT },
		{ "NFQUEUE", WEFT_WALK_ACCEPT }, { "DROP", WEFT_WALK_DROP },
		{ "REJECT", WEFT_WALK_DROP }, { "RETURN", WEFT_WALK_RETURN },
		{ "NOTRACK", WEFT_WALK_NOTRACK },
	};
	size_t i;

	if (!strcmp(target, "CT") && !strcmp(more, "--notrack"))
		return WEFT_WALK_NOTRACK;
	for (i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(targets[i].target, target))
			return targets[i].verdict;
	if (!weft_walk_find(reader->walk, reader->table, target))
		return WEFT_WALK_NEXT;
	return strcmp(option, "-g") ? WEFT_WALK_JUMP : WEFT_WALK_GOTO;
}

/* The words between the chain and the target. Returns the index of the target, or @count. */
static int iptables_conditions(const struct iptables_reader *reader,
			       struct iptables_rule *rule, char **words,
			       int count)
{
	bool not = false;
	int i;

	for (i = 2; i < count && !iptables_is(words[i], "-j", "-g"); i++) {
		if (!strcmp(words[i], "!")) {
			not = true;
			continue;
		}
		if (iptables_flag(rule, words[i])) {
			not = false;
			continue;
		}
		if (*words[i] == '-' && i + 1 < count &&
		    (*words[i + 1] != '-' || !strcmp(words[i], "--comment"))) {
			iptables_take(reader, rule, not, words[i], words[i + 1]);
			i++;
		} else if (*words[i] == '-') {
			iptables_meet(rule, WEFT_MATCH_MAYBE);
		}
		not = false;
	}
	return i;
}

/* The raw table precedes the rule that restores the flow's mark, mangle has its priority. */
static int iptables_priority(const struct iptables_reader *reader)
{
	return !strcmp(reader->table, "raw") ? -300 :
	       !strcmp(reader->table, "mangle") ? -150 : 0;
}

static void iptables_read_words(const struct iptables_reader *reader,
				struct weft_walk_chain *chain, char **words,
				int count, const char *line)
{
	struct iptables_rule rule = { .built.met = WEFT_MATCH_YES };
	enum weft_match astray;
	int at = iptables_conditions(reader, &rule, words, count);

	if (rule.reverse) {
		astray = rule.loose ? WEFT_MATCH_NO :
			 weft_packet_astray(reader->packet, rule.with_mark,
					    iptables_priority(reader));
		iptables_meet(&rule, rule.inverted ? astray :
						     weft_match_not(astray));
	}
	if (at + 1 >= count || rule.built.met == WEFT_MATCH_NO)
		return;
	rule.built.reverse = rule.reverse;
	rule.built.verdict = iptables_verdict(reader, words[at], words[at + 1],
					      at + 2 < count ? words[at + 2] : "");
	if (rule.built.verdict == WEFT_WALK_NEXT)
		return;
	rule.built.target = strdup(words[at + 1]);
	if (asprintf(&rule.built.text, "the rule '%s' of %s%s", line,
		     reader->program,
		     rule.reverse ? ", a reverse path filter" : "") < 0)
		rule.built.text = NULL;
	weft_walk_add_rule(reader->walk, chain, &rule.built);
}

static void iptables_read_rule(const struct iptables_reader *reader, char *line)
{
	char *words[IPTABLES_WORDS_MAX], *copy = strdup(line), *rest = line;
	struct weft_walk_chain *chain;
	int count = 0;

	while (count < IPTABLES_WORDS_MAX && (words[count] = iptables_word(&rest)))
		count++;
	chain = count > 2 ? weft_walk_find(reader->walk, reader->table, words[1]) :
			    NULL;
	if (copy && chain)
		iptables_read_words(reader, chain, words, count, copy);
	free(copy);
}

static bool iptables_is_met(const struct iptables_reader *reader,
			    const char *chain)
{
	if (!strcmp(reader->table, "nat"))
		return false;
	return reader->packet->out ?
	       iptables_is(chain, "OUTPUT", "POSTROUTING") :
	       iptables_is(chain, "INPUT", "PREROUTING");
}

/* ":CHAIN POLICY [PACKETS:BYTES]" */
static void iptables_read_chain(const struct iptables_reader *reader, char *line)
{
	struct weft_walk_chain *chain;
	char *rest = line, *name = strsep(&rest, " "), *policy = strsep(&rest, " ");

	chain = weft_walk_add_chain(reader->walk, strdup(reader->table),
				    strdup(name));
	if (!chain)
		return;
	chain->base = iptables_is_met(reader, name);
	chain->priority = iptables_priority(reader);
	chain->early = !strcmp(reader->table, "raw");
	chain->drops = policy && !strcmp(policy, "DROP");
	if (asprintf(&chain->text, "the policy of %s' chain %s in table %s is DROP",
		     reader->program, name, reader->table) < 0)
		chain->text = NULL;
	if (asprintf(&chain->mend, "%s -t %s -I %s -p udp --%s %u -j ACCEPT",
		     reader->program, reader->table, name,
		     reader->packet->out ? "sport" : "dport",
		     reader->packet->port) < 0)
		chain->mend = NULL;
}

/* Each table lists its chains before its rules. */
void weft_walk_read_iptables(struct weft_walk *walk, const char *text,
			     const char *program,
			     const struct weft_packet *packet)
{
	struct iptables_reader reader = {
		.walk = walk, .packet = packet, .program = program,
	};
	char *copy = strdup(text), *rest = copy, *line;

	walk->no_memory |= !copy;
	while (rest && (line = strsep(&rest, "\n"))) {
		if (*line == '*')
			snprintf(reader.table, sizeof(reader.table), "%s",
				 line + 1);
		else if (*line == ':')
			iptables_read_chain(&reader, line + 1);
		else if (!strncmp(line, "-A ", 3))
			iptables_read_rule(&reader, line);
	}
	free(copy);
}
