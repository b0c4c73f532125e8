#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A replaced key expires at the end of its own grace, even if other keys are replaced meanwhile, and its sessions
# expire with it. The peer is a program (graces.py) with several keys and sessions at once.
#
#	 namespace a                                      namespace b
#	 wt0 10.9.0.1 --- va 192.0.2.1 --- veth --- vb 192.0.2.2: graces.py
# timeout: 900
# vm: icount
# series: 6.1
. "$(dirname "$0")/lib.sh"

skip_unless_weft
pair_underlay_create

acts() { # acts ACTION [ARGS...]
	program_create
	new_key next
	expect program "$@"
}

public_ends_its_sessions() {
	acts public_off "$(key_file next)"
}

public_ends_current_session() {
	acts public_off_heals "$(key_file next)"
}

public_ends_by_time() {
	acts public_in_time "$(key_file next)"
}

public_is_pushed_out() {
	acts public_pushed_out "$(key_file next)"
}

next_is_proved() {
	acts next_is_proved "$(key_file next)"
}

next_is_tried_again() {
	acts next_is_tried_again "$(key_file next)"
}

preshared_ends_its_sessions() {
	acts preshared_off "$(psk_file first)" "$(psk_file second)"
}

preshared_is_tried_again() {
	acts preshared_is_tried_again "$(psk_file fifth)"
}

next_preshared_is_taken_away() {
	acts preshared_next_off "$(psk_file third)"
}

identity_ends_its_sessions() {
	acts identity_finish "$(key_file next)"
}

identity_ends_current_session() {
	acts identity_finish_in_use "$(key_file next)"
}

newest_is_tried_again() {
	acts newest_is_tried_again "$(key_file next)"
}

undone_identity_ends_its_sessions() {
	acts identity_undo "$(key_file next)"
}

identity_ends_behind_a_peers() {
	new_key other
	acts identity_behind_a_peers "$(key_file next)" "$(key_file other)"
}

rotates() { # rotates ACTION
	acts "$1" "$(key_file next)" "$lib_work/rotates"
}

run_case "a previous public key that is ended ends its sessions" public_ends_its_sessions
run_case "and if that was the current one, a new one is made at once" public_ends_current_session
run_case "a previous public key whose grace is over ends its sessions" public_ends_by_time
run_case "a previous public key that is replaced ends its sessions" public_is_pushed_out
run_case "a next public key becomes current once a session confirms it" next_is_proved
run_case "a next public key is tried again if both ends initiated at once" next_is_tried_again
run_case "a previous preshared key ends its sessions" preshared_ends_its_sessions
run_case "a next preshared key is tried again if both ends initiated at once" preshared_is_tried_again
run_case "a next preshared key that is removed ends its session" next_preshared_is_taken_away
run_case "the device's previous key ends its sessions" identity_ends_its_sessions
run_case "and if that was the current one, it lasts 10 s" identity_ends_current_session
run_case "the newest keys are tried again if both ends initiated at once" newest_is_tried_again
run_case "a key of the device that is undone ends its sessions after 10 s" undone_identity_ends_its_sessions
run_case "the device's previous key ends behind a peer's" identity_ends_behind_a_peers
run_case "a previous public key ends while preshared keys rotate" rotates while_preshared_rotate
run_case "a previous preshared key ends while public keys rotate" rotates while_public_rotate
run_case "a grace that is set repeatedly ends" rotates while_grace_is_set
run_case "a rotation that is begun repeatedly ends" rotates while_begun_again
