#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Makes the messages that flood.c sends, 64 of a kind in a file. Runs in the flooder's namespace; see flood.sh.

flood.py initiations FILE KEY                 forged: no MAC is right
flood.py known-key FILE KEY                   forged with the tunnel's public key: mac1 is valid
flood.py cookies FILE KEY TUNNEL SOURCE...    forged with a cookie for each of some addresses: both MACs are valid
flood.py strays FILE                          data messages of unknown sessions
flood.py replays FILE CAPTURE                 data messages from a capture
flood.py forgeries FILE CAPTURE               the same, with an invalid authenticator
"""
import base64, collections, os, socket, struct, sys

import wgproto as wg
from alone import alone

COUNT = 64
PORT, SOURCE_PORT = 51820, 7000
LOADING = 700           # more than 512 queued messages, which put a tunnel under load
SO_RCVBUFFORCE = 33     # for the replies to all of them
DATA_LENGTH = 1452      # of a full packet inside of 1420 bytes


def body(index=None):
    return b"\1\0\0\0" + (index or os.urandom(4)) + os.urandom(108)


def initiations(_key):
    return [body() + os.urandom(32) for _ in range(COUNT)]


def recent_key(key):
    return [wg.macs(body(), base64.b64decode(key)) for _ in range(COUNT)]


def load(sock, tunnel, message, wanted):
    """Queues all messages before the tunnel handles the first, on any CPU."""
    with alone():
        for _ in range(LOADING):
            sock.sendto(message, tunnel)
        sock.sendto(wanted, tunnel)


def get_cookie(key, tunnel, source):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, SOURCE_PORT))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sock.settimeout(3 * int(os.environ.get("SLOW", "1")))
        message, wanted = wg.macs(body(), key), wg.macs(body(b"mine"), key)
        load(sock, tunnel, message, wanted)
        while reply := sock.recv(2048):
            if reply[:1] == b"\3" and reply[4:8] == b"mine":
                return wg.open_cookie_reply(key, reply, wanted[116:132])


def cookies(key, tunnel, *sources):
    """The first message is for the first source, the second for the next one, in turn."""
    key = base64.b64decode(key)
    held = [get_cookie(key, (tunnel, PORT), source) for source in sources]
    return [wg.macs(body(), key, held[number % len(held)]) for number in range(COUNT)]


def strays():
    return [b"\4\0\0\0" + os.urandom(DATA_LENGTH - 4) for _ in range(COUNT)]


def payloads(capture):
    """Yields the UDP payloads of a capture of Ethernet and IPv4."""
    with open(capture, "rb") as file:
        data = file.read()
    at = 24
    while at < len(data):
        length, = struct.unpack_from("=I", data, at + 8)
        yield data[at + 16 + 14 + 20 + 8:at + 16 + length]
        at += 16 + length


def replays(capture):
    """Splits a packet for UDP segmentation into its messages."""
    found = collections.deque(maxlen=COUNT)
    for payload in payloads(capture):
        for at in range(0, len(payload) - DATA_LENGTH + 1, DATA_LENGTH):
            if payload[at:at + 4] == b"\4\0\0\0":
                found.append(payload[at:at + DATA_LENGTH])
    if len(found) != COUNT:
        sys.exit(f"flood.py: there are only {len(found)} messages in {capture}")
    return list(found)


def forgeries(capture):
    return [message[:-1] + bytes([message[-1] ^ 1]) for message in replays(capture)]


def main():
    name, file = sys.argv[1:3]
    makers = {"initiations": initiations, "known-key": recent_key, "cookies": cookies, "strays": strays,
              "replays": replays, "forgeries": forgeries}
    with open(file, "wb") as handle:
        handle.write(b"".join(makers[name](*sys.argv[3:])))


main()
