#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Configures a hub and its spokes: a device each in one namespace, all of one kind, in one process.

spokes.py together HUB_NS SPOKE_NS COUNT    KIND names the kind; the devices wt0 and wt1, wt2, ... exist. Spoke number n
                                            has the address 10.9.0.0 + n, and the hub 10.8.0.0 + n for it alone
spokes.py apart HUB_NS SPOKE_NS COUNT       the hub's endpoint is 198.18.0.0 + n for spoke n, in place of 192.0.2.2 for all
spokes.py hub HUB_NS COUNT                  the hub alone, once more, with the same keys
spokes.py kept HUB_NS COUNT                 the same, with the endpoints of spokes that are apart, as a configuration that was
                                            saved, or a record, has them
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


def host(first, number):
    return str(ipaddress.IPv4Address(first) + number)


def address(first, number):
    return host(first, number) + "/32"


def set_device(sock, device, key, port, peers):
    sock.set(nl.name(device), nl.attr(nl.PRIVATE, key), nl.u16(nl.PORT, port), nl.attr(nl.PEERS, peers))


def hub_peer(number, key, kept):
    endpoint = [nl.attr(nl.P_ENDPOINT, nl.endpoint4(host("198.19.0.0", number), FIRST_PORT + number))] if kept else []
    return nl.peer(public_key(key), *endpoint, nl.attr(nl.P_IPS, [nl.ip(address("10.9.0.0", number))]))


def spoke_peer(number, public, endpoint):
    return nl.peer(public,
                   nl.attr(nl.P_ENDPOINT, nl.endpoint4(endpoint, HUB_PORT)),
                   nl.attr(nl.P_IPS, [nl.ip(address("10.8.0.0", number))]))


def set_spokes(namespace, keys, public, endpoint_of):
    enter(namespace)
    sock = nl.Netlink()
    for number, key in keys.items():
        set_device(sock, f"wt{number}", key, FIRST_PORT + number, [spoke_peer(number, public, endpoint_of(number))])


def set_hub(namespace, keys, hub_key, kept=False):
    enter(namespace)
    sock = nl.Netlink()
    numbers = list(keys)
    for begin in range(0, len(numbers), BATCH):
        set_device(sock, "wt0", hub_key, HUB_PORT,
                   [hub_peer(number, keys[number], kept) for number in numbers[begin:begin + BATCH]])


def endpoint_together(_):
    return "192.0.2.2"


def endpoint_apart(number):
    return host("198.18.0.0", number)


def main():
    action, hub, *spokes, count = sys.argv[1:]
    rng = random.Random(1)
    keys = {number: rng.randbytes(32) for number in range(1, int(count) + 1)}
    hub_key = rng.randbytes(32)
    if spokes:
        endpoint_of = {"together": endpoint_together, "apart": endpoint_apart}[action]
        set_spokes(spokes[0], keys, public_key(hub_key), endpoint_of)
    set_hub(hub, keys, hub_key, action == "kept")


main()
