# SPDX-License-Identifier: GPL-2.0
"""Puts a tunnel under load.

load.py load_for SECONDS WAITING     keeps it under load for so long, with so many messages waiting
"""
import contextlib, os, socket, struct, sys, time
import wgpeer
from alone import alone
from wgpeer import COOKIE_REPLY, SLOW, Peer, kind, wg

LOADING = 700           # more than the 512 waiting messages from which on a tunnel is under load
UDP_SEGMENT = 103
SEGMENTS = 60           # to a burst; no kernel takes fewer at once
AT_FIRST = 15           # bursts, to have load begin
PERIOD = 0.5            # seconds from one flood to the next
UNANSWERED = 5          # seconds after which it is taken to have been lost, or taken in without load
SO_RCVBUFFORCE = 33
flooder = None


def burst(count=SEGMENTS, index=0):
    """Sends initiations with a good mac1 and nothing else that is good."""
    global flooder
    if not flooder:
        flooder = Peer(os.urandom(32), port=0)
        flooder.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    message = wg.macs(struct.pack("<II", 1, index) + os.urandom(108), flooder.tunnel_key)
    flooder.socket.setsockopt(socket.SOL_UDP, UDP_SEGMENT, len(message))
    flooder.send(message * count)


def flood(count=LOADING, then=lambda: None):
    """Does something behind so many, before any of them is looked at."""
    with alone():
        for sent in range(0, count, SEGMENTS):
            burst(min(SEGMENTS, count - sent))
        then()


def newest_answered(seconds, enough):
    """The last of the bursts that are answered within that time, if not enough before; or None."""
    end, newest = time.monotonic() + seconds, -1
    while newest < enough:
        left = max(0, end - time.monotonic())
        message = flooder.receive(left)
        if kind(message) == COOKIE_REPLY:
            newest = max(newest, struct.unpack("<I", message[4:8])[0])
        elif not left:
            break
    return newest if newest >= 0 else None


def load_begins(waiting):
    """Floods until a cookie comes back for most of it; returns the number of bursts. What reads them no faster than it works on
    them may need more than one flood."""
    keep = waiting // SEGMENTS
    sent = answered = 0
    heard = time.monotonic()
    while True:
        with alone() if sent == answered else contextlib.nullcontext():
            for index in range(sent, answered + (AT_FIRST if sent == answered else keep)):
                burst(index=index)
                sent = index + 1
        newest = newest_answered(0.2, answered + keep // 4)
        if newest is not None:
            answered, heard = max(answered, newest), time.monotonic()
            if sent - answered <= keep:
                return sent
        elif time.monotonic() - heard > UNANSWERED:
            answered, heard = sent, time.monotonic()


def is_answered(first, last):
    """Whether a cookie comes for one of these bursts; waits for the last one's, while others come."""
    newest = -1
    while newest < last:
        answered = newest_answered(PERIOD * SLOW, last)
        if answered is None:
            break
        newest = max(newest, answered)
    return newest >= first


def flood_again(bursts, first):
    """Until the tunnel shows that it is under load; returns the next number."""
    end = time.monotonic() + UNANSWERED * SLOW
    while time.monotonic() < end:
        last = first + bursts - 1
        with alone():
            for index in range(first, last + 1):
                burst(index=index)
        if is_answered(first, last):
            return last + 1
        first = last + 1
    sys.exit("the tunnel is not under load any more")


def load_for(seconds, waiting):
    """Puts the tunnel under load, says so, and keeps it there: load outlasts its cause by a second, so that one flood in
    half of that time will do."""
    number = load_begins(int(waiting))
    print("loaded", flush=True)
    end = time.monotonic() + float(seconds)
    while (begin := time.monotonic()) < end:
        number = flood_again(int(waiting) // SEGMENTS, number)
        time.sleep(max(0, begin + PERIOD - time.monotonic()))


if __name__ == "__main__":
    wgpeer.run(globals())
