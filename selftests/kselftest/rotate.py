#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Helpers of rotate.sh.

streams OVER READY NS=ADDRESS...     a TCP stream between every two namespaces, a chunk every 50 ms (150 where EMULATED;
                                     times SLOW) each way; makes the file READY at its start, ends once there is a file OVER; then
                                     prints the number of bytes received, sent and retransmitted, and the longest wait
                                     for a chunk
copies KEYFILE...                    for each private key whether the kernel's objects contain it: a digit, 0 or 1
copies-of-preshared KEYFILE...       for each preshared key
"""
import base64, itertools, os, select, socket, struct, sys, time
from memory import copies_in_kernel
from namespace import enter

PIECE = 512
EVERY = (0.15 if os.environ.get("EMULATED") else 0.05) * int(os.environ.get("SLOW", "1"))


def connect(a, b):
    """Both ends of a stream between two namespaces."""
    enter(b[0])
    listener = socket.create_server((b[1], 0))
    enter(a[0])
    near = socket.create_connection((b[1], listener.getsockname()[1]))
    far = listener.accept()[0]
    listener.close()
    return near, far


def sent_again(ends):
    # struct tcp_info: tcpi_total_retrans
    return sum(struct.unpack_from("=I", end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 100)[0]
               for end in ends)


class Streams:
    def __init__(self, nodes):
        self.ends = [end for a, b in itertools.combinations(nodes, 2) for end in connect(a, b)]
        for end in self.ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setblocking(False)
        self.last_read = {end: time.monotonic() for end in self.ends}
        self.received = self.sent = 0
        self.longest = 0.0

    def read(self, wait):
        now = time.monotonic()
        for end in select.select(self.ends, [], [], max(wait, 0))[0]:
            self.received += len(end.recv(65536))
            self.longest = max(self.longest, now - self.last_read[end])
            self.last_read[end] = time.monotonic()

    def send(self, stream):
        try:
            self.sent += stream.send(b"x" * PIECE)
        except BlockingIOError:
            pass

    def run(self, over):
        due = time.monotonic()
        while not os.path.exists(over):
            for stream in self.ends:
                self.send(stream)
            # A late machine does not send the missed chunks at once.
            due = max(due + EVERY, time.monotonic())
            while (left := due - time.monotonic()) > 0:
                self.read(left)
        end = time.monotonic() + 10
        while self.received < self.sent and time.monotonic() < end:
            self.read(1)


def streams(over, ready, *nodes):
    streams = Streams([node.split("=") for node in nodes])
    open(ready, "w").close()
    streams.run(over)
    print(f"{streams.received} of {streams.sent} bytes, {sent_again(streams.ends)} sent again, "
          f"{streams.longest:.2f} s the longest wait")


def read_key(file):
    with open(file, encoding="ascii") as handle:
        return bytearray(base64.b64decode(handle.read().strip()))


def tell_copies(keys):
    print("".join("1" if found else "0" for found in copies_in_kernel(*(bytes(key) for key in keys))))


def copies(*files):
    keys = [read_key(file) for file in files]
    for key in keys:
        # Clamped, as the kernel stores it.
        key[0] &= 248
        key[31] = key[31] & 127 | 64
    tell_copies(keys)


def copies_of_preshared(*files):
    tell_copies([read_key(file) for file in files])


{"streams": streams, "copies": copies, "copies-of-preshared": copies_of_preshared}[sys.argv[1]](*sys.argv[2:])
