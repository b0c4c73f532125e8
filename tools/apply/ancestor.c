// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/PID/fdinfo tells which descriptor holds a lock: a PID in a file may be
 * that of a process that has ended, and may have been reused.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "apply/ancestor.h"

/* 0: not known, or no parent. */
static pid_t ancestor_parent(pid_t pid)
{
	char path[sizeof("/proc//stat") + 12], text[512], *end;
	FILE *file;
	size_t len;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	/* A program's name may contain brackets, too. */
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		return 0;
	return parent;
}

static bool ancestor_descriptor_locks(pid_t pid, const char *descriptor)
{
	char path[64], line[256];
	bool locks = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.12s", pid, descriptor);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!locks && fgets(line, sizeof(line), file))
		locks = !strncmp(line, "lock:", 5) && strstr(line, " FLOCK ") &&
			strstr(line, " WRITE ");
	fclose(file);
	return locks;
}

static bool ancestor_process_holds(pid_t pid, const struct stat *wanted)
{
	char path[sizeof("/proc//fd") + 12];
	struct dirent *entry;
	bool holds = false;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!holds && (entry = readdir(dir)))
		holds = entry->d_name[0] != '.' &&
			!fstatat(dirfd(dir), entry->d_name, &st, 0) &&
			st.st_dev == wanted->st_dev &&
			st.st_ino == wanted->st_ino &&
			ancestor_descriptor_locks(pid, entry->d_name);
	closedir(dir);
	return holds;
}

bool weft_ancestor_holds(int fd)
{
	struct stat wanted;
	pid_t pid;

	if (fstat(fd, &wanted))
		return false;
	for (pid = getppid(); pid > 0; pid = ancestor_parent(pid))
		if (ancestor_process_holds(pid, &wanted))
			return true;
	return false;
}
