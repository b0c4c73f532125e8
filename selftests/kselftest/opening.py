#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The peer of a link that is set up, for opening.sh.

opening.py sessions ROUNDS     in each round the link is set down and up during a stream of initiations; the session
                               of the first response has timers in the tunnel
opening.py terms ROUNDS FILE   in each round the peer is removed, and added with the preshared key in FILE, during a
                               stream of initiations: each response decrypts only with that key
"""
import base64, copy, time
from wgpeer import Failure, Peer, RESPONSE, SLOW, check, drop_count, in_tunnel_ns, kind, read_key, run, wg

ANSWER_S, UP_S = 20, 5


class Answers:
    """Responses: the session of each replaces one that has not been confirmed yet."""

    def __init__(self, peer):
        self.peer, self.begun, self.count = peer, {}, 0

    def ask(self):
        handshake, message = self.peer.make_initiation()
        self.begun[self.peer.index] = handshake
        self.peer.send(message)

    def take(self, seconds):
        """Receives one message within that time: the session of a response is confirmed at once."""
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
    # Responses may still be in flight.
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


def opens(handshake, answer, preshared):
    """Whether a response was made with a preshared key."""
    handshake = copy.copy(handshake)
    handshake.psk = preshared
    try:
        handshake.consume_response(answer)
    except Exception:
        return False
    return True


class Calls:
    """Initiations that are made in advance, so that they are sent back to back. A peer that was added again accepts
    any timestamp."""

    def __init__(self, peer, count):
        self.peer, self.messages, self.begun = peer, [], {}
        for _ in range(count):
            handshake, message = peer.make_initiation()
            self.messages.append(message)
            self.begun[peer.index] = handshake

    def send_during(self, command):
        for message in self.messages:
            if command.poll() is not None:
                break
            self.peer.send(message)
            time.sleep(0.001)
        command.wait()

    def count_answers(self, preshared):
        """The number of responses made with the preshared key. Fails if any was made without."""
        good = 0
        while kind(answer := self.peer.receive(0.05 * SLOW)):
            if kind(answer) == RESPONSE:
                handshake = self.begun[int.from_bytes(answer[8:12], "little")]
                check("an answer without the preshared key", opens(handshake, answer, bytes(32)), False)
                good += opens(handshake, answer, preshared)
        return good


def terms(rounds, file):
    peer, good = Peer(), 0
    calls = Calls(peer, 400)
    key = base64.b64encode(wg.pub(peer.private)).decode()
    for _ in range(int(rounds)):
        in_tunnel_ns("weft", "set", "wt0", "peer", key, "remove")
        peer.drain()
        calls.send_during(in_tunnel_ns("weft", "set", "wt0", "peer", key, "preshared-key", file, "allowed-ips",
                                       "10.9.0.2/32", background=True))
        good += calls.count_answers(read_key(file))
    print(f"answers with the preshared key: {good}", flush=True)
    if not good:
        raise Failure("no initiation was answered")


run(globals())
