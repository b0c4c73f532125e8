#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Messages that netlink.sh sends to the kernel.

netlink.py CASE runs one case on the interface wt0; it exits with an error, or with 0. KIND names the family.
"""
import ctypes
import os
import random
import socket
import struct
import sys
from memory import copies_in_kernel
from wgnetlink import (BIND_INDEX, BIND_NAME, C_ENDPOINT, DEVICE, DUMP, EINVAL, ERRNO, FAMILY, FLAGS, FWMARK, GET,
                       IFINDEX, IFNAME, I_ADDRESS, I_CIDR, I_FAMILY, I_FLAGS, LISTEN4, LISTEN6, Netlink, PEERS, PORT,
                       PRIVATE, PUBLIC, P_CANDIDATES, P_ENDPOINT, P_FLAGS, P_HANDSHAKE, P_IPS, P_KEEPALIVE, P_PSK,
                       P_PUBLIC, P_ROAM, P_RX, P_TX, P_VERSION, REMOVE_ME, REPLACE_IPS, REPLACE_PEERS, REQUEST,
                       Refused, SET, UPDATE_ONLY, attr, check, endpoint4, endpoint6, ip, name, parse, peer, set_peers,
                       u16, u32, u8)

# ---- refusals ----

KEY, OTHER, NEW = b"\1" * 31 + b"\2", b"\3" * 31 + b"\4", b"\5" * 31 + b"\6"
# The core has two error numbers for a wrong length.
BAD_LENGTH = ("EINVAL", "ERANGE")
INET, INET6 = u16(I_FAMILY, socket.AF_INET), u16(I_FAMILY, socket.AF_INET6)

# The first attributes of each refused message: they are valid, and must not be applied.
GOOD = [u32(FWMARK, 4711), attr(PRIVATE, b"\x48" * 31 + b"\x40")]
GOOD_PEER = peer(NEW, u16(P_KEEPALIVE, 7), attr(P_IPS, [ip("10.77.0.0/16")]))


def refuse(netlink, errnos, attributes, bad=None, command=SET, target=True):
    """The message is refused with one of errnos, with a text, naming its last attribute, `bad`, and changes nothing."""
    errnos = (errnos,) if isinstance(errnos, str) else errnos
    message = b"".join(([name(DEVICE)] if target else []) + list(attributes))
    before = netlink.state(DEVICE)
    try:
        netlink.exchange(command, message)
    except Refused as refused:
        if ERRNO.get(refused.errno) not in errnos:
            sys.exit(f"wanted {errnos} for {message.hex()}, got {refused}")
        if FAMILY == "weft" and not refused.text:
            sys.exit(f"no text for {message.hex()}: {refused}")
        if FAMILY == "weft" and bad is not None:
            check(f"offset to blame in {message.hex()} ({refused.text})", refused.offset, 20 + len(message) - len(bad))
    else:
        sys.exit(f"accepted: {message.hex()}")
    check(f"the device after {message.hex()}", netlink.state(DEVICE), before)


def refuse_value(netlink, errnos, bad):
    refuse(netlink, errnos, [attr(PEERS, [GOOD_PEER]), *GOOD, bad], bad)


def refuse_peer_value(netlink, errnos, bad, *more):
    refuse(netlink, errnos, [*GOOD, attr(PEERS, [GOOD_PEER, peer(KEY, u16(P_KEEPALIVE, 9), *more, bad)])], bad)


def refuse_ip(netlink, errnos, values, bad):
    """`bad` is the last of the values, or the whole nest if it is None."""
    entry = attr(0, values)
    refuse(netlink, errnos, [*GOOD, attr(PEERS, [GOOD_PEER, peer(KEY, attr(P_IPS, [ip("10.66.0.0/16"), entry]))])], bad or entry)


def lengths_but(*right, upto=40):
    return [n for n in range(upto) if n not in right]


def case_lengths(netlink):
    """Every attribute with every wrong length."""
    for kind, right in {IFINDEX: 4, PRIVATE: 32, PUBLIC: 32, FLAGS: 4, PORT: 2, FWMARK: 4}.items():
        for length in lengths_but(right):
            refuse_value(netlink, BAD_LENGTH, attr(kind, b"\xa5" * length))
    for kind, right in {P_PUBLIC: 32, P_PSK: 32, P_FLAGS: 4, P_KEEPALIVE: 2, P_HANDSHAKE: 16, P_RX: 8, P_TX: 8, P_VERSION: 4}.items():
        for length in lengths_but(right):
            refuse_peer_value(netlink, BAD_LENGTH, attr(kind, b"\xa5" * length))
    for kind, right in {I_FAMILY: 2, I_CIDR: 1, I_FLAGS: 4}.items():
        for length in lengths_but(right, upto=12):
            bad = attr(kind, b"\xa5" * length)
            refuse_ip(netlink, BAD_LENGTH, [INET, attr(I_ADDRESS, b"\xa6" * 4), u8(I_CIDR, 31), bad], bad)


def case_addresses(netlink):
    """Endpoints and allowed IPs whose family, length and prefix do not match, or are missing."""
    for family, right in ((socket.AF_INET, 16), (socket.AF_INET6, 28), (socket.AF_UNIX, None), (0, None)):
        for length in lengths_but(right):
            bad = attr(P_ENDPOINT, (struct.pack("=H", family) + b"\xa5" * 38)[:length])
            if FAMILY == "weft" or length < 16:
                refuse_peer_value(netlink, BAD_LENGTH, bad)
    for family, right in ((INET, 4), (INET6, 16)):
        for length in lengths_but(right, upto=24):
            bad = attr(I_ADDRESS, b"\xa5" * length)
            refuse_ip(netlink, BAD_LENGTH, [family, u8(I_CIDR, 8), bad], bad if length not in (4, 16) or FAMILY == "weft" else None)
    for cidr in (33, 64, 128, 255):
        refuse_ip(netlink, "EINVAL", [INET, attr(I_ADDRESS, bytes(4)), u8(I_CIDR, cidr)], u8(I_CIDR, cidr))
    for cidr in (129, 255):
        refuse_ip(netlink, "EINVAL", [INET6, attr(I_ADDRESS, bytes(16)), u8(I_CIDR, cidr)], u8(I_CIDR, cidr))
    for family in (0, 1, 3, 16, 0xFFFF):
        bad = u16(I_FAMILY, family)
        refuse_ip(netlink, "EINVAL", [attr(I_ADDRESS, bytes(4)), u8(I_CIDR, 8), bad], bad)
    whole = [INET, attr(I_ADDRESS, bytes(4)), u8(I_CIDR, 8)]
    for missing in range(3):
        refuse_ip(netlink, "EINVAL", whole[:missing] + whole[missing + 1:], None)
    nameless = attr(0, [u16(P_KEEPALIVE, 9)])
    refuse(netlink, "EINVAL", [*GOOD, attr(PEERS, [GOOD_PEER, nameless])], nameless)
    refuse(netlink, "EINVAL", [*GOOD, attr(PEERS, [GOOD_PEER, attr(0, [])])], attr(0, []))


def case_unknown(netlink):
    """Flags, attributes, commands and versions that do not exist."""
    for bit in range(1, 32):
        refuse_value(netlink, "EINVAL", u32(FLAGS, 1 << bit))
    for bit in range(3, 32):
        refuse_peer_value(netlink, "EINVAL", u32(P_FLAGS, 1 << bit))
    for bit in range(1, 32):
        bad = u32(I_FLAGS, 1 << bit)
        refuse_ip(netlink, "EINVAL", [INET, attr(I_ADDRESS, b"\x0b\0\0\0"), u8(I_CIDR, 8), bad], bad)
    # Numbers between WireGuard's and weft's own, and beyond them; for a family wireguard, beyond its own.
    own = () if FAMILY == "weft" else (64, 65)
    for kind in (*range(9, 20), 63, *own, 200, 0x3FFF):
        refuse_value(netlink, "EINVAL", u32(kind, 1))
    for kind in (*range(11, 20), 63, *own, 200, 0x3FFF):
        refuse_peer_value(netlink, "EINVAL", u32(kind, 1))
    for kind in (*range(5, 12), 64, 200):
        refuse_ip(netlink, "EINVAL", [INET, attr(I_ADDRESS, b"\x0b\0\0\0"), u8(I_CIDR, 8), u32(kind, 1)], u32(kind, 1))
    for version in (2, 3, 2**32 - 1):
        refuse_peer_value(netlink, "EPFNOSUPPORT", u32(P_VERSION, version))
    unknown_commands(netlink)


def unknown_commands(netlink):
    before = netlink.state(DEVICE)
    rotate = 16 if FAMILY == "weft" else None
    for command in (command for command in [*range(2, 64), 255] if command != rotate):
        expect_errno(netlink, "EOPNOTSUPP", command, name(DEVICE))
    # A dump of a command that only sets, and a request for a command that only dumps.
    expect_errno(netlink, "EOPNOTSUPP", SET, name(DEVICE), flags=REQUEST | DUMP)
    expect_errno(netlink, "EOPNOTSUPP", GET, name(DEVICE))
    check("the device", netlink.state(DEVICE), before)


def expect_errno(netlink, errno, command, payload, **more):
    try:
        netlink.exchange(command, payload, **more)
    except Refused as refused:
        check(f"errno for command {command}, {payload.hex()}", ERRNO.get(refused.errno, refused.errno), errno)
        return refused
    return sys.exit(f"accepted: command {command}, {payload.hex()}")


def case_interfaces(netlink):
    """Attributes that name an interface of another kind, none at all, or two."""
    index = u32(IFINDEX, socket.if_nametoindex(DEVICE))
    wrong = [("EBADR", []), ("EBADR", [name(DEVICE), index]), ("ENODEV", [name("nobody")]), ("ENODEV", [u32(IFINDEX, 0x7FFFFFF0)]),
             ("ENODEV", [u32(IFINDEX, 0)]), ("EOPNOTSUPP", [name("lo")]), ("EOPNOTSUPP", [u32(IFINDEX, 1)]),
             (BAD_LENGTH, [attr(IFNAME, b"sixteen-letters!" + b"\0")]), (BAD_LENGTH, [attr(IFNAME, b"wt0")]), (BAD_LENGTH + ("ENODEV",), [attr(IFNAME)])]
    for errnos, attributes in wrong:
        bad = attributes[0] if len(attributes) == 1 and "EBADR" not in errnos else None
        # The interface is the last attribute, so that the error names it.
        refuse(netlink, errnos, [*GOOD, attr(PEERS, [GOOD_PEER]), *attributes], bad, target=False)
        refuse_dump(netlink, errnos, attributes)
    netlink.exchange(SET, index + u32(FWMARK, 1))


def refuse_dump(netlink, errnos, attributes):
    netlink.send(GET, b"".join(attributes), flags=REQUEST | DUMP)
    try:
        done = False
        while not done:
            _, done = netlink.dump_part()
    except Refused as refused:
        if ERRNO.get(refused.errno) not in errnos:
            sys.exit(f"wanted {errnos} for a dump of {attributes}, got {refused}")
        return
    sys.exit(f"dumped: {attributes}")


def case_shapes(netlink):
    """Nests that are no nests, truncated attributes, and trailing bytes."""
    refuse(netlink, BAD_LENGTH, [*GOOD, struct.pack("=HH", 4 + 4, PEERS) + bytes(4)])
    for rest in (b"\1", b"\1\2\3\4", struct.pack("=HH", 64, 0x8000) + bytes(4)):
        bad = attr(PEERS, [GOOD_PEER, rest])
        refuse(netlink, "EINVAL", [*GOOD, bad], bad if FAMILY == "weft" else None)
        bad = attr(P_IPS, [ip("10.66.0.0/16"), rest])
        refuse(netlink, "EINVAL", [*GOOD, attr(PEERS, [peer(KEY, bad)])], bad if FAMILY == "weft" else None)
    for rest in (b"\5", b"\5\0", b"\5\0\1", struct.pack("=HH", 3, 1), struct.pack("=HH", 64, 1)):
        refuse(netlink, BAD_LENGTH, [*GOOD, rest])
        refuse(netlink, BAD_LENGTH, [*GOOD, attr(PEERS, [GOOD_PEER, attr(0, [attr(P_PUBLIC, KEY), rest])])])


# ---- valid messages ----

def keepalive(netlink, key):
    return struct.unpack("=H", netlink.peers(DEVICE)[key][P_KEEPALIVE])[0]


def ips(netlink, key):
    return sorted(netlink.peers(DEVICE)[key][P_IPS])


def case_flags(netlink):
    """The effect of each flag, and the order in which the parts of a message are applied."""
    set_peers(netlink, peer(KEY, u16(P_KEEPALIVE, 9)), peer(OTHER), flags=REPLACE_PEERS)
    check("peers", list(netlink.peers(DEVICE)), [KEY, OTHER])
    set_peers(netlink, peer(NEW, u32(P_FLAGS, UPDATE_ONLY), u16(P_KEEPALIVE, 3)), peer(KEY, u32(P_FLAGS, UPDATE_ONLY), u16(P_KEEPALIVE, 4)))
    check("peers after an update only", list(netlink.peers(DEVICE)), [KEY, OTHER])
    check("keepalive after an update only", keepalive(netlink, KEY), 4)
    set_peers(netlink, peer(NEW, u32(P_FLAGS, REMOVE_ME)), peer(OTHER, u32(P_FLAGS, REMOVE_ME)))
    check("peers after removals, one of them of an unknown peer", list(netlink.peers(DEVICE)), [KEY])
    set_peers(netlink, peer(OTHER, u32(P_FLAGS, REMOVE_ME | UPDATE_ONLY)), peer(OTHER, u16(P_KEEPALIVE, 5)))
    set_peers(netlink, peer(KEY, u32(P_FLAGS, REMOVE_ME)), peer(KEY, u16(P_KEEPALIVE, 6)), peer(KEY, u32(P_FLAGS, UPDATE_ONLY), u16(P_KEEPALIVE, 7)))
    check("peers after one was removed and added in one message", list(netlink.peers(DEVICE)), [OTHER, KEY])
    check("its keepalive", keepalive(netlink, KEY), 7)
    set_peers(netlink, peer(NEW, u16(P_KEEPALIVE, 1)), peer(NEW, u16(P_KEEPALIVE, 2)), flags=REPLACE_PEERS)
    check("peers after all were replaced", list(netlink.peers(DEVICE)), [NEW])
    check("the one named twice", keepalive(netlink, NEW), 2)
    set_peers(netlink, flags=REPLACE_PEERS)
    check("peers after all were replaced by none", netlink.peers(DEVICE), {})


def case_allowed(netlink):
    """Allowed IPs: added, moved, removed one by one, replaced, and masked."""
    def allow(key, *entries, flags=0):
        set_peers(netlink, peer(key, u32(P_FLAGS, flags), attr(P_IPS, entries)))

    set_peers(netlink, peer(KEY), peer(OTHER), flags=REPLACE_PEERS)
    allow(KEY, ip("10.1.2.3/8"), ip("10.1.0.0/16"), ip("fd00::1/64"), ip("0.0.0.0/0"), ip("::/0"))
    check("masked", ips(netlink, KEY), sorted(["10.0.0.0/8", "10.1.0.0/16", "fd00::/64", "0.0.0.0/0", "::/0"]))
    allow(OTHER, ip("10.1.0.0/16"))
    check("after one moved", ips(netlink, KEY), sorted(["10.0.0.0/8", "fd00::/64", "0.0.0.0/0", "::/0"]))
    check("to the other", ips(netlink, OTHER), ["10.1.0.0/16"])
    # An allowed IP of another peer, an unknown one, and one of another length are not removed.
    gone = u32(I_FLAGS, 1)
    allow(KEY, ip("10.1.0.0/16", gone), ip("172.16.0.0/12", gone), ip("10.0.0.0/9", gone), ip("fd00::/63", gone))
    check("after removals of other peers' allowed IPs", ips(netlink, KEY), sorted(["10.0.0.0/8", "fd00::/64", "0.0.0.0/0", "::/0"]))
    check("the other's", ips(netlink, OTHER), ["10.1.0.0/16"])
    allow(KEY, ip("10.9.9.9/8", gone), ip("fd00::/64", gone), ip("10.2.0.0/16"))
    check("after two removals", ips(netlink, KEY), sorted(["10.2.0.0/16", "0.0.0.0/0", "::/0"]))
    allow(KEY, ip("10.3.0.0/16"), ip("10.2.0.0/16"), flags=REPLACE_IPS)
    check("after a replacement", ips(netlink, KEY), sorted(["10.2.0.0/16", "10.3.0.0/16"]))
    allow(KEY, ip("10.4.0.0/16"), ip("10.4.0.0/16", gone))
    check("after one that was added and removed", ips(netlink, KEY), sorted(["10.2.0.0/16", "10.3.0.0/16"]))
    set_peers(netlink, peer(KEY, u32(P_FLAGS, REPLACE_IPS)))
    check("replaced by none", ips(netlink, KEY), [])
    check("the other's in the end", ips(netlink, OTHER), ["10.1.0.0/16"])
    set_peers(netlink, flags=REPLACE_PEERS)


def case_values(netlink):
    """Each setting is read back."""
    secret, psk = bytes(range(0, 248, 8)) + b"\x40", os.urandom(32)
    netlink.set(name(DEVICE), attr(PRIVATE, secret), u16(PORT, 7777), u32(FWMARK, 2**32 - 1), u32(FLAGS, REPLACE_PEERS), attr(PEERS, [
        peer(KEY, attr(P_PSK, psk), attr(P_ENDPOINT, endpoint4()), u16(P_KEEPALIVE, 65535), u32(P_VERSION, 1)),
        peer(OTHER, attr(P_ENDPOINT, endpoint6()))]))
    device = dict(parse(netlink.dump(DEVICE)[0][20:]))
    check("private key", device[PRIVATE], secret)
    check("port, mark", (device[PORT], device[FWMARK]), (struct.pack("=H", 7777), b"\xff" * 4))
    check("name, index", (device[IFNAME], device[IFINDEX]), (DEVICE.encode() + b"\0", struct.pack("=I", socket.if_nametoindex(DEVICE))))
    peers = netlink.peers(DEVICE)
    check("preshared key", (peers[KEY][P_PSK], peers[OTHER][P_PSK]), (psk, bytes(32)))
    check("endpoints", (peers[KEY][P_ENDPOINT], peers[OTHER][P_ENDPOINT]), (endpoint4(), endpoint6()))
    check("keepalives", (peers[KEY][P_KEEPALIVE], peers[OTHER][P_KEEPALIVE]), (b"\xff\xff", b"\0\0"))
    check("counters", [peers[KEY][kind] for kind in (P_HANDSHAKE, P_RX)], [bytes(16), bytes(8)])
    check("version", peers[KEY][P_VERSION], struct.pack("=I", 1))
    netlink.set(name(DEVICE), u16(PORT, 51820), u32(FWMARK, 0), u32(FLAGS, REPLACE_PEERS))


def case_wiped(netlink):
    """The kernel wipes keys from messages, whether it accepts or refuses them."""
    private, psk, refused = os.urandom(32), os.urandom(32), os.urandom(32)
    too_long = attr(0, [u16(I_FAMILY, socket.AF_INET), attr(I_ADDRESS, bytes(4)), u8(I_CIDR, 33)])
    for _ in range(50):
        netlink.set(name(DEVICE), attr(PRIVATE, private), attr(PEERS, [peer(KEY, attr(P_PSK, psk))]))
        refuse(netlink, "EINVAL", [attr(PEERS, [peer(KEY, attr(P_PSK, refused), attr(P_IPS, [too_long]))])])
    netlink.set(name(DEVICE), attr(PRIVATE, bytes(32)), u32(FLAGS, REPLACE_PEERS))
    # The device's copy of its own key is clamped.
    check("copies in memory", copies_in_kernel(private[1:31], psk, refused), [0, 0, 0])


# ---- endpoints of peers, and bindings of sockets ----

def candidate(endpoint): return attr(0, [attr(C_ENDPOINT, endpoint)])


def case_places(netlink):
    """Candidates, and bindings of sockets, which weft alone has."""
    for kind, right in {LISTEN4: 4, LISTEN6: 16, BIND_INDEX: 4}.items():
        for length in lengths_but(right, upto=24):
            refuse_value(netlink, BAD_LENGTH, attr(kind, b"\xa5" * length))
    for length in lengths_but(1, upto=12):
        refuse_peer_value(netlink, BAD_LENGTH, attr(P_ROAM, bytes(length)))
    refuse_peer_value(netlink, BAD_LENGTH, u8(P_ROAM, 2))
    for value in (struct.pack("!I", 0xE0000001), b"\xff" * 4):
        refuse_value(netlink, "EINVAL", attr(LISTEN4, value))
    refuse_value(netlink, "EINVAL", attr(LISTEN6, b"\xff\x02" + bytes(13) + b"\1"))
    refuse(netlink, "EADDRNOTAVAIL", [*GOOD, attr(LISTEN4, socket.inet_aton("203.0.113.77"))], None)
    refuse_value(netlink, "EINVAL", u32(BIND_INDEX, 2**31))
    refuse(netlink, "ENODEV", [*GOOD, u32(BIND_INDEX, 2**31 - 1)], None)
    refuse(netlink, "ENODEV", [*GOOD, attr(BIND_NAME, b"nowhere\0")], None)
    refuse(netlink, "ELOOP", [*GOOD, attr(BIND_NAME, DEVICE.encode() + b"\0")], None)
    refuse(netlink, "EINVAL", [*GOOD, u32(BIND_INDEX, 1), attr(BIND_NAME, b"lo\0")], attr(BIND_NAME, b"lo\0"))
    many = attr(P_CANDIDATES, [candidate(endpoint4(port=port)) for port in range(1, 18)])
    refuse_peer_value(netlink, "E2BIG", many)
    for bad in (attr(0, []), attr(0, [attr(C_ENDPOINT, bytes(16))]), attr(0, [attr(C_ENDPOINT, endpoint4()[:15])])):
        refuse(netlink, "EINVAL", [*GOOD, attr(PEERS, [GOOD_PEER, peer(KEY, attr(P_CANDIDATES, [candidate(endpoint6()), bad]))])], None)
    twice = [endpoint4(), endpoint6(), endpoint4(), endpoint4(port=9)]
    netlink.set(name(DEVICE), attr(LISTEN4, socket.inet_aton("127.0.0.1")), attr(BIND_NAME, b"lo\0"), u32(FLAGS, REPLACE_PEERS), attr(PEERS, [
        peer(KEY, attr(P_CANDIDATES, [candidate(place) for place in twice]), u8(P_ROAM, 0)), peer(OTHER)]))
    device = dict(parse(netlink.dump(DEVICE)[0][20:]))
    check("listening addresses", (device[LISTEN4], device[LISTEN6]), (socket.inet_aton("127.0.0.1"), bytes(16)))
    check("bound to", (device[BIND_INDEX], device[BIND_NAME]), (struct.pack("=I", 1), b"lo\0"))
    peers = netlink.peers(DEVICE)
    places = [dict(parse(value))[C_ENDPOINT] for _, value in parse(peers[KEY][P_CANDIDATES])]
    check("candidates, once each", places, [endpoint4(), endpoint6(), endpoint4(port=9)])
    check("the first is the endpoint", peers[KEY][P_ENDPOINT], endpoint4())
    check("roaming", (peers[KEY][P_ROAM], peers[OTHER][P_ROAM], P_CANDIDATES in peers[OTHER]), (b"\0", b"\1", False))
    netlink.set(name(DEVICE), attr(PEERS, [peer(KEY, attr(P_CANDIDATES, []))]))
    peers = netlink.peers(DEVICE)
    check("candidates taken away", (P_CANDIDATES in peers[KEY], peers[KEY][P_ENDPOINT]), (False, endpoint4()))
    netlink.set(name(DEVICE), attr(LISTEN4, bytes(4)), u32(BIND_INDEX, 0), u32(FLAGS, REPLACE_PEERS))
    device = dict(parse(netlink.dump(DEVICE)[0][20:]))
    check("bound to nothing", (device[LISTEN4], BIND_INDEX in device, BIND_NAME in device), (bytes(4), False, False))


# ---- fuzz ----

def random_message(rng):
    """A valid message, of random attributes."""
    keys = [bytes([n]) * 31 + b"\7" for n in range(1, 9)]

    def some(*candidates):
        return [c() for c in candidates if rng.random() < 0.4]

    def some_ip():
        gone = [u32(I_FLAGS, 1)] if rng.random() < 0.2 else []
        return ip(rng.choice([f"10.{rng.randrange(256)}.0.0/{rng.randrange(33)}", f"fd0{rng.randrange(10)}::/{rng.randrange(129)}"]), *gone)

    own_of_peer = (
        lambda: u8(P_ROAM, rng.randrange(2)),
        lambda: attr(P_CANDIDATES, [candidate(endpoint4(port=rng.randrange(1, 9))) for _ in range(rng.randrange(18))]),
    ) if FAMILY == "weft" else ()
    own = (
        lambda: attr(LISTEN4, socket.inet_aton(rng.choice(["0.0.0.0", "127.0.0.1"]))),
        lambda: attr(BIND_NAME, rng.choice([b"\0", b"lo\0"])),
    ) if FAMILY == "weft" else ()

    def some_peer():
        return peer(rng.choice(keys), *some(
            lambda: attr(P_PSK, rng.randbytes(32)), lambda: u32(P_FLAGS, rng.randrange(8)), lambda: attr(P_ENDPOINT, endpoint4()),
            lambda: attr(P_ENDPOINT, endpoint6()), lambda: u16(P_KEEPALIVE, rng.choice([0, 1, 65535])), lambda: u32(P_VERSION, 1),
            lambda: attr(P_IPS, [some_ip() for _ in range(rng.randrange(5))]), *own_of_peer))

    return some(lambda: u32(FLAGS, rng.randrange(2)), lambda: u32(FWMARK, rng.randrange(2**32)), lambda: u16(PORT, rng.randrange(30000, 30010)),
                lambda: attr(PRIVATE, rng.choice(keys)), *own) + [attr(PEERS, [some_peer() for _ in range(rng.randrange(4))])]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 8])):
        where = rng.randrange(len(data))
        action = rng.randrange(4)
        if action == 0:
            data[where] ^= 1 << rng.randrange(8)
        elif action == 1:
            data[where] = rng.choice([0, 1, 4, 127, 128, 255, rng.randrange(256)])
        elif action == 2:
            data[where:where] = rng.randbytes(rng.randrange(9))
        else:
            del data[where:where + rng.randrange(9)]
        data = data or bytearray(4)
    return bytes(data)


def case_fuzz(netlink):
    """Valid messages, mutated. The kernel may accept or refuse each; its state must stay consistent and readable."""
    rng = random.Random(int(os.environ.get("FUZZ_SEED", "20")))
    counts = {"accepted": 0, "refused": 0}
    for number in range(int(os.environ.get("FUZZ_COUNT", "20000"))):
        message = name(os.environ["FUZZ_DEVICE"]) + mutate(rng, b"".join(random_message(rng)))
        try:
            netlink.exchange(rng.choice([SET, SET, SET, SET, rng.randrange(256)]), message)
            counts["accepted"] += 1
        except Refused as refused:
            counts["refused"] += 1
            if FAMILY == "weft" and not refused.text and refused.errno == EINVAL:
                sys.exit(f"message {number}: {message.hex()} is refused without a text")
        if number % 200 == 0:
            for key, values in netlink.peers(os.environ["FUZZ_DEVICE"]).items():
                check("length of a key", (len(key), len(values[P_PSK])), (32, 32))
    print(f"# {counts['accepted']} accepted, {counts['refused']} refused")
    if min(counts.values()) < 1000:
        sys.exit(f"the fuzzer is blind: {counts}")


# ---- rights ----

CLONE_NEWUSER = 0x10000000


def as_user(function):
    """Runs it in a child process whose user namespace owns no object here, without capabilities outside it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        function()
        os._exit(0)
    except SystemExit as why:
        print(why, file=sys.stderr)
    os._exit(1)


