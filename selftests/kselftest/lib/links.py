# SPDX-License-Identifier: GPL-2.0
"""Links of kind weft: the part of rtnetlink that the tests use."""
import fcntl
import socket
import struct
from wgnetlink import ACK, REQUEST, Refused, attr

NEWLINK, DELLINK = 16, 17
CREATE, EXCL = 0x400, 0x200
IFF_UP, SIOCGIFFLAGS = 1, 0x8913


class Links:
    """A socket of rtnetlink."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.bind((0, 0))

    def request(self, kind, dev="", flags=0, up=None, payload=b""):
        index = 0
        if kind == DELLINK or up is not None:
            index = socket.if_nametoindex(dev)
        else:
            payload += attr(3, dev.encode() + b"\0")
        body = struct.pack("=BxHiII", 0, 0, index, IFF_UP if up else 0, 0 if up is None else IFF_UP) + payload
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | ACK | flags, 1, 0) + body)
        answer = self.sock.recv(65536)
        if answer[16:20] != bytes(4):
            raise Refused(answer[:16] + answer[16:36])

    def add(self, dev):
        self.request(NEWLINK, dev, CREATE | EXCL, payload=attr(18, [attr(1, b"weft\0")]))

    def remove(self, dev):
        self.request(DELLINK, dev)

    def bring(self, dev, up):
        self.request(NEWLINK, dev, up=up)


def link_exists(dev):
    return any(found == dev for _, found in socket.if_nameindex())


def link_is_up(dev):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16s24x", dev.encode()))
    return bool(struct.unpack_from("=H", request, 16)[0] & IFF_UP)
