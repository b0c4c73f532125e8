#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""faults.py serve                          receives the data of carry, and sends as much back
faults.py carry REQUESTS ANSWERS         reads lines "ADDRESS BYTES DATAGRAMS [zerocopy]" from one pipe and answers each
    by a line in the other. It sends BYTES each way over TCP, which have to arrive unchanged, and meanwhile DATAGRAMS of
    UDP, eight of ten in one call and two of other lengths; the answer is the number of datagrams that arrived, or an
    error. zerocopy: it sends this program's own pages
"""
import select
import socket
import struct
import sys
import zlib

PORT, CHUNK, SIZE, TOGETHER, SINGLE, WAIT_S = 9100, 65536, 1200, 8, 2, 60
UDP_SEGMENT, SO_RCVBUFFORCE, BUFFER = 103, 33, 1 << 26
SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000


def chunks(count):
    """Each chunk differs from the others; random data throughout would be slow to generate."""
    pattern = bytes(range(251)) * (CHUNK // 251 + 2)
    for number in range(-(-count // CHUNK)):
        yield pattern[number % 251:][:min(CHUNK, count - number * CHUNK)]


def checksum(count):
    total = 0
    for chunk in chunks(count):
        total = zlib.crc32(chunk, total)
    return total


def take(sock, count=None):
    """The checksum of the received data: `count` bytes, or all until the end."""
    total, left = 0, count
    while left is None or left:
        data = sock.recv(min(1 << 20, left or 1 << 20))
        if not data:
            break
        total = zlib.crc32(data, total)
        left = left and left - len(data)
    return total


def send_datagrams(sock, number):
    """The lengths of single datagrams include some that leave little tailroom."""
    sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, SIZE)
    sock.send(b"".join(struct.pack("!Q", number + i) * (SIZE // 8) for i in range(TOGETHER)))
    sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, 0)
    for i in range(TOGETHER, TOGETHER + SINGLE):
        sock.send(struct.pack("!Q", number + i) * (60 + (number // 10 + i) % 16))


def take_datagrams(sock):
    count = 0
    while select.select([sock], [], [], 0)[0]:
        data = sock.recv(65536)
        if data != data[:8] * (len(data) // 8):
            sys.exit(f"a datagram of {len(data)} bytes arrived that was not sent")
        count += 1
    return count


def serve():
    listener = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    datagrams.bind(("::", PORT))
    print("listening", flush=True)
    while True:
        sock, _ = listener.accept()
        count = struct.unpack("!I", sock.recv(4, socket.MSG_WAITALL))[0]
        total = take(sock, count)
        sock.sendall(struct.pack("!II", total, take_datagrams(datagrams)))
        for chunk in chunks(count):
            sock.sendall(chunk)
        sock.close()


def carry(address, count, datagrams, how=""):
    sock = socket.create_connection((address, PORT))
    sock.settimeout(WAIT_S)
    flags = MSG_ZEROCOPY if how == "zerocopy" else 0
    sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1 if flags else 0)
    udp = socket.socket(sock.family, socket.SOCK_DGRAM)
    udp.connect((address, PORT))
    sock.sendall(struct.pack("!I", count))
    number, sent = 0, []
    # TCP's last chunk follows all datagrams. Its memory must not change before it has arrived.
    for chunk in chunks(count):
        if number < datagrams:
            send_datagrams(udp, number)
            number += TOGETHER + SINGLE
        sent.append(chunk)
        left = memoryview(chunk)
        while left:
            left = left[sock.send(left, flags):]
    total, came = struct.unpack("!II", sock.recv(8, socket.MSG_WAITALL))
    if total != checksum(count):
        sys.exit("the other end received other data than was sent")
    if take(sock, count) != total:
        sys.exit("other data was returned than was sent")
    return came


def answer(requests, answers):
    for line in open(requests):
        address, count, datagrams, *how = line.split()
        try:
            said = carry(address, int(count), int(datagrams), *how)
        except (OSError, SystemExit, struct.error) as error:
            said = error
        print(said, file=open(answers, "w"), flush=True)


if sys.argv[1] == "serve":
    serve()
else:
    answer(*sys.argv[2:])
