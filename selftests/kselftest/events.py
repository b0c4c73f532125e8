#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A peer that roams rapidly. See events.sh."""
import time
import wgpeer
from wgpeer import Peer


def storm(count):
    """Sends keepalives from two ports in turn, so that each one changes the endpoint."""
    peer, other = Peer(), Peer(port=50001)
    peer.initiate()
    peer.send(peer.seal())
    time.sleep(0.2)
    began = time.monotonic()
    for number in range(int(count)):
        (peer if number % 2 else other).send(peer.seal())
        time.sleep(0.002)
    print(time.monotonic() - began)


wgpeer.run(globals())
