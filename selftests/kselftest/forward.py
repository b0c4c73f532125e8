#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Packets that resemble a tunnel's, for a router that has a tunnel itself. See forward.sh.

forward.py send DEV MAC TO           sends those of list_of() from namespace c, back to back: each differs from others
                                     of its flow in a field that is lost if both are merged
forward.py watch DEV COUNT           prints that many UDP packets as they arrive, with all headers
forward.py all                       as a peer: congestion marks on the path to the tunnel
"""
import ipaddress, os, socket, struct, subprocess
import inet, wgpeer
from wgpeer import check

ETH_P_IP, ETH_P_ALL, ETH_P_IPV6 = 0x0800, 0x0003, 0x86DD
PORT, EACH = 51820, 8
# Trailing bytes whose checksum is the same with them and without.
BEHIND = b"\xff\xfd"
SOURCE = {4: "198.51.100.2", 6: "2001:db8:51::2"}


def message(number):
    """A data message of one session."""
    return struct.pack("<IIQ", 4, 0x01020304, number) + bytes([number & 0xFF]) * 48


def udp(addresses, payload, summed):
    header = struct.pack(">HHHH", PORT, PORT, 8 + len(payload), 0)
    pseudo = addresses + struct.pack(">HH", 17, 8 + len(payload))
    checksum = inet.checksum(pseudo + header + payload) or 0xFFFF
    return header[:6] + struct.pack(">H", checksum if summed else 0) + payload


def ipv4(to, payload, summed=True, tos=2, ttl=64, df=False, identification=0, behind=b""):
    addresses = socket.inet_aton(SOURCE[4]) + socket.inet_aton(to)
    body = udp(addresses, payload, summed) + behind
    header = struct.pack(">BBHHHBBH", 0x45, tos, 20 + len(body), identification, 0x4000 if df else 0, ttl, 17, 0)
    checksum = inet.checksum(header + addresses)
    return header[:10] + struct.pack(">H", checksum) + addresses + body


def ipv6(to, payload, tos=2, ttl=64, label=0, behind=b""):
    addresses = ipaddress.ip_address(SOURCE[6]).packed + ipaddress.ip_address(to).packed
    body = udp(addresses, payload, True) + behind
    return struct.pack(">IHBB", 6 << 28 | tos << 20 | label, len(body), 17, ttl) + addresses + body


def list_of(to):
    numbers = iter(range(1 << 16))
    alike = range(EACH)
    if ":" in to:
        return [ipv6(to, message(next(numbers)), **fields) for fields in (
            *({} for _ in alike), *({"tos": 2 + n % 2} for n in alike), *({"tos": 4 * n} for n in alike),
            *({"ttl": 64 + n % 3} for n in alike), *({"label": n % 3} for n in alike),
            *({"behind": BEHIND} for _ in alike))]
    return [ipv4(to, message(n), **{"identification": 1000 + n, **fields}) for n, fields in zip(numbers, (
        *({} for _ in alike), *({"tos": 2 + n % 2} for n in alike), *({"tos": 4 * n} for n in alike),
        *({"ttl": 64 + n % 3} for n in alike), *({"df": not n % 2} for n in alike),
        *({"summed": False} for _ in alike), *({"summed": not n % 2} for n in alike),
        *({"identification": 7 * n} for n in alike), *({"behind": BEHIND} for _ in alike)))]


def send(dev, mac, to):
    kind = ETH_P_IPV6 if ":" in to else ETH_P_IP
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    packets = list_of(to)
    for packet in packets:
        sock.sendto(packet, (dev, kind, 0, 0, bytes.fromhex(mac.replace(":", ""))))
    print(len(packets))


def is_udp(packet):
    return (packet[:1] == b"\x45" and packet[9] == 17) or (packet[0] >> 4 == 6 and packet[6] == 17)


def watch(dev, count):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind((dev, ETH_P_ALL))
    sock.settimeout(20 * wgpeer.SLOW)
    print("listening", flush=True)
    seen = 0
    try:
        while seen < int(count):
            packet, address = sock.recvfrom(1 << 16)
            if address[2] == socket.PACKET_OUTGOING or not is_udp(packet):
                continue
            seen += 1
            print(packet.hex(), flush=True)
    except socket.timeout:
        print(f"only {seen} packets have come", flush=True)


def marks(peer):
    """The path marks half of the messages: exactly their inner packets are marked."""
    peer.initiate()
    peer.send(peer.seal())
    inside = subprocess.Popen(["ip", "netns", "exec", os.environ["TUNNEL_NS"], "python3", os.path.abspath(__file__), "watch",
                               "wt0", "40"], stdout=subprocess.PIPE, text=True)
    check("the watcher", inside.stdout.readline(), "listening\n")
    wanted, messages = [], []
    for number in range(40):
        inner = wgpeer.ipv4(17, struct.pack(">HHHH", 9, 9, 16, 0) + struct.pack(">Q", number))
        inner = inner[:1] + b"\x02" + inner[2:10] + b"\0\0" + inner[12:]
        inner = inner[:10] + struct.pack(">H", inet.checksum(inner[:20])) + inner[12:]
        messages.append(peer.seal(inner))
        wanted.append(3 if number % 2 else 2)
    for ecn, message in zip(wanted, messages):
        peer.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, ecn)
        peer.send(message)
    lines = inside.communicate(timeout=60 * wgpeer.SLOW)[0].split()
    check("the marks inside", [int(line[2:4], 16) for line in lines if line[:2] == "45"], wanted)


def all():
    peer = wgpeer.Peer(address="192.0.2.2")
    wgpeer.attempt(peer, marks)


wgpeer.run(globals())
