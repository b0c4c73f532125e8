#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""One peer with three sockets: checks which messages change the tunnel's endpoint. See roaming.sh."""
import os, time
import wgpeer
from wgpeer import COOKIE_REPLY, DATA, INITIATION, RESPONSE, Failure, Peer, check, in_tunnel_ns, kind, wg

HOME, AWAY, AWAY6 = "192.0.2.2:51820", "192.0.2.2:50001", "[2001:db8::2]:50006"


def endpoint():
    return in_tunnel_ns(os.environ["WEFT"], "show", "wt0", "endpoints").split()[1]


def expect_move(where):
    for _ in range(20):
        if endpoint() == where:
            return
        time.sleep(0.1)
    raise Failure(f"the endpoint is {endpoint()!r}, wanted {where!r}")


def expect_stay():
    time.sleep(0.5)
    check("the endpoint", endpoint(), HOME)


def settle(home):
    """A session with the peer at home; nothing is left to read on the other sockets."""
    home.initiate()
    home.send(home.seal())
    expect_move(HOME)
    away.drain()


def moves_on_data(home):
    settle(home)
    away.send(home.seal())
    expect_move(AWAY)
    away6.send(home.seal())
    expect_move(AWAY6)
    home.send(home.seal(wgpeer.echo(True, 1, 1)))
    expect_move(HOME)
    check("type of the answer there", kind(home.receive(1)), DATA)


def moves_on_initiation(home):
    settle(home)
    time.sleep(wgpeer.PACE_S)
    _, message = home.make_initiation()
    away.send(message)
    expect_move(AWAY)


def moves_on_response(home):
    settle(home)
    wgpeer.restart()
    in_tunnel_ns("ping", "-n", "-c", "1", "-W", "1", wgpeer.INNER_SELF, background=True)
    _, message = home.make_response(home.receive_kind(INITIATION))
    away.send(message)
    expect_move(AWAY)


def stays_on_garbage(home):
    settle(home)
    message = home.seal()
    away.send(message[:-1] + bytes([message[-1] ^ 1]))
    away6.send(message[:16] + os.urandom(64))
    away.send(os.urandom(100))
    away.send(message[:20])
    expect_stay()


def stays_on_replay(home):
    settle(home)
    message = home.seal()
    home.send(message)
    away.send(message)
    away6.send(message)
    expect_stay()


def stays_on_replayed_initiation(home):
    settle(home)
    time.sleep(wgpeer.PACE_S)
    _, message = home.make_initiation()
    home.send(message)
    check("type of the answer", kind(home.receive(1)), RESPONSE)
    away.send(message)
    expect_stay()
    check("type of an answer to it", kind(away.receive(0.1)), None)


def stays_on_cookie_reply(home):
    """A cookie reply is accepted from any address, and does not change the endpoint."""
    settle(home)
    wgpeer.restart()
    in_tunnel_ns("ping", "-n", "-c", "1", "-W", "1", wgpeer.INNER_SELF, background=True)
    message = home.receive_kind(INITIATION)
    reply, cookie = wg.cookie_reply(wg.pub(home.private), message, int.from_bytes(message[4:8], "little"),
                                    os.urandom(32), b"where it comes from", os.urandom(24))
    check("type of the reply", kind(reply), COOKIE_REPLY)
    away.send(reply)
    expect_stay()
    again = home.receive_kind(INITIATION)
    check("mac2 of the next initiation", again[132:], wg.MAC(cookie, again[:132]))


def all():
    global away, away6
    home, away, away6 = Peer(address="192.0.2.2"), Peer(port=50001), Peer(port=50006, family=6)
    wgpeer.attempt(home, moves_on_data)
    wgpeer.attempt(home, moves_on_initiation)
    wgpeer.attempt(home, moves_on_response)
    wgpeer.attempt(home, stays_on_garbage, rx_drop_auth=2, rx_drop_malformed=2)
    wgpeer.attempt(home, stays_on_replay, rx_drop_replay=2)
    wgpeer.attempt(home, stays_on_replayed_initiation, rx_drop_timestamp=1)
    wgpeer.attempt(home, stays_on_cookie_reply, rx_drop_handshake=0)


wgpeer.run(globals())
