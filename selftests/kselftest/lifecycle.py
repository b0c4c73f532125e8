#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""lifecycle.py announce        announces to the kernel that memory will be written out, and then that it will not be
lifecycle.py prepare         makes the first announcement, prints "ready", and makes the second on SIGTERM
lifecycle.py peers COUNT        arguments for "set": that many peers, with any 32 bytes as key, each with a network of
                                its own
lifecycle.py record DEV         takes the next data message that arrives by DEV at port 51820 of an IPv4 address, and
                                on SIGUSR1 sends it again
"""
import base64
import os
import signal
import socket
import sys

ETH_P_IP, PACKET_HOST = 0x0800, 0
MAJOR_MISC, MINOR_SNAPSHOT = 10, 231


def snapshot_open():
    """Opening it for reading runs the notifiers of PM_HIBERNATION_PREPARE, closing it those of PM_POST_HIBERNATION."""
    path = "/dev/snapshot"
    if not os.path.exists(path):
        os.mknod(path, 0o600 | 0o020000, os.makedev(MAJOR_MISC, MINOR_SNAPSHOT))
    return os.open(path, os.O_RDONLY)


def announce():
    os.close(snapshot_open())


def prepare():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    snapshot_open()
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM])


def peers(count):
    for i in range(count):
        key = base64.b64encode(os.urandom(32)).decode()
        print(f"peer {key} allowed-ips 10.{64 + i // 250}.{i % 250}.0/24 endpoint 192.0.2.9:{i + 1}")


def record(dev):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    sock.bind((dev, ETH_P_IP))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    print("ready", flush=True)
    while True:
        data, (_, _, kind, *_) = sock.recvfrom(2000)
        if kind == PACKET_HOST and data[9] == 17 and data[22:24] == b"\xca\x6c" and data[28] == 4:
            break
    print("recorded", flush=True)
    signal.sigwait([signal.SIGUSR1])
    send = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    # The checksum was left to the hardware: the copy is sent without one.
    send.sendto(data[:26] + b"\0\0" + data[28:], (socket.inet_ntoa(data[16:20]), 0))


if sys.argv[1] == "announce":
    announce()
elif sys.argv[1] == "prepare":
    prepare()
elif sys.argv[1] == "peers":
    peers(int(sys.argv[2]))
else:
    record(sys.argv[2])
