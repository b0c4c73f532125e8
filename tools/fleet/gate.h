/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate for records of a store that is not trusted: a payload is parsed only after a key
 * that this fleet trusts has been found to have signed its bytes. Of a line without such a
 * signature only the length, the kind, the signer and the signature are read, which stand at
 * fixed places.
 */
#ifndef _WEFT_TOOLS_FLEET_GATE_H
#define _WEFT_TOOLS_FLEET_GATE_H

#include "fleet/merge.h"

/**
 * struct weft_gate - the result
 * @tells: set by the caller: lines that are no records, and those of unknown signers, are
 *         among the refused, each by its number; and so is a last one without a newline
 * @kept: set by the caller: so many bytes at the beginning of the text are former strangers, and
 *        not of the store
 * @merge: of the records that passed; forged ones are among the refused
 * @strangers: lines of signers that the fleet does not know (yet), to be freed
 * @strangers_len: their length in bytes
 * @stranger_count: their number
 * @noise: lines that are no records
 * @own: the store has the node's own hello, the present one
 */
struct weft_gate {
	bool tells;
	size_t kept;
	struct weft_merge merge;
	char *strangers;
	size_t strangers_len;
	size_t stranger_count;
	size_t noise;
	bool own;
};

/*
 * Take the records of a text into @fleet. Lines that the fleet has already
 * cost no signature. @own_hello: the line of the node's own hello, or NULL. False: no memory.
 */
bool weft_gate_merge(struct weft_fleet *fleet, const char *text, size_t len,
		     const char *own_hello, struct weft_gate *gate);
void weft_gate_free(struct weft_gate *gate);

#endif /* _WEFT_TOOLS_FLEET_GATE_H */
