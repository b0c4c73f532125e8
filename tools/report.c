// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>

#include "report.h"

void weft_report(const struct weft_context *ctx, const char *fmt, ...)
{
	va_list args;

	fputs("weft: ", ctx->err);
	va_start(args, fmt);
	vfprintf(ctx->err, fmt, args);
	va_end(args);
	fputc('\n', ctx->err);
}

void weft_report_at(const struct weft_context *ctx,
		    const struct weft_place *place, const char *fmt, ...)
{
	va_list args;

	fputs("weft: ", ctx->err);
	if (place->file)
		fprintf(ctx->err, "%s:%u: ", place->file, place->line);
	if (place->name)
		fprintf(ctx->err, "%s: ", place->name);
	va_start(args, fmt);
	vfprintf(ctx->err, fmt, args);
	va_end(args);
	fputc('\n', ctx->err);
}

void weft_report_warning(const struct weft_context *ctx, const char *fmt, ...)
{
	va_list args;

	fputs("weft: warning: ", ctx->err);
	va_start(args, fmt);
	vfprintf(ctx->err, fmt, args);
	va_end(args);
	fputc('\n', ctx->err);
}
