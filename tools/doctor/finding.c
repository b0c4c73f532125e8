// SPDX-License-Identifier: GPL-2.0
/* Findings: their streams, and the call into the report. */
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

bool weft_doctor_write_begin(struct weft_doctor_writing *writing)
{
	memset(writing, 0, sizeof(*writing));
	writing->finding.what = open_memstream(&writing->what,
					       &writing->what_len);
	writing->finding.mend = open_memstream(&writing->mend,
					       &writing->mend_len);
	return writing->finding.what && writing->finding.mend;
}

bool weft_doctor_write_end(struct weft_doctor_writing *writing, bool found,
			   struct weft_doctor_report *report,
			   struct weft_doctor_result result)
{
	bool good;

	if (writing->finding.what)
		fclose(writing->finding.what);
	if (writing->finding.mend)
		fclose(writing->finding.mend);
	good = writing->what && writing->mend;
	if (good && found) {
		result.what = writing->what;
		result.mend = writing->mend;
		report->find(report, &result);
		if (report->worst < (int)result.severity)
			report->worst = result.severity;
	}
	free(writing->what);
	free(writing->mend);
	return good;
}
