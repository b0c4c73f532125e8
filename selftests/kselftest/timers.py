#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A peer that measures the tunnel's timers by the arrival times of messages. See timers.sh."""
import base64, os, struct, time
import wgpeer
from memory import copies_in_kernel
from wgpeer import DATA, INITIATION, Failure, Peer, check, echo, echo_reply_to, in_tunnel_ns, kind, wg

KEEPALIVE_BYTES = 32
UNANSWERED = echo(False, 1, 1)  # data that needs no answer
JITTER = 0.334
IN_TREE = os.environ["KIND"] != "weft"
TRIES = 20 if IN_TREE else 18   # in-tree counts retries, and one too many


def lateness(seconds):
    """The lateness of the kernel's timers: longer ones have coarser steps of the wheel (kernel/time/timer.c, 250
    ticks a second)."""
    return 0.05 + (0.26 if seconds < 16 else 2.05 if seconds < 131 else 16.4)


def check_between(what, found, low, high):
    if not low - 0.01 <= found <= high + lateness(high):
        raise Failure(f"{what} is {found:.3f}, wanted {low} to {high}")


def check_gaps(what, times, low, high):
    for earlier, later in zip(times, times[1:]):
        check_between(what, later - earlier, low, high)


def collect(peer, seconds, answer=None):
    """The messages received within that time: (when, message). `answer` is called with each message."""
    got, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        message = peer.receive(left)
        if message:
            got.append((time.monotonic(), message))
            if answer:
                answer(message)
    return got


def times_of(wanted, got):
    return [when for when, message in got if kind(message) == wanted]


def tunnel_ping(*options):
    return in_tunnel_ns("ping", "-n", *(options or ("-c", "1", "-W", "1")), wgpeer.INNER_SELF, background=True)


def tunnel_set(*arguments):
    key = base64.b64encode(wg.pub(wgpeer.read_key(os.environ["KEY_FILE"]))).decode()
    in_tunnel_ns(os.environ["WEFT"], "set", "wt0", "peer", key, *arguments)


def respond(peer):
    """Answers the tunnel's next initiation, and returns the first message under the session."""
    handshake, response = peer.make_response(peer.receive_kind(INITIATION))
    peer.send(response)
    peer.begin(handshake)
    return peer.receive_kind(DATA)


def be_called(peer):
    """The tunnel initiates a session, sends one packet, and gets a keepalive for it."""
    tunnel_ping()
    respond(peer)
    peer.send(peer.seal())


def retransmits(peer):
    tunnel_ping()
    times = times_of(INITIATION, collect(peer, 180))
    check("initiations until it gave up", len(times), TRIES)
    check_gaps("time to the next try", times, 5, 5 + JITTER)
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    if max(gaps) - min(gaps) < 0.05:
        raise Failure(f"no jitter: {min(gaps)} to {max(gaps)}")
    # Rounded to steps of the timer wheel, the jitter would be lost, and two ends that initiate at once would keep
    # crossing.
    different = {round(gap, 2) for gap in gaps}
    if not IN_TREE and len(different) < 6:
        raise Failure(f"the tries are {sorted(different)} s apart and nothing else")
    tunnel_ping()
    check("type of the message when there is data again", kind(peer.receive(1)), INITIATION)


def does_not_storm(peer):
    """The retry interval does not depend on the amount of data."""
    pings = tunnel_ping("-i", "0.2", "-w", "30")
    times = times_of(INITIATION, collect(peer, 30))
    pings.wait()
    check("at least 6 initiations in 30 s", len(times) >= 6, True)
    check_gaps("time between initiations", times, 5, 5 + JITTER)


def answer_after_giving_up(peer, seconds):
    """Responds to the last of all tries, that long after the tunnel gave up; returns the tunnel's next message."""
    tunnel_ping()
    got = collect(peer, 120)
    last_at, last = got[-1]
    _, response = peer.make_response(last)
    time.sleep(last_at + 5.2 + seconds - time.monotonic())
    peer.send(response)
    return kind(peer.receive(1))


def keeps_handshake(peer):
    check("type of the answer to a late response", answer_after_giving_up(peer, 535), DATA)


