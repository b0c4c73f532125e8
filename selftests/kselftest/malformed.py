#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The peer in malformed.sh, which sends valid and invalid messages.

malformed.py QUESTIONS reads lines from QUESTIONS, a fifo: a case and a file. It runs the case against the device, and
then writes the expected growth of each counter into the file, one a line: the reasons for which the device has to
drop messages ("rx_drop_replay: 3"), those of them that count for this peer ("of_peer_replay: 3"), peer_rx and
peer_tx, the bytes that the device may count for this peer, and delivered, the ICMP echo replies that the tunnel has
to deliver. It checks every IP packet that the device sends: an unexpected one fails the case at once, and the file
then has "failed: " and the reason.

From the environment: END_KEY, private, and DEVICE_KEY, public, both in base64; DEVICE_NS and END_NS, the network
namespaces of the device and of this program; and KIND, the device's kind.
"""
import base64
import collections
import os
import socket
import struct
import subprocess
import sys
import time
import traceback

import wgproto as wg
from alone import alone
from inet import checksum
from namespace import enter

PORT = 51820
HERE, DEVICE = "192.0.2.1", "192.0.2.2"
HERE6, DEVICE6 = "2001:db8::1", "2001:db8::2"
LENGTHS = {1: 148, 2: 92, 3: 64, 4: 32}
SLOW = int(os.environ.get("SLOW", "1"))
REJECT_AFTER = 2**64 - 2**13 - 1
WINDOW_LEAST, WINDOW_MOST = 8000, 8192
UDP_SEGMENT = 103
# A tunnel is under load from 512 queued messages on.
BURST, BURSTS_BEFORE, BURSTS_BEHIND = 60, 5, 10
SO_RCVBUFFORCE = 33

MALFORMED, MAC, NO_SESSION = "rx_drop_malformed", "rx_drop_mac", "rx_drop_no_session"
HANDSHAKE, AUTH, REPLAY = "rx_drop_handshake", "rx_drop_auth", "rx_drop_replay"
NOT_IP, SOURCE, ECN = "rx_drop_not_ip", "rx_drop_source", "rx_drop_ecn"
TIMESTAMP, FLOOD, UNKNOWN = "rx_drop_timestamp", "rx_drop_flood", "rx_drop_unknown_peer"
RATE_LIMIT, NO_KEY = "rx_drop_rate_limit", "rx_drop_no_key"
PRESHARED = "rx_drop_preshared"
# Drop reasons whose packets always have a known peer.
OF_THE_PEER = {AUTH: "auth", REPLAY: "replay", NOT_IP: "not-ip-in", SOURCE: "source", ECN: "ecn", TIMESTAMP: "timestamp",
               FLOOD: "flood", PRESHARED: "preshared"}


def key(name):
    return base64.b64decode(os.environ[name])


def flip(message, position):
    """Flips one bit of one byte, another bit in each byte."""
    changed = bytearray(message)
    changed[position] ^= 1 << position % 8
    return bytes(changed)


def echo_reply(payload=b"weft"):
    """An echo reply that was not requested, which a host ignores."""
    body = struct.pack(">BBHHH", 0, 0, 0, 7, 7) + payload
    return body[:2] + struct.pack(">H", checksum(body)) + body[4:]


def ipv4(source="10.9.0.1", payload=None, length=None, version=4, words=5, tos=0):
    payload = echo_reply() if payload is None else payload
    length = 20 + len(payload) if length is None else length
    header = struct.pack(">BBHHHBBH4s4s", version << 4 | words, tos, length, 0, 0, 64, 1, 0,
                         socket.inet_aton(source), socket.inet_aton("10.9.0.2"))
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + payload


def ipv6(source="fd09::1", payload=b"\0" * 8, length=None, version=6):
    length = len(payload) if length is None else length
    return struct.pack(">IHBB", version << 28, length, 59, 64) + \
        socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, "fd09::2") + payload


class End:
    """Sends any message, and sees every IPv4 packet that the device sends back."""

    def __init__(self):
        self.static, self.device, self.device_port = key("END_KEY"), key("DEVICE_KEY"), PORT
        self.fence = True
        self.expected = collections.Counter()
        self.next_index = 1
        self.last_initiation = 0
        self.udp = self.socket(PORT)
        self.other_port = self.socket(PORT + 1)
        self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.tap.bind(("va", 0x0800))
        enter(os.environ["DEVICE_NS"])
        self.devices = open("/proc/thread-self/net/dev")
        enter(os.environ["END_NS"])

    @staticmethod
    def socket(port):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((HERE, port))
        return sock

    def send(self, message, sock=None):
        (sock or self.udp).sendto(message, (DEVICE, self.device_port))

    def count(self, reason):
        self.expected[reason] += 1
        if reason in OF_THE_PEER:
            self.expected["of_peer_" + OF_THE_PEER[reason]] += 1

    def refused(self, message, reason, sock=None):
        self.count(reason)
        # Data of no session makes the device initiate if it is from a peer's endpoint: another port is used.
        if reason == NO_SESSION and message[0] == 4:
            sock = sock or self.other_port
        self.send(message, sock)

    def accepted(self, message, sock=None):
        self.expected["peer_rx"] += len(message)
        self.send(message, sock)

    def delivered(self, message):
        self.expected["delivered"] += 1
        self.accepted(message)

    def payload(self, packet):
        """The message in a packet of the device's, and its destination port."""
        header = (packet[0] & 15) * 4
        if packet[9] != 17 or packet[12:20] != socket.inet_aton(DEVICE) + socket.inet_aton(HERE):
            sys.exit(f"the device sent a packet that is no message: {packet.hex()}")
        _, port, length = struct.unpack(">HHH", packet[header:header + 6])
        return packet[header + 8:header + length], port

    def receive(self, kind, port=PORT, timeout=20 * SLOW):
        """The next message of the device's, which has to be of that type and for that port."""
        self.tap.settimeout(timeout)
        try:
            message, to = self.payload(self.tap.recv(2048))
        except TimeoutError:
            sys.exit(f"no message of type {kind} arrived")
        if message[0] != kind or to != port:
            sys.exit(f"wanted a message of type {kind} on port {port}, got on {to}: {message.hex()}")
        if kind != 3:
            self.expected["peer_tx"] += len(message)
        return message

    def silent(self):
        """No unexpected message has arrived."""
        self.tap.settimeout(0)
        try:
            packet = self.tap.recv(2048)
        except BlockingIOError:
            return
        sys.exit(f"the device answered: {self.payload(packet)[0].hex()}")

    def index(self):
        self.next_index += 1
        return self.next_index

    def initiation(self, timestamp=None, static=None, **more):
        handshake = wg.Handshake(static or self.static, self.device)
        now = time.time_ns()
        timestamp = timestamp or wg.tai64n(now // 10**9, now % 10**9)
        return handshake, handshake.initiate(self.index(), os.urandom(32), timestamp, **more)

    def pace(self):
        """The device accepts one initiation of a peer in 20 ms, and two within 17 ms have equal timestamps."""
        time.sleep(max(0, self.last_initiation + 0.04 * SLOW - time.monotonic()))
        self.last_initiation = time.monotonic()

    def session(self, **more):
        """A handshake as initiator."""
        self.pace()
        handshake, message = self.initiation(**more)
        self.accepted(message)
        handshake.consume_response(self.receive(2))
        return handshake

    def errors(self):
        """The number of messages that the device has dropped, except for reasons that are no errors."""
        self.devices.seek(0)
        numbers = next(line.split(":")[1] for line in self.devices if line.lstrip().startswith("wt0:"))
        return int(numbers.split()[2])

    def settle(self, before):
        """Waits until all drops since `before` have been counted: more than one CPU processes handshakes, and one
        message can overtake another. Only weft counts them."""
        if os.environ["KIND"] != "weft":
            return
        wanted = sum(count for name, count in self.expected.items() if name.startswith("rx_drop_"))
        deadline = time.monotonic() + 20 * SLOW
        while self.errors() - before < wanted:
            if time.monotonic() > deadline:
                sys.exit(f"{self.errors() - before} messages were refused, wanted {wanted}")
            time.sleep(0.01)

    def confirmed(self):
        handshake = self.session()
        self.accepted(handshake.seal(0, b""))
        return handshake

    def provoke(self):
        """Makes the device initiate, by a packet to send. Returns the handshake as responder."""
        subprocess.run(["ip", "netns", "exec", os.environ["DEVICE_NS"], "bash", "-c", "echo >/dev/udp/10.9.0.1/9"], check=True)
        return self.answerable(self.receive(1))

    def answerable(self, message):
        handshake = wg.Handshake(self.static)
        if handshake.consume_initiation(message)[0] != self.device:
            sys.exit("the initiation is not the device's")
        return handshake

    def established(self, handshake, response):
        """Completes the handshake of provoke(): the datagram arrives."""
        self.accepted(response)
        counter, inner = handshake.open(self.receive(4))
        if counter != 0 or inner[0] >> 4 != 4:
            sys.exit(f"the first message has the counter {counter} and {inner.hex()} inside")
        self.accepted(handshake.seal(0, b""))

    def finish(self, out):
        if self.fence:
            self.session()
        self.silent()
        for name, count in sorted(self.expected.items()):
            print(f"{name}: {count}", file=out)

    def close(self):
        for file in (self.udp, self.other_port, self.tap, self.devices):
            file.close()


def remac(message, device):
    """Computes both MACs again, so that they do not reveal a change."""
    return wg.macs(message[:-32], device)


def case_types(end):
    """Every undefined type, and reserved bits that are set."""
    _, message = end.initiation()
    for kind in set(range(256)) - set(LENGTHS):
        for length in LENGTHS.values():
            end.refused(bytes([kind]) + message[1:length], MALFORMED)
    for kind, length in LENGTHS.items():
        for position in range(1, 4):
            for bit in range(8):
                bad = bytearray(remac(bytes([kind]) + bytes(length - 1), end.device) if kind < 3 else bytes([kind]) + bytes(length - 1))
                bad[position] = 1 << bit
                end.refused(bytes(bad), MALFORMED)


def case_lengths(end):
    """Every length of each type; a message of the right length is dropped for its contents."""
    right = {1: MAC, 2: MAC, 3: NO_SESSION}
    for kind in LENGTHS:
        for length in range(201):
            message = (bytes([kind]) + bytes(length))[:length]
            if length < 4:
                reason = MALFORMED
            elif kind == 4:
                reason = NO_SESSION if length >= LENGTHS[4] else MALFORMED
            else:
                reason = right[kind] if length == LENGTHS[kind] else MALFORMED
            end.refused(message, reason)
    for size in (9000, 60000, 65507):
        end.refused(b"\1\0\0\0" + bytes(size - 4), MALFORMED)
        end.refused(b"\4\0\0\0" + bytes(size - 4), NO_SESSION)


def case_neighbours(end):
    """Authentic messages, one byte shorter and one longer."""
    _, message = end.initiation()
    end.refused(message[:-1], MALFORMED)
    end.refused(message + b"\0", MALFORMED)
    handshake = end.provoke()
    response = handshake.respond(end.index(), os.urandom(32))
    end.refused(response[:-1], MALFORMED)
    end.refused(response + b"\0", MALFORMED)
    end.established(handshake, response)


def case_initiation(end):
    """A bit of each byte of an initiation, with the old MACs and with recomputed ones."""
    errors = end.errors()
    _, message = end.initiation()
    for position in range(132):
        end.refused(flip(message, position), MALFORMED if position < 4 else MAC)
    for position in range(8, 116):
        end.refused(remac(flip(message, position), end.device), HANDSHAKE)
    # Two initiations that waited behind these would be processed within the limit of 20 ms.
    end.settle(errors)
    # The second MAC counts under load only, and any sender index is valid.
    for position in (132, 147):
        end.pace()
        handshake, message = end.initiation()
        end.accepted(flip(message, position))
        handshake.consume_response(end.receive(2))


def case_initiators(end):
    """Initiations from unknown peers, for another device, and with low-order keys."""
    for _ in range(3):
        end.refused(end.initiation(static=os.urandom(32))[1], UNKNOWN)
    stranger = wg.Handshake(end.static, wg.pub(os.urandom(32)))
    message = stranger.initiate(end.index(), os.urandom(32), wg.tai64n(2**33, 0))
    end.refused(message, MAC)
    end.refused(remac(message, end.device), HANDSHAKE)
    _, message = end.initiation()
    for low in (bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f", b"\xed" + b"\xff" * 30 + b"\x7f"):
        end.refused(remac(message[:8] + low + message[40:], end.device), HANDSHAKE)


def case_timestamps(end):
    """Initiations no newer than one that was accepted, and newer ones above the rate limit."""
    now = int(time.time())
    _, first = end.initiation(timestamp=wg.tai64n(now, 0))
    end.accepted(first)
    end.receive(2)
    end.pace()
    end.refused(first, TIMESTAMP)
    for seconds, nanoseconds in ((now, 0), (now - 1, 999999999), (0, 0), (now, 2**24 - 1)):
        end.pace()
        end.refused(end.initiation(timestamp=wg.tai64n(seconds, nanoseconds))[1], TIMESTAMP)
    end.session(timestamp=wg.tai64n(now, 2**24))
    # Only accepted initiations count for the rate limit: a dropped one does not delay the next. A slow device accepts
    # more of them.
    burst = [end.initiation(timestamp=wg.tai64n(now + 1 + i, 0))[1] for i in range(5 if SLOW == 1 else 1)]
    end.pace()
    end.accepted(burst[0])
    end.receive(2)
    for message in burst[1:]:
        end.refused(message, FLOOD)
    end.pace()
    # Nor does an initiation above the rate limit count as the newest.
    end.session(timestamp=wg.tai64n(now + 1, 2**24))
    end.pace()
    # The clock was ahead here: an initiation with the present time would be dropped.
    end.fence = False


def case_responses(end):
    """A bit of each byte of a response; none of them ends the handshake, the valid one does, and is dropped when
    repeated."""
    errors = end.errors()
    handshake = end.provoke()
    pending = struct.pack("<IIQ", 4, handshake.ri, 0) + bytes(32)
    end.refused(pending, NO_SESSION)
    wrong = end_of(handshake, end, psk=os.urandom(32))
    end.refused(wrong.respond(end.index(), os.urandom(32)), PRESHARED)
    response = handshake.respond(end.index(), os.urandom(32))
    for position in range(76):
        end.refused(flip(response, position), MALFORMED if position < 4 else MAC)
    for position in range(8, 60):
        reason = NO_SESSION if position < 12 else PRESHARED
        end.refused(remac(flip(response, position), end.device), reason)
    for low in (bytes(32), b"\1" + bytes(31)):
        end.refused(remac(response[:12] + low + response[44:], end.device), PRESHARED)
    end.settle(errors)
    end.established(handshake, response)
    end.refused(response, HANDSHAKE)
    end.refused(response, HANDSHAKE)


def end_of(handshake, end, **more):
    """A second response to the same initiation."""
    again = wg.Handshake(end.static, **more)
    for name in ("C", "H", "ri", "rE", "rS"):
        setattr(again, name, getattr(handshake, name))
    return again


def case_late(end):
    """A response to an initiation that another one has replaced: the device's next, or one of this end."""
    first = end.provoke()
    second = end.answerable(end.receive(1))
    end.refused(first.respond(end.index(), os.urandom(32)), NO_SESSION)
    end.established(second, second.respond(end.index(), os.urandom(32)))


def case_crossed(end):
    """Both ends initiate. The device responds, and then drops responses to its own initiation."""
    theirs = end.provoke()
    ours = end.session()
    end.refused(theirs.respond(end.index(), os.urandom(32)), NO_SESSION)
    # Staged packets are sent under the existing session, once it is confirmed.
    end.accepted(ours.seal(0, b""))
    ours.open(end.receive(4))
    end.accepted(ours.seal(1, b""))


def case_cookies(end):
    """A bit of each byte of a cookie reply; the valid one is accepted once, and does not change the peer's endpoint."""
    end.provoke()
    message = end.receive(1)
    index = struct.unpack("<I", message[4:8])[0]
    reply, cookie = wg.cookie_reply(wg.pub(end.static), message, index, os.urandom(32), b"anything", os.urandom(24))
    for position in range(64):
        reason = MALFORMED if position < 4 else NO_SESSION if position < 8 else HANDSHAKE
        end.refused(flip(reply, position), reason)
    end.send(reply, end.other_port)
    end.refused(reply, HANDSHAKE)
    other, _ = wg.cookie_reply(wg.pub(end.static), bytes(148), index, os.urandom(32), b"anything", os.urandom(24))
    end.refused(other, HANDSHAKE)
    message = end.receive(1)
    if message[132:] != wg.MAC(cookie, message[:132]):
        sys.exit("the next initiation does not carry the cookie")
    handshake = end.answerable(message)
    end.established(handshake, handshake.respond(end.index(), os.urandom(32)))


def case_data(end):
    """A bit of each byte of a data message, every shorter and some longer ones; then the message itself, twice."""
    session = end.confirmed()
    message = session.seal(1, ipv4())
    for position in range(len(message)):
        reason = MALFORMED if position < 4 else NO_SESSION if position < 8 else AUTH
        end.refused(flip(message, position), reason)
    for length in range(4, len(message)):
        end.refused(message[:length], AUTH if length >= LENGTHS[4] else MALFORMED)
    for more in range(1, 40):
        end.refused(message + bytes(more), AUTH)
    end.delivered(message)
    end.refused(message, REPLAY)
    end.delivered(session.seal(2, ipv4()))


def case_sessions(end):
    """Data under unused indices, under an expired session, and under keys of the other direction."""
    session = end.confirmed()
    for index in (0, 1, 2**32 - 1, session.ri ^ 1, session.ri ^ 2**31):
        end.refused(struct.pack("<IIQ", 4, index, 1) + session.seal(1, ipv4())[16:], NO_SESSION)
    backwards = struct.pack("<IIQ", 4, session.ri, 1) + wg.SEAL(session.rx, 1, ipv4(), b"")
    end.refused(backwards, AUTH)
    # One session is the previous, one the current: a third replaces the first.
    second = end.confirmed()
    end.delivered(session.seal(1, ipv4()))
    end.delivered(second.seal(1, ipv4()))
    third = end.confirmed()
    end.refused(session.seal(2, ipv4()), NO_SESSION)
    end.delivered(second.seal(2, ipv4()))
    # A next session that is never confirmed is replaced, and never used.
    fourth = end.session()
    end.session()
    end.refused(fourth.seal(0, ipv4()), NO_SESSION)
    end.delivered(third.seal(1, ipv4()))


def case_replay(end):
    """The edges of the window, from counter 0 to the last valid counter."""
    session = end.session()

    def fresh(*counters):
        for counter in counters:
            end.delivered(session.seal(counter, ipv4()))

    def old(*counters):
        for counter in counters:
            end.refused(session.seal(counter, ipv4()), REPLAY)

    fresh(0)
    old(0, 0)
    fresh(5, 3, 4, 1)
    old(5, 4, 3, 1, 0)
    fresh(2, 6)
    for newest in (20000, 2**32 + 7, 2**40 - 1, 2**63, REJECT_AFTER - 1):
        fresh(newest)
        old(newest, newest - WINDOW_MOST, newest - WINDOW_MOST - 1, 7)
        fresh(newest - 1, newest - 63, newest - 64, newest - 65, newest - WINDOW_LEAST)
        old(newest - WINDOW_LEAST, newest - 64, newest - 1)
    for counter in (REJECT_AFTER, REJECT_AFTER + 1, 2**64 - 1):
        end.refused(session.seal(counter, ipv4()), NO_SESSION)
    old(REJECT_AFTER - 1)
    fresh(REJECT_AFTER - 3)


def case_inner(end):
    """Valid and invalid inner packets."""
    session = end.confirmed()
    counter = iter(range(1, 1000))

    def inside(packet, reason):
        end.refused(session.seal(next(counter), packet), reason)

    def good(packet):
        end.delivered(session.seal(next(counter), packet))

    for version in set(range(16)) - {4, 6}:
        inside(ipv4(version=version), NOT_IP)
        inside(ipv6(version=version), NOT_IP)
    for length in (1, 15, 16):
        inside(ipv4()[:length], NOT_IP)
    for length in (32, 33, 39):
        inside(ipv6()[:32], NOT_IP)
    for length in (0, 1, 19, 33, 65535):
        inside(ipv4(length=length), NOT_IP)
    for length in (9, 65535):
        inside(ipv6(length=length), NOT_IP)
    inside(ipv6(payload=b"", length=9), NOT_IP)
    for source in ("10.9.0.3", "10.9.0.2", "10.9.0.99", "0.0.0.0", "255.255.255.255", "127.0.0.1"):
        inside(ipv4(source=source), SOURCE)
    for source in ("fd09::3", "fd09::2", "fd09::99", "::", "::1", "::ffff:10.9.0.1", "ff02::1"):
        inside(ipv6(source=source), SOURCE)
    end.accepted(session.seal(next(counter), b""))
    good(ipv4())
    end.accepted(session.seal(next(counter), ipv6()))
    # Bytes behind the packet's own length are ignored, even if they form another packet.
    good(ipv4() + os.urandom(16 * 5))
    good(ipv4(payload=echo_reply(b"x" * 15)) + b"\xff")
    # Headers that the stack drops are no concern of the tunnel.
    for words in (0, 4, 15):
        end.accepted(session.seal(next(counter), ipv4(words=words)))


def case_ecn(end):
    """A congestion mark outside drops an inner packet that is not ECN-capable (RFC 6040)."""
    session = end.confirmed()
    for outer, inner, fine in ((3, 0, False), (3, 1, True), (3, 2, True), (3, 3, True), (2, 0, True), (0, 3, True)):
        end.udp.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, outer)
        message = session.seal(10 + outer * 4 + inner, ipv4(tos=inner))
        if fine:
            end.delivered(message)
        else:
            end.refused(message, ECN)
    end.udp.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0)


