// SPDX-License-Identifier: GPL-2.0
#include "model/refused.h"

const char * const weft_refused_names[WEFT_REFUSED_COUNT] = {
	[WEFT_REFUSED_FORM] = "form",
	[WEFT_REFUSED_SIGNATURE] = "signature",
	[WEFT_REFUSED_OLD] = "old",
	[WEFT_REFUSED_REVOKED] = "revoked",
	[WEFT_REFUSED_EXPIRED] = "expired",
	[WEFT_REFUSED_UNKNOWN] = "unknown",
};
