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

#include "network.h"

struct weft_context;
struct weft_profile;

/**
 * struct weft_doctor_prefix - an allowed IP, and where packets for it go
 * @ip: the allowed IP
 * @way: of an address in it
 */
struct weft_doctor_prefix {
	const struct weft_allowedip *ip;
	struct weft_network_way way;
};

/* What came of a packet sent to the endpoint from a socket like any other. */
enum weft_doctor_probe {
	WEFT_PROBE_NONE,	/* nothing came back, or none was sent */
	WEFT_PROBE_REFUSED,	/* nobody listens on that port */
	WEFT_PROBE_UNREACHABLE,	/* there is no such machine, or no way on from a router */
	WEFT_PROBE_BARRED,	/* this machine does not let it out */
};

/**
 * struct weft_doctor_peer - what is known of one peer
 * @first: as it was before anything was tried
 * @last: as it was afterwards
 * @endpoints: two places that it went to and fro between
 * @returns: how often it went back to where it had just been
 * @way: to its endpoint
 * @unmarked: the same for packets without the interface's mark
 * @outer_strict: rp_filter is strict where @way leads
 * @probe: what came of a probe
 * @unresolved: the name of its endpoint in the file, if it stands for nothing
 * @prefixes: its allowed IPs
 * @prefix_count: how many
 */
struct weft_doctor_peer {
	const struct weft_peer *first;
	const struct weft_peer *last;
	union weft_endpoint endpoints[2];
	unsigned int returns;
	struct weft_network_way way;
	struct weft_network_way unmarked;
	bool outer_strict;
	enum weft_doctor_probe probe;
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
 * @barred_in: the firewall's rule that keeps UDP for the port out, or NULL
 * @barred_out: the one that keeps it from leaving
 * @peers: the peers
 * @peer_count: how many
 */
struct weft_doctor_facts {
	const struct weft_device *first;
	const struct weft_device *last;
	struct weft_network_link link;
	const char *path;
	const struct weft_profile *profile;
	time_t now;
	bool forwarding4;
	bool forwarding6;
	bool strict;
	bool pmtu;
	struct weft_doctor_stack grew;
	const char *barred_in;
	const char *barred_out;
	struct weft_doctor_peer *peers;
	size_t peer_count;
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
 * @silences: with it a peer cannot answer: why it does not need no other reason
 * @last: only for peers whose silence nothing else explains
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

extern const struct weft_doctor_check weft_doctor_checks[];

/**
 * struct weft_doctor_report - where findings go
 * @find: takes one; @peer is NULL for the interface
 * @data: for @find
 * @worst: the worst severity so far
 */
struct weft_doctor_report {
	void (*find)(struct weft_doctor_report *report,
		     const struct weft_doctor_check *check,
		     const struct weft_doctor_facts *facts,
		     const struct weft_doctor_peer *peer, const char *what,
		     const char *mend);
	void *data;
	int worst;
};

/* Make all checks. False: no memory. */
bool weft_doctor_look(const struct weft_doctor_facts *facts,
		      struct weft_doctor_report *report);

/* Sends handshakes and probes, and watches for some seconds. False after a complaint. */
bool weft_doctor_gather(const struct weft_context *ctx, const char *name,
			struct weft_doctor_facts *facts);
void weft_doctor_facts_free(struct weft_doctor_facts *facts);

/* Rules of nft's JSON, or iptables-save's text, that bar UDP of @port; to be freed. */
char *weft_doctor_nft_bars(const char *json, __u16 port, bool out);
char *weft_doctor_iptables_bars(const char *text, __u16 port, bool out);

/* Send one packet to each endpoint, wait, and see what came back. */
struct weft_doctor_probes;
struct weft_doctor_probes *weft_doctor_probe_start(const struct weft_device *dev);
enum weft_doctor_probe weft_doctor_probe_result(struct weft_doctor_probes *probes,
						size_t peer);
void weft_doctor_probe_end(struct weft_doctor_probes *probes);

#endif /* _WEFT_TOOLS_DOCTOR_H */
