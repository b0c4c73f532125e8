# SPDX-License-Identifier: GPL-2.0
"""The messages of wgctrl-go and of the netlink library that controllers of clusters make their links with.

Facts, and where they stand (repository, file):
- attributes, their order, nested lists with the index as type, flags only if there are any, acknowledged requests of version 1,
  dumps by name: WireGuard/wgctrl-go, internal/wglinux/configure_linux.go and client_linux.go;
- more than 32 peers, or more than 256 prefixes together, become one message for each peer and each 256 of its prefixes; the
  settings of the device are in each, "replace peers" in the first one alone, and of a peer only the first message has more than
  key, flags and prefixes: the same file, shouldBatch() and buildBatches(); "update only" is in each;
- earlier versions did not mark nested lists as such: the same file at commit 937fe5c3;
- the socket has neither capped acknowledgements nor extended ones: WireGuard/wgctrl-go, client_linux.go, genetlink.Dial(nil);
- a link: its name, then MTU if it is not 0, queue length if it is not negative, and the kind: vishvananda/netlink, link_linux.go,
  LinkAdd(); a structure that leaves the queue length out asks for 0.
"""
import socket
import struct
import subprocess
import wgnetlink as nl

MOST_PEERS, MOST_PREFIXES = 32, 256
RTM_NEWLINK, RTM_DELLINK = 16, 17
CREATE, EXCL = 0x400, 0x200
IFLA_IFNAME, IFLA_MTU, IFLA_TXQLEN, IFLA_LINKINFO, IFLA_INFO_KIND = 3, 4, 13, 18, 1
IFF_UP = 1
ZEROS = bytes(32)


class Peer:
    """A peer of a request; what is None is not sent."""

    def __init__(self, key, ips=(), **more):
        self.key, self.ips = key, list(ips)
        self.remove, self.update_only, self.replace_ips = (more.pop(name, False) for name in ("remove", "update_only", "replace_ips"))
        self.psk, self.endpoint, self.keepalive = (more.pop(name, None) for name in ("psk", "endpoint", "keepalive"))
        assert not more, more

    def encode(self, index):
        flags = nl.REMOVE_ME * self.remove | nl.REPLACE_IPS * self.replace_ips | nl.UPDATE_ONLY * self.update_only
        parts = [nl.attr(nl.P_PUBLIC, self.key)]
        parts += [nl.u32(nl.P_FLAGS, flags)] if flags else []
        parts += [nl.attr(nl.P_PSK, self.psk)] if self.psk is not None else []
        parts += [nl.attr(nl.P_ENDPOINT, self.endpoint)] if self.endpoint is not None else []
        parts += [nl.u16(nl.P_KEEPALIVE, self.keepalive)] if self.keepalive is not None else []
        parts += [nl.attr(nl.P_IPS, [prefix(number, text) for number, text in enumerate(self.ips)])] if self.ips else []
        return nl.attr(index, parts)

    def chunks(self):
        """The peers of its messages in a batch."""
        ips, first = self.ips, True
        while first or ips:
            part, ips = ips[:MOST_PREFIXES], ips[MOST_PREFIXES:]
            more = {"psk": self.psk, "endpoint": self.endpoint, "keepalive": self.keepalive, "replace_ips": self.replace_ips} if first else {}
            yield Peer(self.key, part, remove=self.remove, update_only=self.update_only, **more)
            first = False


def prefix(index, text):
    address, cidr = text.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return nl.attr(index, [nl.u16(nl.I_FAMILY, family), nl.attr(nl.I_ADDRESS, socket.inet_pton(family, address)), nl.u8(nl.I_CIDR, int(cidr))])


def batches(peers):
    if len(peers) <= MOST_PEERS and sum(len(peer.ips) for peer in peers) <= MOST_PREFIXES:
        return [peers]
    return [[part] for peer in peers for part in peer.chunks()]


