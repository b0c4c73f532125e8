#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A peer that moves very often; and what came out of a monitor. See events.sh."""
import json, time
import wgpeer
from wgpeer import Peer, check


def storm(count):
    """Says something from one port and the other in turn, so that the tunnel sees it move each time."""
    peer, other = Peer(), Peer(port=50001)
    peer.initiate()
    peer.send(peer.seal())
    time.sleep(0.2)
    began = time.monotonic()
    for number in range(int(count)):
        (peer if number % 2 else other).send(peer.seal())
        time.sleep(0.002)
    print(time.monotonic() - began)


def lines(file):
    """What was printed; what was complained of besides is left out."""
    with open(file) as handle:
        return [json.loads(line) for line in handle if line.startswith("{")]


def said(file, *fields):
    """One line for each event: so many of its fields, "-" where there is none."""
    for line in lines(file):
        print(*(line.get(field, "-") for field in fields))


def balance(file, first, last):
    """Of wt0, what was printed and what was missed is all that there was, in order, from one number to the other."""
    expected = int(first)
    printed = missed = 0
    for line in (line for line in lines(file) if line["interface"] == "wt0"):
        if "missed" in line:
            missed += line["missed"]
            expected += line["missed"]
        elif line["sequence"] >= int(first):
            check("sequence", line["sequence"], expected)
            expected += 1
            printed += 1
    check("the last number", expected - 1, int(last))
    print(printed, missed)


wgpeer.run(globals())
