#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Changes the tunnel wt0 during traffic, and the link ws0, for churn.sh.

churn.py together SECONDS        two processes configure, one dumps, one removes peers, and every now and then ws0
churn.py many COUNT              adds COUNT peers, compares them, and removes them, twice
churn.py ports SECONDS           switches the port of wt0 between two
churn.py flood ADDRESS           sends a message of each type to each of these ports, until it is killed
"""
import collections
import errno
import os
import random
import socket
import sys
import time

import wgnetlink as nl
from links import Links
from wgnetlink import attr, ip, name, peer, u16, u32

DEVICES = ("wt0", "ws0")
POOL = [bytes([8, number]) + b"\x55" * 30 for number in range(48)]
# The link is missing at the moment; a name is another peer's; a port is in use.
PASSING = {errno.ENODEV, errno.EEXIST, errno.EADDRINUSE}
A_MESSAGE = 400
PORTS = (51820, 51821)
# One of the right length of each type: an initiation, a response, a cookie, and data of an unknown session.
LENGTHS = {1: 148, 2: 92, 3: 64, 4: 1452}


# ---- together ----

def prefixes(key, rng):
    """Each peer has its own networks, so that no peer takes one from another."""
    return [ip(f"10.{100 + key[1]}.{rng.randrange(8)}.0/24"), ip(f"2001:db8:{key[1]}:{rng.randrange(8)}::/64")]


def some_peer(rng):
    key = rng.choice(POOL)
    flags = rng.choice((0, nl.REPLACE_IPS, nl.UPDATE_ONLY))
    more = [u32(nl.P_FLAGS, flags), attr(nl.P_IPS, prefixes(key, rng)), attr(nl.P_PSK, rng.randbytes(32)),
            attr(nl.P_ENDPOINT, nl.endpoint4("192.0.2.77", rng.randrange(1, 65536))),
            attr(nl.P_NAME, f"peer-{rng.randrange(len(POOL))}".encode() + b"\0"), u16(nl.P_KEEPALIVE, 0)]
    return peer(key, *rng.sample(more, rng.randrange(len(more) + 1)))


def configure(family, links, rng):
    device = rng.choice(DEVICES)
    more = [attr(nl.PEERS, [some_peer(rng) for _ in range(rng.randrange(1, 6))])]
    if device == "ws0":
        more += rng.sample([attr(nl.PRIVATE, rng.randbytes(32)), u32(nl.FWMARK, 0), u16(nl.PORT, rng.choice((0, 7001, 7002))),
                            u32(nl.FLAGS, rng.choice((0, nl.REPLACE_PEERS)))], rng.randrange(5))
    family.set(name(device), *more)


def dump(family, links, rng):
    """During any change, no peer appears twice and all attributes are valid, or the dump is marked as inconsistent."""
    messages = family.dump(rng.choice(DEVICES))
    if any(message[6] & nl.DUMP_INTR for message in messages):
        return
    keys = [dict(nl.parse(nest))[nl.P_PUBLIC] for message in messages for kind, value in nl.parse(message[20:])
            if kind == nl.PEERS for _, nest in nl.parse(value)]
    nl.check("peers that appear twice", [key for key, count in collections.Counter(keys).items() if count > len(messages)], [])


def remove(family, links, rng):
    if rng.randrange(20):
        key = rng.choice(POOL)
        family.set(name(rng.choice(DEVICES)), attr(nl.PEERS, [peer(key, u32(nl.P_FLAGS, nl.REMOVE_ME))]))
        return
    links.remove("ws0")
    links.add("ws0")
    links.bring("ws0", True)


def repeat(action, seed, seconds):
    """Runs in a process of its own; returns the number of successes. Passing failures do not count."""
    rng, family, links, count = random.Random(seed), nl.Netlink(), Links(), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            action(family, links, rng)
        except nl.Refused as refused:
            if refused.errno not in PASSING:
                sys.exit(f"{action.__name__}: {refused}")
        except OSError as error:
            if error.errno not in PASSING:
                sys.exit(f"{action.__name__}: {error}")
        else:
            count += 1
    return count


def together(seconds):
    Links().add("ws0")
    running = {}
    for seed, action in enumerate((configure, configure, dump, remove)):
        pid = os.fork()
        if not pid:
            count = repeat(action, seed, float(seconds))
            print(f"# {action.__name__}: {count} times", flush=True)
            os._exit(count < 10)
        running[pid] = action.__name__
    while running:
        pid, status = os.wait()
        if status:
            sys.exit(f"{running[pid]} failed")
        del running[pid]
    family = nl.Netlink()
    family.set(name("wt0"), attr(nl.PEERS, [peer(key, u32(nl.P_FLAGS, nl.REMOVE_ME)) for key in POOL]))
    Links().remove("ws0")


# ---- many ----

def many(count):
    family, count = nl.Netlink(), int(count)
    before = sorted(family.peers("wt0"))
    for _ in range(2):
        keys = [os.urandom(31) + b"\x11" for _ in range(count)]
        for begin in range(0, count, A_MESSAGE):
            family.set(name("wt0"), attr(nl.PEERS, [newcomer(i, keys[i]) for i in range(begin, min(begin + A_MESSAGE, count))]))
        nl.check("peers", sorted(family.peers("wt0")), sorted(keys + before))
        for begin in range(0, count, A_MESSAGE):
            leavers = [peer(key, u32(nl.P_FLAGS, nl.REMOVE_ME)) for key in keys[begin:begin + A_MESSAGE]]
            family.set(name("wt0"), attr(nl.PEERS, leavers))
        nl.check("peers", sorted(family.peers("wt0")), before)


def newcomer(number, key):
    return peer(key, attr(nl.P_ENDPOINT, nl.endpoint4("192.0.2.88", number % 65535 + 1)), attr(nl.P_PSK, key),
                attr(nl.P_IPS, [ip(f"10.{64 + number // 250}.{number % 250}.0/24")]))


# ---- ports ----

def ports(seconds):
    family, count, end = nl.Netlink(), 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        count += 1
        family.set(name("wt0"), u16(nl.PORT, PORTS[count % len(PORTS)]))
    family.set(name("wt0"), u16(nl.PORT, PORTS[0]))
    print(f"# {count} changes of the port", flush=True)
    nl.check("changes of the port, at least", min(count, 20), 20)


def flood(address):
    print("flooding", flush=True)
    messages = [bytes([kind]) + bytes(3) + os.urandom(length - 4) for kind, length in LENGTHS.items()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while True:
            for port in PORTS:
                for message in messages:
                    try:
                        sock.sendto(message, (address, port))
                    except ConnectionRefusedError:
                        pass


if __name__ == "__main__":
    {"together": together, "many": many, "ports": ports, "flood": flood}[sys.argv[1]](sys.argv[2])
