#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Packets that triggered faults of other tunnels, and a peer that checks details. See regressions.sh.

regressions.py fill TO COUNT          sends that many datagrams from a socket whose buffer holds two of them
regressions.py ring DEV HEX           injects a packet from a ring, of which no byte is copied
regressions.py later TO MS            sends a datagram with a later delivery time; prints when a message left by va, in ms
regressions.py sizes TO               datagrams of many lengths, full of ones, in every kind of sk_buff
"""
import mmap, os, socket, struct, sys, time
import wgpeer
from wgpeer import DATA, RESPONSE, check, in_tunnel_ns

ETH_P_IP, ETH_P_ALL, PACKET_OUTGOING = 0x0800, 0x0003, 4
SOL_PACKET, PACKET_TX_RING, FRAME_HEADER = 263, 13, 32
SO_TXTIME, CLOCK_MONOTONIC, UDP_SEGMENT = 61, 1, 103
PORT = 9


def fill(to, count):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    sock.setblocking(False)
    for number in range(int(count)):
        try:
            sock.sendto(bytes(1000), (to, PORT))
        except BlockingIOError:
            sys.exit(f"after {number} datagrams the socket is full")


def ring(dev, packet):
    packet = bytes.fromhex(packet)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    sock.setsockopt(SOL_PACKET, PACKET_TX_RING, struct.pack("IIII", 4096, 1, 2048, 2))
    sock.bind((dev, ETH_P_IP))
    with mmap.mmap(sock.fileno(), 4096) as memory:
        memory[FRAME_HEADER:FRAME_HEADER + len(packet)] = packet
        struct.pack_into("LI", memory, 0, 1, len(packet))
        sock.send(b"")


def later(to, milliseconds):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    wire.bind(("va", ETH_P_ALL))
    wire.settimeout(10)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TXTIME, struct.pack("iI", CLOCK_MONOTONIC, 0))
    now = time.monotonic_ns()
    when = struct.pack("Q", now + int(milliseconds) * 10**6)
    sock.sendmsg([b"later"], [(socket.SOL_SOCKET, SO_TXTIME, when)], 0, (to, PORT))
    while wire.recvfrom(2048)[1][2] != PACKET_OUTGOING:
        pass
    print((time.monotonic_ns() - now) // 10**6)


SIZES = range(1, 49)
SEGMENTS, SEGMENT = 20, 1003
ANSWERS = 2 * len(SIZES) + SEGMENTS


def sizes(to):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for size in SIZES:
        sock.sendto(b"\xff" * size, (to, PORT))
    sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, SEGMENT)
    sock.sendto(b"\xff" * SEGMENT * SEGMENTS, (to, PORT))
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    for size in SIZES:
        raw.sendto(wgpeer.ipv4(253, b"\xff" * size, wgpeer.INNER_TUNNEL, to), ("wt0", ETH_P_IP, 0, 0, b""))


# ---- the peer ----

def check_padding(peer):
    """An inner packet ends where its header says; zeros pad it to a multiple of 16 bytes."""
    inner = peer.open(peer.receive_kind(DATA))
    length = struct.unpack(">H", inner[2:4])[0]
    check(f"padded length of {length}", len(inner), -(-length // 16) * 16)
    check(f"padding of {length}", inner[length:], bytes(len(inner) - length))


def pads_with_zeros(peer):
    """A second time with a packet socket that shares the packets' memory."""
    peer.initiate()
    peer.send(peer.seal())
    for watched in False, True:
        watcher = watched and in_tunnel_ns("tcpdump", "-n", "-i", "wt0", "-w", "/dev/null", background=True)
        time.sleep(1 if watched else 0)
        in_tunnel_ns("python3", os.path.abspath(__file__), "sizes", wgpeer.INNER_SELF)
        for _ in range(ANSWERS):
            check_padding(peer)
        if watcher:
            watcher.terminate()
            watcher.wait()


def random_indices(peer):
    """Every bit of an index occurs as 0 and as 1, no index occurs twice, and no difference between two successive
    ones repeats."""
    indices = []
    for _ in range(40):
        time.sleep(0.025)
        peer.send(peer.make_initiation()[1])
        indices.append(int.from_bytes(peer.receive_kind(RESPONSE)[4:8], "little"))
    check("different indices", len(set(indices)), len(indices))
    distances = {(one - other) & 0xFFFFFFFF for one, other in zip(indices, indices[1:])}
    check("different distances", len(distances), len(indices) - 1)
    for bit in range(32):
        check(f"values of bit {bit}", {index >> bit & 1 for index in indices}, {0, 1})


def all():
    peer = wgpeer.Peer(address="192.0.2.2")
    for action in (pads_with_zeros, random_indices):
        wgpeer.attempt(peer, action)


wgpeer.run(globals())
