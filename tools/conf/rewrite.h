/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The key of an interface in its file: replaced there, with all else left as
 * it is, comments included.
 */
#ifndef _WEFT_TOOLS_REWRITE_H
#define _WEFT_TOOLS_REWRITE_H

#include <linux/types.h>
#include <stdbool.h>

struct weft_file;
struct weft_key;

/**
 * struct weft_rewrite - what a file is to say of the interface's own key
 * @private_key: the key
 * @previous: the one before, or NULL for none
 * @until: when that one is to be forgotten, in seconds since 1970; 0: never
 */
struct weft_rewrite {
	const struct weft_key *private_key;
	const struct weft_key *previous;
	__s64 until;
};

/*
 * The text of a file, which is not changed, with what is to be said in place
 * of what it says; to be wiped. False: no memory.
 */
bool weft_rewrite_text(const struct weft_file *text,
		       const struct weft_rewrite *rewrite,
		       struct weft_file *fresh);

#endif /* _WEFT_TOOLS_REWRITE_H */
