// SPDX-License-Identifier: GPL-2.0
/* The checks of the machine, and of tunnels by file and unit. */
#include <string.h>

#include "doctor/doctor.h"
#include "doctor/machine.h"

static bool machine_wants(const struct weft_doctor_machine *machine)
{
	size_t i;

	for (i = 0; i < machine->tunnel_count; i++)
		if (!machine->tunnels[i].link)
			return true;
	return !machine->tunnel_count;
}

/* Without modprobe the kernel loads no module either. */
static void check_no_modprobe(const struct weft_doctor_machine *machine,
			      struct weft_doctor_finding *finding)
{
	fprintf(finding->what,
		"module weft is not loaded in the running kernel, %s, and modprobe is not installed",
		machine->release);
	fputs("apt install kmod; modprobe weft", finding->mend);
}

/* Tunnels of the kernel's own wireguard need no module of weft's. */
static bool check_no_module(const struct weft_doctor_machine *machine,
			    const struct weft_doctor_tunnel *tunnel,
			    struct weft_doctor_finding *finding)
{
	(void)tunnel;
	if (machine->loaded || machine->installed == WEFT_ANSWER_YES ||
	    !machine_wants(machine))
		return false;
	if (machine->installed == WEFT_ANSWER_UNKNOWN) {
		check_no_modprobe(machine, finding);
		return true;
	}
	fprintf(finding->what,
		"module weft is neither loaded nor installed for the running kernel, %s",
		machine->release);
	if (machine->dkms)
		fprintf(finding->what, "; dkms has %s", machine->dkms);
	fprintf(finding->mend,
		"apt install linux-headers-%s; dkms autoinstall -k %s; modprobe weft",
		machine->release, machine->release);
	return true;
}

static bool check_untrusted(const struct weft_doctor_machine *machine,
			    const struct weft_doctor_tunnel *tunnel,
			    struct weft_doctor_finding *finding)
{
	(void)tunnel;
	if (machine->loaded || machine->trusted != WEFT_ANSWER_NO)
		return false;
	fprintf(finding->what,
		"the running kernel, %s, loads only signed modules, and module weft has no signature",
		machine->release);
	fputs("let dkms sign the module with a machine owner key: ", finding->mend);
	fputs("mokutil --import /var/lib/dkms/mok.pub, then reboot and enrol it", finding->mend);
	return true;
}

/* A request for weft's family makes the kernel load the module, if it can. */
static bool check_unloadable(const struct weft_doctor_machine *machine,
			     const struct weft_doctor_tunnel *tunnel,
			     struct weft_doctor_finding *finding)
{
	(void)tunnel;
	if (machine->loaded || machine->installed != WEFT_ANSWER_YES ||
	    machine->trusted == WEFT_ANSWER_NO || !machine_wants(machine))
		return false;
	fprintf(finding->what,
		"module weft is installed for the running kernel, %s, and does not load",
		machine->release);
	fputs("modprobe weft, and the kernel's messages: dmesg | tail",
	      finding->mend);
	return true;
}

static bool check_old_module(const struct weft_doctor_machine *machine,
			     const struct weft_doctor_tunnel *tunnel,
			     struct weft_doctor_finding *finding)
{
	(void)tunnel;
	if (!machine->running || !machine->waiting ||
	    !strcmp(machine->running, machine->waiting))
		return false;
	fprintf(finding->what,
		"module weft %s is loaded, and %s is installed",
		machine->running, machine->waiting);
	fputs("take the tunnels down; modprobe -r weft; modprobe weft; bring them up; or reboot",
	      finding->mend);
	return true;
}

static bool check_unit_failed(const struct weft_doctor_machine *machine,
			      const struct weft_doctor_tunnel *tunnel,
			      struct weft_doctor_finding *finding)
{
	(void)machine;
	if (tunnel->unit != WEFT_UNIT_FAILED)
		return false;
	fprintf(finding->what, "the unit weft@%s.service has failed",
		tunnel->name);
	/* After too many tries systemd refuses a restart without reset-failed. */
	fprintf(finding->mend,
		"journalctl -b -u weft@%s shows the reason; then: systemctl reset-failed weft@%s && systemctl restart weft@%s",
		tunnel->name, tunnel->name, tunnel->name);
	return true;
}

