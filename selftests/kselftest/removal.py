#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Changes of a link while packets arrive, for removal.sh.

removal.py replaced ROUNDS     in each round a link gets another port and no peers, and is removed meanwhile, while
                               processes send to its former port
"""
import mmap
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

import wgnetlink as nl
from links import Links
from wgnetlink import attr, ip, name, peer, u16, u32

DEV, OLD_PORT, NEW_PORT = "ws0", 7001, 7002
KEPT, KEPT_PORT = "ws1", 7003
SENDERS, PEERS = 3, 64
TARGETS = (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")
# The least share of rounds in which the link still exists when it is changed.
LEAST_CHANGED = 0.1

# One message of each type, of the right length: an initiation, a response, a cookie reply, and data of no session.
MESSAGES = [struct.pack("<I", kind) + os.urandom(length - 4) for kind, length in ((1, 148), (2, 92), (3, 64), (4, 64))]


class Sender:
    """A process that sends to the old port until it is killed. Both processes share the memory with its count."""

    def __init__(self, family, address):
        self.family, self.address = family, address
        self.memory = mmap.mmap(-1, mmap.PAGESIZE)
        self.pid = os.fork()
        if not self.pid:
            try:
                self.send_for_ever()
            finally:
                os._exit(1)

    def sent(self):
        return struct.unpack_from("Q", self.memory)[0]

    def send_for_ever(self):
        with socket.socket(self.family, socket.SOCK_DGRAM) as sock:
            sock.connect((self.address, OLD_PORT))
            while True:
                for message in MESSAGES:
                    try:
                        sock.send(message)
                        struct.pack_into("Q", self.memory, 0, self.sent() + 1)
                    except ConnectionRefusedError:
                        pass

    def stop(self):
        """Returns whether it was still sending."""
        alive = not os.waitpid(self.pid, os.WNOHANG)[0]
        if alive:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        return alive


def a_peer(number):
    return peer(struct.pack("<I", number) + b"\x21" * 27 + b"\x11", attr(nl.P_IPS, [ip(f"10.{number >> 8}.{number & 255}.0/24")]))


def link_create(family, links):
    links.add(DEV)
    family.set(name(DEV), attr(nl.PRIVATE, os.urandom(32)), u16(nl.PORT, OLD_PORT),
               attr(nl.PEERS, [a_peer(number) for number in range(PEERS)]))
    links.bring(DEV, True)


def keep_one(family, links):
    """The first socket of a tunnel and the end of the last one make the kernel patch code that all CPUs run, and an
    emulated CPU may execute it half patched. While this link is up, no code is patched."""
    links.add(KEPT)
    family.set(name(KEPT), attr(nl.PRIVATE, os.urandom(32)), u16(nl.PORT, KEPT_PORT))
    links.bring(KEPT, True)


def replace(family, began, refused):
    began.set()
    try:
        family.set(name(DEV), u16(nl.PORT, NEW_PORT), u32(nl.FLAGS, nl.REPLACE_PEERS))
    except nl.Refused as why:
        refused.append(why.errno)


def a_round(family, links, rng):
    """Returns whether the link still existed when it was to be changed."""
    began, refused = threading.Event(), []
    link_create(family, links)
    changing = threading.Thread(target=replace, args=(family, began, refused))
    changing.start()
    began.wait()
    time.sleep(rng.choice((0, 0.0002, 0.001, 0.003, 0.01)))
    links.remove(DEV)
    changing.join()
    if set(refused) - {nl.ENODEV}:
        sys.exit(f"changing the link: {refused}")
    return not refused


def replaced(rounds):
    family, links, rng, changed = nl.Netlink(), Links(), random.Random(1), 0
    rounds = int(rounds)
    keep_one(family, links)
    senders = [Sender(*TARGETS[number % len(TARGETS)]) for number in range(SENDERS)]
    try:
        for _ in range(rounds):
            changed += a_round(family, links, rng)
    finally:
        alive = sum([sender.stop() for sender in senders])
        links.remove(KEPT)
    sent = [sender.sent() for sender in senders]
    print(f"# {changed} of {rounds} links were changed before they were removed; messages sent: {sent}", flush=True)
    if changed < rounds * LEAST_CHANGED:
        sys.exit("too few links were changed before they were removed")
    if alive < SENDERS:
        sys.exit(f"only {alive} of {SENDERS} senders were there at the end")
    if min(sent) < rounds:
        sys.exit(f"a sender sent less than {rounds} messages")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
