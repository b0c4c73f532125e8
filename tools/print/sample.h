/* SPDX-License-Identifier: GPL-2.0 */
/* Samples in Prometheus's text format (version 0.0.4). */
#ifndef _WEFT_TOOLS_SAMPLE_H
#define _WEFT_TOOLS_SAMPLE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

/* The lines above the samples of a metric. @type: counter or gauge. */
void weft_sample_head(FILE *out, const char *name, const char *type, const char *help);
/* The head of a metric that has a sample: once, and *@begun is then true. */
void weft_sample_head_once(FILE *out, bool *begun, const char *name, const char *type,
			   const char *help);
/* A sample begins with its first label, may have others, and ends with its value. */
void weft_sample_begin(FILE *out, const char *name, const char *label, const char *value);
void weft_sample_label(FILE *out, const char *label, const char *value);
void weft_sample_end(FILE *out, __u64 number);

#endif /* _WEFT_TOOLS_SAMPLE_H */
