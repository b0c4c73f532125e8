/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of checks, and what checks have in common. */
#ifndef _WEFT_TOOLS_CHECKS_H
#define _WEFT_TOOLS_CHECKS_H

#include "doctor/doctor.h"
#include "model/format.h"

/* Both end with a check without a code. */
extern const struct weft_doctor_check weft_doctor_device_checks[];
extern const struct weft_doctor_check weft_doctor_peer_checks[];

const char *weft_doctor_name(const struct weft_doctor_facts *facts);
/* As a word of a suggested command. */
struct weft_shell_text weft_doctor_word(const struct weft_doctor_facts *facts);
bool weft_doctor_has_endpoint(const struct weft_doctor_peer *peer);
bool weft_doctor_has_heard(const struct weft_doctor_peer *peer);
/*
 * In-tree wireguard does not tell what it sends: when all of it was of the
 * length of initiations, initiations are what it was.
 */
bool weft_doctor_initiates(const struct weft_doctor_peer *peer);
unsigned long long weft_doctor_number(__u64 number);
const struct weft_doctor_wall *
weft_doctor_wall(const struct weft_doctor_facts *facts, bool out);
void weft_doctor_tell_mend(const struct weft_bar *bar,
			   struct weft_doctor_finding *finding);

#endif /* _WEFT_TOOLS_CHECKS_H */