def erases_handshake(peer):
    check("the answer to a response after 540 s", answer_after_giving_up(peer, 540 + lateness(540)), None)


def responder_waits(peer):
    """A session initiated here: the tunnel does not renew it, and neither sends nor accepts data after 180 s."""
    peer.initiate()
    born = time.monotonic()
    for age in (0, 60, 119, 121, 140, 166, 179.5):
        time.sleep(max(born + age - time.monotonic(), 0))
        check(f"an answer at {age} s", peer.ping_answered(), True)
        peer.send(peer.seal())      # answered, or the tunnel would start a handshake for lack of an answer
    check("initiations from the responder", peer.seen[INITIATION], 0)
    time.sleep(born + 180.2 - time.monotonic())
    check("an answer at 180.2 s", peer.ping_answered(), False)
    tunnel_ping()
    check("type of the message when there is data then", kind(peer.receive(1)), INITIATION)


def rekeys(peer):
    """A session that the tunnel initiated: renewed at the first packet after 120 s, and every packet is delivered."""
    sessions, sequences = {}, []

    def answer(message):
        if kind(message) == INITIATION:
            handshake, response = peer.make_response(message)
            sessions[handshake.i] = [handshake, 0]
            peer.send(response)
            return
        session = sessions[struct.unpack("<I", message[4:8])[0]]
        reply = echo_reply_to(session[0].open(message)[1])
        if reply:
            sequences.append(struct.unpack(">H", reply[26:28])[0])
            peer.send(session[0].seal(session[1], reply))
            session[1] += 1

    pings = tunnel_ping("-i", "1", "-c", "130", "-W", "2")
    got = collect(peer, 140, answer)
    check("status of ping", pings.wait(), 0)
    times = times_of(INITIATION, got)
    check("initiations", len(times), 2)
    check_between("time to the second", times[1] - times[0], 120, 121)
    check("numbers of the packets that arrived", sequences, list(range(1, 131)))
    check("session used at the end", struct.unpack("<I", got[-1][1][4:8])[0], max(sessions))


def rekeys_on_receive(peer):
    """Only empty packets arrive, so that the tunnel sends no data: at 165 s it renews nevertheless."""
    be_called(peer)
    born = time.monotonic()
    got = []
    while time.monotonic() - born < 174:
        got += collect(peer, 2)
        peer.send(peer.seal())
    times = times_of(INITIATION, got)
    check_between("age of the session at the first initiation", times[0] - born, 165, 165)
    check_gaps("time to the next try", times, 5, 5 + JITTER)
    check("data messages", times_of(DATA, got), [])


def last_handshake():
    lines = in_tunnel_ns(os.environ["WEFT"], "show", "wt0", "latest-handshakes").splitlines()
    return int(lines[0].split()[1])


def tells_last_handshake(peer):
    """For the responder a handshake counts once it is confirmed."""
    before = last_handshake()
    time.sleep(3)
    peer.initiate()
    check("latest handshake before it is confirmed", last_handshake(), before)
    time.sleep(3)
    peer.send(peer.seal())
    confirmed = time.time()
    time.sleep(3)
    check_between("age of the latest handshake", last_handshake() - confirmed, -1, 1)


def tells_last_handshake_begun(peer):
    be_called(peer)
    done = time.time()
    time.sleep(3)
    check_between("age of the latest handshake", last_handshake() - done, -1, 1)


def keeps_alive(peer):
    """One keepalive 10 s after data without another answer, and none in answer to a keepalive."""
    peer.initiate()
    peer.send(peer.seal(UNANSWERED))
    sent = time.monotonic()
    got = collect(peer, 10.5)
    peer.send(peer.seal())
    got += collect(peer, 60)
    check("lengths of the messages", [len(message) for _, message in got], [KEEPALIVE_BYTES])
    check_between("time to the keepalive", got[0][0] - sent, 10, 10)


def keeps_alive_once(peer):
    """Data for 5 s gets one keepalive as an answer. The in-tree module sends two."""
    peer.initiate()
    sent = time.monotonic()
    for _ in range(5):
        peer.send(peer.seal(UNANSWERED))
        time.sleep(1)
    got = collect(peer, 60)
    check("lengths of the messages", [len(message) for _, message in got], [KEEPALIVE_BYTES] * (2 if IN_TREE else 1))
    check_between("time to the keepalive", got[0][0] - sent, 10, 10)