class Client(nl.Netlink):
    """Sends requests, and writes down each answer, byte by byte but for numbers that differ from run to run."""

    def __init__(self, write):
        super().__init__()
        family, seq = self.family, self.seq
        self.sock.close()
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.family, self.seq, self.write = family, seq, write

    def configure(self, device, private=None, port=None, fwmark=None, replace=False, peers=()):
        for number, batch in enumerate(batches(list(peers))):
            parts = [nl.name(device)]
            parts += [nl.attr(nl.PRIVATE, private)] if private is not None else []
            parts += [nl.u16(nl.PORT, port)] if port is not None else []
            parts += [nl.u32(nl.FWMARK, fwmark)] if fwmark is not None else []
            parts += [nl.u32(nl.FLAGS, nl.REPLACE_PEERS)] if replace and not number else []
            parts += [nl.attr(nl.PEERS, [peer.encode(index) for index, peer in enumerate(batch)])] if batch else []
            self.request(b"".join(parts))

    def request(self, payload):
        self.send(nl.SET, payload)
        for message in self.messages():
            length, kind, flags = struct.unpack("<IHH", message[:8])
            # Behind the header: the error, and the request, whose header has the family, the number and the port.
            self.write(f"  answer {length} bytes, type {kind}, flags {flags:#x}, errno {-struct.unpack('<i', message[16:20])[0]}, "
                       f"request {message[20:24].hex()} {message[26:28].hex()} {message[36:].hex()}")

    def device(self, device):
        """What a controller reads: attributes in their order; those that change by themselves without their values."""
        try:
            messages = self.dump(device)
        except nl.Refused as refused:
            self.write(f"  device {device}: errno {refused.errno}")
            return
        changing = (nl.P_HANDSHAKE, nl.P_RX, nl.P_TX)
        own = [(kind, value) for kind, value in nl.parse(messages[0][20:]) if kind not in (nl.PEERS, nl.IFINDEX)]
        self.write(f"  device {' '.join(f'{kind}:{value.hex()}' for kind, value in own)}")
        for key, values in nl.merge(messages).items():
            # A client gets the prefixes of all messages of a peer, and looks for no order.
            ips = " ".join(sorted(values.pop(nl.P_IPS)))
            shown = " ".join(f"{kind}:{len(value) if kind in changing else value.hex()}" for kind, value in values.items())
            self.write(f"  peer {key.hex()}: {shown} [{ips}]")


class Links:
    """Requests of route netlink."""

    def __init__(self, write):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.bind((0, 0))
        self.write, self.seq = write, 0

    def request(self, what, kind, flags, payload):
        self.seq += 1
        self.sock.send(struct.pack("<IHHII", len(payload) + 16, kind, flags | nl.REQUEST | nl.ACK, self.seq, 0) + payload)
        answer = self.sock.recv(1 << 16)
        errno = -struct.unpack("<i", answer[16:20])[0]
        self.write(f"  {what}: errno {errno}")
        return errno

    def add(self, name, mtu=0, queue=-1):
        parts = nl.attr(IFLA_IFNAME, name.encode() + b"\0")
        parts += nl.u32(IFLA_MTU, mtu) if mtu > 0 else b""
        parts += nl.u32(IFLA_TXQLEN, queue) if queue >= 0 else b""
        parts += nl.attr(IFLA_LINKINFO, nl.attr(IFLA_INFO_KIND, b"wireguard"))
        return self.request(f"link add {name}", RTM_NEWLINK, CREATE | EXCL, struct.pack("<BxHiII", 0, 0, 0, 0, 0) + parts)

    def delete(self, name):
        return self.request(f"link delete {name}", RTM_DELLINK, 0, self.header(name))

    def up(self, name):
        return self.request(f"link up {name}", RTM_NEWLINK, 0, self.header(name, IFF_UP, IFF_UP))

    def mtu(self, name, mtu):
        return self.request(f"link mtu {name}", RTM_NEWLINK, 0, self.header(name) + nl.u32(IFLA_MTU, mtu))

    @staticmethod
    def header(name, flags=0, change=0):
        return struct.pack("<BxHiII", 0, 0, socket.if_nametoindex(name), flags, change)


def ip(*words):
    subprocess.run(["ip", *words], check=True)
