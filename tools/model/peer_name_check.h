/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's rule for the names of peers. */
#ifndef _WEFT_TOOLS_PEER_NAME_CHECK_H
#define _WEFT_TOOLS_PEER_NAME_CHECK_H

/**
 * weft_peer_name_check() - the kernel's reason to refuse a name
 * @name: the name, which is not empty and not too long
 *
 * Return: a sentence about names, or NULL where the kernel accepts this one.
 */
const char *weft_peer_name_check(const char *name);

#endif /* _WEFT_TOOLS_PEER_NAME_CHECK_H */
