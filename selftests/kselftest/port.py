#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Other programs that bind a tunnel's UDP port, for port.sh and removal.sh. They run without privileges.

port.py as UID COMMAND...               runs a command as another user
port.py hold PORT [WORDS...]            binds, prints "ready" and holds the port. WORDS: an address,
                                        "connect=ADDRESS", "reuseaddr", "reuseport", "device=NAME", "ifindex=NUMBER",
                                        "dual", "many=COUNT" (that many sockets, on 127.0.0.2 and up)
port.py grab PORT WORDS... [-- WORDS...]...     tries to bind continuously, with each set of WORDS in turn; prints
                                                "ready",
                                        and on SIGTERM the number of refusals; fails if it binds the port once
"""
import os
import select
import signal
import socket
import sys

NOBODY = 65534
SO_BINDTOIFINDEX = 62


def drop_privileges(uid=NOBODY):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def as_(uid, *command):
    drop_privileges(int(uid))
    os.environ["HOME"] = "/"
    os.execvp(command[0], command)


class Binding:
    """One binding of a socket to the port."""

    def __init__(self, words):
        self.options = dict(word.split("=", 1) for word in words if "=" in word)
        self.flags = {word for word in words if word in ("reuseaddr", "reuseport", "dual")}
        addresses = [word for word in words if "=" not in word and word not in self.flags]
        peer = self.options.get("connect", "")
        self.family = socket.AF_INET6 if ":" in (addresses or [peer])[0] or "dual" in self.flags else socket.AF_INET
        self.address = addresses[0] if addresses else "::" if self.family == socket.AF_INET6 else "0.0.0.0"

    def bind(self, port, address=None):
        sock = socket.socket(self.family, socket.SOCK_DGRAM)
        try:
            self.prepare(sock)
            sock.bind((address or self.address, port))
            if "connect" in self.options:
                sock.connect((self.options["connect"], port))
        except OSError:
            sock.close()
            raise
        return sock

    def prepare(self, sock):
        if self.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, "dual" not in self.flags)
        if "reuseaddr" in self.flags:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if "reuseport" in self.flags:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if "device" in self.options:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.options["device"].encode())
        if "ifindex" in self.options:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, int(self.options["ifindex"]))


def hold(port, *words):
    drop_privileges()
    binding = Binding(words)
    many = int(binding.options.get("many", 0))
    held = [binding.bind(int(port), f"127.0.0.{number + 2}") for number in range(many)] or [binding.bind(int(port))]
    print("ready", flush=True)
    while True:
        for sock in select.select(held, [], [])[0]:
            # Packets that were sent to the tunnel.
            data, sender = sock.recvfrom(65536)
            print(f"got {len(data)} bytes from {sender[0]}", flush=True)


def split(words):
    bindings = [[]]
    for word in words:
        if word == "--":
            bindings.append([])
        else:
            bindings[-1].append(word)
    return [Binding(some) for some in bindings]


def grab(port, *words):
    drop_privileges()
    bindings, port, over, refused = split(words), int(port), [], 0
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    print("ready", flush=True)
    while not over:
        for binding in bindings:
            try:
                binding.bind(port)
            except OSError:
                refused += 1
            else:
                sys.exit(f"got port {port} after {refused} tries: {binding.address} {binding.options} {binding.flags}")
    print(f"refused {refused} times", flush=True)
    sys.exit(not refused)


if __name__ == "__main__":
    {"as": as_, "hold": hold, "grab": grab}[sys.argv[1]](*sys.argv[2:])
