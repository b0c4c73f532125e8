// SPDX-License-Identifier: GPL-2.0
/* The module: loaded, installed, trusted, and its version. */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/complain.h"
#include "doctor/doctor.h"
#include "doctor/machine.h"
#include "genl/backend.h"

#define MACHINE_VERSION		"/sys/module/weft/version"
#define MACHINE_ENFORCE		"/sys/module/module/parameters/sig_enforce"
#define MACHINE_LOCKDOWN	"/sys/kernel/security/lockdown"

static bool machine_has(const struct weft_context *ctx, const char *program)
{
	char *said = weft_doctor_run(ctx, program, "--version", NULL);

	free(said);
	return said;
}

/* A program's output as one line, or NULL if it is empty. */
static char *machine_line(char *said)
{
	size_t len = said ? strlen(said) : 0;
	char *c;

	while (len && said[len - 1] == '\n')
		said[--len] = '\0';
	for (c = said; c && *c; c++)
		if (*c == '\n')
			*c = ';';
	if (len)
		return said;
	free(said);
	return NULL;
}

/* modprobe's dry run prints the files that would be loaded, and fails without one. */
static void machine_gather_installed(const struct weft_context *ctx,
				     struct weft_doctor_machine *machine)
{
	char *said = weft_doctor_run(ctx, "modprobe", "-n", "-v", "weft",
				     NULL);

	if (said)
		machine->installed = WEFT_ANSWER_YES;
	else if (machine_has(ctx, "modprobe"))
		machine->installed = WEFT_ANSWER_NO;
	free(said);
	if (machine->installed == WEFT_ANSWER_YES)
		machine->waiting = machine_line(weft_doctor_run(ctx, "modinfo", "-F",
								"version", "weft", NULL));
}

static bool machine_enforces(const struct weft_context *ctx)
{
	struct weft_host *host = ctx->host;
	char *enforce = NULL, *lockdown = NULL;
	bool enforces;

	host->read(host, MACHINE_ENFORCE, &enforce);
	host->read(host, MACHINE_LOCKDOWN, &lockdown);
	enforces = (enforce && *enforce == 'Y') ||
		   (lockdown && strchr(lockdown, '[') && !strstr(lockdown, "[none]"));
	free(enforce);
	free(lockdown);
	return enforces;
}

/* A signature by a key that the kernel does not know is not detected here. */
static void machine_gather_trusted(const struct weft_context *ctx,
				   struct weft_doctor_machine *machine)
{
	char *signer;

	machine->trusted = WEFT_ANSWER_YES;
	if (machine->installed != WEFT_ANSWER_YES || !machine_enforces(ctx))
		return;
	signer = weft_doctor_run(ctx, "modinfo", "-F", "signer", "weft", NULL);
	if (signer && !*signer)
		machine->trusted = WEFT_ANSWER_NO;
	free(signer);
}

bool weft_doctor_machine_gather(const struct weft_context *ctx,
				const char * const *folders,
				struct weft_doctor_machine *machine)
{
	struct weft_backend *backend = ctx->backend;
	struct utsname name;

	memset(machine, 0, sizeof(*machine));
	machine->release = strdup(uname(&name) ? "" : name.release);
	machine->loaded = !backend->ready || !backend->ready(backend);
	machine_gather_installed(ctx, machine);
	machine_gather_trusted(ctx, machine);
	if (machine->installed == WEFT_ANSWER_NO)
		machine->dkms = machine_line(weft_doctor_run(ctx, "dkms", "status",
							     "weft", NULL));
	if (machine->loaded &&
	    ctx->host->read(ctx->host, MACHINE_VERSION, &machine->running))
		machine->running = NULL;
	if (!machine->release)
		return weft_complain(ctx, "out of memory");
	return weft_doctor_machine_gather_tunnels(ctx, folders, machine);
}

void weft_doctor_machine_free(struct weft_doctor_machine *machine)
{
	size_t i;

	for (i = 0; i < machine->tunnel_count; i++)
		free(machine->tunnels[i].path);
	free(machine->tunnels);
	free(machine->release);
	free(machine->dkms);
	free(machine->running);
	free(machine->waiting);
	memset(machine, 0, sizeof(*machine));
}

const struct weft_doctor_tunnel *
weft_doctor_machine_find(const struct weft_doctor_machine *machine,
			 const char *name)
{
	size_t i;

	for (i = 0; i < machine->tunnel_count; i++)
		if (!strcmp(machine->tunnels[i].name, name))
			return &machine->tunnels[i];
	return NULL;
}
