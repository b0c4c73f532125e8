// SPDX-License-Identifier: GPL-2.0
/* What "fleet leave" does not touch: tunnels that are no fleet's, and what is behind a link. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/leave.h"
#include "host/host.h"
#include "support.h"

#define NAME	"wft0"

static char state[] = "/tmp/weft-leave-XXXXXX";

static int has_tunnel(struct weft_host *host, const char *name, struct weft_host_link *link)
{
	(void)host;
	(void)name;
	*link = (struct weft_host_link){ .index = 7, .mtu = 1420, .kind = WEFT_KIND_WEFT };
	return 0;
}

/* "down" begins with the interface, which the fake kernel does not have. */
static struct weft_host host = { .link = has_tunnel };

static char *path_of(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", state, name) < 0)
		test_bail("out of memory");
	return path;
}

/* @changes: lines of what was changed */
static void leave(const char *name, bool really, bool want, size_t changes, const char *complaint)
{
	struct test_bench bench;
	struct weft_leave outcome;
	char *said;

	test_bench_start(&bench, "");
	bench.ctx.host = &host;
	bench.ctx.state = state;
	bench.ctx.really = really;
	test_ok(weft_leave(&bench.ctx, NAME, &outcome) == want && outcome.changes.count == changes, name);
	test_bench_flush(&bench);
	if (asprintf(&said, complaint, state) < 0)
		test_bail("out of memory");
	test_text(*complaint ? "... says so" : "... silently", bench.err, said);
	free(said);
	weft_leave_free(&outcome);
	test_bench_end(&bench);
}

/* A file that is not the fleet's, behind a link in the place of a state folder. */
static void leave_link(const char *name, const char *link_name, const char *complaint)
{
	char *other = path_of("other"), *file = path_of("other/file"), *link_path = path_of(link_name);
	FILE *stream = mkdir(other, 0700) ? NULL : fopen(file, "w");
	struct stat st;

	if (!stream || fputs("text", stream) < 0 || fclose(stream) || symlink(other, link_path))
		test_bail("a folder of the test");
	leave(name, true, false, 0, complaint);
	test_ok(!stat(file, &st) && st.st_size == 4 && !lstat(link_path, &st), "... and what is behind it stays");
	if (unlink(link_path) || unlink(file) || rmdir(other))
		test_bail("a folder of the test");
	free(other);
	free(file);
	free(link_path);
}

static void leave_folder(const char *folder)
{
	char *self = path_of(NAME "/self");
	FILE *stream = fopen(self, "w");

	if (!stream || fclose(stream))
		test_bail("a file of the test");
	leave("a tunnel of a fleet goes first", false, false, 0,
	      "weft: " NAME ": cannot read the interface: No such device\n");
	unlink(self);
	rmdir(folder);
	free(self);
}

int main(void)
{
	char *folder;

	if (!mkdtemp(state))
		test_bail("a folder in /tmp");
	folder = path_of(NAME);
	leave("a tunnel that is no fleet's", false, true, 0, "");
	leave("... really", true, true, 0, "");
	leave_link("a link in place of the state folder", NAME, "weft: '%s/" NAME "' is not a folder: nothing is changed\n");
	leave_link("a link in place of the former one", NAME "~",
		   "weft: '%s/" NAME "~' is not a folder: nothing is changed\n");
	if (mkdir(folder, 0700))
		test_bail("a folder of the test");
	leave("a tunnel beside an empty folder", true, true, 1, "");
	if (mkdir(folder, 0700))
		test_bail("a folder of the test");
	leave_folder(folder);
	rmdir(state);
	free(folder);
	return test_end();
}
