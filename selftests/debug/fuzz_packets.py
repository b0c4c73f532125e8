#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The other end of the tunnel in fuzz_packets.sh: it speaks the protocol, and the injector spoils its messages.

fuzz_packets.py fuzz SEED COUNT SECONDS sends COUNT frames, or as many as it can in that time. Each round is a handshake
of its own, messages that the tunnel would accept, and then the injector with both. A second peer, with its key in the
file SILENT_FILE, gets initiations from the tunnel: it provides responses and cookie replies that the tunnel would
accept as well. OTHERS=1: some frames go to the tunnels of fuzz_netlink.
"""
import os, subprocess, time

import wgpeer
from wgpeer import INITIATION, RESPONSE, Failure, Peer, check, kind, wg

INJECTOR = os.environ.get("INJECTOR", "/weft/programs/fuzz_packets")
SLOW = int(os.environ.get("SLOW", "1"))
SILENT_PORT = 51821
ROUND_SECONDS = 20
# In every fourth round most messages are handshakes: the tunnel is under load.
HANDSHAKES = (5, 5, 60, 5)


def settle(peer, handshake):
    """Returns whether a response to this handshake came; others are ignored."""
    end = time.monotonic() + 3 * SLOW
    while (left := end - time.monotonic()) > 0:
        message = peer.receive(left)
        if kind(message) != RESPONSE:
            continue
        try:
            handshake.consume_response(message)
            return True
        except ValueError:
            pass
    return False


def establish(peer):
    """Makes a session. A tunnel under load takes a while to respond."""
    for _ in range(20):
        peer.drain()
        handshake, message = peer.make_initiation()
        peer.send(message)
        if settle(peer, handshake):
            peer.begin(handshake)
            peer.send(peer.seal())
            return
        time.sleep(1.5)
    raise Failure("no handshake succeeds")


def call_back(silent):
    """Resets the tunnel's state of the silent peer, and has it initiate; returns its initiation."""
    key = wgpeer.base64.b64encode(wg.pub(silent.private)).decode()
    wgpeer.in_tunnel_ns("weft", "set", "wt0", "peer", key, "remove")
    silent.drain()
    wgpeer.in_tunnel_ns("weft", "set", "wt0", "peer", key, "endpoint", f"192.0.2.2:{SILENT_PORT}", "persistent-keepalive", "1")
    return silent.receive_kind(INITIATION, 20 * SLOW)


def stranger(peer):
    """An initiation that is valid but for the sender's key, which the tunnel does not know."""
    handshake = wg.Handshake(os.urandom(32), peer.tunnel_key)
    return handshake.initiate(peer.new_index(), os.urandom(32), wgpeer.timestamp())


def good_messages(peer, silent):
    called = call_back(silent)
    messages = [peer.make_initiation()[1] for _ in range(8)] + [stranger(peer) for _ in range(2)]
    messages += [silent.make_response(called)[1] for _ in range(4)]
    index = int.from_bytes(called[4:8], "little")
    messages.append(wg.cookie_reply(wg.pub(silent.private), called, index, os.urandom(32), b"anywhere", os.urandom(24))[0])
    return messages


def other_targets():
    """The tunnels of fuzz_netlink: their ports, and the keys that they may have."""
    if "OTHERS" not in os.environ:
        return []
    return [(port, wg.pub(bytes([number]) * 31 + b"\7")) for port in range(30000, 30010) for number in range(1, 5)]


def inject(peer, messages, seed, count, seconds, handshakes):
    """Runs a round; returns the number of frames sent, and of frames refused by the socket."""
    session = peer.session
    lines = [f"session {session.tx.hex()} {session.ri} {peer.counter}"]
    lines += [f"message {message.hex()}" for message in messages]
    lines += [f"target {port} {key.hex()}" for port, key in [(wgpeer.TUNNEL_PORT, peer.tunnel_key)] * 20 + other_targets()]
    done = subprocess.run([INJECTOR, "vb", str(seed), str(count), str(seconds), str(handshakes)], input="\n".join(lines),
                          capture_output=True, text=True)
    words = done.stdout.split()
    check(f"status of the injector, which said {done.stdout!r}", done.returncode, 0)
    return int(words[1]), int(words[3])


def fuzz(seed, count, seconds):
    peer = Peer(address="192.0.2.2")
    silent = Peer(private=wgpeer.read_key(os.environ["SILENT_FILE"]), address="192.0.2.2", port=SILENT_PORT)
    begin = time.monotonic()
    number = sent = refused = 0
    while sent < int(count) and (left := begin + int(seconds) - time.monotonic()) > 0:
        establish(peer)
        one, other = inject(peer, good_messages(peer, silent), int(seed) * 1000 + number, int(count) - sent,
                            max(1, int(min(left, ROUND_SECONDS))), HANDSHAKES[number % len(HANDSHAKES)])
        sent, refused, number = sent + one, refused + other, number + 1
    took = time.monotonic() - begin
    print(f"{sent} frames in {number} rounds and {took:.0f} s, {sent / took:.0f} a second; {refused} not taken by the packet socket")


wgpeer.run(globals())
