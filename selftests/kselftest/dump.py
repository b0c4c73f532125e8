#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Changes during dumps, for dump.sh. dump.py CASE works on wt0; it exits with an error, or with 0.

The kernel fills one message ahead of the reader and then waits: a change after the first read falls between the
second message and the third. A dump without changes shows where the third message begins.
"""
import os
import socket
import struct
import subprocess
import sys

import wgnetlink as nl

DEVICE = nl.DEVICE


def key(number):
    return struct.pack(">I", number) + b"\x77" * 28


class Reader(nl.Netlink):
    """Reads small buffers, so that a message is at most a page."""

    def __init__(self):
        super().__init__()
        self.sock.close()
        family, seq = self.family, self.seq
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.family, self.seq, self.read_size = family, seq, 4096

    def part(self):
        """One message: [(key, [allowed IPs], whether the peer begins here)], whether it was interrupted, whether it
        was the last."""
        messages, done = self.dump_part()
        peers, interrupted = [], False
        for message in messages:
            kind, flags = struct.unpack("=HH", message[4:8])
            interrupted |= bool(flags & nl.DUMP_INTR)
            if kind != nl.DONE:
                peers += self.peers_of(message)
        return peers, interrupted, done

    @staticmethod
    def peers_of(message):
        found = []
        for kind, value in nl.parse(message[20:]):
            for _, nest in nl.parse(value) if kind == nl.PEERS else []:
                values = nl.parse(nest)
                if values[0][0] != nl.P_PUBLIC:
                    sys.exit("a peer does not begin with its key")
                ips = [nl.prefix(item) for inner, data in values if inner == nl.P_IPS for _, item in nl.parse(data)]
                found.append((values[0][1], ips, nl.P_PSK in dict(values)))
        return found

    def rest(self):
        parts, interrupted, done = [], False, False
        while not done:
            part, flag, done = self.part()
            parts.append(part)
            interrupted |= flag
        return parts, interrupted


def unchanged_dump():
    """The parts of a dump without changes."""
    reader = Reader()
    reader.begin_dump(DEVICE)
    parts, interrupted = reader.rest()
    nl.check("interrupted, with no change", interrupted, False)
    parts = [part for part in parts if part]
    if len(parts) < 5:
        sys.exit(f"{len(parts)} messages are too few to be stopped in between")
    return parts


def joined(parts):
    """Key -> allowed IPs in the order of arrival. A continued peer repeats its key, and no other attribute."""
    found = {}
    for part in parts:
        for public, ips, begins in part:
            if begins == (public in found):
                sys.exit(f"peer {public.hex()} begins twice, or never")
            found.setdefault(public, []).extend(ips)
    return found


def disturbed(change):
    """A dump in which `change` is called after the second message was filled."""
    reader = Reader()
    reader.begin_dump(DEVICE)
    first, interrupted, done = reader.part()
    nl.check("interrupted, done after the first message", (interrupted, done), (False, False))
    change(nl.Netlink())
    parts, interrupted = reader.rest()
    return joined([first] + parts), interrupted


def remove(public):
    return nl.peer(public, nl.u32(nl.P_FLAGS, nl.REMOVE_ME))


def addresses(number):
    """One allowed IP, of alternating families, so that a message may end between any two peers, but not within one."""
    return [f"10.{number >> 8}.{number & 255}.0/24" if number % 2 else f"fd00:{number:x}::/48"]


def add(netlink, numbers):
    for start in range(0, len(numbers), 50):
        nl.set_peers(netlink, *[nl.peer(key(n), nl.attr(nl.P_IPS, [nl.ip(a) for a in addresses(n)])) for n in numbers[start:start + 50]])


def many_peers():
    add(nl.Netlink(), range(1, 201))
    parts = unchanged_dump()
    return joined(parts), parts[2][0][0], parts[1][-1][0]


def expect_all_but(found, before, gone, interrupted):
    nl.check("interrupted", interrupted, True)
    for public in gone:
        before.pop(public)
    nl.check("peers", list(found), list(before))
    nl.check("allowed IPs", found, before)


def case_peer_removed():
    """The peer at the cursor is removed, with its neighbours or without."""
    for around in (0, 1, 5):
        before, cursor, _ = many_peers()
        keys = list(before)
        middle = keys.index(cursor)
        # The peers before the cursor have been sent already.
        gone = keys[middle:middle + 1 + around]
        found, interrupted = disturbed(lambda netlink, g=gone: nl.set_peers(netlink, *map(remove, g)))
        expect_all_but(found, before, gone, interrupted)


def case_last_sent_removed():
    """The last peer that was sent is removed: no peer is left out or repeated."""
    before, _, last = many_peers()
    found, interrupted = disturbed(lambda netlink: nl.set_peers(netlink, remove(last)))
    expect_all_but(found, before, [], interrupted)


def case_rest_removed():
    """The peer at the cursor is removed, and all behind it."""
    before, cursor, _ = many_peers()
    keys = list(before)
    gone = keys[keys.index(cursor):]
    found, interrupted = disturbed(lambda netlink: nl.set_peers(netlink, *map(remove, gone)))
    expect_all_but(found, before, gone, interrupted)


def case_all_removed():
    many_peers()
    _, interrupted = disturbed(lambda netlink: nl.set_peers(netlink, flags=nl.REPLACE_PEERS))
    nl.check("interrupted", interrupted, True)
    nl.check("peers afterwards", nl.Netlink().peers(DEVICE), {})


def case_peer_readded():
    """The peer at the cursor is removed and added, in one message or in two: it is at the end, once, with its present
    settings."""
    for separate in (False, True):
        nl.set_peers(nl.Netlink(), flags=nl.REPLACE_PEERS)
        before, cursor, _ = many_peers()
        new = nl.peer(cursor, nl.attr(nl.P_IPS, [nl.ip("10.200.0.0/16")]))

        def change(netlink, gone=cursor, peer=new, separately=separate):
            if separately:
                nl.set_peers(netlink, remove(gone))
                nl.set_peers(netlink, peer)
            else:
                nl.set_peers(netlink, remove(gone), peer)
        found, interrupted = disturbed(change)
        before.pop(cursor)
        before[cursor] = ["10.200.0.0/16"]
        expect_all_but(found, before, [], interrupted)


def big_peer():
    """One peer whose allowed IPs fill many messages, between two others."""
    netlink = nl.Netlink()
    nl.set_peers(netlink, flags=nl.REPLACE_PEERS)
    add(netlink, [1])
    for start in range(0, 1200, 400):
        nl.set_peers(netlink, nl.peer(key(2), nl.attr(nl.P_IPS, [nl.ip(f"172.{16 + (n >> 8)}.{n & 255}.0/24") for n in range(start, start + 400)])))
    add(netlink, [3])
    parts = unchanged_dump()
    nl.check("the peer of the third message", parts[2][0][0], key(2))
    nl.check("whether the peer begins there", parts[2][0][2], False)
    return joined(parts), parts[2][0][1][0]


def case_ip_removed():
    """The allowed IP at the cursor is removed: each of the others is dumped once."""
    before, cursor = big_peer()
    gone = nl.ip(cursor, nl.u32(nl.I_FLAGS, 1))
    found, interrupted = disturbed(lambda netlink: nl.set_peers(netlink, nl.peer(key(2), nl.attr(nl.P_IPS, [gone]))))
    before[key(2)].remove(cursor)
    expect_all_but(found, before, [], interrupted)


def case_ip_readded():
    """The allowed IP is removed and added: it is at the end of its peer's."""
    before, cursor = big_peer()
    entries = [nl.ip(cursor, nl.u32(nl.I_FLAGS, 1)), nl.ip(cursor)]
    found, interrupted = disturbed(lambda netlink: nl.set_peers(netlink, nl.peer(key(2), nl.attr(nl.P_IPS, entries))))
    nl.check("interrupted", interrupted, True)
    for public, ips in before.items():
        nl.check("allowed IPs", sorted(found[public]), sorted(ips))


