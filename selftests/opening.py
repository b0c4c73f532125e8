#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What opening.sh does as the peer of a link that comes up.

opening.py sessions ROUNDS     in each round the link goes down and up, and initiations come meanwhile; the session that
                               the first answer makes is known to the tunnel's timers
"""
import base64, time
from wgpeer import Failure, Peer, RESPONSE, check, drop_count, in_tunnel_ns, kind, run, wg

ANSWER_S = 20


def first_answer(peer):
    """Initiations until one is answered: the handshake, done."""
    begun, end = {}, time.monotonic() + ANSWER_S
    while time.monotonic() < end:
        handshake, message = peer.make_initiation()
        begun[peer.index] = handshake
        peer.send(message)
        answer = peer.receive(0.001)
        if kind(answer) == RESPONSE:
            handshake = begun[int.from_bytes(answer[8:12], "little")]
            handshake.consume_response(answer)
            return handshake
    raise Failure(f"no answer within {ANSWER_S} s")


def state(key):
    for line in in_tunnel_ns("weft", "show", "wt0", "state").splitlines():
        if line.split()[0] == key:
            return line.split()[1]
    raise Failure("the tunnel has no such peer")


def state_becomes(key, wanted, seconds=3):
    end = time.monotonic() + seconds
    while state(key) != wanted and time.monotonic() < end:
        time.sleep(0.02)
    check("the peer's state", state(key), wanted)


def a_round(peer, key):
    in_tunnel_ns("ip", "link", "set", "wt0", "down")
    peer.drain()
    coming_up = in_tunnel_ns("ip", "link", "set", "wt0", "up", background=True)
    peer.begin(first_answer(peer))
    peer.send(peer.seal())
    coming_up.wait()
    state_becomes(key, "up")


def sessions(rounds):
    peer = Peer()
    key = base64.b64encode(wg.pub(peer.private)).decode()
    before = drop_count("tx_drop_send")
    for number in range(int(rounds)):
        try:
            a_round(peer, key)
        except Failure as failure:
            raise Failure(f"round {number}: {failure}") from None
    check("answers that could not be sent", drop_count("tx_drop_send") - before, 0)


run(globals())