def outer4(payload, ident=1, fragment=0):
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, 17, 0,
                         socket.inet_aton(HERE), socket.inet_aton(DEVICE))
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + payload


def datagram(message, length=None, zero=False, wrong=False):
    length = 8 + len(message) if length is None else length
    header = struct.pack(">HHHH", PORT, PORT, length, 0)
    if zero:
        return header + message
    pseudo = socket.inet_aton(HERE) + socket.inet_aton(DEVICE) + struct.pack(">HH", 17, length)
    total = checksum(pseudo + header + message[:max(0, length - 8)]) or 0xFFFF
    return header[:6] + struct.pack(">H", total ^ wrong) + message


def case_outer(end):
    """Unusual outer packets: in fragments, without a checksum, with lengths that do not match."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    session = end.confirmed()

    def send(payload, **more):
        raw.sendto(outer4(payload, **more), (DEVICE, 0))

    def deliver(counter):
        message = session.seal(counter, ipv4(payload=echo_reply(b"f" * 60)))
        end.expected["peer_rx"] += len(message)
        end.expected["delivered"] += 1
        return message

    whole = datagram(deliver(1))
    send(whole[:64], ident=7, fragment=0x2000)
    send(whole[64:], ident=7, fragment=8)
    whole = datagram(deliver(2))
    send(whole[64:], ident=8, fragment=8)
    send(whole[:64], ident=8, fragment=0x2000)
    send(datagram(deliver(3), zero=True))
    message = deliver(4)
    send(datagram(message + b"behind the end", length=8 + len(message)))
    # UDP drops these before the tunnel receives them.
    message = session.seal(5, ipv4())
    send(datagram(message, wrong=True))
    send(datagram(message, length=8 + len(message) + 1))
    send(datagram(message, length=7))
    send(datagram(message)[:7])
    # Shorter than the sent message, so that it does not authenticate.
    end.count(AUTH)
    send(datagram(message, length=8 + len(message) - 1, zero=True))
    end.delivered(message)
    unchecked6(message)


def unchecked6(message):
    """Over IPv6 a checksum of zero is not allowed (RFC 8200, section 8.1)."""
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    udp = struct.pack(">HHHH", PORT, PORT, 8 + len(message), 0) + message
    raw.sendto(struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + socket.inet_pton(socket.AF_INET6, HERE6) +
               socket.inet_pton(socket.AF_INET6, DEVICE6) + udp, (DEVICE6, 0))


def under_load(end, call):
    """Calls in the middle of a flood of messages with a wrong MAC, which are all queued before any is processed. When
    the call's message is processed, the messages behind it are enough for load."""
    burst = BURST * (end.initiation()[1][:-32] + bytes(32))
    with end.socket(PORT + 2) as flooder, alone():
        flooder.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(burst) // BURST)
        for _ in range(BURSTS_BEFORE):
            end.send(burst, flooder)
        call()
        for _ in range(BURSTS_BEHIND):
            end.send(burst, flooder)
    end.expected[MAC] += (BURSTS_BEFORE + BURSTS_BEHIND) * BURST


