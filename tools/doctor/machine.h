/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of the machine apart from interfaces: the module, tunnels' files and
 * units. As with interfaces, facts are gathered first, and checks read only these.
 */
#ifndef _WEFT_TOOLS_DOCTOR_MACHINE_H
#define _WEFT_TOOLS_DOCTOR_MACHINE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct weft_context;
struct weft_doctor_report;

enum weft_doctor_unit {
	WEFT_UNIT_NONE,		/* not loaded, or no systemd */
	WEFT_UNIT_INACTIVE,
	WEFT_UNIT_ACTIVE,
	WEFT_UNIT_FAILED,
};

/**
 * struct weft_doctor_tunnel - an interface that is configured or exists
 * @name: the interface
 * @path: its file, or NULL
 * @link: an interface of that name exists
 * @up: the interface is up
 * @unit: the state of weft@NAME.service
 * @enabled: that unit is to start at boot
 */
struct weft_doctor_tunnel {
	char name[IFNAMSIZ];
	char *path;
	bool link;
	bool up;
	enum weft_doctor_unit unit;
	bool enabled;
};

/* A property that may be impossible to determine. */
enum weft_doctor_answer {
	WEFT_ANSWER_UNKNOWN,
	WEFT_ANSWER_NO,
	WEFT_ANSWER_YES,
};

/**
 * struct weft_doctor_machine - the facts about the machine
 * @release: the running kernel's release
 * @loaded: the kernel has weft's netlink family
 * @installed: modprobe finds a module weft for it
 * @trusted: the kernel accepts that module's signature, or needs none
 * @dkms: the output of dkms about weft, as one line, or NULL
 * @running: the version of the loaded module, or NULL
 * @waiting: the version of the module that modprobe would load, or NULL
 * @tunnels: interfaces, by name
 * @tunnel_count: their number
 * @interfaces: how many of them exist
 * @elsewhere: units run in another network namespace than this process
 */
struct weft_doctor_machine {
	char *release;
	bool loaded;
	enum weft_doctor_answer installed;
	enum weft_doctor_answer trusted;
	char *dkms;
	char *running;
	char *waiting;
	struct weft_doctor_tunnel *tunnels;
	size_t tunnel_count;
	size_t interfaces;
	bool elsewhere;
};

/*
 * Starts no handshake and looks up no name. The request for weft's netlink family
 * makes the kernel load the module. False after a complaint.
 */
bool weft_doctor_machine_gather(const struct weft_context *ctx,
				const char * const *folders,
				struct weft_doctor_machine *machine);
void weft_doctor_machine_free(struct weft_doctor_machine *machine);

/* Adds existing interfaces, files and units to @machine, which is otherwise filled in. */
bool weft_doctor_machine_gather_tunnels(const struct weft_context *ctx,
					const char * const *folders,
					struct weft_doctor_machine *machine);

/* By name, or NULL. */
const struct weft_doctor_tunnel *
weft_doctor_machine_find(const struct weft_doctor_machine *machine,
			 const char *name);

/* Run the checks of the machine, or those of one tunnel. False: no memory. */
bool weft_doctor_machine_look(const struct weft_doctor_machine *machine,
			      struct weft_doctor_report *report);
bool weft_doctor_tunnel_look(const struct weft_doctor_machine *machine,
			     const struct weft_doctor_tunnel *tunnel,
			     struct weft_doctor_report *report);

#endif /* _WEFT_TOOLS_DOCTOR_MACHINE_H */
