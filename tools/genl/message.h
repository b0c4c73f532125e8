/* SPDX-License-Identifier: GPL-2.0 */
/* Conversion between the model and netlink attributes, without a socket. */
#ifndef _WEFT_TOOLS_MESSAGE_H
#define _WEFT_TOOLS_MESSAGE_H

#include <stdbool.h>

#include "model/model.h"

struct nl_msg;
struct nlattr;

/* An attribute's length is 16 bits, so a message's peers end before 64 KiB. */
#define WEFT_MESSAGE_BYTES	32768

/**
 * struct weft_message_cursor - the position in a device that is sent
 * @dev: the device
 * @ifindex: the interface that receives it
 * @peer: the first peer not sent yet
 * @allowedip: the first of its prefixes not sent yet
 * @own: the link is weft's, and accepts weft's own attributes
 * @started: the device's own attributes have been sent
 * @continued: @peer has been sent up to @allowedip
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

/* Ignores an attribute that is no valid address. */
void weft_message_parse_endpoint(struct nlattr *attr,
				 union weft_endpoint *endpoint);

#endif /* _WEFT_TOOLS_MESSAGE_H */
