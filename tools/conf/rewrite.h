/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Replaces the key of an interface in its file, and leaves the rest of the text
 * unchanged, including comments.
 */
#ifndef _WEFT_TOOLS_REWRITE_H
#define _WEFT_TOOLS_REWRITE_H

#include <linux/types.h>
#include <stdbool.h>

struct weft_file;
struct weft_key;

/**
 * struct weft_rewrite - the keys of the interface that a file is to have
 * @private_key: the key
 * @previous: the previous key, or NULL for none
 * @until: the end of the previous key's grace, in seconds since 1970; 0: none
 */
struct weft_rewrite {
	const struct weft_key *private_key;
	const struct weft_key *previous;
	__s64 until;
};

/*
 * A copy of a file's text with the keys of @rewrite in place of its own; to be
 * wiped. False: no memory.
 */
bool weft_rewrite_text(const struct weft_file *text,
		       const struct weft_rewrite *rewrite,
		       struct weft_file *fresh);

#endif /* _WEFT_TOOLS_REWRITE_H */