def case_ips_replaced():
    """All allowed IPs are replaced: the peer has been dumped, the next one follows."""
    big_peer()
    found, interrupted = disturbed(lambda netlink: nl.set_peers(netlink, nl.peer(key(2), nl.u32(nl.P_FLAGS, nl.REPLACE_IPS))))
    nl.check("interrupted", interrupted, True)
    nl.check("peers", list(found), [key(1), key(2), key(3)])


def case_big_peer_removed():
    """The peer with the cursor in its middle is removed, and added with other allowed IPs."""
    big_peer()
    new = nl.peer(key(2), nl.attr(nl.P_IPS, [nl.ip("10.201.0.0/16")]))
    reader = Reader()
    reader.begin_dump(DEVICE)
    reader.part()
    nl.set_peers(nl.Netlink(), remove(key(2)), new)
    parts, interrupted = reader.rest()
    nl.check("interrupted", interrupted, True)
    later = [entry for part in parts[1:] for entry in part]
    nl.check("peers after the change", [(public, ips) for public, ips, _ in later],
             [(key(3), addresses(3)), (key(2), ["10.201.0.0/16"])])


def case_interface_removed():
    many_peers()
    reader = Reader()
    reader.begin_dump(DEVICE)
    reader.part()
    subprocess.run(["ip", "link", "delete", DEVICE], check=True)
    try:
        reader.rest()
    except nl.Refused as refused:
        nl.check("errno", refused.errno, nl.ENODEV)
        return
    sys.exit("the dump ended without the interface")


def case_namespace_removed():
    """The socket holds the namespace, and so the interface: the dump is complete."""
    before, _, _ = many_peers()
    reader = Reader()
    reader.begin_dump(DEVICE)
    first, _, _ = reader.part()
    subprocess.run(["nsenter", "--mount=/proc/1/ns/mnt", "ip", "netns", "delete", os.environ["NAMESPACE"]], check=True)
    parts, interrupted = reader.rest()
    nl.check("interrupted", interrupted, False)
    nl.check("peers dumped", joined([first] + parts), before)


def case_two_at_once():
    """Two dumps at once do not affect each other."""
    before, _, _ = many_peers()
    readers = [Reader(), Reader()]
    results = [[], []]
    for reader in readers:
        reader.begin_dump(DEVICE)
    pending = [0, 1]
    while pending:
        for number in list(pending):
            part, _, done = readers[number].part()
            results[number].append(part)
            if done:
                pending.remove(number)
    for result in results:
        nl.check("peers dumped", joined(result), before)


def case_every_end():
    """However full the last message is, the end of the dump follows it, and all messages before are complete."""
    netlink, wanted = nl.Netlink(), []
    for number in range(1, 201):
        wanted += addresses(number)
        nl.set_peers(netlink, nl.peer(key(1), nl.attr(nl.P_IPS, [nl.ip(address) for address in addresses(number)])))
        reader = Reader()
        reader.begin_dump(DEVICE)
        parts, interrupted = reader.rest()
        nl.check("interrupted", interrupted, False)
        nl.check(f"{number} allowed IPs", sorted(joined(parts)[key(1)]), sorted(wanted))


def main():
    case = globals().get("case_" + sys.argv[1])
    if not case:
        sys.exit(f"'{sys.argv[1]}' is no case")
    case()


main()
