#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""batch.py receive FAMILY PORT DEVICE           receives one stream of TCP, and checks each of its segments on DEVICE
batch.py send ADDRESS PORT MESSAGE_LEN OUTER MOST [OPTIONS]
    long bursts, and then those of 1 to MOST segments, the last one shorter, each after the one before was acknowledged;
    twice. OUTER is the device of the tunnel's outer packets: each number of messages, of at most MESSAGE_LEN bytes,
    has to occur in a packet there. "-": no check of that.
    OPTIONS, in hexadecimal: IPv4 options, or an IPv6 destination options header
batch.py zerocopy ADDRESS PORT                  sends this program's own pages, and waits for their release
batch.py same ADDRESS SENT ARRIVED              ADDRESS's messages have to be the same in both captures, whatever the
                                                packets
batch.py limit DEVICE BYTES IFLA...             sets limits of segmentation and GRO, some of which old kernels lack
"""
import fcntl
import select
import socket
import struct
import sys
from inet import checksum

SO_RCVBUFFORCE, BUFFER, WAIT_S = 33, 1 << 27, 60
ETH_P_IP, ETH_P_IPV6, ETH_P_ALL, PACKET_OUTGOING, SIOCOUTQ = 0x0800, 0x86DD, 3, 4, 0x5411
IP_OPTIONS, IPV6_DSTOPTS, SND_MSS_OFFSET = 4, 59, 16
SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000
RTM_SETLINK, NLM_F_REQUEST_ACK = 19, 5
SYN, PSH = 2, 8
SHORTER = 5
# TCP passes down at most half its congestion window, which these bursts increase.
FIRST, TIMES_MOST = 12, 2
# In a burst, of which TCP makes up to three packets.
SHORT_MOST = 2


def bursts(mss, most):
    """The lengths of all bursts, of which the first is only the mss itself, in four bytes."""
    counts = [TIMES_MOST * most] * FIRST + list(range(1, most + 1)) * 2
    return [4] + [count * mss - SHORTER for count in counts]


def packet_socket(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    sock.bind((device, ETH_P_ALL))
    return sock


class Segment:
    """A TCP segment as the tunnel delivers it. An invalid one ends the program with an error."""

    def __init__(self, packet):
        if packet[0] >> 4 == 4:
            header_len, self.id = (packet[0] & 15) * 4, struct.unpack_from("!H", packet, 4)[0]
            total, protocol, addresses = struct.unpack_from("!H", packet, 2)[0], packet[9], packet[12:20]
            expect("IPv4 header checksum", checksum(packet[:header_len]), 0)
        else:
            header_len, protocol, self.id = 40, packet[6], None
            total, addresses = struct.unpack_from("!H", packet, 4)[0] + 40, packet[8:40]
            if protocol == 60:
                protocol, header_len = packet[40], 48 + packet[41] * 8
        expect("length in the IP header", total, len(packet))
        self.is_tcp = protocol == socket.IPPROTO_TCP
        if not self.is_tcp:
            return
        tcp = packet[header_len:]
        pseudo = addresses + struct.pack("!II", len(tcp), protocol)
        expect("TCP checksum", checksum(pseudo + tcp), 0)
        self.port, self.seq, self.flags = struct.unpack_from("!2xHI5xB", tcp)
        self.payload = tcp[(tcp[12] >> 4) * 4:]


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found} in place of {wanted}")


class Stream:
    """Derives the expected fields of each segment from the segments before it."""

    def __init__(self):
        self.seq = self.mss = self.id = None
        self.left, self.burst, self.seen, self.short, self.pushed = 0, iter(()), 0, 0, 0

    def begin_burst(self, segment):
        if self.mss is None:
            self.mss, most = struct.unpack("!HH", segment.payload)
            self.burst = iter(bursts(self.mss, most))
        self.left = next(self.burst)
        self.id = None
        self.short = 0

    def take(self, segment):
        if segment.flags & SYN:
            self.seq = (segment.seq + 1) & 0xFFFFFFFF
            return
        if not segment.payload:
            return
        # After a late acknowledgement TCP sends the end of a burst again.
        if (segment.seq - self.seq) & 0x80000000:
            return
        expect(f"sequence number of segment {self.seen}", segment.seq, self.seq)
        if not self.left:
            self.begin_burst(segment)
        # Some of TCP's own packets may end in the middle of a burst.
        if len(segment.payload) < self.mss and len(segment.payload) != self.left:
            self.short += 1
            expect(f"short segments, of which this one has {len(segment.payload)} bytes,", max(self.short, SHORT_MOST), SHORT_MOST)
        expect("payload that is too long", max(len(segment.payload), self.mss), self.mss)
        self.left -= len(segment.payload)
        self.seq = (self.seq + len(segment.payload)) & 0xFFFFFFFF
        # TCP itself sets PSH at half a window, too.
        if not self.left:
            expect("PSH at the end", bool(segment.flags & PSH), True)
        else:
            self.pushed += bool(segment.flags & PSH)
        if segment.id is not None and self.id is not None:
            expect("identification", segment.id, (self.id + 1) & 0xFFFF)
        self.id = segment.id
        self.seen += 1

    def end(self):
        # A packet for segmentation has PSH in its last segment only, and few of those end a burst.
        expect("that most segments have PSH", self.pushed * 2 > self.seen, False)
        expect("bytes missing of a burst", self.left, 0)
        expect("bursts missing", len(list(self.burst)), 0)


def look(packets, stream, port):
    packet, address = packets.recvfrom(65536)
    if address[2] == PACKET_OUTGOING or address[1] not in (ETH_P_IP, ETH_P_IPV6):
        return
    segment = Segment(packet)
    if segment.is_tcp and segment.port == port:
        stream.take(segment)


def receive(family, port, device):
    packets, stream, received = packet_socket(device), Stream(), 0
    listener = socket.create_server(("", port), family={"4": socket.AF_INET, "6": socket.AF_INET6}[family])
    print("listening", flush=True)
    waiting, connection = [packets, listener], None
    while True:
        ready, _, _ = select.select(waiting, [], [], WAIT_S)
        if not ready:
            sys.exit(f"no further segment arrives; {stream.seen} segments, {received} bytes so far")
        if packets in ready:
            look(packets, stream, port)
        elif listener in ready:
            connection, _ = listener.accept()
            waiting = [packets, connection]
        elif connection in ready:
            data = connection.recv(1 << 20)
            received += len(data)
            if not data:
                break
    stream.end()
    print(f"{stream.seen} segments")


def wait_for_acknowledgement(sock):
    for _ in range(int(WAIT_S / 0.005)):
        if not struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQ, b"\0" * 4))[0]:
            return
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            break
        select.select([], [], [], 0.005)
    sys.exit("the other end does not acknowledge")


def read_outer(packets, message_len):
    """The number of messages in each outer packet."""
    counts = set()
    while select.select([packets], [], [], 0)[0]:
        packet, address = packets.recvfrom(65536)
        header_len = {ETH_P_IP: 28, ETH_P_IPV6: 48}.get(address[1])
        if header_len and address[2] == PACKET_OUTGOING:
            counts.add(-(-(len(packet) - header_len) // message_len))
    return counts


def connect(address, port, options):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    if options and family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_OPTIONS, options)
    elif options:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, options)
    sock.connect((address, port))
    return sock


def send(address, port, message_len, outer, most, options=""):
    packets = packet_socket(outer) if outer != "-" else None
    sock = connect(address, int(port), bytes.fromhex(options))
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    mss = struct.unpack_from("I", info, SND_MSS_OFFSET)[0]
    counts = set()
    for length in bursts(mss, int(most)):
        sock.sendall(struct.pack("!HH", mss, int(most)) if length == 4 else bytes(length))
        wait_for_acknowledgement(sock)
        counts |= read_outer(packets, int(message_len)) if packets else set()
    sock.close()
    missing = set(range(1, int(most) + 1)) - counts if packets else None
    if missing:
        sys.exit(f"no packet had so many messages: {sorted(missing)}")


def returned(sock):
    """The number of calls whose pages have been released."""
    _, ancillary, _, _ = sock.recvmsg(1, 512, socket.MSG_ERRQUEUE)
    first, last = struct.unpack_from("II", ancillary[0][2], 8)
    return last - first + 1


def zerocopy(address, port, calls=30):
    sock = socket.create_connection((address, int(port)))
    sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    pages = bytes(range(256)) * 400
    poll, back = select.poll(), 0
    poll.register(sock, 0)
    for _ in range(calls):
        left = memoryview(pages)
        while left:
            left = left[sock.send(left, MSG_ZEROCOPY):]
            back -= 1
    while back:
        if not poll.poll(WAIT_S * 1000):
            sys.exit(f"{-back} calls have not given their pages back")
        back += returned(sock)


def messages(file, address):
    """The payload behind the UDP headers of each packet in turn."""
    with open(file, "rb") as capture:
        capture.read(24)
        while record := capture.read(16):
            packet = capture.read(struct.unpack("=8xI4x", record)[0])
            if packet[12:14] == b"\x08\0" and packet[26:30] == socket.inet_aton(address):
                yield packet[42:]


def same(address, *files):
    sent, arrived = (b"".join(messages(file, address)) for file in files)
    if not sent or arrived != sent:
        sys.exit(f"{len(sent)} bytes were sent, and {len(arrived)} have arrived, not all the same")


def limit(device, size, *attributes):
    attributes = b"".join(struct.pack("=HHI", 8, int(attribute), int(size)) for attribute in attributes)
    message = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, socket.if_nametoindex(device), 0, 0) + attributes
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(message), RTM_SETLINK, NLM_F_REQUEST_ACK, 1, 0) + message)
        error = struct.unpack_from("=i", sock.recv(4096), 16)[0]
    if error:
        sys.exit(f"error {-error}")


if sys.argv[1] == "receive":
    receive(sys.argv[2], int(sys.argv[3]), sys.argv[4])
elif sys.argv[1] == "same":
    same(*sys.argv[2:])
elif sys.argv[1] == "limit":
    limit(*sys.argv[2:])
elif sys.argv[1] == "zerocopy":
    zerocopy(*sys.argv[2:])
else:
    send(*sys.argv[2:])
