/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The refusal of a request, with its reason for the caller.
 */
#ifndef WEFT_REFUSE_H
#define WEFT_REFUSE_H

#include <linux/netlink.h>

/* Evaluates to @err. */
#define weft_refuse(extack, err, text)					\
({									\
	NL_SET_ERR_MSG(extack, text);					\
	(err);								\
})

/* The same for the value in @attr. */
#define weft_refuse_attr(extack, attr, err, text)			\
({									\
	NL_SET_ERR_MSG_ATTR(extack, attr, text);			\
	(err);								\
})

#endif /* WEFT_REFUSE_H */
