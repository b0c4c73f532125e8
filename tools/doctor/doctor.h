/* SPDX-License-Identifier: GPL-2.0 */
/*
 * weft doctor: facts are gathered first, then each check of a table looks in
 * them for one fault. The checks read nothing else, so that tests can supply
 * facts.
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
 * struct weft_doctor_prefix - an allowed IP and the route of its packets
 * @ip: the allowed IP
 * @way: the route to an address in it
 */
struct weft_doctor_prefix {
	const struct weft_allowedip *ip;
	struct weft_host_way way;
};

/* The ICMP errors received for the tunnel's packets to an endpoint. */
enum weft_doctor_probe {
	WEFT_PROBE_NONE,	/* no error */
	WEFT_PROBE_REFUSED,	/* no socket listens on that port */
	WEFT_PROBE_UNREACHABLE,	/* the host does not exist, or a router does not forward */
};

/**
 * struct weft_doctor_peer - the facts about one peer
 * @first: the peer before the doctor sent handshakes
 * @last: the peer afterwards
 * @endpoints: the two latest endpoints
 * @returns: how often the endpoint went back to the one before the last
 * @way: the route to its endpoint
 * @unmarked: the same for packets without the interface's mark
 * @outer_strict: rp_filter is strict where @way leads, and does not see the mark
 * @in: the firewall's verdict on the peer's answers, of a peer that is not up
 * @out: the verdict on packets to it
 * @probe: the ICMP errors received
 * @wanted: the peer as the file has it, or NULL
 * @calls: the file has the peer without an endpoint: only the peer initiates
 * @unresolved: the name of its endpoint in the file, if it has no address
 * @prefixes: its allowed IPs
 * @prefix_count: their number
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

/* Counters of a namespace, as differences between two readings. */
struct weft_doctor_stack {
	__u64 not_forwarded4;
	__u64 not_forwarded6;
	__u64 rp_filtered;
};

/**
 * struct weft_doctor_wall - the firewall's verdicts on packets of one family
 * @used: the tunnel has packets of that family
 * @in: the verdict on incoming answers
 * @fresh: the verdict on incoming packets that begin a flow
 * @out: the verdict on outgoing packets
 */
struct weft_doctor_wall {
	bool used;
	struct weft_bar in;
	struct weft_bar fresh;
	struct weft_bar out;
};

/* Peers in sorted order; index.c. */
struct weft_doctor_index;

/**
 * struct weft_doctor_facts - the facts about an interface
 * @first: the interface before the doctor sent handshakes
 * @last: the interface afterwards
 * @link: the link
 * @path: its file, or NULL
 * @profile: the contents of that file, or NULL
 * @now: the time
 * @forwarding4: the interface forwards IPv4
 * @forwarding6: the interface forwards IPv6
 * @strict: rp_filter is strict on the interface
 * @pmtu: the interface tells inner senders the path MTU
 * @grew: counters of the stack
 * @walls: the firewall, for IPv4 and IPv6
 * @unread: why the firewall could not be read, or NULL
 * @unmarked_table: the nft table by which "up" restores marks is missing
 * @peers: the peers
 * @peer_count: their number
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
 * struct weft_doctor_finding - the text of a check
 * @what: the fault
 * @mend: the remedy
 */
struct weft_doctor_finding {
	FILE *what;
	FILE *mend;
};

/**
 * struct weft_doctor_check - one check
 * @code: its name
 * @severity: of its findings
 * @silences: explains a silent peer by itself: checks marked @last are then skipped
 * @last: only for peers whose silence no other check explains
 * @device: checks the interface, or NULL
 * @peer: checks a peer, or NULL
 *
 * Both return true with a finding, which they have then written.
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
 * struct weft_doctor_result - a finding that is reported
 * @code: the check's name
 * @severity: the check's severity
 * @name: the interface, or NULL for the machine
 * @peer: the peer, or NULL
 * @what: the fault
 * @mend: the remedy
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
 * struct weft_doctor_report - the receiver of findings
 * @find: called for each finding
 * @data: for @find
 * @worst: the worst severity so far
 */
struct weft_doctor_report {
	void (*find)(struct weft_doctor_report *report,
		     const struct weft_doctor_result *result);
	void *data;
	int worst;
};

/* Run all checks. False: no memory. */
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
/* Passes the finding to @result if @found. False: no memory. */
bool weft_doctor_write_end(struct weft_doctor_writing *writing, bool found,
			   struct weft_doctor_report *report,
			   struct weft_doctor_result result);

/* The peer has a session and is not known to be silent. */
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

/* Starts handshakes, and reads counters for some seconds. False after a complaint. */
bool weft_doctor_gather(const struct weft_context *ctx, const char *name,
			struct weft_doctor_facts *facts);
void weft_doctor_facts_free(struct weft_doctor_facts *facts);

/**
 * struct weft_doctor_rules - the rulesets of a machine's firewall
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
/* The firewall's verdict on @packet; @bar is to be cleared. */
void weft_doctor_rules_ask(const struct weft_doctor_rules *rules,
			   const struct weft_packet *packet,
			   struct weft_bar *bar);
/*
 * Fills in the peers' @wanted, @calls and @unresolved. All names are looked up in
 * parallel, with a limit of some seconds.
 */
void weft_doctor_gather_names(const struct weft_context *ctx,
			      struct weft_doctor_facts *facts);
/* Fills in @walls, @unread, @unmarked_table and the peers' @in, @out and @outer_strict. */
void weft_doctor_gather_firewall(const struct weft_context *ctx,
				 struct weft_doctor_facts *facts);

/* The output of a program, or NULL: it is missing, or has failed. Words end with a NULL. */
char *weft_doctor_run(const struct weft_context *ctx, const char *program, ...);
/* The same; 0, or the result of host->run(): -ENOENT where the program is missing. */
int weft_doctor_try(const struct weft_context *ctx, char **output,
		    const char *program, ...);
/*
 * Receives ICMP errors for the tunnel's own packets; the probes send no packet.
 * Without CAP_NET_RAW no ICMP is received.
 */
struct weft_doctor_probes;
struct weft_doctor_probes *weft_doctor_probe_start(const struct weft_device *dev);
/* Reads the ICMP messages received so far. */
void weft_doctor_probe_hear(struct weft_doctor_probes *probes);
enum weft_doctor_probe weft_doctor_probe_result(const struct weft_doctor_probes *probes,
						size_t peer);
void weft_doctor_probe_end(struct weft_doctor_probes *probes);

#endif /* _WEFT_TOOLS_DOCTOR_H */
