#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Puts a tunnel under load and checks its cookies and rate limits. See cookies.sh."""
import os, sys, time
import wgpeer
from load import flood
from wgpeer import COOKIE_REPLY, RESPONSE, SLOW, Peer, check, kind, wg

QUEUE = 4096


def get_cookie(peer):
    """Initiates under load; the answer has to be a cookie reply and nothing else."""
    _, message = peer.make_initiation()
    flood()
    peer.send(message)
    reply = peer.receive(2 * SLOW)
    check("type of the answer", kind(reply), COOKIE_REPLY)
    check("its length and index", (len(reply), reply[4:8]), (64, message[4:8]))
    return wg.open_cookie_reply(peer.tunnel_key, reply, message[116:132])


def call(peer, cookie=None, load=True):
    """The type of the answer to an initiation; no other message may follow."""
    _, message = peer.make_initiation(cookie)
    if load:
        flood()
    peer.send(message)
    answer = kind(peer.receive(SLOW))
    peer.expect_silence(0.3)
    return answer


def renews_secret(peer):
    """Runs first: the secret is made when the first cookie is."""
    first = get_cookie(peer)
    time.sleep(110)
    check("cookie after 110 s, same as the first", get_cookie(peer) == first, True)
    check("answer to it then", call(peer, first), RESPONSE)
    time.sleep(15)
    check("answer to the first cookie after 125 s", call(peer, first), COOKIE_REPLY)
    check("new cookie, same as the first", get_cookie(peer) == first, False)


def gives_cookie(peer):
    check("answer without load", call(peer, load=False), RESPONSE)
    check("answer under load", call(peer), COOKIE_REPLY)


def accepts_cookie(peer):
    cookie = get_cookie(peer)
    check("answer to the cookie", call(peer, cookie), RESPONSE)
    check("answer to another", call(peer, os.urandom(16)), COOKIE_REPLY)


def binds_cookie(peer):
    """A cookie is bound to the address and the port."""
    cookie = get_cookie(peer)
    for address, port in (("192.0.2.2", 50001), ("192.0.2.3", 51820)):
        other = Peer(address=address, port=port)
        check(f"answer to the cookie from {address}:{port}", call(other, cookie), COOKIE_REPLY)
    check("answer to the cookie from its own address and port", call(peer, cookie), RESPONSE)


def recovers(peer):
    get_cookie(peer)
    time.sleep(0.6)
    check("answer 0.6 s after the load", call(peer, load=False), COOKIE_REPLY)
    time.sleep(0.5)
    check("answer a second after the load", call(peer, load=False), RESPONSE)


def responses_to(calls):
    """The number of responses to initiations under load, given as (peer, initiation)."""
    flood()
    for peer, message in calls:
        peer.send(message)
    time.sleep(0.6 * SLOW)
    responses = 0
    for peer in {peer for peer, _ in calls}:
        while message := peer.receive(0.01):
            responses += kind(message) == RESPONSE
    return responses


def check_limited(what, calls, limit):
    """A slow machine answers so slowly that the limit may refill for one more."""
    responses = responses_to(calls)
    check(what, min(responses, limit) if responses - limit <= (SLOW > 1) else responses, limit)


def calls_from(peer, cookie, privates):
    """An initiation by each of several configured keys, all from one socket: the rate limit per key would otherwise
    count, too."""
    own, calls = peer.private, []
    for private in privates:
        peer.private = private
        calls.append((peer, peer.make_initiation(cookie)[1]))
    peer.private = own
    return calls


def known_keys():
    return [wgpeer.read_key(name) for name in sys.argv[2:]]


def limits_address(peer):
    keys, other = known_keys(), Peer(address="192.0.2.3")
    cookie, other_cookie = get_cookie(peer), get_cookie(other)
    time.sleep(0.5)
    check_limited("responses to ten initiations at once", calls_from(peer, cookie, keys), 5)
    time.sleep(0.5)
    both = calls_from(peer, cookie, keys[:5]) + calls_from(other, other_cookie, keys[5:])
    check("responses to five calls each from two addresses", responses_to(both), 10)


def refills_limit(peer):
    """The limit is 20 a second: five are refilled within a quarter of a second, and no more later."""
    keys, cookie = known_keys(), get_cookie(peer)
    time.sleep(3)
    for _ in range(2):
        check_limited("responses to ten initiations at once", calls_from(peer, cookie, keys), 5)


def limits_network(peer):
    """An IPv6 network of 64 bits is one source."""
    keys = known_keys()
    one, two, far = (Peer(address=address, family=6) for address in ("2001:db8::2", "2001:db8::3", "2001:db8:1::2"))
    cookies = [get_cookie(caller) for caller in (one, two, far)]
    time.sleep(0.5)
    calls = calls_from(one, cookies[0], keys[:4]) + calls_from(two, cookies[1], keys[4:8])
    check_limited("responses to eight calls from one network", calls, 5)
    time.sleep(0.5)
    calls = calls_from(one, cookies[0], keys[:4]) + calls_from(far, cookies[2], keys[4:8])
    check("responses to four calls each from two networks", responses_to(calls), 8)


def bounds_queue(peer):
    flood(QUEUE + 500)
    time.sleep(3 * SLOW)
    check("answer afterwards", call(peer, load=False), RESPONSE)


def hears_known(peer):
    """Initiations of a peer that has had a handshake are answered although the queue is full."""
    check("answer without load", call(peer, load=False), RESPONSE)
    cookie = get_cookie(peer)
    _, message = peer.make_initiation(cookie)
    time.sleep(0.5)
    flood(QUEUE + 500, lambda: peer.send(message))
    check("answer though the queue is full", kind(peer.receive(10 * SLOW)), RESPONSE)


def all(*_):
    peer = Peer(address="192.0.2.2")
    for action in (renews_secret, gives_cookie, accepts_cookie, binds_cookie, recovers):
        wgpeer.attempt(peer, action)
        time.sleep(1.5)
    wgpeer.attempt(peer, limits_address, rx_drop_rate_limit=5)
    wgpeer.attempt(peer, refills_limit, rx_drop_rate_limit=10)
    wgpeer.attempt(peer, limits_network, rx_drop_rate_limit=3)
    time.sleep(1.5)
    wgpeer.attempt(peer, bounds_queue, rx_drop_queue=500)
    time.sleep(1.5)
    wgpeer.attempt(peer, hears_known, rx_drop_queue=500)


wgpeer.run(globals())
