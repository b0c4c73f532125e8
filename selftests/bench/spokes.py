#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Configures a hub and its spokes: a device each in one namespace, all of one kind, in one process.

spokes.py HUB_NS SPOKE_NS COUNT    KIND names the kind; the devices wt0 and wt1, wt2, ... exist. Spoke number n has the
                                   address 10.9.0.0 + n, and the hub 10.8.0.0 + n for it alone.
"""
import ipaddress
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kselftest", "lib"))
import wgnetlink as nl  # noqa: E402
from namespace import enter  # noqa: E402
from sodium import public_key  # noqa: E402

HUB_PORT, FIRST_PORT = 51820, 20000
BATCH = 100


def address(first, number):
    return str(ipaddress.IPv4Address(first) + number) + "/32"


def set_device(sock, device, key, port, peers):
    sock.set(nl.name(device), nl.attr(nl.PRIVATE, key), nl.u16(nl.PORT, port), nl.attr(nl.PEERS, peers))


def hub_peer(number, key):
    return nl.peer(public_key(key),
                   nl.attr(nl.P_IPS, [nl.ip(address("10.9.0.0", number))]))


def spoke_peer(number, public):
    return nl.peer(public,
                   nl.attr(nl.P_ENDPOINT, nl.endpoint4("192.0.2.2", HUB_PORT)),
                   nl.attr(nl.P_IPS, [nl.ip(address("10.8.0.0", number))]))


def main():
    hub, spokes, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    rng = random.Random(1)
    keys = {number: rng.randbytes(32) for number in range(1, count + 1)}
    hub_key = rng.randbytes(32)
    public = public_key(hub_key)
    enter(spokes)
    sock = nl.Netlink()
    for number, key in keys.items():
        set_device(sock, f"wt{number}", key, FIRST_PORT + number, [spoke_peer(number, public)])
    enter(hub)
    sock = nl.Netlink()
    numbers = list(keys)
    for begin in range(0, count, BATCH):
        set_device(sock, "wt0", hub_key, HUB_PORT,
                   [hub_peer(number, keys[number]) for number in numbers[begin:begin + BATCH]])


main()
