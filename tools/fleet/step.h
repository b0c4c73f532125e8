/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One step of the agent: lines of the store go through the gate into the records, the
 * rotation takes its turn, and the interface is brought to the result. A step begins with the
 * files of the state folder and ends with them: a killed agent goes on where it was.
 */
#ifndef _WEFT_TOOLS_FLEET_STEP_H
#define _WEFT_TOOLS_FLEET_STEP_H

#include "fleet/folder.h"

/* For so many seconds a hello has endpoints that are gone. */
#define WEFT_STEP_GONE_S	30

/* What came of a look at endpoints: nothing new, or something, or there was none. */
enum weft_look {
	WEFT_LOOK_SAME,
	WEFT_LOOK_NEW,
	WEFT_LOOK_FAILED,
};

/**
 * struct weft_step - one step, and what it leaves to the next
 * @text: the lines of the store, or NULL
 * @len: their length
 * @all: they are all that the store has
 * @apply: compare the interface, whether a record has changed or not
 * @resolve: find the node's endpoints by its policy anew
 * @look: a hub looks at the endpoints of its peers
 * @jump: seconds by which the machine's clock was set since the last step
 * @strangers: lines of signers that are not known yet, to be freed; in: of former steps
 * @strangers_len: their length
 * @node: the node
 * @hello: the hello that the store is to have, to be freed, or NULL
 * @generation: of the state folder's hello
 * @complete: all that the store has was taken since the state folder was replaced
 * @published_at: since when the store has it, 0: not yet, as far as is known
 * @order: the order of the admin that @ordered_at is about
 * @ordered_at: since when it is known, 0: the node has followed it
 * @told_at: when refused records were told, 0: never
 * @gone_at: since when endpoints of the policy are gone that the hello still has, 0: there are none
 * @accepted: records that were new
 * @epoch: of the fleet
 * @peers: peers of the interface
 * @changed: the interface or the node's keys have changed
 * @in: the node is in the fleet
 * @again: peers had to wait for the removal of others, which is done
 * @stuck: the phase of the rotation has lasted too long
 * @preshared: the fleet wants preshared keys
 * @meets: the rotation waits for sessions of the new key
 * @resolved: what came of @resolve
 * @looked: what came of @look
 * @hub: the node is a hub
 * @resolves: the node has a policy for its endpoints
 * @expired: a rotation is due, and the node's admission is over: peers take no new key
 * @next: when the rotation has its next turn, in seconds since 1970, or INT64_MAX
 */
struct weft_step {
	const char *text;
	size_t len;
	bool all;
	bool apply;
	bool resolve;
	bool look;
	__s64 jump;
	char *strangers;
	size_t strangers_len;
	char node[WEFT_NODE_NAME_BYTES];
	char *hello;
	__u64 generation;
	bool complete;
	__s64 published_at;
	__u64 order;
	__s64 ordered_at;
	__s64 told_at;
	__s64 gone_at;
	size_t accepted;
	__u64 epoch;
	size_t peers;
	bool changed;
	bool in;
	bool again;
	bool stuck;
	bool preshared;
	bool meets;
	enum weft_look resolved;
	enum weft_look looked;
	bool hub;
	bool resolves;
	bool expired;
	__s64 next;
};

/*
 * Take a step; @folder is read and locked, and so is the interface. False after a complaint:
 * all that was taken in is remembered nevertheless.
 */
bool weft_step(struct weft_folder *folder, struct weft_step *step);
void weft_step_free(struct weft_step *step);

#endif /* _WEFT_TOOLS_FLEET_STEP_H */
