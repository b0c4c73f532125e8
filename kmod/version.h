/* SPDX-License-Identifier: GPL-2.0 */
/* The one place that says which version this is: module, command and packages all read it. */
#ifndef _WEFT_VERSION_H
#define _WEFT_VERSION_H

#define WEFT_VERSION	"0.1.0"

#endif /* _WEFT_VERSION_H */
