#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""xmit-order.py send ADDRESS PORT COUNT SEGMENTS    numbered datagrams, SEGMENTS of them in one call
xmit-order.py receive PORT COUNT                     expects every number, in order
xmit-order.py gather PORT COUNT                      expects every number once, in any order
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


def numbers(port, count):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    sock.bind(("", port))
    sock.settimeout(WAIT_S)
    for wanted in range(count):
        try:
            yield wanted, struct.unpack_from("!Q", sock.recv(2048))[0]
        except socket.timeout:
            sys.exit(f"only {wanted} of {count} arrived")


def receive(port, count):
    for wanted, found in numbers(port, count):
        if found != wanted:
            sys.exit(f"number {found} arrived in place of {wanted}")


def gather(port, count):
    if len({found for _, found in numbers(port, count)}) != count:
        sys.exit("a number arrived twice")


if sys.argv[1] == "send":
    send(sys.argv[2], *map(int, sys.argv[3:6]))
else:
    {"receive": receive, "gather": gather}[sys.argv[1]](*map(int, sys.argv[2:4]))
