/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attributes of weft's own that are a number, and no more. One
 * row of a table each; reading, JSON and metrics go by the table.
 */
#ifndef _WEFT_TOOLS_ATTR_H
#define _WEFT_TOOLS_ATTR_H

#include <linux/types.h>
#include <linux/weft.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * weft's own attributes begin here in each set. One bit each, in "known" of a
 * device and a peer, says whether the kernel reported it: wireguard never
 * does, and weft not what there is none of.
 */
#define WEFT_ATTR_OWN	64

#define WEFT_ATTR_BIT(attribute)	(1ULL << ((attribute) - WEFT_ATTR_OWN))

/**
 * struct weft_attr - a number, where it comes from and where it is kept
 * @name: its key in JSON; the unit ends it where there is one
 * @attribute: its number in the message
 * @offset: of the field in struct weft_peer or struct weft_device
 * @size: of both the field and the attribute, 1, 2, 4 or 8 bytes
 * @words: what the values of an enumeration are called, or NULL
 * @word_count: how many those are
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
/* The word for what is set, or NULL: then it is a number. */
const char *weft_attr_word(const struct weft_attr *attr, const void *owner);
/* It is on or off: true or false in JSON. */
bool weft_attr_is_switch(const struct weft_attr *attr);
void weft_attr_take(const struct weft_attr *attr, void *owner,
		    const void *data);

/* WEFT_PEER_STATE_* as a word, or NULL for what a newer kernel may say. */
const char *weft_peer_state_name(__u32 state);

/**
 * struct weft_drop_name - why packets went no further
 * @name: as in the specification
 * @out: they were to go out, and did not come in
 */
struct weft_drop_name {
	const char *name;
	bool out;
};

/* By WEFT_DROPS_A_*; 0 is no reason. */
extern const struct weft_drop_name weft_drop_names[WEFT_DROPS_A_MAX + 1];

#endif /* _WEFT_TOOLS_ATTR_H */
