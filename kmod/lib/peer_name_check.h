/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The name of a peer: a short text that a terminal can display, and that does not look like a key.
 */
#ifndef WEFT_PEER_NAME_CHECK_H
#define WEFT_PEER_NAME_CHECK_H

#include <linux/types.h>

/* In bytes, without a terminator. */
#define WEFT_PEER_NAME_MAX	63

enum weft_peer_name_verdict {
	WEFT_PEER_NAME_GOOD,
	WEFT_PEER_NAME_LENGTH,	/* empty, or more than WEFT_PEER_NAME_MAX bytes */
	WEFT_PEER_NAME_ENCODING,	/* not UTF-8 */
	WEFT_PEER_NAME_CONTROL,	/* a control character */
	WEFT_PEER_NAME_KEY,	/* looks like a key */
};

enum weft_peer_name_verdict weft_peer_name_check(const char *name, size_t len);

#endif /* WEFT_PEER_NAME_CHECK_H */
