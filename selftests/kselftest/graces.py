#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A peer with several keys and sessions. See graces.sh."""
import base64, os, struct, subprocess, time
import wgpeer
from wgpeer import DATA, INITIATION, SLOW, Failure, Peer, check, drop_count, echo, in_tunnel_ns, kind, read_key, wg

GRACE = 10
WEFT = os.environ["WEFT"]


def text(key):
    return base64.b64encode(key).decode()


def tunnel(*arguments):
    return in_tunnel_ns(WEFT, *arguments)


class Keys(Peer):
    """A peer that keeps all its sessions, so that it can decrypt a reply under any of them."""

    def __init__(self):
        super().__init__()
        self.name = wg.pub(self.private)        # the peer's public key in the tunnel's configuration
        self.sessions = []

    def set(self, *arguments):
        tunnel("set", "wt0", "peer", text(self.name), *arguments)

    def make_initiation(self):
        """The tunnel accepts one initiation of a peer in 50 ms."""
        time.sleep(0.06)
        return super().make_initiation()

    def session_with(self, psk=bytes(32)):
        """A handshake initiated here, and a packet that confirms it."""
        handshake, message = self.make_initiation()
        handshake.psk = psk
        self.send(message)
        handshake.consume_response(self.receive_kind(wgpeer.RESPONSE))
        return self.keep(handshake)

    def keep(self, session):
        session.count = 0
        self.sessions.append(session)
        self.send(self.next_message(session))
        return session

    def next_message(self, session, inner=b""):
        message = session.seal(session.count, inner)
        session.count += 1
        return message

    def opened(self, message):
        for session in self.sessions:
            try:
                return session.open(message)[1]
            except Exception:   # of another session
                continue
        return b""

    def answered(self, session, seconds=2.0):
        """Whether a request under @session is answered, under any session. The first request may overtake the
        response."""
        sequence, due = session.count, 0.0
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if due <= time.monotonic():
                self.send(self.next_message(session, echo(True, id(session) & 0xFFFF, sequence)))
                due = time.monotonic() + 0.3
            message = self.receive(min(left, 0.1))
            inner = self.opened(message) if kind(message) == DATA else b""
            if inner[20:21] == b"\0" and inner[24:28] == struct.pack(">HH", id(session) & 0xFFFF, sequence):
                return True
        return False

    def refused(self, session):
        before = drop_count("rx_drop_no_session")
        check("whether a request under the ended session is answered", self.answered(session, 1), False)
        check("whether it is counted", drop_count("rx_drop_no_session") > before, True)

    def respond(self, seconds=8.0, psk=bytes(32)):
        """Answers the tunnel's next initiation."""
        handshake, response = self.make_response(self.receive_kind(INITIATION, seconds), psk)
        self.send(response)
        return self.keep(handshake)

    def change_key(self, private):
        """From now on this peer has another key, and the tunnel is configured with it."""
        self.set("next-public-key", text(wg.pub(private)))
        self.private = private
        session = self.session_with()
        self.name = wg.pub(private)
        check("an answer under the new key", self.answered(session), True)
        return session


