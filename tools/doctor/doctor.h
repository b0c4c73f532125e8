/* SPDX-License-Identifier: GPL-2.0 */
/*
 * weft doctor: facts are gathered first, then each check of a table looks at
 * them for one thing that is wrong. The checks touch nothing else, so that
 * tests can make facts up.
 */
#ifndef _WEFT_TOOLS_DOCTOR_H
#define _WEFT_TOOLS_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "doctor/walk.h"
#include "host/host.h"

struct weft_context;
struct weft_profile;

/**
 * struct weft_doctor_prefix - an allowed IP, and where packets for it go
 * @ip: the allowed IP
 * @way: of an address in it
 */
struct weft_doctor_prefix {
	const struct weft_allowedip *ip;
	struct weft_host_way way;
};

/* What ICMP said meanwhile of the tunnel's packets to an endpoint. */
enum weft_doctor_probe {
	WEFT_PROBE_NONE,	/* nothing */
	WEFT_PROBE_REFUSED,	/* no socket listens on that port */
	WEFT_PROBE_UNREACHABLE,	/* there is no such machine, or a router passes nothing on */
};

/**
 * struct weft_doctor_peer - what is known of one peer
 * @first: as it was before anything was tried
 * @last: as it was afterwards
 * @endpoints: two endpoints that it went to and fro between
 * @returns: how often it went back to where it had just been
 * @way: to its endpoint
 * @unmarked: the same for packets without the interface's mark
 * @outer_strict: rp_filter is strict where @way leads, and does not see the mark
 * @in: what the firewall does with what the peer answers, of a peer that is not up
 * @out: and with packets to it
 * @probe: what ICMP said
 * @wanted: the peer as the file has it, or NULL
 * @calls: the file has the peer without an endpoint: it is the peer that calls
 * @unresolved: the name of its endpoint in the file, if it stands for nothing
 * @prefixes: its allowed IPs
 * @prefix_count: how many
 */
struct weft_doctor_peer {
	const struct weft_peer *first;
	const struct weft_peer *last;
	union weft_endpoint endpoints[2];
	unsigned int returns;
	struct weft_host_way way;
	struct weft_host_way unmarked;
	bool outer_strict;
	struct weft_bar in;
	struct weft_bar out;
	enum weft_doctor_probe probe;
	const struct weft_peer *wanted;
	bool calls;
	char *unresolved;
	struct weft_doctor_prefix *prefixes;
	size_t prefix_count;
};

/* Counters of a namespace: what grew while it was watched. */
struct weft_doctor_stack {
	unsigned long not_forwarded4;
	unsigned long not_forwarded6;
	unsigned long rp_filtered;
};

/**
 * struct weft_doctor_wall - what the firewall does with packets of one family
 * @used: the tunnel has packets of that family
 * @in: with answers that come in
 * @fresh: with what comes in and answers nothing
 * @out: with what leaves
 */
struct weft_doctor_wall {
	bool used;
	struct weft_bar in;
	struct weft_bar fresh;
	struct weft_bar out;
};

/* Peers in other orders than their own; index.c. */
struct weft_doctor_index;

/**
 * struct weft_doctor_facts - what is known of an interface
 * @first: as it was before anything was tried
 * @last: as it was afterwards
 * @link: the link
 * @path: its file, or NULL
 * @profile: what that says, or NULL
 * @now: the time
 * @forwarding4: the interface passes IPv4 on
 * @forwarding6: IPv6
 * @strict: rp_filter is strict on the interface
 * @pmtu: the interface tells inner senders what fits
 * @grew: counters of the stack
 * @walls: the firewall, for IPv4 and IPv6
 * @unread: why the firewall could not be read, or NULL
 * @unmarked_table: what "up" had told the firewall, for marks to be seen, is gone
 * @peers: the peers
 * @peer_count: how many
 * @index: made and used by weft_doctor_look()
 */
struct weft_doctor_facts {
	const struct weft_device *first;
	const struct weft_device *last;
	struct weft_host_link link;
	const char *path;
	const struct weft_profile *profile;
	time_t now;
	bool forwarding4;
	bool forwarding6;
	bool strict;
	bool pmtu;
	struct weft_doctor_stack grew;
	struct weft_doctor_wall walls[2];
	char *unread;
	bool unmarked_table;
	struct weft_doctor_peer *peers;
	size_t peer_count;
	struct weft_doctor_index *index;
};

enum weft_doctor_severity {
	WEFT_DOCTOR_WARNING = 1,
	WEFT_DOCTOR_ERROR = 2,
};

/**
 * struct weft_doctor_finding - what a check says
 * @what: what is wrong
 * @mend: what would mend it
 */
struct weft_doctor_finding {
	FILE *what;
	FILE *mend;
};

/**
 * struct weft_doctor_check - one thing to look for
 * @code: its name
 * @severity: how bad it is
 * @silences: explains a silent peer by itself: checks marked @last are then skipped
 * @last: only for peers whose silence no other check explains
 * @device: looks at the interface, or NULL
 * @peer: looks at a peer, or NULL
 *
 * Both return whether it is so, and have then written why.
 */
struct weft_doctor_check {
	const char *code;
	enum weft_doctor_severity severity;
	bool silences;
	bool last;
	bool (*device)(const struct weft_doctor_facts *facts,
		       struct weft_doctor_finding *finding);
	bool (*peer)(const struct weft_doctor_facts *facts,
		     const struct weft_doctor_peer *peer,
		     struct weft_doctor_finding *finding);
};

