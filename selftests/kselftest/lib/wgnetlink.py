# SPDX-License-Identifier: GPL-2.0
"""The generic netlink of weft and of wireguard, encoded and decoded here: no library changes the bytes that the kernel
gets.

KIND names the family.
"""
import os
import socket
import struct
import sys

FAMILY = os.environ.get("KIND", "weft")
DEVICE = "wt0"
GET, SET = 0, 1
REQUEST, ACK, DUMP = 1, 4, 0x300
DUMP_INTR = 16
ERROR, DONE = 2, 3
SOL_NETLINK, CAP_ACK, EXT_ACK = 270, 10, 11
NESTED = 0x8000

IFINDEX, IFNAME, PRIVATE, PUBLIC, FLAGS, PORT, FWMARK, PEERS = range(1, 9)
P_PUBLIC, P_PSK, P_FLAGS, P_ENDPOINT, P_KEEPALIVE, P_HANDSHAKE, P_RX, P_TX, P_IPS, P_VERSION = range(1, 11)
I_FAMILY, I_ADDRESS, I_CIDR, I_FLAGS = range(1, 5)
LISTEN4, LISTEN6, BIND_INDEX, BIND_NAME, P_NAME, P_CANDIDATES, P_ROAM, C_ENDPOINT = 68, 69, 70, 75, 64, 77, 78, 1
# weft's attributes that change by themselves: the time left of a grace, and drops; of a peer, ages and counters, too.
PASSING = {66, 73}
P_PASSING = {70, 73, 74, 75, 80, 81, 82, 83, 84, 85}
REPLACE_PEERS = 1
REMOVE_ME, REPLACE_IPS, UPDATE_ONLY = 1, 2, 4

EPERM, EBUSY, ENODEV, EINVAL, ENOSPC, ERANGE, EOPNOTSUPP, EPFNOSUPPORT, EADDRINUSE, EBADR = 1, 16, 19, 22, 28, 34, 95, 96, 98, 53
E2BIG, ELOOP, EADDRNOTAVAIL = 7, 40, 99
ERRNO = {value: name for name, value in list(globals().items()) if name[0] == "E" and isinstance(value, int)}


def attr(kind, value=b""):
    if isinstance(value, (list, tuple)):
        kind, value = kind | NESTED, b"".join(value)
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def u8(kind, value): return attr(kind, struct.pack("=B", value))
def u16(kind, value): return attr(kind, struct.pack("=H", value))
def u32(kind, value): return attr(kind, struct.pack("=I", value))
def name(text): return attr(IFNAME, text.encode() + b"\0")


def parse(data):
    """A list of (type, value): the order matters, and so do repetitions."""
    found = []
    while data:
        length, kind = struct.unpack("=HH", data[:4])
        found.append((kind & 0x3FFF, data[4:length]))
        data = data[length + 3 & ~3:]
    return found


def endpoint4(address="192.0.2.9", port=51820):
    return struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(address) + bytes(8)


def endpoint6(address="2001:db8::9", port=51820):
    return struct.pack("=H", socket.AF_INET6) + struct.pack(">H", port) + bytes(4) + \
        socket.inet_pton(socket.AF_INET6, address) + bytes(4)


def ip(text, *more):
    address, cidr = text.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return attr(0, [u16(I_FAMILY, family), attr(I_ADDRESS, socket.inet_pton(family, address)), u8(I_CIDR, int(cidr)), *more])


def peer(public, *more):
    return attr(0, [attr(P_PUBLIC, public), *more])


class Refused(Exception):
    """The kernel's answer: errno, its message, and the offset of the attribute that it names."""

    def __init__(self, message):
        error = struct.unpack("=i", message[16:20])[0]
        flags = struct.unpack("=H", message[6:8])[0]
        self.errno, self.text, self.offset = -error, "", None
        # An error message contains the request's header, capped; the end of a dump contains no header.
        begin = 36 if struct.unpack("=H", message[4:6])[0] == ERROR else 20
        for kind, value in parse(message[begin:]) if flags & 0x200 else []:
            if kind == 1:
                self.text = value.rstrip(b"\0").decode()
            elif kind == 2:
                self.offset = struct.unpack("=I", value)[0]
        super().__init__(f"{ERRNO.get(self.errno, self.errno)}: {self.text} (at {self.offset})")


