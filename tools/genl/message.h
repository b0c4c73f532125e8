/* SPDX-License-Identifier: GPL-2.0 */
/* The model as netlink attributes, and back. No socket is touched here. */
#ifndef _WEFT_TOOLS_MESSAGE_H
#define _WEFT_TOOLS_MESSAGE_H

#include <stdbool.h>

#include "model/model.h"

struct nl_msg;
struct nlattr;

/* An attribute's length is 16 bits, so a message's peers end before 64 KiB. */
#define WEFT_MESSAGE_BYTES	32768

/**
 * struct weft_message_cursor - how much of a device has been written
 * @dev: what is being sent
 * @ifindex: the interface it goes to
 * @peer: the first peer not sent yet
 * @allowedip: the first of its prefixes not sent yet
 * @own: the link is weft's, and takes what only weft knows
 * @started: the device's own attributes are out
 * @continued: @peer is, up to @allowedip
 */
struct weft_message_cursor {
	const struct weft_device *dev;
	unsigned int ifindex;
	const struct weft_peer *peer;
	const struct weft_allowedip *allowedip;
	bool own;
	bool started;
	bool continued;
};

void weft_message_start(struct weft_message_cursor *cursor,
			const struct weft_device *dev, unsigned int ifindex);
/* Append as much as fits; call again with a fresh message until done. */
int weft_message_put(struct nl_msg *msg, struct weft_message_cursor *cursor);
int weft_message_put_rotation(struct nl_msg *msg, unsigned int ifindex,
			      const struct weft_rotation *rotation);
bool weft_message_done(const struct weft_message_cursor *cursor);

/* Add one part of a dump to @dev. 0 or a negative errno. */
int weft_message_parse(const struct nlattr *head, int len,
		       struct weft_device *dev);

/* What is no address stays out. */
void weft_message_parse_endpoint(struct nlattr *attr,
				 union weft_endpoint *endpoint);

#endif /* _WEFT_TOOLS_MESSAGE_H */
