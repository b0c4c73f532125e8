#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""window.py send ADDRESS BURSTS SEGMENTS SIZE            bursts of datagrams, each passed to the kernel in one call
window.py follow ADDRESS DEV BURSTS SEGMENTS SIZE      the same, from the next received packet on DEV on
window.py apart FILE     for a capture of data messages: batches, messages, and the largest lag behind the newest one
"""
import socket
import struct
import sys

UDP_SEGMENT, DATA, BATCH = 103, 4, 64
ETHERNET, IPV4, UDP = 14, 20, 8


def send(address, bursts, segments, size):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if segments > 1:
        sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, size)
    sock.connect((address, 9))
    for _ in range(bursts):
        try:
            sock.send(bytes(segments * size))
        except OSError:
            pass


def received(dev):
    with open("/proc/self/net/dev", encoding="ascii") as file:
        return next(int(line.split()[2]) for line in file if line.split()[0] == dev + ":")


def follow(address, dev, *what):
    before = received(dev)
    while received(dev) == before:
        pass
    send(address, *what)


def packets(path):
    with open(path, "rb") as file:
        file.read(24)
        while header := file.read(16):
            _, _, kept, length = struct.unpack("=IIII", header)
            yield file.read(kept), length


def apart(path):
    newest, most, batches, messages = {}, 0, 0, 0
    for packet, length in packets(path):
        message = packet[ETHERNET + IPV4 + UDP:]
        if len(message) < 16 or message[0] != DATA:
            continue
        session, first = struct.unpack_from("<IQ", message, 4)
        most = max(most, newest.get(session, 0) - first)
        # All messages of a batch but the last are as long as the first.
        count = max(1, (length - ETHERNET - IPV4 - UDP) // 128) if length > 1500 else 1
        newest[session] = max(newest.get(session, 0), first + count - 1)
        batches += 1
        messages += count
    print(batches, messages, most)


if sys.argv[1] == "send":
    send(sys.argv[2], *map(int, sys.argv[3:6]))
elif sys.argv[1] == "follow":
    follow(sys.argv[2], sys.argv[3], *map(int, sys.argv[4:7]))
else:
    apart(sys.argv[2])
