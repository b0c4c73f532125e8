#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A peer whose handshakes deviate from those of a well-behaved one. See handshake.sh."""
import time
import wgpeer
from wgpeer import DATA, INITIATION, RESPONSE, Peer, check, in_tunnel_ns, kind


def begin_from_tunnel(peer):
    """Makes the tunnel send a packet, and returns its initiation."""
    in_tunnel_ns("ping", "-n", "-c", "1", "-W", "1", wgpeer.INNER_SELF, background=True)
    return peer.receive_kind(INITIATION)


def responds(peer):
    handshake, response = peer.make_response(begin_from_tunnel(peer))
    peer.send(response)
    peer.begin(handshake)
    first = peer.open(peer.receive_kind(DATA))
    check("first packet under the session: its protocol", first[9], 1)


def initiates(peer):
    peer.initiate()
    peer.expect_silence(1)
    check("an answer to the ping", peer.ping_answered(), True)


def overtaken(peer):
    """The response arrives after the tunnel has consumed another initiation."""
    late, response = peer.make_response(begin_from_tunnel(peer))
    peer.initiate()
    peer.send(response)
    peer.expect_silence(1)
    check("an answer under the session that was made meanwhile", peer.ping_answered(), True)
    peer.begin(late)
    check("an answer under the one that was overtaken", peer.ping_answered(), False)


def answered_twice(peer):
    """Only the first response to an initiation counts."""
    initiation = begin_from_tunnel(peer)
    first, response = peer.make_response(initiation)
    peer.send(response)
    peer.begin(first)
    peer.open(peer.receive_kind(DATA))
    second, response = peer.make_response(initiation)
    peer.send(response)
    peer.expect_silence(1)
    check("an answer under the first session", peer.ping_answered(), True)
    peer.begin(second)
    check("an answer under the second one", peer.ping_answered(), False)


def replayed(peer):
    """A repeated initiation and an older one get no answer."""
    _, old = peer.make_initiation()
    _, new = peer.make_initiation()
    peer.send(new)
    check("type of the answer", kind(peer.receive(2)), RESPONSE)
    time.sleep(0.1)
    peer.send(new)
    peer.expect_silence(1)
    peer.send(old)
    peer.expect_silence(1)


def unconfirmed(peer):
    """As responder the tunnel sends nothing under a session that the initiator has not used yet."""
    peer.initiate()
    in_tunnel_ns("ping", "-n", "-c", "1", "-W", "1", wgpeer.INNER_SELF, background=True)
    peer.expect_silence(1)
    peer.send(peer.seal())
    first = peer.open(peer.receive_kind(DATA))
    check("first packet after it: its protocol", first[9], 1)



def all():
    peer = Peer()
    wgpeer.attempt(peer, responds)
    wgpeer.attempt(peer, initiates)
    wgpeer.attempt(peer, overtaken, rx_drop_no_session=2)
    wgpeer.attempt(peer, answered_twice, rx_drop_handshake=1)
    wgpeer.attempt(peer, replayed, rx_drop_timestamp=2)
    wgpeer.attempt(peer, unconfirmed, rx_drop_no_session=0)


wgpeer.run(globals())
