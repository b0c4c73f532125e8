#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""stall.py send ADDRESS PORT COUNT [hogged]    bursts of datagrams, each when the one before has been answered
stall.py receive PORT COUNT                  answers the last datagram of each burst
"""
import os
import signal
import socket
import sys
import time

UDP_SEGMENT, SIZE, SEGMENTS, WAIT_S = 103, 1000, 20, 5


def burst_to(address, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, SIZE)
    sock.connect((address, port))
    sock.settimeout(WAIT_S)
    return sock


def occupy(running):
    os.sched_setaffinity(0, {1})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    os.write(running, b"!")
    while True:
        pass


def hog():
    """A real-time task on CPU 1. While it runs, no process may end whose exit needs CPU 1."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            occupy(writer)
        finally:
            os._exit(1)
    os.close(writer)
    if not os.read(reader, 1):
        sys.exit("the real-time task did not begin")
    return child


def send_hogged(*what):
    child = hog()
    try:
        send(*what)
    finally:
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status):
        sys.exit("the real-time task has ended by itself")


def send(address, port, count):
    sock, longest = burst_to(address, port), 0
    for i in range(count):
        began = time.monotonic()
        sock.send(bytes(SEGMENTS * SIZE))
        try:
            sock.recv(1)
        except socket.timeout:
            sys.exit(f"burst {i + 1} of {count} did not arrive within {WAIT_S} s")
        longest = max(longest, time.monotonic() - began)
    print(f"# the longest took {longest * 1000:.1f} ms")


def receive(port, count):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    sock.settimeout(4 * WAIT_S)
    for i in range(count):
        for j in range(SEGMENTS):
            try:
                _, source = sock.recvfrom(2048)
            except socket.timeout:
                sys.exit(f"of burst {i + 1} only {j} datagrams arrived")
        sock.sendto(b"!", source)


if sys.argv[1] == "send":
    (send_hogged if sys.argv[5:] else send)(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    receive(int(sys.argv[2]), int(sys.argv[3]))
