/* SPDX-License-Identifier: GPL-2.0 */
/* The only definition of the version: module, command and packages all read it. */
#ifndef _WEFT_VERSION_H
#define _WEFT_VERSION_H

#define WEFT_VERSION	"0.2.0"

#endif /* _WEFT_VERSION_H */