class Netlink:
    """A socket of generic netlink, bound to one family."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.setsockopt(SOL_NETLINK, CAP_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, EXT_ACK, 1)
        self.sock.bind((0, 0))
        self.seq = 0
        self.read_size = 1 << 17
        self.family = 16
        self.family = self.family_id()

    def family_id(self):
        answer = self.exchange(3, attr(2, FAMILY.encode() + b"\0"), flags=REQUEST)
        return struct.unpack("=H", dict(parse(answer[20:]))[1])[0]

    def send(self, command, payload, flags=REQUEST | ACK, version=1):
        self.seq += 1
        data = struct.pack("=BBH", command, version, 0) + payload
        self.sock.send(struct.pack("=IHHII", len(data) + 16, self.family, flags, self.seq, 0) + data)

    def messages(self):
        data = self.sock.recv(self.read_size)
        while data:
            length = struct.unpack("=I", data[:4])[0]
            yield data[:length]
            data = data[length + 3 & ~3:]

    def exchange(self, command, payload, **more):
        """One request, one answer. Raises Refused, also for the kernel's warning about a request that succeeded."""
        self.send(command, payload, **more)
        for message in self.messages():
            if struct.unpack("=H", message[4:6])[0] == ERROR:
                if message[16:20] != bytes(4) or Refused(message).text:
                    raise Refused(message)
            return message

    def set(self, *attributes):
        self.exchange(SET, b"".join(attributes))

    def begin_dump(self, interface):
        self.send(GET, name(interface), flags=REQUEST | DUMP)

    def dump_part(self):
        """The result of one read: (messages, whether it was the last). Raises Refused."""
        parts = []
        for message in self.messages():
            kind = struct.unpack("=H", message[4:6])[0]
            if kind in (ERROR, DONE) and message[16:20] != bytes(4):
                raise Refused(message)
            if kind == DONE:
                return parts + [message], True
            parts.append(message)
        return parts, False

    def dump(self, interface):
        """All messages of a dump."""
        self.begin_dump(interface)
        whole, done = [], False
        while not done:
            parts, done = self.dump_part()
            whole += parts
        return whole[:-1]

    def state(self, interface):
        """The dump, for comparison: without the sequence number and attributes that change by themselves."""
        return [(message[4:8], message[12:20], [settled(*pair) for pair in parse(message[20:]) if pair[0] not in PASSING])
                for message in self.dump(interface)]

    def peers(self, interface):
        return merge(self.dump(interface))


def set_peers(netlink, *peers, flags=0):
    netlink.set(name(DEVICE), u32(FLAGS, flags), attr(PEERS, peers))


def merge(messages):
    """Public key -> list of attributes; allowed IPs of continued peers are joined."""
    found = {}
    for message in messages:
        for kind, value in parse(message[20:]):
            if kind != PEERS:
                continue
            for _, nest in parse(value):
                attributes = parse(nest)
                known = found.setdefault(dict(attributes)[P_PUBLIC], {P_IPS: []})
                for inner, data in attributes:
                    if inner == P_IPS:
                        known[P_IPS] += [prefix(item) for _, item in parse(data)]
                    else:
                        known[inner] = data
    return found


def settled(kind, value):
    """A device's attribute; for a peer, without attributes that change by themselves."""
    if kind != PEERS:
        return kind, value
    return kind, [[pair for pair in parse(nest) if pair[0] not in P_PASSING] for _, nest in parse(value)]


def prefix(nest):
    values = dict(parse(nest))
    family = struct.unpack("=H", values[I_FAMILY])[0]
    return f"{socket.inet_ntop(family, values[I_ADDRESS])}/{values[I_CIDR][0]}"


def check(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r}, wanted {wanted!r}")
