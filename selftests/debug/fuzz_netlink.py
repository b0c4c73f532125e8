#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""After the fuzzer: sets random settings of a device, changes some of them, and reads all of them back.

fuzz_netlink.py INTERFACE SEED; KIND names the family.
"""
import random, struct, sys

import wgnetlink as nl
from wgnetlink import attr, check, u32

ROUNDS = 40


def some_settings(rng):
    """Settings of the device, type -> value."""
    settings = {nl.PRIVATE: bytes([8]) + rng.randbytes(30) + b"\x41", nl.PORT: struct.pack("=H", rng.randrange(31000, 31010)),
                nl.FWMARK: struct.pack("=I", rng.randrange(2**32))}
    return {kind: settings[kind] for kind in rng.sample(list(settings), rng.randrange(4))}


def some_peer(rng):
    settings = {nl.P_PSK: rng.randbytes(32), nl.P_KEEPALIVE: struct.pack("=H", rng.randrange(2**16)),
                nl.P_ENDPOINT: rng.choice([nl.endpoint4(port=rng.randrange(1, 2**16)), nl.endpoint6(port=rng.randrange(1, 2**16))])}
    if nl.FAMILY == "weft":
        settings[nl.P_ROAM] = bytes([rng.randrange(2)])
    return {kind: settings[kind] for kind in rng.sample(list(settings), rng.randrange(len(settings) + 1))}


def some_prefixes(rng):
    """Prefixes that differ under any mask."""
    numbers = rng.sample(range(256), rng.randrange(6))
    return [f"10.{number}.0.0/{rng.randrange(16, 33)}" if rng.random() < 0.5 else f"fd{number:02x}::/{rng.randrange(16, 129)}"
            for number in numbers]


def compare(netlink, name, device, peers):
    """Compares the expected settings with the kernel's; peers are key -> (settings, prefixes)."""
    found = dict(nl.parse(netlink.dump(name)[0][20:]))
    for kind, value in device.items():
        check(f"attribute {kind} of the device", found[kind], value)
    there = netlink.peers(name)
    check("the peers", sorted(there), sorted(peers))
    for key, (settings, prefixes) in peers.items():
        check("a peer's allowed IPs", sorted(there[key][nl.P_IPS]), sorted(prefixes))
        for kind, value in settings.items():
            check(f"attribute {kind} of a peer", there[key][kind], value)


def main(name, seed):
    rng, netlink = random.Random(int(seed)), nl.Netlink()
    device, peers = {}, {}
    netlink.set(nl.name(name), u32(nl.FLAGS, nl.REPLACE_PEERS))
    for _ in range(ROUNDS):
        settings = some_settings(rng)
        device.update(settings)
        message = [attr(kind, value) for kind, value in settings.items()]
        key = bytes([rng.randrange(1, 9)]) * 31 + b"\7"
        changed, prefixes = some_peer(rng), some_prefixes(rng)
        if key in peers and rng.random() < 0.3:
            del peers[key]
            message.append(attr(nl.PEERS, [nl.peer(key, u32(nl.P_FLAGS, nl.REMOVE_ME))]))
        else:
            old, _ = peers.get(key, ({}, []))
            peers[key] = (old | changed, prefixes)
            # A prefix that moves to this peer is removed from the others.
            for other in peers:
                if other != key:
                    peers[other] = (peers[other][0], [one for one in peers[other][1] if one not in prefixes])
            message.append(attr(nl.PEERS, [nl.peer(key, u32(nl.P_FLAGS, nl.REPLACE_IPS),
                                                   *[attr(kind, value) for kind, value in changed.items()],
                                                   attr(nl.P_IPS, [nl.ip(one) for one in prefixes]))]))
        netlink.set(nl.name(name), *message)
        compare(netlink, name, device, peers)


main(*sys.argv[1:])