def wait_until(what, seconds, holds):
    """Polls until `holds` is true; returns the elapsed time."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > seconds:
            raise Failure(f"{what} does not hold after {seconds} s")
        time.sleep(0.2)
    return time.monotonic() - start


def begin_public(file):
    peer = Keys()
    old = peer.session_with()
    check("an answer under the first session", peer.answered(old), True)
    return peer, old, read_key(file)


def public_off(file):
    peer, old, private = begin_public(file)
    new = peer.change_key(private)
    check("an answer under the old session while the grace lasts", peer.answered(old), True)
    peer.set("previous-public-key", "off")
    peer.refused(old)
    check("an answer under the new session", peer.answered(new), True)


def public_off_heals(file):
    peer, old, private = begin_public(file)
    first = peer.private
    peer.change_key(private)
    peer.private = first
    old = peer.session_with()
    check("an answer under the old key's newest session", peer.answered(old), True)
    peer.private = private
    peer.drain()
    peer.set("previous-public-key", "off")
    new = peer.respond()
    peer.refused(old)
    check("an answer under the new session", peer.answered(new), True)
    # The old key is refused as well.
    peer.private = first
    before = drop_count("rx_drop_unknown_peer")
    peer.send(peer.make_initiation()[1])
    wait_until("that its initiation is refused", 5 * SLOW, lambda: drop_count("rx_drop_unknown_peer") > before)


def public_in_time(file):
    peer, old, private = begin_public(file)
    peer.set("grace", str(GRACE))
    new = peer.change_key(private)
    replaced = time.monotonic()
    wait_until("that the old session ends", 2 * GRACE, lambda: not peer.answered(old, 0.5))
    took = time.monotonic() - replaced
    check(f"that it took {GRACE} s, not {took:.1f}", GRACE - 1 < took < GRACE + 4 * SLOW, True)
    check("an answer under the new session", peer.answered(new), True)


def lasts_10_s(what, peer, session):
    """A session in use, made with a key that has been replaced."""
    start = time.monotonic()
    check(f"an answer under {what} session, at once", peer.answered(session), True)
    wait_until(f"that {what} session ends", 20 * SLOW, lambda: not peer.answered(session, 0.5))
    took = time.monotonic() - start
    check(f"that it took 10 s, not {took:.1f}", 9 < took < 14 * SLOW, True)


def public_pushed_out(file):
    peer, old, private = begin_public(file)
    first = peer.private
    peer.change_key(private)
    peer.private = first
    old = peer.session_with()
    check("an answer under the old key's newest session", peer.answered(old), True)
    third = os.urandom(32)
    peer.set("next-public-key", text(wg.pub(third)))
    peer.private = third
    new = peer.session_with()
    wait_until("that the pushed-out key's session ends", 5 * SLOW, lambda: not peer.answered(old, 0.5))
    check("an answer under the third key's session", peer.answered(new), True)


def next_is_proved(file):
    """An initiation under the next key may be delayed for a peer that has dropped that key meanwhile."""
    peer, old, private = begin_public(file)
    first = peer.private
    peer.set("next-public-key", text(wg.pub(private)))
    peer.private = private
    handshake, message = peer.make_initiation()
    peer.send(message)
    handshake.consume_response(peer.receive_kind(wgpeer.RESPONSE))
    peer.private = first
    check("an answer under a session of the current key", peer.answered(peer.session_with()), True)
    check("the tunnel's name for the peer", tunnel("show", "wt0", "peers").split(), [text(peer.name)])
    # This session has replaced the one before, which was not confirmed.
    peer.private = private
    new = peer.session_with()
    wait_until("that a session has proved the next key", 5 * SLOW,
               lambda: tunnel("show", "wt0", "peers").split() == [text(wg.pub(private))])
    check("an answer under it", peer.answered(new), True)


def next_is_tried_again(file):
    """Both ends begin at once, and the peer with its former key: the try of its next key has not failed."""
    peer, _, private = begin_public(file)
    former = peer.private
    peer.set("next-public-key", text(wg.pub(private)))
    peer.private = private
    peer.make_response(peer.receive_kind(INITIATION, 8))
    peer.private = former
    check("an answer under a session of the former key", peer.answered(peer.session_with()), True)
    peer.private = private
    check("an answer under a session of the next key", peer.answered(peer.respond()), True)
    check("the tunnel's name for the peer", tunnel("show", "wt0", "peers").split(), [text(wg.pub(private))])


def has_preshared(key):
    return text(key) in tunnel("show", "wt0", "preshared-keys")


def change_preshared(peer, file):
    peer.set("next-preshared-key", file)
    session = peer.session_with(read_key(file))
    wait_until("that the preshared key is the current one", 5 * SLOW, lambda: has_preshared(read_key(file)))
    return session


def preshared_off(first, second):
    peer = Keys()
    peer.set("preshared-key", first)
    old = peer.session_with(read_key(first))
    new = change_preshared(peer, second)
    check("an answer under the old session while the grace lasts", peer.answered(old), True)
    peer.set("previous-preshared-key", "off")
    peer.refused(old)
    check("an answer under the new session", peer.answered(new), True)


def preshared_is_tried_again(file):
    """Handshakes cross, so the response of the next key stays unconfirmed, and one of the current key follows it."""
    peer = Keys()
    peer.session_with()
    peer.set("next-preshared-key", file)
    peer.receive_kind(INITIATION, 8)
    peer.send(peer.make_initiation()[1])
    peer.receive_kind(wgpeer.RESPONSE)
    check("an answer under a session of the current key", peer.answered(peer.session_with()), True)
    check("an answer under a session of the next key", peer.answered(peer.respond(psk=read_key(file))), True)
    check("whether the next key is the current one", has_preshared(read_key(file)), True)


def preshared_next_off(file):
    peer = Keys()
    first = peer.session_with()
    peer.set("next-preshared-key", file)
    handshake, message = peer.make_initiation()
    handshake.psk = read_key(file)
    peer.send(message)
    handshake.consume_response(peer.receive_kind(wgpeer.RESPONSE))
    peer.set("next-preshared-key", "/dev/null")
    handshake.count = 0
    peer.sessions.append(handshake)
    peer.refused(handshake)
    check("an answer under the first session", peer.answered(first), True)


def rotate(peer, file):
    peer.tunnel_key = base64.b64decode(tunnel("rotate", "wt0", "private-key", file))
    return peer.session_with()


def identity_finish(file):
    peer = Keys()
    old = peer.session_with()
    new = rotate(peer, file)
    check("an answer under the old session before the end", peer.answered(old), True)
    tunnel("rotate", "wt0", "finish")
    peer.refused(old)
    check("an answer under the new session", peer.answered(new), True)


def identity_finish_in_use(file):
    """As after crossing handshakes: each end has the other's new key, and neither has a session of it."""
    peer = Keys()
    old = peer.session_with()
    peer.tunnel_key = base64.b64decode(tunnel("rotate", "wt0", "private-key", file))
    tunnel("rotate", "wt0", "finish")
    lasts_10_s("the old key's", peer, old)
    peer.drain()
    check("an answer under a session of the new key", peer.answered(peer.respond()), True)


