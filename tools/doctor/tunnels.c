// SPDX-License-Identifier: GPL-2.0
/* Tunnels that have a file or a unit, or exist. */
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "doctor/doctor.h"
#include "doctor/machine.h"
#include "genl/backend.h"
#include "host/host.h"

#define TUNNELS_UNIT_PREFIX	"weft@"
#define TUNNELS_UNIT_SUFFIX	".service"

/* NULL: no memory. @name is valid. */
static struct weft_doctor_tunnel *tunnels_get(struct weft_doctor_machine *machine,
					      const char *name)
{
	struct weft_doctor_tunnel *tunnels;
	size_t i;

	for (i = 0; i < machine->tunnel_count; i++)
		if (!strcmp(machine->tunnels[i].name, name))
			return &machine->tunnels[i];
	tunnels = realloc(machine->tunnels, (i + 1) * sizeof(*tunnels));
	if (!tunnels)
		return NULL;
	machine->tunnels = tunnels;
	machine->tunnel_count++;
	memset(&tunnels[i], 0, sizeof(tunnels[i]));
	snprintf(tunnels[i].name, sizeof(tunnels[i].name), "%s", name);
	return &tunnels[i];
}

static bool tunnels_gather_links(const struct weft_context *ctx,
				 struct weft_doctor_machine *machine)
{
	struct weft_host_link state;
	struct weft_doctor_tunnel *tunnel;
	struct weft_link *links, *link;
	bool good = true;

	if (!weft_backend_list(ctx, &links))
		return false;
	for (link = links; good && link; link = link->next) {
		tunnel = tunnels_get(machine, link->name);
		good = tunnel;
		if (!tunnel)
			continue;
		machine->interfaces++;
		tunnel->link = true;
		memset(&state, 0, sizeof(state));
		tunnel->up = !ctx->host->link(ctx->host, link->name,
					      &state) && state.up;
	}
	weft_model_links_free(links);
	if (!good)
		weft_complain(ctx, "out of memory");
	return good;
}

/* False after a complaint. */
static bool tunnels_gather_files(const struct weft_context *ctx,
				 const char * const *folders,
				 struct weft_doctor_machine *machine)
{
	struct weft_location *files = NULL;
	struct weft_doctor_tunnel *tunnel;
	size_t count = 0, i;
	bool read, good = true;

	read = weft_locate_all(ctx, folders, &files, &count);
	for (i = 0; i < count; i++) {
		tunnel = read && good ? tunnels_get(machine, files[i].name) :
					NULL;
		if (tunnel)
			tunnel->path = files[i].path;
		else
			free(files[i].path);
		good = good && (tunnel || !read);
	}
	free(files);
	if (!good)
		weft_complain(ctx, "out of memory");
	return read && good;
}

static enum weft_doctor_unit tunnels_unit(const char *active)
{
	if (!strcmp(active, "failed"))
		return WEFT_UNIT_FAILED;
	if (!strcmp(active, "inactive"))
		return WEFT_UNIT_INACTIVE;
	return WEFT_UNIT_ACTIVE;
}

/* "weft@NAME.service LOAD ACTIVE SUB ..." */
static bool tunnels_take_unit(struct weft_doctor_machine *machine, char *line)
{
	char *rest = NULL, *unit = strtok_r(line, " ", &rest), *active;
	struct weft_doctor_tunnel *tunnel;
	size_t prefix = strlen(TUNNELS_UNIT_PREFIX);
	size_t suffix = strlen(TUNNELS_UNIT_SUFFIX), len;

	active = strtok_r(NULL, " ", &rest);
	active = active ? strtok_r(NULL, " ", &rest) : NULL;
	len = unit ? strlen(unit) : 0;
	if (!active || len <= prefix + suffix ||
	    strncmp(unit, TUNNELS_UNIT_PREFIX, prefix) ||
	    strcmp(unit + len - suffix, TUNNELS_UNIT_SUFFIX))
		return true;
	unit[len - suffix] = '\0';
	if (!weft_profile_name_is_good(unit + prefix, len - prefix - suffix))
		return true;
	tunnel = tunnels_get(machine, unit + prefix);
	if (tunnel)
		tunnel->unit = tunnels_unit(active);
	return tunnel;
}

static bool tunnels_gather_units(const struct weft_context *ctx,
				 struct weft_doctor_machine *machine)
{
	char *said, *rest, *line;
	bool good = true;

	said = weft_doctor_run(ctx, "systemctl", "list-units",
			       "--all", "--plain", "--no-legend", "--no-pager",
			       TUNNELS_UNIT_PREFIX "*" TUNNELS_UNIT_SUFFIX, NULL);
	rest = said;
	while (good && rest && (line = strsep(&rest, "\n")))
		good = tunnels_take_unit(machine, line);
	free(said);
	return good;
}

/* systemctl exits with another status unless the unit is enabled. */
static void tunnels_gather_enabled(const struct weft_context *ctx,
				   struct weft_doctor_tunnel *tunnel)
{
	char unit[sizeof(TUNNELS_UNIT_PREFIX TUNNELS_UNIT_SUFFIX) + IFNAMSIZ];
	char *said;

	snprintf(unit, sizeof(unit), "%s%s%s", TUNNELS_UNIT_PREFIX,
		 tunnel->name, TUNNELS_UNIT_SUFFIX);
	said = weft_doctor_run(ctx, "systemctl", "is-enabled", unit, NULL);
	tunnel->enabled = said && !strncmp(said, "enabled", strlen("enabled"));
	free(said);
}

/* Links of other namespaces are not visible, and units run in the namespace of process 1. */
static bool tunnels_are_elsewhere(const struct weft_context *ctx)
{
	char *said = weft_doctor_run(ctx, "readlink", "/proc/1/ns/net",
				     "/proc/self/ns/net", NULL);
	char *rest = NULL, *first, *own;
	bool elsewhere;

	first = said ? strtok_r(said, "\n ", &rest) : NULL;
	own = first ? strtok_r(NULL, "\n ", &rest) : NULL;
	elsewhere = own && strcmp(first, own);
	free(said);
	return elsewhere;
}

static void tunnels_gather_absent(const struct weft_context *ctx,
				  struct weft_doctor_machine *machine)
{
	struct weft_doctor_tunnel *tunnel;
	size_t i;

	machine->elsewhere = tunnels_are_elsewhere(ctx);
	for (i = 0; i < machine->tunnel_count; i++) {
		tunnel = &machine->tunnels[i];
		if (tunnel->link)
			continue;
		tunnels_gather_enabled(ctx, tunnel);
		if (machine->elsewhere)
			weft_warn(ctx, "%s: the interface does not exist in this network namespace; units run in another one, where it may be up",
				  tunnel->name);
	}
}

static int tunnels_compare(const void *a, const void *b)
{
	const struct weft_doctor_tunnel *x = a, *y = b;

	return strcmp(x->name, y->name);
}

bool weft_doctor_machine_gather_tunnels(const struct weft_context *ctx,
					const char * const *folders,
					struct weft_doctor_machine *machine)
{
	if (!tunnels_gather_links(ctx, machine) ||
	    !tunnels_gather_files(ctx, folders, machine))
		return false;
	if (!tunnels_gather_units(ctx, machine))
		return weft_complain(ctx, "out of memory");
	tunnels_gather_absent(ctx, machine);
	if (machine->tunnel_count)
		qsort(machine->tunnels, machine->tunnel_count,
		      sizeof(*machine->tunnels), tunnels_compare);
	return true;
}
