/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rotation of a node's tunnel key, in phases: "announce" makes the next key, "change"
 * begins to use it, "finish" erases the one before; "undo" takes an announcement back.
 */
#ifndef _WEFT_TOOLS_FLEET_PHASE_H
#define _WEFT_TOOLS_FLEET_PHASE_H

#include "fleet/folder.h"

struct weft_context;

/**
 * struct weft_phase_call - one call of a phase
 * @id: the identifier of the rotation, or NULL: the present one, or a new one
 * @has_grace: @grace is given
 * @grace: seconds for which the replaced key stays valid, 0: until "finish"; otherwise as
 *         the fleet says
 */
struct weft_phase_call {
	const char *id;
	bool has_grace;
	__u64 grace;
};

/**
 * struct weft_phase - one phase
 * @name: its word; NULL ends the table
 * @run: changes the node's keys in memory; false after a complaint
 * @kernel: brings the interface along, or NULL
 */
struct weft_phase {
	const char *name;
	bool (*run)(struct weft_folder *folder, const struct weft_phase_call *call);
	bool (*kernel)(struct weft_folder *folder, bool *changed);
};

extern const struct weft_phase weft_phases[];

/* NULL: no phase of this name. */
const struct weft_phase *weft_phase_find(const char *name);
/*
 * Run a phase: the keys, then the hello, then the files, then the interface, so that a call
 * that was killed is completed by the same call. The interface's lock is held. False after a
 * complaint.
 */
bool weft_phase_run(struct weft_folder *folder, const struct weft_phase *phase,
		    const struct weft_phase_call *call, bool *changed);
/* Seconds for which a replaced key stays valid; @terms may be NULL. */
__u64 weft_phase_grace(const struct weft_fleet_record *terms);
/* Whether the node's admission is over (not_after): peers take no new key of it. */
bool weft_phase_is_expired(const struct weft_folder *folder);
/*
 * Renew the node's hello where one of its values has changed, and take it into the fleet's
 * records. False after a complaint.
 */
bool weft_phase_greet(struct weft_folder *folder);
/* Tell of an identity that can sign no further hello. */
void weft_phase_warn_spent(const struct weft_folder *folder);

#endif /* _WEFT_TOOLS_FLEET_PHASE_H */
