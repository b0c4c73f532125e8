# SPDX-License-Identifier: GPL-2.0
"""Puts a tunnel under load.

load.py load_for SECONDS WAITING     keeps it under load for so long, with so many messages waiting
"""
import contextlib, os, socket, struct, sys, time
import wgpeer
from alone import alone
from wgpeer import COOKIE_REPLY, SLOW, Peer, kind, wg

LOADING = 700           # more than the 512 queued messages from which on a tunnel is under load
UDP_SEGMENT = 103
SEGMENTS = 60           # of a burst; each kernel accepts that many in one call
AT_FIRST = 15           # bursts until load begins
PERIOD = 0.5            # seconds between the starts of two floods
UNANSWERED = 5          # seconds after which a burst counts as lost, or as processed without load
SO_RCVBUFFORCE = 33
flooder = None


def burst(count=SEGMENTS, index=0):
    """Sends initiations with a valid mac1 and no other valid field."""
    global flooder
    if not flooder:
        flooder = Peer(os.urandom(32), port=0)
        flooder.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    message = wg.macs(struct.pack("<II", 1, index) + os.urandom(108), flooder.tunnel_key)
    flooder.socket.setsockopt(socket.SOL_UDP, UDP_SEGMENT, len(message))
    flooder.send(message * count)


def flood(count=LOADING, then=lambda: None):
    """Queues that many initiations, and calls `then` before the tunnel processes any of them."""
    with alone():
        for sent in range(0, count, SEGMENTS):
            burst(min(SEGMENTS, count - sent))
        then()


def newest_answered(seconds, enough):
    """The last of the bursts that are answered within that time, or the first that reaches `enough`; None without an
    answer."""
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
    """Floods until most of a flood is answered by cookies; returns the number of bursts. A tunnel that receives no
    faster than it processes may need more than one flood."""
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
    """Whether a cookie arrives for one of these bursts; waits for the last one's while others arrive."""
    newest = -1
    while newest < last:
        answered = newest_answered(PERIOD * SLOW, last)
        if answered is None:
            break
        newest = max(newest, answered)
    return newest >= first


def flood_again(bursts, first):
    """Floods until the tunnel proves to be under load; returns the next number."""
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
    """Puts the tunnel under load, prints "loaded", and keeps up the load: it lasts for a second after its cause, so
    that a flood every half second suffices."""
    number = load_begins(int(waiting))
    print("loaded", flush=True)
    end = time.monotonic() + float(seconds)
    while (begin := time.monotonic()) < end:
        number = flood_again(int(waiting) // SEGMENTS, number)
        time.sleep(max(0, begin + PERIOD - time.monotonic()))


if __name__ == "__main__":
    wgpeer.run(globals())
