/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Firewalls' rules as one packet traverses them. A reader of a ruleset evaluates
 * each rule's conditions for the packet; the walk follows the verdicts.
 */
#ifndef _WEFT_TOOLS_DOCTOR_WALK_H
#define _WEFT_TOOLS_DOCTOR_WALK_H

#include <stdbool.h>

#include "model/model.h"

/* MAYBE: the condition is not understood, or depends on an unknown property. */
enum weft_match {
	WEFT_MATCH_NO,
	WEFT_MATCH_MAYBE,
	WEFT_MATCH_YES,
};

/**
 * struct weft_packet - one of the tunnel's outer packets
 * @family: AF_INET or AF_INET6
 * @out: it leaves this machine
 * @fresh: it begins a flow; otherwise it answers one
 * @port: the tunnel's port, here
 * @there: the peer's endpoint; AF_UNSPEC for any peer
 * @dev: the link that it passes, "" where that is not known
 * @mark: its mark
 * @astray: the route back to @there, looked up without a mark, is not through @dev
 * @remarked: a rule of the tunnel's restores the flow's mark of incoming packets
 * @late: that rule has weft's priority -90, not wg-quick's -150
 * @untracked: a rule has taken it out of connection tracking
 */
struct weft_packet {
	__u16 family;
	bool out;
	bool fresh;
	__u16 port;
	union weft_endpoint there;
	char dev[IFNAMSIZ];
	__u32 mark;
	enum weft_match astray;
	bool remarked;
	bool late;
	enum weft_match untracked;
};

enum weft_walk_verdict {
	WEFT_WALK_NEXT,
	WEFT_WALK_ACCEPT,
	WEFT_WALK_DROP,
	WEFT_WALK_JUMP,
	WEFT_WALK_GOTO,
	WEFT_WALK_RETURN,
	WEFT_WALK_NOTRACK,
};

/**
 * struct weft_walk_rule - one rule, evaluated for the packet
 * @next: the next rule of the chain
 * @met: whether its conditions hold
 * @meant: a condition is the tunnel's port, and holds
 * @reverse: a condition is the route back
 * @narrow: a condition is a range of sources, and the packet's source is not known
 * @verdict: the verdict on a packet for which the conditions hold
 * @target: the chain called, for WEFT_WALK_JUMP and WEFT_WALK_GOTO
 * @text: the rule in words
 */
struct weft_walk_rule {
	struct weft_walk_rule *next;
	enum weft_match met;
	bool meant;
	bool reverse;
	bool narrow;
	enum weft_walk_verdict verdict;
	char *target;
	char *text;
};

/**
 * struct weft_walk_chain - a chain
 * @next: the next one
 * @table: its table; a chain calls those of its own
 * @name: its name
 * @base: it is a base chain
 * @priority: of the base chain; of another chain, of the earliest that may call it
 * @early: it precedes connection tracking
 * @drops: its policy
 * @text: its policy in words
 * @mend: a command that makes the chain accept the packet
 * @rules: its rules
 * @tail: where the next rule is appended
 */
struct weft_walk_chain {
	struct weft_walk_chain *next;
	char *table;
	char *name;
	bool base;
	int priority;
	bool early;
	bool drops;
	char *text;
	char *mend;
	struct weft_walk_rule *rules;
	struct weft_walk_rule **tail;
};

/**
 * struct weft_walk - a ruleset, for one packet
 * @chains: its chains
 * @tail: where the next chain is appended
 * @no_memory: a chain or a rule is missing
 */
struct weft_walk {
	struct weft_walk_chain *chains;
	struct weft_walk_chain **tail;
	bool no_memory;
};

/* Ordered from the best to the worst. */
enum weft_bars {
	WEFT_BARS_NOT,
	WEFT_BARS_PERHAPS,	/* dropped, if a condition that is not understood holds */
	WEFT_BARS_UNLESS,	/* dropped, unless a condition that is not understood holds */
	WEFT_BARS,
};

/**
 * struct weft_bar - a firewall's verdict on a packet
 * @bars: whether the packet is dropped
 * @reverse: the reason is the route back
 * @culprit: the rule, in words
 * @mend: a command that makes the firewall accept the packet
 */
struct weft_bar {
	enum weft_bars bars;
	bool reverse;
	char *culprit;
	char *mend;
};

void weft_walk_init(struct weft_walk *walk);
void weft_walk_clear(struct weft_walk *walk);
/* Takes ownership of the strings; NULL: no memory, and they are freed. */
struct weft_walk_chain *weft_walk_add_chain(struct weft_walk *walk, char *table,
					    char *name);
struct weft_walk_chain *weft_walk_find(const struct weft_walk *walk,
				       const char *table, const char *name);
/* Takes ownership of the strings of @rule. */
void weft_walk_add_rule(struct weft_walk *walk, struct weft_walk_chain *chain,
			const struct weft_walk_rule *rule);

/* The worst verdict of all base chains. Out of memory, nothing is barred. */
void weft_walk_run(const struct weft_walk *walk, struct weft_bar *bar);
/* Whether a rule takes the packet out of connection tracking. */
enum weft_match weft_walk_untracks(const struct weft_walk *walk);
/* @bar becomes the worse of the two, and @other is cleared. */
void weft_bar_join(struct weft_bar *bar, struct weft_bar *other);
void weft_bar_clear(struct weft_bar *bar);

enum weft_match weft_match_of(bool holds);
enum weft_match weft_match_not(enum weft_match match);
enum weft_match weft_match_or(enum weft_match a, enum weft_match b);

/* Whether the packet's own port, or its peer's, lies in a range. */
enum weft_match weft_packet_own_port(const struct weft_packet *packet,
				     bool source, long first, long last);
/* Matches a link's name; a last character @any makes the name a prefix. */
enum weft_match weft_packet_link(const struct weft_packet *packet, bool out,
				 const char *name, char any);
/* Whether its source, or destination, lies in "ADDRESS" or "ADDRESS/LENGTH". */
enum weft_match weft_packet_address(const struct weft_packet *packet,
				    bool source, const char *prefix);
/* It begins a flow, and its source is not known: a range of sources may not contain it. */
bool weft_packet_is_any_caller(const struct weft_packet *packet);
/* One word for the state of its flow: "new", "established", ... */
enum weft_match weft_packet_flow(const struct weft_packet *packet,
				 const char *word);
/* One word for the NAT of its flow: an incoming packet was sent to the tunnel's port itself. */
enum weft_match weft_packet_translated(const struct weft_packet *packet,
				       const char *word);
/* "unicast", "broadcast", ...: peers send to one host. */
enum weft_match weft_packet_cast(const struct weft_packet *packet,
				 const char *word);
/* The route back to its source is not through the same link. */
enum weft_match weft_packet_astray(const struct weft_packet *packet,
				   bool with_mark, int priority);

/* Reads nft's JSON; @elsewhere: tables of iptables are read from iptables-save. */
void weft_walk_read_nft(struct weft_walk *walk, const char *json,
			bool elsewhere, const struct weft_packet *packet);
/* The text of iptables-save, or of ip6tables-save, which @program names. */
void weft_walk_read_iptables(struct weft_walk *walk, const char *text,
			     const char *program,
			     const struct weft_packet *packet);

#endif /* _WEFT_TOOLS_DOCTOR_WALK_H */