def newest_is_tried_again(file):
    """Handshakes cross, each of the newest keys: the tunnel's next try is not under its previous key."""
    peer = Keys()
    peer.session_with()
    peer.tunnel_key = base64.b64decode(tunnel("rotate", "wt0", "private-key", file))
    peer.receive_kind(INITIATION, 8)
    peer.send(peer.make_initiation()[1])
    peer.receive_kind(wgpeer.RESPONSE)
    check("an answer under a session of the newest keys", peer.answered(peer.respond()), True)


def identity_undo(file):
    peer = Keys()
    first = peer.tunnel_key
    peer.session_with()
    undone = rotate(peer, file)
    tunnel("rotate", "wt0", "undo")
    lasts_10_s("the undone key's", peer, undone)
    # Until now this peer left the tunnel's initiations unanswered.
    peer.tunnel_key = first
    peer.drain()
    check("an answer under a session of the first key", peer.answered(peer.respond()), True)


def identity_behind_a_peers(file, other):
    """A peer's previous key ends while the device has one that ends later."""
    peer, _, private = begin_public(file)
    peer.set("grace", str(GRACE // 2))
    tunnel("rotate", "wt0", "private-key", other, "grace", str(GRACE))
    start = time.monotonic()
    peer.change_key(private)
    wait_until("that the peer's previous key ends", GRACE, lambda: shows_none("previous-keys"))
    check("that the device has its previous key still", shows_none("previous-public-key"), False)
    wait_until("that the device's ends", 2 * GRACE, lambda: shows_none("previous-public-key"))
    took = time.monotonic() - start
    check(f"that it took {GRACE} s, not {took:.1f}", GRACE - 1 < took < GRACE + 4 * SLOW, True)


def again_and_again(what, act, ended):
    """Calls @act each second: the key replaced before ends nevertheless."""
    start = time.monotonic()
    while time.monotonic() - start < 2 * GRACE * SLOW:
        act()
        if ended():
            took = time.monotonic() - start
            check(f"that {what} ended after {GRACE} s, not {took:.1f}", took > GRACE - 3, True)
            return
        time.sleep(1)
    raise Failure(f"{what} has not ended after {2 * GRACE * SLOW} s")


def shows_none(field):
    return "(none)" in tunnel("show", "wt0", field)


def says(field):
    return f'"{field}"' in tunnel("-j", "show", "wt0")


def write_key(file):
    with open(file, "w") as handle:
        print(text(os.urandom(32)), file=handle)
    return file


def while_preshared_rotate(file, scratch):
    peer, _, private = begin_public(file)
    peer.set("grace", str(GRACE))
    peer.change_key(private)
    again_and_again("the previous public key", lambda: change_preshared(peer, write_key(scratch)),
                    lambda: shows_none("previous-keys"))
    check("whether the previous preshared key's grace lasts", says("preshared-grace-left"), True)
    check("whether the previous public key's does", says("grace-left"), False)


def while_public_rotate(file, scratch):
    peer = Keys()
    peer.session_with()
    peer.set("grace", str(GRACE))
    psk = read_key(write_key(scratch))
    change_preshared(peer, scratch)

    def change():
        private = os.urandom(32)
        peer.set("next-public-key", text(wg.pub(private)))
        peer.private = private
        peer.session_with(psk)
        peer.name = wg.pub(private)

    again_and_again("the previous preshared key", change, lambda: not says("preshared-grace-left"))
    check("whether the previous public key's grace lasts", says("grace-left"), True)


def while_grace_is_set(file, scratch):
    peer, _, private = begin_public(file)
    peer.set("grace", str(GRACE))
    peer.change_key(private)
    again_and_again("the previous public key", lambda: peer.set("grace", str(GRACE)),
                    lambda: shows_none("previous-keys"))


def while_begun_again(file, scratch):
    def begin():
        tunnel("rotate", "wt0", "private-key", file, "grace", str(GRACE))

    def begin_again():
        try:
            begin()
        except subprocess.CalledProcessError:
            # After the end of the grace the same key is no rotation any more.
            check("whether a rotation lasts", shows_none("previous-public-key"), True)

    begin()
    again_and_again("the device's previous key", begin_again, lambda: shows_none("previous-public-key"))


wgpeer.run(globals())
