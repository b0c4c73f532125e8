#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A peer whose messages two CPUs may decrypt at once. See handshake-race.sh."""
import time
import wgpeer
from wgpeer import DATA, INITIATION, RESPONSE, Peer, check, in_tunnel_ns

ROUNDS, COPIES = 10, 64


def send_copies(peer, message):
    for _ in range(COPIES):
        peer.send(message)


def answers_once(peer):
    for _ in range(ROUNDS):
        time.sleep(0.03)
        handshake, message = peer.make_initiation()
        send_copies(peer, message)
        handshake.consume_response(peer.receive_kind(RESPONSE))
        peer.expect_silence(0.5)
        peer.begin(handshake)
        check("an answer under the session", peer.ping_answered(), True)


def takes_once(peer):
    in_tunnel_ns("ping", "-n", "-c", "1", "-W", "1", wgpeer.INNER_SELF, background=True)
    handshake, response = peer.make_response(peer.receive_kind(INITIATION))
    send_copies(peer, response)
    peer.begin(handshake)
    check("the packet that waited: its protocol", peer.open(peer.receive_kind(DATA))[9], 1)
    peer.expect_silence(0.5)
    check("an answer under the session", peer.ping_answered(), True)


def storm(*files):
    """All callers initiate continuously, and print the number of responses."""
    peer, answered, last = Peer(), 0, 0
    keys = [wgpeer.read_key(file) for file in files]
    while True:
        for peer.private in keys:
            peer.send(peer.make_initiation()[1])
        while message := peer.receive(0.0001):
            answered += message[0] == RESPONSE
        if answered and time.monotonic() > last + 1:
            last = time.monotonic()
            print(f"answered: {answered}", flush=True)


def works(peer=None):
    """The tunnel works after all changes."""
    if not peer:
        wgpeer.attempt(Peer(), works)
        return
    peer.initiate()
    check("an answer under the session", peer.ping_answered(), True)


def all():
    peer = Peer()
    wgpeer.attempt(peer, answers_once, rx_drop_timestamp=ROUNDS * (COPIES - 1))
    wgpeer.attempt(peer, takes_once, rx_drop_handshake=COPIES - 1)


wgpeer.run(globals())
