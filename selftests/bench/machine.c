// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "machine.h"

#define LINE	256

/* As a plain channel of bytes: no echo, no signals. */
static int terminal_open(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios raw;

	if (fd < 0 || tcgetattr(fd, &raw) < 0)
		error(1, errno, "METER '%s'", path);
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		error(1, errno, "METER '%s'", path);
	return fd;
}

static void line_read(int fd, char *line)
{
	size_t length = 0;

	do {
		if (length == LINE - 1 || read(fd, line + length, 1) != 1)
			error(1, errno, "no answer from the host");
	} while (line[length++] != '\n');
	line[length - 1] = '\0';
}

/* Without METER: false. */
static int ask(const char *question, char *answer)
{
	const char *path = getenv("METER");
	static int fd = -1;

	if (!path)
		return 0;
	if (fd < 0)
		fd = terminal_open(path);
	if (dprintf(fd, "%s\n", question) < 0)
		error(1, errno, "question to the host");
	line_read(fd, answer);
	return 1;
}

void machine_cpu_read(struct machine_cpu *cpu)
{
	char answer[LINE];

	memset(cpu, 0, sizeof(*cpu));
	if (!ask("cpu", answer))
		return;
	if (sscanf(answer, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &cpu->kernel, &cpu->system,
		   &cpu->programs, &cpu->busy, &cpu->clock) != 5)
		error(1, 0, "the host answers: %s", answer);
}

static void command(const char *text)
{
	char answer[LINE];

	if (ask(text, answer) && strcmp(answer, "done"))
		error(1, 0, "the host answers: %s", answer);
}

void machine_profile_begin(void)
{
	const char *name = getenv("PROFILE_NAME");
	char text[LINE];

	if (!name)
		return;
	snprintf(text, sizeof(text), "profile %s", name);
	command(text);
}

void machine_profile_end(void)
{
	if (getenv("PROFILE_NAME"))
		command("end");
}
