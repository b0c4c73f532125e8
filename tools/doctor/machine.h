/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What there is without an interface: the module, files of tunnels, and their
 * units. As with interfaces, facts come first, and checks touch nothing else.
 */
#ifndef _WEFT_TOOLS_DOCTOR_MACHINE_H
#define _WEFT_TOOLS_DOCTOR_MACHINE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct weft_context;
struct weft_doctor_report;

enum weft_doctor_unit {
	WEFT_UNIT_NONE,		/* not loaded, or there is no systemd */
	WEFT_UNIT_INACTIVE,
	WEFT_UNIT_ACTIVE,
	WEFT_UNIT_FAILED,
};

/**
 * struct weft_doctor_tunnel - an interface that is wanted, or is there
 * @name: the interface
 * @path: its file, or NULL
 * @link: there is an interface of that name
 * @up: and it is up
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

/* What is known of something that may not be possible to find out. */
enum weft_doctor_answer {
	WEFT_ANSWER_UNKNOWN,
	WEFT_ANSWER_NO,
	WEFT_ANSWER_YES,
};

/**
 * struct weft_doctor_machine - what is known of the machine
 * @release: the kernel that runs
 * @loaded: it speaks weft
 * @installed: it has a module weft that modprobe finds
 * @trusted: it takes the signature that this has, or needs none
 * @dkms: what dkms says of weft, on one line, or NULL
 * @running: the version of the module that is loaded, or NULL
 * @waiting: the version of the one that would be loaded, or NULL
 * @tunnels: interfaces, by name
 * @tunnel_count: how many
 * @interfaces: how many of these are there
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
 * Nothing is started or looked up; the kernel is asked whether it speaks weft,
 * for which it loads the module. False after a complaint.
 */
bool weft_doctor_machine_gather(const struct weft_context *ctx,
				const char * const *folders,
				struct weft_doctor_machine *machine);
void weft_doctor_machine_free(struct weft_doctor_machine *machine);

/* Interfaces there are, and files and units of others; @machine is filled in so far. */
bool weft_doctor_machine_gather_tunnels(const struct weft_context *ctx,
					const char * const *folders,
					struct weft_doctor_machine *machine);

/* By name, or NULL. */
const struct weft_doctor_tunnel *
weft_doctor_machine_find(const struct weft_doctor_machine *machine,
			 const char *name);

/* Make the checks of the machine, or those of one tunnel. False: no memory. */
bool weft_doctor_machine_look(const struct weft_doctor_machine *machine,
			      struct weft_doctor_report *report);
bool weft_doctor_tunnel_look(const struct weft_doctor_machine *machine,
			     const struct weft_doctor_tunnel *tunnel,
			     struct weft_doctor_report *report);

#endif /* _WEFT_TOOLS_DOCTOR_MACHINE_H */