def refuse_all():
    netlink = Netlink()
    expect_errno(netlink, "EPERM", SET, name(DEVICE) + u32(FWMARK, 3))
    expect_errno(netlink, "EPERM", SET, b"")
    netlink.send(GET, name(DEVICE), flags=REQUEST | DUMP)
    try:
        netlink.dump_part()
    except Refused as refused:
        check("errno of a dump", ERRNO.get(refused.errno), "EPERM")
        return
    sys.exit("a dump was answered")


def case_unprivileged(netlink):
    """Without CAP_NET_ADMIN over the network namespace every request is refused."""
    before = netlink.state(DEVICE)
    check("status without rights", as_user(refuse_all), 0)

    def refuse_in_user_namespace():
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER):
            sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
        refuse_all()
    check("status as root of another user namespace", as_user(refuse_in_user_namespace), 0)
    check("the device", netlink.state(DEVICE), before)


def case_guest(netlink):
    """In a user's namespace, for a link that was moved there: the user must not change its port and its mark."""
    for mine in (attr(PEERS, [peer(KEY, u16(P_KEEPALIVE, 11))]), attr(PRIVATE, b"\x50" * 32)):
        netlink.set(name(DEVICE), mine)
    for theirs in (u16(PORT, 7), u32(FWMARK, 7), u16(PORT, 51820) + u32(FWMARK, 0)):
        refuse(netlink, "EPERM", [attr(PEERS, [GOOD_PEER]), theirs])


def case_owner(netlink):
    """In a user's namespace, for a link that was created there: the user may change everything."""
    netlink.set(name(DEVICE), u16(PORT, 7777), u32(FWMARK, 7), attr(PEERS, [peer(KEY)]))
    check("peers", list(netlink.peers(DEVICE)), [KEY])


def main():
    case = globals().get("case_" + sys.argv[1])
    if not case:
        sys.exit(f"'{sys.argv[1]}' is no case")
    case(Netlink())


if __name__ == "__main__":
    main()
