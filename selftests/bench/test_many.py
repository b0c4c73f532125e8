#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of many.py: stages of functions, and what limits a flow. Prints TAP."""
import sys

import many
import tap

# A sender that takes 1,000 ns to seal 1,024 bytes and 600 ns for the rest; a receiver that takes 500 ns to deliver them.
COST = {"send": 400, "seal": 1000, "leave": 200, "arrive": 100, "open": 1000, "deliver": 500, "read": 300}
BOTH = {"weft": COST, "wireguard": COST}
IN_TREE, WEFT, ANY = many.KINDS


def least(kind, flows, peers, cpus):
    found = many.limits(kind, BOTH, flows, peers, cpus)
    return min(found, key=found.get), min(found.values())


def test_a_function_has_the_stage_that_its_name_tells():
    for name, stage in (("tcp_sendmsg_locked", "send"), ("[weft] weft_crypt_seal", "seal"), ("[weft] weft_output_send", "leave"),
                        ("[wireguard] wg_packet_tx_worker", "leave"), ("udp_rcv", "arrive"), ("[weft] crypt_open", "open"),
                        ("[wireguard] wg_packet_decrypt_worker", "open"), ("tcp_gro_receive", "deliver"), ("tcp_recvmsg_locked", "read"),
                        ("queued_spin_lock_slowpath", None)):
        assert many.stage_of(name) == stage, (name, many.stage_of(name))


def test_a_cipher_is_of_both_ends_and_a_copy_of_each_stage_that_copies():
    assert many.shares_of("chacha_8block_xor_avx512vl", "weft") == {"seal": 0.5, "open": 0.5}
    assert many.shares_of("memcpy", "weft") == {"send": 0.25, "seal": 0.25, "open": 0.25, "read": 0.25}
    assert many.shares_of("memcpy", "wireguard") == {"send": 0.5, "read": 0.5}


def test_the_shares_of_all_stages_are_the_whole():
    share, common = many.stages({"tcp_sendmsg": 30, "udp_rcv": 10, "kfree": 40, "[host] schedule": 1000,
                                 "queued_spin_lock_slowpath": 500}, "weft")
    assert abs(sum(share.values()) - 1) < 1e-9 and abs(share["send"] - 0.75) < 1e-9, share
    assert abs(common - 0.5) < 1e-9, common


def test_one_flow_of_weft_is_limited_by_the_cpu_that_seals_it():
    name, rate = least(WEFT, 1, 1, 64)
    assert name == "send and seal and leave" and abs(rate - 8192 / 1600) < 0.01, (name, rate)


def test_one_flow_that_any_cpu_seals_is_limited_by_the_rest_of_the_sender():
    name, rate = least(ANY, 1, 1, 64)
    assert name == "send and leave" and rate > least(WEFT, 1, 1, 64)[1], (name, rate)


def test_few_cpus_limit_all_kinds_alike_but_for_the_price_of_handing_over():
    rates = [least(kind, 16, 16, 2) for kind in many.KINDS]
    assert all(name.endswith("CPUs") for name, _ in rates), rates
    assert abs(rates[0][1] - rates[1][1]) < 1e-9 and abs(rates[1][1] / rates[2][1] - many.HAND_OVER) < 1e-9, rates


def test_no_rate_is_above_the_link():
    assert least(IN_TREE, 64, 64, 64) == ("link", many.LINK_GBIT)


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
