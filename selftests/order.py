#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""order.py send ADDRESS PORT COUNT SEGMENTS    numbered datagrams, SEGMENTS of them in one go
order.py receive PORT COUNT                     expects every number, in order
"""
import socket
import struct
import sys

UDP_SEGMENT, SO_RCVBUFFORCE, BUFFER, SIZE, WAIT_S = 103, 33, 1 << 28, 64, 20


def send(address, port, count, segments):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, SIZE if segments > 1 else 0)
    sock.connect((address, port))
    for first in range(0, count, segments):
        last = min(first + segments, count)
        sock.send(b"".join(struct.pack(f"!Q{SIZE - 8}x", i) for i in range(first, last)))


def receive(port, count):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    sock.bind(("", port))
    sock.settimeout(WAIT_S)
    for wanted in range(count):
        try:
            found = struct.unpack_from("!Q", sock.recv(2048))[0]
        except socket.timeout:
            sys.exit(f"number {wanted} never came")
        if found != wanted:
            sys.exit(f"number {found} came in place of {wanted}")


if sys.argv[1] == "send":
    send(sys.argv[2], *map(int, sys.argv[3:6]))
else:
    receive(*map(int, sys.argv[2:4]))