/**
 * struct weft_doctor_result - a finding on its way out
 * @code: the check's name
 * @severity: how bad it is
 * @name: the interface, or NULL for the machine
 * @peer: the peer, or NULL
 * @what: what is wrong
 * @mend: what would mend it
 */
struct weft_doctor_result {
	const char *code;
	enum weft_doctor_severity severity;
	const char *name;
	const struct weft_doctor_peer *peer;
	const char *what;
	const char *mend;
};

/**
 * struct weft_doctor_report - where findings go
 * @find: takes one
 * @data: for @find
 * @worst: the worst severity so far
 */
struct weft_doctor_report {
	void (*find)(struct weft_doctor_report *report,
		     const struct weft_doctor_result *result);
	void *data;
	int worst;
};

/* Make all checks. False: no memory. */
bool weft_doctor_look(struct weft_doctor_facts *facts,
		      struct weft_doctor_report *report);

/* Open and close the two streams of a finding. False: no memory. */
struct weft_doctor_writing {
	struct weft_doctor_finding finding;
	char *what;
	char *mend;
	size_t what_len;
	size_t mend_len;
};

bool weft_doctor_write_begin(struct weft_doctor_writing *writing);
/* Tells @result of it if @found. False: no memory. */
bool weft_doctor_write_end(struct weft_doctor_writing *writing, bool found,
			   struct weft_doctor_report *report,
			   struct weft_doctor_result result);

/* There is a session with the peer, and nothing says that it has fallen silent. */
bool weft_doctor_is_up(const struct weft_doctor_facts *facts,
		       const struct weft_doctor_peer *peer);

/* NULL: no memory. */
struct weft_doctor_index *weft_doctor_index_new(const struct weft_doctor_facts *facts);
void weft_doctor_index_free(struct weft_doctor_index *index);
bool weft_doctor_index_all_up(const struct weft_doctor_index *index);
/* A peer that is up whose endpoint has the same address, or NULL. */
const struct weft_doctor_peer *
weft_doctor_index_neighbour(const struct weft_doctor_index *index,
			    const struct weft_doctor_peer *peer);
/* An allowed IP within @ip, of a peer that is not up, and that peer; or NULL. */
const struct weft_allowedip *
weft_doctor_index_within(const struct weft_doctor_index *index,
			 const struct weft_allowedip *ip,
			 const struct weft_doctor_peer **owner);

/* Sends handshakes and probes, and watches for some seconds. False after a complaint. */
bool weft_doctor_gather(const struct weft_context *ctx, const char *name,
			struct weft_doctor_facts *facts);
void weft_doctor_facts_free(struct weft_doctor_facts *facts);

/**
 * struct weft_doctor_rules - all of a machine's firewall
 * @nft: nft's JSON, or NULL
 * @ip4: iptables-save's text, or NULL
 * @ip6: ip6tables-save's
 * @unread: why it could not be read, or NULL
 */
struct weft_doctor_rules {
	char *nft;
	char *ip4;
	char *ip6;
	char *unread;
};

void weft_doctor_rules_read(const struct weft_context *ctx,
			    struct weft_doctor_rules *rules);
void weft_doctor_rules_free(struct weft_doctor_rules *rules);
/* What becomes of @packet; @bar is to be cleared. */
void weft_doctor_rules_ask(const struct weft_doctor_rules *rules,
			   const struct weft_packet *packet,
			   struct weft_bar *bar);
/*
 * Fills in the peers' @wanted, @calls and @unresolved. All names are looked up side by
 * side, for some seconds.
 */
void weft_doctor_gather_names(const struct weft_context *ctx,
			      struct weft_doctor_facts *facts);
/* Fills in @walls, @unread, @unmarked_table and the peers' @in, @out and @outer_strict. */
void weft_doctor_gather_firewall(const struct weft_context *ctx,
				 struct weft_doctor_facts *facts);

/* What a program prints, or NULL: it is not there, or did not end well. Words end with a NULL. */
char *weft_doctor_run(const struct weft_context *ctx, const char *program, ...);
/* The same; 0, or what host->run() returns: -ENOENT where the program is not there. */
int weft_doctor_try(const struct weft_context *ctx, char **output,
		    const char *program, ...);
/* A setting of net.FAMILY.conf.NAME, -1 where there is none. */
int weft_doctor_setting(const struct weft_context *ctx, const char *family,
			const char *name, const char *setting);
/* Both rp_filter's, of which the greater one holds. */
bool weft_doctor_is_strict(const struct weft_context *ctx, const char *name);

/*
 * Listen to ICMP while the tunnel's own packets are on their way: no packet is
 * sent for it. Without CAP_NET_RAW nothing is heard.
 */
struct weft_doctor_probes;
struct weft_doctor_probes *weft_doctor_probe_start(const struct weft_device *dev);
/* Takes in what has come. */
void weft_doctor_probe_hear(struct weft_doctor_probes *probes);
enum weft_doctor_probe weft_doctor_probe_result(const struct weft_doctor_probes *probes,
						size_t peer);
void weft_doctor_probe_end(struct weft_doctor_probes *probes);

#endif /* _WEFT_TOOLS_DOCTOR_H */