def answers_instead(peer):
    """The tunnel's own data takes the place of a keepalive."""
    peer.initiate()
    check("an answer", peer.ping_answered(), True)
    peer.expect_silence(14)


def asks_anew(peer):
    """Data without an answer starts a handshake after 15 s."""
    tunnel_ping()
    respond(peer)
    sent = time.monotonic()
    times = times_of(INITIATION, collect(peer, 21.5))
    check("initiations", len(times), 2)
    check_between("time to the first", times[0] - sent, 15, 15 + JITTER)
    check_gaps("time to the next try", times, 5, 5 + JITTER)


def is_content(peer):
    """A keepalive counts as an answer."""
    tunnel_ping()
    respond(peer)
    time.sleep(14)
    peer.send(peer.seal())
    peer.expect_silence(30)


def persists(peer):
    """A keepalive when the interval is set, and then whenever 7 s have passed without a packet in either direction."""
    peer.initiate()
    peer.send(peer.seal())
    tunnel_set("persistent-keepalive", "7")
    start = time.monotonic()
    times = times_of(DATA, collect(peer, 22))
    check_between("time to the first", times[0] - start, -0.5, 0.5)
    check_gaps("time to the next", times, 7, 7)
    check("keepalives in 22 s", len(times), 4)
    time.sleep(times[-1] + 4 - time.monotonic())
    peer.send(peer.seal())
    heard = time.monotonic()
    check_between("time to the next after ours", times_of(DATA, collect(peer, 8))[0] - heard, 7, 7)
    tunnel_set("persistent-keepalive", "0")
    peer.expect_silence(20)


def persists_from_the_start(peer):
    in_tunnel_ns("ip", "link", "set", "wt0", "down")
    tunnel_set("persistent-keepalive", "20")
    peer.expect_silence(30)
    in_tunnel_ns("ip", "link", "set", "wt0", "up")
    check("type of the message at once", kind(peer.receive(0.5)), INITIATION)


def persists_after_giving_up(peer):
    tunnel_set("persistent-keepalive", "25")
    times = times_of(INITIATION, collect(peer, 250))
    tunnel_set("persistent-keepalive", "0")
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    if IN_TREE:
        check_between("the longest pause", max(gaps), 25, 25 + 2 * JITTER)
        check("more tries than one series has", len(times) > TRIES + 10, True)
        return
    # weft's pauses grow, up to a minute; liveness.sh checks their lengths.
    check_between("the longest pause", max(gaps), 45, 60)
    check("more tries than one series has", len(times) >= TRIES + 4, True)


def forgets_keys(peer):
    """The kernel's memory contains a session's keys for 540 s, and not for longer."""
    peer.initiate()
    born = time.monotonic()
    check("an answer", peer.ping_answered(), True)
    check("key found while in use", copies_in_kernel(peer.session.tx)[0] > 0, True)
    time.sleep(born + 535 - time.monotonic())
    check("key found after 535 s", copies_in_kernel(peer.session.tx)[0] > 0, True)
    time.sleep(born + 541 + lateness(540) - time.monotonic())
    check("copies of the key after 540 s", copies_in_kernel(peer.session.tx)[0], 0)
    check("copies of the other one", copies_in_kernel(peer.session.rx)[0], 0)


def all():
    peer = Peer()
    wgpeer.attempt(peer, retransmits, tx_drop_given_up=1)
    wgpeer.attempt(peer, does_not_storm, tx_drop_given_up=0)
    wgpeer.attempt(peer, keeps_handshake, rx_drop_no_session=0)
    wgpeer.attempt(peer, erases_handshake, rx_drop_no_session=1)
    wgpeer.attempt(peer, responder_waits, rx_drop_no_session=1)
    for action in (rekeys, rekeys_on_receive, tells_last_handshake, tells_last_handshake_begun, keeps_alive,
                   keeps_alive_once, answers_instead, asks_anew, is_content, persists, persists_from_the_start,
                   persists_after_giving_up, forgets_keys):
        wgpeer.attempt(peer, action)


wgpeer.run(globals())
