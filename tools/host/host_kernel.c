// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host.h"
#include "host/program.h"
#include "host/rtnl.h"

#define KERNEL_LINE_BYTES	256

static int kernel_fail(struct weft_host *host)
{
	int err = errno;

	snprintf(host->error, sizeof(host->error), "%s", strerror(err));
	return -err;
}

static int kernel_read(struct weft_host *host, const char *path,
		       char **text)
{
	char line[KERNEL_LINE_BYTES] = "";
	FILE *file = fopen(path, "re");

	if (!file)
		return kernel_fail(host);
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	*text = strdup(line);
	return *text ? 0 : kernel_fail(host);
}

/* A single write(), as the kernel requires for a setting. */
static int kernel_write(struct weft_host *host,
			const struct weft_change *change)
{
	size_t len = strlen(change->text);
	int fd = open(change->path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return kernel_fail(host);
	if (write(fd, change->text, len) != (ssize_t)len)
		err = kernel_fail(host);
	close(fd);
	return err;
}

static bool kernel_home(struct weft_host *host)
{
	struct stat first, own;

	(void)host;
	return !stat("/proc/1/ns/net", &first) &&
	       !stat("/proc/self/ns/net", &own) && first.st_ino == own.st_ino;
}

static int kernel_change(struct weft_host *host,
			 const struct weft_change *change)
{
	switch (change->kind) {
	case WEFT_CHANGE_ADDRESS_ADD:
	case WEFT_CHANGE_ADDRESS_DELETE:
		return weft_rtnl_address_change(host, change);
	case WEFT_CHANGE_ROUTE_ADD:
	case WEFT_CHANGE_ROUTE_DELETE:
		return weft_rtnl_route_change(host, change);
	case WEFT_CHANGE_RULE_ADD:
	case WEFT_CHANGE_RULE_DELETE:
		return weft_rtnl_rule_change(host, change);
	case WEFT_CHANGE_FILE:
		return kernel_write(host, change);
	case WEFT_CHANGE_PROGRAM:
		return weft_program_run(host, &change->program, NULL);
	default:
		return weft_rtnl_link_change(host, change);
	}
}

struct weft_host *weft_host_kernel(void)
{
	static struct weft_host host = {
		.link = weft_rtnl_link_get,
		.addresses = weft_rtnl_addresses,
		.all_addresses = weft_rtnl_all_addresses,
		.links = weft_rtnl_links,
		.watch = weft_rtnl_watch,
		.changed = weft_rtnl_changed,
		.routes = weft_rtnl_routes,
		.rules = weft_rtnl_rules,
		.path_mtu = weft_rtnl_path_mtu,
		.way = weft_rtnl_way,
		.read = kernel_read,
		.has = weft_program_is_there,
		.home = kernel_home,
		.run = weft_program_run,
		.change = kernel_change,
	};

	return &host;
}
