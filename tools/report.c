// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>

#include "report.h"

static void report_line(const struct weft_context *ctx, const char *level,
			const struct weft_place *place, const char *fmt,
			va_list args)
{
	fprintf(ctx->err, "weft: %s", level);
	if (place && place->file)
		fprintf(ctx->err, "%s:%u: ", place->file, place->line);
	if (place && place->name)
		fprintf(ctx->err, "%s: ", place->name);
	vfprintf(ctx->err, fmt, args);
	fputc('\n', ctx->err);
}

void weft_report(const struct weft_context *ctx, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_line(ctx, "", NULL, fmt, args);
	va_end(args);
}

void weft_report_at(const struct weft_context *ctx,
		    const struct weft_place *place, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_line(ctx, "", place, fmt, args);
	va_end(args);
}

void weft_report_warning_at(const struct weft_context *ctx,
			    const struct weft_place *place, const char *fmt,
			    ...)
{
	va_list args;

	va_start(args, fmt);
	report_line(ctx, "warning: ", place, fmt, args);
	va_end(args);
}

void weft_report_warning(const struct weft_context *ctx, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_line(ctx, "warning: ", NULL, fmt, args);
	va_end(args);
}
