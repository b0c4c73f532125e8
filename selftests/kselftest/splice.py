#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A relay without privileges that changes messages while the tunnel reads them. See splice.sh.

Genuine messages are sent from a page that another process of the relay keeps writing to: a byte alternates between a
forged value and, briefly, the genuine one. The module may read each byte once: then a message is delivered as its
peer sealed it, or dropped. An initiation is answered as its peer made it, or its MAC is wrong: none with a right MAC
fails to decrypt.

splice.py receive        counts genuine and other packets inside the tunnel; ends with its input
"""
import os, select, socket, struct, subprocess, sys, time
import wgpeer
from pages import BEGIN, Writer, SendFile, Splice, ZeroCopy, connected, without_privileges
from wgpeer import Failure, check

PORT, MAGIC = 9, b"splice"
PAYLOAD = 1300
TRIES = int(os.environ.get("TRIES", "10000"))
# Most messages need that many tries until one is delivered: the bytes are genuine for a twentieth of the time.
TRIES_EACH = 20
BATCH = 8
COUNTERS = "rx_drop_auth", "rx_drop_replay", "rx_drop_malformed", "rx_drop_no_session"
# Offsets in a message of the bytes that the relay changes; the ciphertext begins at 16.
TYPE, RECEIVER, COUNTER = 0, 4, 8
INITIATION_COUNTERS = "rx_drop_mac", "rx_drop_handshake", "rx_drop_unknown_peer"
# A number of initiations that a machine processes without being under load.
INITIATIONS, INITIATION_TRIES, INITIATION_PAUSE = 40, 10, 0.01


# ---- inside the tunnel ----

def genuine(number):
    return MAGIC + struct.pack(">I", number) + bytes([number & 0xFF]) * (PAYLOAD - len(MAGIC) - 4)


def receive():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind(("10.9.0.1", PORT))
    print("listening", flush=True)
    right, wrong, ended = set(), 0, False
    while not ended or select.select([sock], [], [], 0.5)[0]:
        ready = select.select([sock] if ended else [sock, sys.stdin], [], [])[0]
        ended = ended or sys.stdin in ready
        if sock not in ready:
            continue
        data = sock.recv(2048)
        number = struct.unpack(">I", data[6:10])[0]
        if data == genuine(number) and number not in right:
            right.add(number)
        else:
            wrong += 1
    print(len(right), wrong, flush=True)


class Inside:
    def __enter__(self):
        self.process = subprocess.Popen(["ip", "netns", "exec", os.environ["TUNNEL_NS"], "python3", os.path.abspath(__file__),
                                         "receive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check("the receiver", self.process.stdout.readline(), "listening\n")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def result(self):
        """The numbers of genuine and of other packets."""
        return tuple(map(int, self.process.communicate(timeout=30 * wgpeer.SLOW)[0].split()))


# ---- the relay ----

def relay(peer, kind, batches, tries, place=None, pause=0):
    """Sends each batch that often while one byte of each message is changed, by default one in its middle, and once
    unchanged. Returns the number of messages sent."""
    sent, each, count, memory = 0, len(batches[0][0]), len(batches[0]), kind.page()
    way = kind(peer.tunnel, memory, each, count)
    plain = connected(peer.tunnel)
    changed = each // 2 if place is None else place
    changer = Writer(memory, [BEGIN + each * i + changed for i in range(count)])
    for batch in batches:
        data = b"".join(batch)
        memory[BEGIN:BEGIN + len(data)] = data
        changer.tell(1)
        for _ in range(tries):
            way.send()
            if pause:
                time.sleep(pause)
        changer.tell(0)
        for message in batch:
            plain.send(message)
        sent += (tries + 1) * count
    changer.end()
    return sent


def sealed(peer, first, count):
    def datagram(number):
        data = genuine(number)
        return wgpeer.ipv4(17, struct.pack(">HHHH", PORT, PORT, 8 + len(data), 0) + data)
    return [peer.seal(datagram(number)) for number in range(first, first + count)]


def settled(counters):
    """The tunnel's counters, once they no longer change."""
    before = None
    while (now := [wgpeer.drop_count(name) for name in counters]) != before:
        before = now
        time.sleep(0.2)
    return now


def begin(peer):
    peer.initiate()
    peer.send(peer.seal())


def changed_in_flight(peer, kind, count, place=None, tries=TRIES, reason="rx_drop_auth"):
    """The effect of a changing byte in each message; `reason` counts messages that were wrong when they were read."""
    begin(peer)
    batches = [sealed(peer, first, count) for first in range(0, tries // TRIES_EACH, count)]
    messages = sum(map(len, batches))
    before = settled(COUNTERS)
    with Inside() as inside:
        sent = without_privileges(relay, peer, kind, batches, TRIES_EACH, place)
        right, wrong = inside.result()
    dropped = {name: after - was for name, after, was in zip(COUNTERS, settled(COUNTERS), before)}
    refused = ", ".join(f"{name} {number}" for name, number in dropped.items())
    print(f"# {kind.__name__} of {count}: {sent} messages, {right} genuine, {wrong} forged, {refused}", flush=True)
    check("forged packets", wrong, 0)
    check("genuine packets", right, messages)
    check("messages that are accounted for", right + sum(dropped.values()), sent)
    if kind is not ZeroCopy and not dropped[reason]:
        raise Failure("no message was changed in flight")


def vmsplice(peer):
    changed_in_flight(peer, Splice, 1)


def sendfile(peer):
    changed_in_flight(peer, SendFile, 1)


def zerocopy(peer):
    changed_in_flight(peer, ZeroCopy, 1)


def segmented(peer):
    """Before Linux 6.5 no page can be spliced into a packet for segmentation."""
    if tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 5):
        changed_in_flight(peer, Splice, BATCH)


def segmented_zerocopy(peer):
    changed_in_flight(peer, ZeroCopy, BATCH)


def types(peer):
    changed_in_flight(peer, Splice, 1, TYPE, TRIES // 4, "rx_drop_malformed")


def receivers(peer):
    changed_in_flight(peer, Splice, 1, RECEIVER, TRIES // 4, "rx_drop_no_session")


def counters(peer):
    changed_in_flight(peer, Splice, 1, COUNTER, TRIES // 4)


def initiations(peer):
    """A worker reads queued initiations. The byte is covered by the MAC, and is decrypted."""
    batches = [[peer.make_initiation()[1]] for _ in range(INITIATIONS)]
    before = settled(INITIATION_COUNTERS)
    sent = without_privileges(relay, peer, Splice, batches, INITIATION_TRIES, None, INITIATION_PAUSE)
    wrong, undecrypted, unknown = [after - was for after, was in zip(settled(INITIATION_COUNTERS), before)]
    print(f"# {sent} initiations, {wrong} with a wrong MAC", flush=True)
    check("initiations with a right MAC that do not decrypt", undecrypted + unknown, 0)
    if not 0 < wrong < sent:
        raise Failure(f"{wrong} of {sent} initiations have a wrong MAC")


def all():
    peer = wgpeer.Peer(address="192.0.2.2")
    for action in vmsplice, sendfile, zerocopy, segmented, segmented_zerocopy, types, receivers, counters, initiations:
        wgpeer.attempt(peer, action)


def gathered():
    """Packets merged by GRO, as from a network card: the pages remain the relay's."""
    peer = wgpeer.Peer(address="192.0.2.2")
    for action in vmsplice, segmented, segmented_zerocopy:
        wgpeer.attempt(peer, action)


wgpeer.run(globals())
