#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A peer that writes its keys into a file in the format of Wireshark. See capture.sh."""
import base64, os, time

import wgpeer
from wgpeer import COOKIE_REPLY, DATA, INITIATION, RESPONSE, Peer, check, echo_reply_to, in_tunnel_ns, wg


def log(name, key):
    with open(os.environ["KEY_LOG"], "a") as file:
        print(f"{name} = {base64.b64encode(key).decode()}", file=file)


class OpenPeer(Peer):
    """A peer that writes down each key that it uses."""

    def __init__(self, **more):
        super().__init__(**more)
        self.psk = bytes(32)
        log("LOCAL_STATIC_PRIVATE_KEY", self.private)
        log("REMOTE_STATIC_PUBLIC_KEY", self.tunnel_key)

    def ephemeral(self):
        key = os.urandom(32)
        log("LOCAL_EPHEMERAL_PRIVATE_KEY", key)
        if any(self.psk):
            log("PRESHARED_KEY", self.psk)
        return key

    def make_initiation(self, cookie=None):
        handshake = wg.Handshake(self.private, self.tunnel_key, self.psk)
        return handshake, handshake.initiate(self.new_index(), self.ephemeral(), wgpeer.timestamp(), cookie)

    def make_response(self, initiation):
        handshake = wg.Handshake(self.private, psk=self.psk)
        check("static key of the initiator", handshake.consume_initiation(initiation)[0], self.tunnel_key)
        return handshake, handshake.respond(self.new_index(), self.ephemeral())


def tunnel_pings(*options):
    return in_tunnel_ns("ping", "-n", "-c", "1", "-W", "10", *options, wgpeer.INNER_SELF, background=True)


def answer_ping(peer):
    peer.send(peer.seal(echo_reply_to(peer.open(peer.receive_kind(DATA)))))


def respond_and_answer(peer, ping):
    handshake, response = peer.make_response(peer.receive_kind(INITIATION))
    peer.send(response)
    peer.begin(handshake)
    answer_ping(peer)
    check("status of ping", ping.wait(), 0)


def responds(peer):
    """Data of several lengths, and a keepalive each way."""
    respond_and_answer(peer, tunnel_pings())
    for size in "0", "100", "1392":
        ping = tunnel_pings("-s", size)
        answer_ping(peer)
        check("status of ping", ping.wait(), 0)
    peer.send(peer.seal())
    check("length of the message after 10 s", len(peer.receive_kind(DATA, 15)), 32)


def initiates(peer):
    peer.initiate()
    check("an answer to the ping", peer.ping_answered(), True)


def initiates_over_v6(_):
    initiates(OpenPeer(family=6))


def tunnel_psk(file):
    key = base64.b64encode(wg.pub(wgpeer.read_key(os.environ["KEY_FILE"]))).decode()
    in_tunnel_ns(os.environ["WEFT"], "set", "wt0", "peer", key, "preshared-key", file)


def shares(peer):
    """A preshared key, in both roles."""
    peer.psk = wgpeer.read_key(os.environ["PSK_FILE"])
    tunnel_psk(os.environ["PSK_FILE"])
    initiates(peer)
    wgpeer.restart()
    peer.drain()
    respond_and_answer(peer, tunnel_pings())
    tunnel_psk("/dev/null")
    peer.psk = bytes(32)


def gives_cookie(peer):
    """The tunnel's next initiation carries the cookie."""
    ping = tunnel_pings()
    message = peer.receive_kind(INITIATION)
    index = int.from_bytes(message[4:8], "little")
    reply, cookie = wg.cookie_reply(wg.pub(peer.private), message, index, os.urandom(32), b"anything", os.urandom(24))
    peer.send(reply)
    message = peer.receive_kind(INITIATION)
    check("its second MAC", message[132:] == wg.MAC(cookie, message[:132]), True)
    handshake, response = peer.make_response(message)
    peer.send(response)
    peer.begin(handshake)
    answer_ping(peer)
    check("status of ping", ping.wait(), 0)


def takes_cookie(peer):
    _, message = peer.make_initiation()
    peer.send(message)
    cookie = wg.open_cookie_reply(peer.tunnel_key, peer.receive_kind(COOKIE_REPLY), message[116:132])
    handshake, message = peer.make_initiation(cookie)
    peer.send(message)
    handshake.consume_response(peer.receive_kind(RESPONSE))
    peer.begin(handshake)
    check("an answer to the ping", peer.ping_answered(), True)


def all():
    peer = OpenPeer()
    for action in (responds, initiates, initiates_over_v6, shares, gives_cookie):
        wgpeer.attempt(peer, action)
        time.sleep(0.1)


def under_load():
    peer = OpenPeer()
    takes_cookie(peer)
    print("takes_cookie: passed", flush=True)


wgpeer.run(globals())
