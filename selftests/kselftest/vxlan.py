#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""vxlan.py DEVICE ADDRESS              a VXLAN tunnel as a program: Ethernet by DEVICE, which it creates, and UDP to
                                     ADDRESS

Queued frames of equal length are sent in one call, as UDP segmentation. At its end (SIGINT) it prints the number of
frames sent, and the largest number of frames in one call.
"""
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
UDP_SEGMENT, SO_RCVBUFFORCE, BUFFER = 103, 33, 1 << 26
PORT, VNI, MOST, LONGEST = 4789, 7, 40, 2048
HEADER = struct.pack("!II", 0x08000000, VNI << 8)


def open_tap(device):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
    return tap


# Frames arrive from other ports than the one that the answers go to.
def open_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    sock.setblocking(False)
    sock.bind(("", PORT))
    return sock


def read_frames(tap):
    frames = []
    try:
        while len(frames) < MOST:
            frames.append(HEADER + os.read(tap, LONGEST))
    except BlockingIOError:
        pass
    return frames


def in_one_go(frames):
    """The number of first frames that one call can send: the last one may be shorter."""
    count = 1
    while count < len(frames) and len(frames[count]) <= len(frames[0]) == len(frames[count - 1]):
        count += 1
    return count


def send(sock, address, frames):
    """Returns the largest number of frames in one call."""
    most = 0
    while frames:
        count = in_one_go(frames)
        sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, len(frames[0]) if count > 1 else 0)
        sock.sendto(b"".join(frames[:count]), (address, PORT))
        frames = frames[count:]
        most = max(most, count)
    return most


def take(sock, tap):
    """Frames that arrive while the device is down are dropped (EIO)."""
    try:
        while True:
            os.write(tap, sock.recv(LONGEST)[len(HEADER):])
    except BlockingIOError:
        pass
    except OSError as error:
        if error.errno != errno.EIO:
            raise


def main(device, address):
    tap, sock = open_tap(device), open_socket()
    sent = most = 0
    print("there", flush=True)
    try:
        while True:
            ready, _, _ = select.select([tap, sock], [], [])
            if sock in ready:
                take(sock, tap)
            if tap in ready:
                frames = read_frames(tap)
                sent += len(frames)
                most = max(most, send(sock, address, frames))
    except KeyboardInterrupt:
        print(sent, most)


signal.signal(signal.SIGINT, signal.default_int_handler)
main(*sys.argv[1:])
