/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _WEFT_TOOLS_ARRAY_H
#define _WEFT_TOOLS_ARRAY_H

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#endif /* _WEFT_TOOLS_ARRAY_H */
