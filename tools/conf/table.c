// SPDX-License-Identifier: GPL-2.0
#include <glob.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "conf/setting.h"
#include "conf/table.h"

/* The administrator's file, then those of distributions, that of iproute2 6.5 last. */
const char * const weft_table_files[] = {
	"/etc/iproute2/rt_tables", "/usr/share/iproute2/rt_tables",
	"/usr/lib/iproute2/rt_tables", NULL
};

static const struct {
	const char *name;
	__u32 table;
} table_builtin[] = {
	{ "default", RT_TABLE_DEFAULT },
	{ "main", RT_TABLE_MAIN },
	{ "local", RT_TABLE_LOCAL },
};

/* "NUMBER NAME", the number decimal or hexadecimal; '#' begins a comment. */
static __u32 table_of_line(char *line, const char *name)
{
	__u64 table;
	char *word, *rest = NULL;

	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t", &rest);
	if (!word || !weft_setting_number(word, 0, 0xffffffff, &table))
		return 0;
	word = strtok_r(NULL, " \t", &rest);
	return word && !strcmp(word, name) ? table : 0;
}

static __u32 table_of_file(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[512];
	__u32 table = 0;

	if (!file)
		return 0;
	while (!table && fgets(line, sizeof(line), file))
		table = table_of_line(line, name);
	fclose(file);
	return table;
}

static __u32 table_of_folder(const char *path, const char *name)
{
	char *pattern = NULL;
	__u32 table = 0;
	glob_t found;
	size_t i;

	if (asprintf(&pattern, "%s.d/*.conf", path) < 0)
		return 0;
	if (!glob(pattern, 0, NULL, &found)) {
		for (i = 0; !table && i < found.gl_pathc; i++)
			table = table_of_file(found.gl_pathv[i], name);
		globfree(&found);
	}
	free(pattern);
	return table;
}

__u32 weft_table_find(const char * const *files, const char *name)
{
	__u32 table = 0;
	size_t i;

	for (; !table && *files; files++) {
		table = table_of_file(*files, name);
		if (!table)
			table = table_of_folder(*files, name);
	}
	for (i = 0; !table && i < ARRAY_SIZE(table_builtin); i++)
		if (!strcmp(table_builtin[i].name, name))
			table = table_builtin[i].table;
	return table;
}
