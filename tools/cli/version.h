/* SPDX-License-Identifier: GPL-2.0 */
/* The command has the module's version. */
#include "../../kmod/version.h"
