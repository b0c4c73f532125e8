/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _WEFT_TOOLS_VERSION_H
#define _WEFT_TOOLS_VERSION_H

#define WEFT_VERSION	"0.1.0"

#endif /* _WEFT_TOOLS_VERSION_H */
