/* SPDX-License-Identifier: GPL-2.0 */
/* Reasons for the refusal of a fleet's record, in classes. */
#ifndef _WEFT_TOOLS_REFUSED_H
#define _WEFT_TOOLS_REFUSED_H

/*
 * A label of a metric has few values, whatever a record says: the reason in words quotes the
 * record, and its author could make a series of each text.
 */
enum weft_refused {
	WEFT_REFUSED_FORM,	/* no record of this version and fleet, or with wrong values */
	WEFT_REFUSED_SIGNATURE,	/* of another signer, or without a proof */
	WEFT_REFUSED_OLD,	/* another one is known: it was replayed, or the store lags */
	WEFT_REFUSED_REVOKED,
	WEFT_REFUSED_EXPIRED,	/* not_after is over */
	WEFT_REFUSED_UNKNOWN,	/* the record that it belongs to is not known */
	WEFT_REFUSED_COUNT,
};

/* The word of each class, as in labels. */
extern const char * const weft_refused_names[WEFT_REFUSED_COUNT];

#endif /* _WEFT_TOOLS_REFUSED_H */