/* The unit is enabled, or systemd has it as started. */
static bool machine_is_due(const struct weft_doctor_tunnel *tunnel)
{
	return tunnel->enabled || tunnel->unit == WEFT_UNIT_ACTIVE;
}

static bool check_not_up(const struct weft_doctor_machine *machine,
			 const struct weft_doctor_tunnel *tunnel,
			 struct weft_doctor_finding *finding)
{
	if (machine->elsewhere || tunnel->link ||
	    tunnel->unit == WEFT_UNIT_FAILED || !machine_is_due(tunnel))
		return false;
	fprintf(finding->what,
		"the interface does not exist in this network namespace, and its unit, weft@%s.service, is %s",
		tunnel->name, tunnel->unit == WEFT_UNIT_ACTIVE ? "active" :
								 "enabled");
	if (!tunnel->path)
		fputs("; the interface has no file", finding->what);
	fprintf(finding->mend, "systemctl restart weft@%s", tunnel->name);
	return true;
}

/* A file in wg-quick's folder may be wg-quick's. */
static bool check_file_only(const struct weft_doctor_machine *machine,
			    const struct weft_doctor_tunnel *tunnel,
			    struct weft_doctor_finding *finding)
{
	if (machine->elsewhere || tunnel->link || !tunnel->path ||
	    tunnel->unit == WEFT_UNIT_FAILED ||
	    machine_is_due(tunnel) ||
	    !strncmp(tunnel->path, "/etc/wireguard/", strlen("/etc/wireguard/")))
		return false;
	fprintf(finding->what,
		"%s exists, and the interface does not exist in this network namespace",
		tunnel->path);
	fprintf(finding->mend, "weft up %s; at each boot: systemctl enable --now weft@%s",
		tunnel->name, tunnel->name);
	return true;
}

static const struct machine_check {
	const char *code;
	enum weft_doctor_severity severity;
	bool of_tunnel;
	bool (*check)(const struct weft_doctor_machine *machine,
		      const struct weft_doctor_tunnel *tunnel,
		      struct weft_doctor_finding *finding);
} machine_checks[] = {
	{ "no-module", WEFT_DOCTOR_ERROR, false, check_no_module },
	{ "untrusted-module", WEFT_DOCTOR_ERROR, false, check_untrusted },
	{ "unloadable-module", WEFT_DOCTOR_ERROR, false, check_unloadable },
	{ "old-module", WEFT_DOCTOR_WARNING, false, check_old_module },
	{ "unit-failed", WEFT_DOCTOR_ERROR, true, check_unit_failed },
	{ "not-up", WEFT_DOCTOR_ERROR, true, check_not_up },
	{ "not-up", WEFT_DOCTOR_WARNING, true, check_file_only },
	{ }
};

static bool machine_make(const struct weft_doctor_machine *machine,
			 const struct weft_doctor_tunnel *tunnel,
			 struct weft_doctor_report *report)
{
	struct weft_doctor_writing writing;
	const struct machine_check *check;
	bool good = true, begun, found;

	for (check = machine_checks; check->code; check++) {
		if (check->of_tunnel != !!tunnel)
			continue;
		begun = weft_doctor_write_begin(&writing);
		found = begun && check->check(machine, tunnel, &writing.finding);
		good &= weft_doctor_write_end(&writing, found, report, (struct weft_doctor_result){
			.code = check->code, .severity = check->severity,
			.name = tunnel ? tunnel->name : NULL,
		});
	}
	return good;
}

bool weft_doctor_machine_look(const struct weft_doctor_machine *machine,
			      struct weft_doctor_report *report)
{
	return machine_make(machine, NULL, report);
}

bool weft_doctor_tunnel_look(const struct weft_doctor_machine *machine,
			     const struct weft_doctor_tunnel *tunnel,
			     struct weft_doctor_report *report)
{
	return machine_make(machine, tunnel, report);
}
