#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Sends packets that ordinary programs do not send, and checks the resulting messages.

packets.py forget-connections             empties the connection tracking of this namespace
packets.py lengths DEV WIRE FIRST LAST MTU TO
                                          injects inner IPv4 packets of each length into DEV, and checks each message
                                          that leaves by WIRE: length padded to 16, not past MTU
packets.py route-lengths WIRE FIRST LAST MTU TO
                                          the same with datagrams by the routing table, with MTU in the route
packets.py inject DEV PROTOCOL HEX        one packet, unchanged; PROTOCOL is an EtherType
packets.py hashes DEV WIRE FLOWS TO       prints the number of different flow hashes that the messages of FLOWS inner
                                          flows have, and the number that those of one flow have
packets.py segments TO COUNT SIZE LAST    UDP GSO: one send, COUNT datagrams of SIZE, the last one of LAST; a single
                                          one is an ordinary datagram
packets.py receive PORT COUNT SIZE LAST   expects those datagrams
"""
import ctypes
import socket
import struct
import sys
from inet import checksum

ETH_P_IP, ETH_P_ALL, PACKET_OUTGOING = 0x0800, 0x0003, 4
UDP_SEGMENT, SO_ATTACH_FILTER = 103, 26
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
NETLINK_NETFILTER, CT_DELETE = 12, (1 << 8) | 2
MESSAGE_OVERHEAD, PORT, WAIT_S = 32, 9009, 10


def ipv4(to, length, protocol=253, payload=b""):
    """A packet of exactly that length."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, protocol, 0,
                         socket.inet_aton("10.9.0.1"), socket.inet_aton(to))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return header + payload + bytes(length - len(header) - len(payload))


def injector(dev, protocol=ETH_P_IP):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    return lambda packet: sock.sendto(packet, (dev, protocol, 0, 0, b""))


class Wire:
    """Data messages that leave by a device: UDP from port 51820 over IPv4, not fragments."""

    def __init__(self, dev):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.sock.bind((dev, ETH_P_ALL))
        self.sock.settimeout(WAIT_S)

    def message_length(self):
        while True:
            data, (_, protocol, kind, *_) = self.sock.recvfrom(70000)
            if protocol == ETH_P_IP and kind == PACKET_OUTGOING and data[9] == 17 and data[20:22] == b"\xca\x6c":
                return struct.unpack_from("!H", data, 24)[0] - 8

    def show_hash(self, bits):
        """From now on a packet is truncated to 1 + the lowest bits of its hash: classic BPF has no other way to
        report it."""
        program = [(0x20, 0, 0, 0xFFFFF000 + 32),       # ld rxhash
                   (0x54, 0, 0, (1 << bits) - 1),       # and
                   (0x04, 0, 0, 1),                     # add
                   (0x16, 0, 0, 0)]                     # ret a
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in program))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                             struct.pack("HP", len(program), ctypes.addressof(code)))

    def shown_hash(self):
        while True:
            data, (_, protocol, kind, *_) = self.sock.recvfrom(70000)
            if protocol == ETH_P_IP and kind == PACKET_OUTGOING:
                return len(data) - 1


def expected(length, mtu):
    return min(-(-length // 16) * 16, mtu) + MESSAGE_OVERHEAD


def check_lengths(send, wire, first, last, mtu):
    for length in range(first, last + 1):
        send(length)
        found = wire.message_length()
        if found != expected(length, mtu):
            sys.exit(f"an inner packet of {length} made a message of {found}, not {expected(length, mtu)}")


def lengths(dev, wire, first, last, mtu, to):
    inject = injector(dev)
    check_lengths(lambda n: inject(ipv4(to, n)), Wire(wire), int(first), int(last), int(mtu))


def route_lengths(wire, first, last, mtu, to):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    check_lengths(lambda n: sock.sendto(bytes(n - 28), (to, PORT)), Wire(wire), int(first), int(last), int(mtu))


def inject(dev, protocol, packet):
    injector(dev, int(protocol, 0))(bytes.fromhex(packet))


def hashes(dev, wire_dev, flows, to):
    """Flows that differ only in an inner port."""
    send, wire = injector(dev), Wire(wire_dev)
    wire.show_hash(10)

    def flow_hash(port):
        send(ipv4(to, 1200, 17, struct.pack("!HHHH", port, PORT, 1180, 0)))
        return wire.shown_hash()

    print(len({flow_hash(1000 + i) for i in range(int(flows))}), len({flow_hash(1000) for _ in range(8)}))


def forget_connections():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as sock:
        sock.send(struct.pack("=IHHIIBBH", 20, CT_DELETE, 1 | 4, 1, 0, 0, 0, 0))
        error = struct.unpack_from("=i", sock.recv(4096), 16)[0]
    if error:
        sys.exit(f"deleting connections: error {error}")


def datagrams(count, size, last):
    lengths = [int(size)] * (int(count) - 1) + [int(last)]
    return [bytes([i]) * length for i, length in enumerate(lengths)]


def segments(to, count, size, last):
    sock = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    if int(count) > 1:
        sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, int(size))
    sock.sendto(b"".join(datagrams(count, size, last)), (to, PORT))


def receive(port, count, size, last):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("", int(port)))
    sock.settimeout(WAIT_S)
    for i, wanted in enumerate(datagrams(count, size, last)):
        data = sock.recv(70000)
        if data != wanted:
            sys.exit(f"datagram {i} has {len(data)} bytes, the first is {data[:1]!r}")


COMMANDS = {"forget-connections": forget_connections, "lengths": lengths,
            "route-lengths": route_lengths, "inject": inject, "hashes": hashes, "segments": segments,
            "receive": receive}

COMMANDS[sys.argv[1]](*sys.argv[2:])
