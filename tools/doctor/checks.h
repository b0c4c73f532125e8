/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of checks, and helpers that the checks share. */
#ifndef _WEFT_TOOLS_CHECKS_H
#define _WEFT_TOOLS_CHECKS_H

#include "doctor/doctor.h"
#include "model/format.h"

/* Both tables end with a check without a code. */
extern const struct weft_doctor_check weft_doctor_device_checks[];
extern const struct weft_doctor_check weft_doctor_peer_checks[];

const char *weft_doctor_name(const struct weft_doctor_facts *facts);
/* As a word of a suggested command. */
struct weft_shell_text weft_doctor_word(const struct weft_doctor_facts *facts);
bool weft_doctor_has_endpoint(const struct weft_doctor_peer *peer);
bool weft_doctor_has_heard(const struct weft_doctor_peer *peer);
/*
 * In-tree wireguard does not count initiations: sent bytes that are a multiple
 * of an initiation's length are taken for initiations.
 */
bool weft_doctor_initiates(const struct weft_doctor_peer *peer);
unsigned long long weft_doctor_number(__u64 number);
const struct weft_doctor_wall *
weft_doctor_wall(const struct weft_doctor_facts *facts, bool out);
void weft_doctor_tell_mend(const struct weft_bar *bar,
			   struct weft_doctor_finding *finding);

#endif /* _WEFT_TOOLS_CHECKS_H */
