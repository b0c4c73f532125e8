#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A WireGuard peer as a program, for tests: a socket, and the protocol of wgproto.py.

A test's own NAME.py imports this, defines actions as functions of a Peer and its arguments, and ends with
run(globals()). lib.sh's `program ACTION ARGS...` runs one in namespace b; the tunnel under test is wt0 in namespace a.
"""
import base64, collections, os, socket, struct, subprocess, sys, time

import wgproto as wg
from inet import checksum

INITIATION, RESPONSE, COOKIE_REPLY, DATA = 1, 2, 3, 4
TUNNEL = {4: "192.0.2.1", 6: "2001:db8::1"}
TUNNEL_PORT = 51820
INNER_TUNNEL, INNER_SELF = "10.9.0.1", "10.9.0.2"
SLOW = int(os.environ.get("SLOW", "1"))
TOO_FAST = {"rx_drop_rate_limit", "rx_drop_queue"}
# A tunnel accepts one initiation of a peer in 20 ms, and two within 17 ms have equal timestamps.
PACE_S = 0.04 * SLOW


class Failure(Exception):
    pass


def check(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what} is {found!r}, wanted {wanted!r}")


def kind(message):
    return message and message[0]


def in_tunnel_ns(*command, background=False):
    """Runs a command in the tunnel's namespace."""
    full = ["ip", "netns", "exec", os.environ["TUNNEL_NS"], *command]
    if background:
        return subprocess.Popen(full, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return subprocess.run(full, check=True, capture_output=True, text=True).stdout


def drop_count(reason):
    """One of the tunnel's drop counters."""
    for line in in_tunnel_ns("ethtool", "-S", "wt0").splitlines():
        if line.split(":")[0].strip() == reason:
            return int(line.split(":")[1])
    raise Failure(f"no counter {reason}")


last_timestamp = 0


def timestamp():
    """The present time in ns, or later than all earlier results, so that two successive ones differ."""
    global last_timestamp
    last_timestamp = max(time.time_ns(), last_timestamp + 1)
    return struct.pack(">QI", (1 << 62) + 10 + last_timestamp // 10**9, last_timestamp % 10**9)


def ipv4(protocol, payload, source=INNER_SELF, destination=INNER_TUNNEL):
    def header(total):
        return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, total,
                           socket.inet_aton(source), socket.inet_aton(destination))
    return header(checksum(header(0))) + payload


def echo(request, identifier, sequence, data=b""):
    """An echo request, or an echo reply, which gets no answer."""
    type_code = b"\x08\0" if request else b"\0\0"
    body = struct.pack(">HH", identifier, sequence) + data
    return ipv4(1, type_code + struct.pack(">H", checksum(type_code + b"\0\0" + body)) + body)


def echo_reply_to(inner):
    """The reply to a complete echo request from the tunnel, or None for another packet."""
    length = struct.unpack(">H", inner[2:4])[0] if len(inner) >= 28 else 0
    if inner[:1] != b"\x45" or inner[9] != 1 or inner[20] != 8:
        return None
    return echo(False, *struct.unpack(">HH", inner[24:28]), inner[28:length])


def read_key(file):
    with open(file) as handle:
        return base64.b64decode(handle.read())


class Peer:
    """One static key on one socket."""

    def __init__(self, private=None, address="", port=51820, family=4):
        self.private = private or read_key(os.environ["KEY_FILE"])
        self.tunnel_key = base64.b64decode(os.environ["TUNNEL_KEY"])
        self.tunnel = (TUNNEL[family], TUNNEL_PORT)
        self.socket = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        if family == 6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind((address, port))
        self.index = int.from_bytes(os.urandom(4), "little")
        self.session, self.counter = None, 0
        self.seen = collections.Counter()

    def send(self, message):
        self.socket.sendto(message, self.tunnel)

    def receive(self, seconds=2.0):
        """The next message, or None."""
        self.socket.settimeout(max(seconds, 0.0001))
        try:
            message = self.socket.recv(65536)
            self.seen[kind(message)] += 1
            return message
        except socket.timeout:
            return None

    def receive_kind(self, wanted, seconds=10.0):
        """The next message of a type; other messages are ignored."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if kind(message) == wanted:
                return message
        raise Failure(f"no message of type {wanted} within {seconds} s")

    def expect_silence(self, seconds):
        check(f"type of the message within {seconds} s", kind(self.receive(seconds)), None)

    def drain(self):
        while self.receive(0.0001):
            pass

    def new_index(self):
        self.index = (self.index + 1) & 0xFFFFFFFF
        return self.index

    def make_initiation(self, cookie=None):
        handshake = wg.Handshake(self.private, self.tunnel_key)
        return handshake, handshake.initiate(self.new_index(), os.urandom(32), timestamp(), cookie)

    def make_response(self, initiation, psk=bytes(32)):
        """Returns the handshake, whose keys are ready, and the message."""
        handshake = wg.Handshake(self.private, psk=psk)
        check("static key of the initiator", handshake.consume_initiation(initiation)[0], self.tunnel_key)
        return handshake, handshake.respond(self.new_index(), os.urandom(32))

    def initiate(self):
        """A complete handshake; the session is not confirmed until a message is sent under it."""
        handshake, message = self.make_initiation()
        self.send(message)
        handshake.consume_response(self.receive_kind(RESPONSE))
        self.begin(handshake)

    def begin(self, handshake):
        self.session, self.counter = handshake, 0

    def seal(self, inner=b""):
        message = self.session.seal(self.counter, inner)
        self.counter += 1
        return message

    def open(self, message):
        return self.session.open(message)[1]

    def ping_answered(self, seconds=2.0):
        """Whether an echo request under the session is answered under it."""
        sequence = self.counter & 0xFFFF
        self.send(self.seal(echo(True, 77, sequence)))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if kind(message) != DATA:
                continue
            inner = self.open(message)
            if inner[20:21] == b"\0" and inner[26:28] == struct.pack(">H", sequence):
                return True
        return False


def restart():
    """Ends all sessions of the tunnel. A tunnel that is a process is notified later: hence the pause."""
    in_tunnel_ns("ip", "link", "set", "wt0", "down")
    in_tunnel_ns("ip", "link", "set", "wt0", "up")
    time.sleep(0.1)


def attempt(peer, action, **drops):
    """Runs an action on a device that has just been set up, without state of the one before, and prints a line with
    its result. Each named counter has to grow by the given number, where it exists. A slow machine processes some
    messages later than the limit that they were to exceed: there the limit's counter has to grow, and by no more than
    that."""
    counted = drops if os.environ["KIND"] == "weft" else {}
    try:
        restart()
        peer.drain()
        peer.seen.clear()
        before = {reason: drop_count(reason) for reason in counted}
        action(peer)
        for reason in counted:
            dropped = drop_count(reason) - before[reason]
            if not (SLOW > 1 and reason in TOO_FAST and 0 < dropped <= counted[reason]):
                check(reason, dropped, counted[reason])
        print(f"{action.__name__}: passed", flush=True)
    except Failure as failure:
        print(f"{action.__name__}: {failure}", flush=True)


def run(actions):
    try:
        actions[sys.argv[1]](*sys.argv[2:])
    except Failure as failure:
        sys.exit(f"{sys.argv[1]}: {failure}")
