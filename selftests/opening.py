#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What opening.sh does as the peer of a link that comes up.

opening.py sessions ROUNDS     in each round the link goes down and up, and initiations come meanwhile; the session that
                               the first answer makes is known to the tunnel's timers
"""
import base64, time
from wgpeer import Failure, Peer, RESPONSE, SLOW, check, drop_count, in_tunnel_ns, kind, run, wg

ANSWER_S, UP_S = 20, 5


class Answers:
    """Those to initiations: each makes a session, which takes the place of one that has not been confirmed yet."""

    def __init__(self, peer):
        self.peer, self.begun, self.count = peer, {}, 0

    def ask(self):
        handshake, message = self.peer.make_initiation()
        self.begun[self.peer.index] = handshake
        self.peer.send(message)

    def take(self, seconds):
        """What comes within so many seconds: an answer's session is confirmed at once."""
        answer = self.peer.receive(seconds)
        if kind(answer) != RESPONSE:
            return
        handshake = self.begun[int.from_bytes(answer[8:12], "little")]
        handshake.consume_response(answer)
        self.peer.begin(handshake)
        self.peer.send(self.peer.seal())
        self.count += 1


def state(key):
    for line in in_tunnel_ns("weft", "show", "wt0", "state").splitlines():
        if line.split()[0] == key:
            return line.split()[1]
    raise Failure("the tunnel has no such peer")


def until(seconds, done, action, what):
    end = time.monotonic() + seconds * SLOW
    while not done():
        if time.monotonic() > end:
            raise Failure(f"no {what} within {seconds * SLOW} s")
        action()


def a_round(peer, key):
    in_tunnel_ns("ip", "link", "set", "wt0", "down")
    peer.drain()
    coming_up = in_tunnel_ns("ip", "link", "set", "wt0", "up", background=True)
    answers = Answers(peer)
    until(ANSWER_S, lambda: answers.count, lambda: (answers.ask(), answers.take(0.001)), "answer")
    coming_up.wait()
    # Answers may still be under way.
    until(UP_S, lambda: state(key) == "up", lambda: answers.take(0.05), "peer that is up")


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