def refused_cookie(end, message, sock=None, port=PORT):
    """The cookie that the device sends for an initiation without a valid one."""
    under_load(end, lambda: end.refused(message, MAC, sock))
    return wg.open_cookie_reply(end.device, end.receive(3, port), message[-32:-16])


def case_load(end):
    """Under load a wrong second MAC gets a cookie reply, and no other answer; a right one is rate-limited."""
    # Initiations older than the session are dropped even within the rate limit.
    end.session()
    _, message = end.initiation()
    many = [end.initiation(timestamp=wg.tai64n(1, 0))[1][:-16] for _ in range(12)]
    cookie = refused_cookie(end, message)
    handshake, message = end.initiation(cookie=cookie)
    refused_cookie(end, flip(message, 140))
    refused_cookie(end, message, end.other_port, PORT + 1)

    def call():
        end.accepted(message)
        for other in many:
            end.send(other + wg.MAC(cookie, other))

    under_load(end, call)
    # The sum of drops by either reason, for malformed.sh.
    end.expected["refused"] += len(many)
    handshake.consume_response(end.receive(2))
    time.sleep(2 * SLOW)


def case_keyless(end):
    """A device without a private key drops all handshake messages."""
    end.device_port = PORT + 1
    end.fence = False
    _, message = end.initiation()
    end.refused(message, NO_KEY)
    end.refused(remac(struct.pack("<III", 2, 1, 1) + bytes(80), end.device), NO_KEY)
    end.refused(struct.pack("<II", 3, 1) + bytes(56), NO_SESSION)
    end.refused(struct.pack("<IIQ", 4, 1, 0) + bytes(16), NO_SESSION)
    end.refused(message[:-1], MALFORMED)


def answer(case, out):
    end = End()
    try:
        globals()["case_" + case](end)
        end.finish(out)
    except SystemExit as failure:
        print(f"failed: {failure}", file=out)
    except Exception:  # pylint: disable=broad-except
        for line in traceback.format_exc().splitlines():
            print(f"failed: {line}", file=out)
    finally:
        end.close()


def main():
    # Opened for writing, too, a fifo has no end of file.
    with os.fdopen(os.open(sys.argv[1], os.O_RDWR)) as questions:
        for question in questions:
            case, file = question.split()
            with open(file + ".new", "w") as out:
                answer(case, out)
            os.rename(file + ".new", file)


main()
