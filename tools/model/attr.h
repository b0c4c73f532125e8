/* SPDX-License-Identifier: GPL-2.0 */
/*
 * weft's own attributes that are plain numbers: one row of a table each.
 * Parsing, JSON and metrics are driven by the tables.
 */
#ifndef _WEFT_TOOLS_ATTR_H
#define _WEFT_TOOLS_ATTR_H

#include <linux/types.h>
#include <linux/weft.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * weft's own attributes begin here in each set. One bit each, in "known" of a
 * device and a peer, is set if the kernel reported the attribute: wireguard never
 * does, and weft omits an attribute without a value.
 */
#define WEFT_ATTR_OWN	64

#define WEFT_ATTR_BIT(attribute)	(1ULL << ((attribute) - WEFT_ATTR_OWN))

/**
 * struct weft_attr - a number, its attribute and its field
 * @name: its key in JSON; the unit ends it where there is one
 * @attribute: its number in the message
 * @offset: of the field in struct weft_peer or struct weft_device
 * @size: of both the field and the attribute, 1, 2, 4 or 8 bytes
 * @words: the names of an enumeration's values, or NULL
 * @word_count: their number
 */
struct weft_attr {
	const char *name;
	int attribute;
	size_t offset;
	size_t size;
	const char * const *words;
	size_t word_count;
};

/* Both tables end with a row without a name. */
extern const struct weft_attr weft_device_attrs[];
extern const struct weft_attr weft_peer_attrs[];

/* @owner is the weft_device or weft_peer that the table belongs to. */
__u64 weft_attr_get(const struct weft_attr *attr, const void *owner);
/* The word for the current value, or NULL for a plain number. */
const char *weft_attr_word(const struct weft_attr *attr, const void *owner);
/* The attribute is on or off: true or false in JSON. */
bool weft_attr_is_switch(const struct weft_attr *attr);
void weft_attr_take(const struct weft_attr *attr, void *owner,
		    const void *data);

/* WEFT_PEER_STATE_* as a word, or NULL for a state of a newer kernel. */
const char *weft_peer_state_name(__u32 state);

/**
 * struct weft_drop_name - a reason for dropped packets
 * @name: as in the specification
 * @out: the packets were outgoing
 */
struct weft_drop_name {
	const char *name;
	bool out;
};

/* Indexed by WEFT_DROPS_A_*; 0 is no reason. */
extern const struct weft_drop_name weft_drop_names[WEFT_DROPS_A_MAX + 1];

#endif /* _WEFT_TOOLS_ATTR_H */
