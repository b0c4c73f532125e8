#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Each allocation is refused in turn. See failslab.sh.

failslab.py OPERATION    does OPERATION with the first allocation refused that weft makes, or that is made for it, then with
                         the second, and so on, until there are no more; each time what it leaves has to be in order. Says
                         how many there were; exits with what was wrong. Those of two ends take their namespaces from A
                         and B, where wt0 is.
"""
import collections
import contextlib
import ctypes
import errno
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time

import wgnetlink as nl
from links import Links, link_exists, link_is_up
from namespace import enter
from wgnetlink import attr, ip, name, peer, u8, u16, u32

PARAMETERS = "/sys/module/weft_fault/parameters/"
# With fault injection the kernel asks two functions; else its allocators themselves are told to fail. For memory of every
# processor it never asks.
ASKED = ("should_failslab=enomem1", "should_fail_alloc_page=yes0")
ALLOCATORS = ("kmem_cache_alloc_noprof=null1", "kmem_cache_alloc_lru_noprof=null2", "kmem_cache_alloc_node_noprof=null1",
              "__kmalloc_noprof=null1", "__kmalloc_node_noprof=null1", "__kmalloc_cache_noprof=null1",
              "__kmalloc_cache_node_noprof=null1", "__kmalloc_node_track_caller_noprof=null1",
              "__kmalloc_large_noprof=null1", "__alloc_pages_noprof=null0")
ALWAYS = ("pcpu_alloc_noprof=null",)
NONE = 2**32 - 1
# What the kernel says where memory is short; of routes and of sockets it has words of its own.
SHORT = {errno.ENOMEM, errno.ENOBUFS, errno.ENFILE}
SLOW = int(os.environ.get("SLOW") or "1")
libc = ctypes.CDLL(None, use_errno=True)


# ---- refusing ----

def setting(parameter, value):
    with open(PARAMETERS + parameter, "w") as handle:
        handle.write(str(value))


def functions():
    """As many of these as the kernel has."""
    with open("/proc/kallsyms") as handle:
        known = {line.split()[2] for line in handle}
    asked = [word for word in ASKED if word.split("=")[0] in known]
    return " ".join(word for word in (*(asked or ALLOCATORS), *ALWAYS) if word.split("=")[0] in known)


def counted(parameter):
    with open(PARAMETERS + parameter) as handle:
        return int(handle.read())


@contextlib.contextmanager
def refused(number):
    """The number-th allocation from here on."""
    setting("seen", 0)
    setting("skip", number - 1)
    try:
        yield
    finally:
        setting("skip", NONE)


def walk(operation, limit=3000):
    """Until an operation meets no refusal, and succeeds."""
    outcomes = collections.Counter()
    operation.begin()
    setting("skip", NONE)
    setting("deep", 1)
    setting("times", 1)
    setting("functions", functions())
    try:
        for number in range(1, limit):
            operation.prepare()
            with refused(number):
                outcome = operation.run()
            hit = counted("failed")
            operation.verify(outcome if hit else "", number)
            if not hit:
                nl.check("the outcome without a refusal", outcome, "done")
                return number - 1, outcomes
            outcomes[outcome] += 1
    finally:
        setting("functions", "")
    sys.exit(f"after {limit} refusals there was one more allocation")


# ---- system calls ----

def call(result):
    """Of a system call: "done", or the name of the error, which has to be one for want of memory."""
    return "done" if result >= 0 else short(ctypes.get_errno())


def short(error, also=()):
    if error not in SHORT and error not in also:
        sys.exit(f"refused with {errno.errorcode.get(error, error)}")
    return errno.errorcode[error]


def expect(outcome):
    if outcome != "done":
        sys.exit(f"refused with {outcome} without need")


# ---- events ----

EVENT_TYPE, EVENT_SEQUENCE, EVENT_IFNAME = 1, 2, 5


class Listener:
    """Of the events of DEV."""

    def __init__(self, family):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.sock.setsockopt(nl.SOL_NETLINK, 1, event_group(family))

    def close(self):
        self.sock.close()

    def told(self):
        """Type and number of those that have come."""
        while select.select([self.sock], [], [], 0)[0]:
            values = dict(nl.parse(self.sock.recv(65536)[20:]))
            if values[EVENT_IFNAME].rstrip(b"\0").decode() == DEV:
                yield struct.unpack("<I", values[EVENT_TYPE])[0], struct.unpack("<Q", values[EVENT_SEQUENCE])[0]


def event_group(family):
    """The number of the family's multicast group."""
    family.family, own = 16, family.family
    answer = family.exchange(3, attr(2, b"weft\0"), flags=nl.REQUEST)
    family.family = own
    for _, group in nl.parse(dict(nl.parse(answer[20:]))[7]):
        return struct.unpack("<I", dict(nl.parse(group))[2])[0]


# ---- one end ----

DEV = "fs0"
CANDIDATES, ROAM = nl.P_CANDIDATES, nl.P_ROAM
GRACE, ROTATE_ACTION, PMTU, DROPS, EVENTS = 65, 67, 71, 73, 74
BEGIN, FINISH, UNDO = range(3)
ROTATE = 16


def key(number):
    return bytes([number * 8 & 248]) + bytes([number] * 30) + b"\x41"


def candidates(*ports):
    return attr(CANDIDATES, [attr(0, [attr(nl.C_ENDPOINT, nl.endpoint4(port=port))]) for port in ports])


def everything(port, private, peers, replace=False):
    """A message with all that one can carry."""
    flags = [u32(nl.FLAGS, nl.REPLACE_PEERS)] if replace else []
    return [name(DEV), *flags, attr(nl.PRIVATE, key(private)), u16(nl.PORT, port), u32(nl.FWMARK, port), u8(PMTU, 1),
            attr(nl.PEERS, [whole_peer(number) for number in peers])]


def whole_peer(number):
    prefixes = [ip(f"10.{number}.0.0/24"), ip(f"2001:db8:{number}::/64"), ip(f"2001:db8:{number}:1::/64")]
    return peer(key(number), u32(nl.P_FLAGS, nl.REPLACE_IPS), attr(nl.P_PSK, key(number + 1)),
                u16(nl.P_KEEPALIVE, 0), attr(nl.P_NAME, f"peer-{number}".encode() + b"\0"), candidates(1, 2, 3),
                u8(ROAM, 1), attr(nl.P_IPS, prefixes))


class Operation:
    """Once begin(), and for each refusal prepare(), run(), which says how it went, and verify()."""

    def begin(self):
        pass

    def prepare(self):
        pass


class OneEnd(Operation):
    """An operation on a link of this namespace, which has to be as before when it fails, and as it should when not."""
    also = ()

    def __init__(self):
        self.links = Links()
        self.family = nl.Netlink()

    def state(self):
        """Without the numbers of the link and of the newest event."""
        return [[pair for pair in message[2] if pair[0] not in (nl.IFINDEX, EVENTS)] for message in self.family.state(DEV)]

    def prepare(self):
        if link_exists(DEV):
            self.links.remove(DEV)
        self.links.add(DEV)
        self.before = self.state()

    def run(self):
        try:
            self.act()
        except nl.Refused as refusal:
            return short(refusal.errno, self.also)
        return "done"

    def verify(self, outcome, number):
        """An operation that was refused has changed nothing, and can be done now."""
        if outcome not in ("", "done"):
            nl.check(f"the state after refusal {number}", self.state(), self.before)
            self.act()
        nl.check(f"the state in the end, after refusal {number}", self.state(), self.wanted)

    def begin(self):
        """How it should be in the end is how it is where nothing was ever refused."""
        self.prepare()
        self.act()
        self.wanted = self.state() if link_exists(DEV) else None


class Set(OneEnd):
    def act(self):
        self.family.set(*everything(7001, 40, (1, 2)))


class Change(OneEnd):
    """Everything is changed in one message of a device that is up: peers go, come and stay."""

    def prepare(self):
        super().prepare()
        self.family.set(*everything(7001, 40, (1, 2)))
        self.links.bring(DEV, True)
        self.before = self.state()

    def act(self):
        self.family.set(*everything(7002, 41, (2, 3), replace=True))


class Rotate(Change):
    """Begins a rotation."""
    action = BEGIN
    before_that = ()

    def prepare(self):
        super().prepare()
        for action in self.before_that:
            self.rotate(action)
        self.before = self.state()

    def rotate(self, action):
        begin = [attr(nl.PRIVATE, key(50)), u32(GRACE, 600)] if action == BEGIN else []
        self.family.exchange(ROTATE, b"".join([name(DEV), u32(ROTATE_ACTION, action), *begin]))

    def act(self):
        self.rotate(self.action)


class RotateFinish(Rotate):
    action, before_that = FINISH, (BEGIN,)


class RotateUndo(Rotate):
    action, before_that = UNDO, (BEGIN,)


class Dump(Change):
    """What is said is right, or an error."""

    def act(self):
        nl.check("what a dump says", self.state(), self.before)


class Up(Change):
    def prepare(self):
        super().prepare()
        self.links.bring(DEV, False)

    def act(self):
        self.links.bring(DEV, True)

    def verify(self, outcome, number):
        if outcome not in ("", "done"):
            nl.check(f"up after refusal {number}", link_is_up(DEV), False)
            self.act()
        nl.check(f"up in the end, after refusal {number}", link_is_up(DEV), True)
        nl.check("the state", self.state(), self.before)


class Down(Change):
    """Cannot fail."""

    def act(self):
        self.links.bring(DEV, False)

    def verify(self, outcome, number):
        nl.check(f"up after refusal {number}", link_is_up(DEV), False)
        self.links.bring(DEV, True)


class Create(OneEnd):
    """Of a link that could not be made nobody hears. The device core has no other word for a name that it cannot keep."""
    also = (errno.EINVAL,)

    def prepare(self):
        if link_exists(DEV):
            self.links.remove(DEV)
        self.listener = Listener(self.family)

    def act(self):
        self.links.add(DEV)

    def verify(self, outcome, number):
        if outcome not in ("", "done"):
            nl.check(f"a link after refusal {number}", link_exists(DEV), False)
            nl.check("events", list(self.listener.told()), [])
            self.act()
        self.listener.close()
        self.use()

    def use(self):
        self.family.set(*everything(7001, 40, (1, 2)))
        self.links.bring(DEV, True)
        nl.check("peers", len(self.family.peers(DEV)), 2)


class Remove(Change):
    """Cannot fail."""

    def act(self):
        self.links.remove(DEV)

    def verify(self, outcome, number):
        nl.check(f"a link after refusal {number}", link_exists(DEV), False)


class Events(Change):
    """What is not told can be counted: numbers go on."""

    def prepare(self):
        super().prepare()
        self.listener = Listener(self.family)
        self.first = self.sequence() + 1

    def sequence(self):
        """The number of the newest event."""
        values = dict(nl.parse(self.family.dump(DEV)[0][20:]))
        return struct.unpack("<Q", values[EVENTS])[0]

    def verify(self, outcome, number):
        super().verify(outcome, number)
        told = [sequence for _, sequence in self.listener.told()]
        self.listener.close()
        last = self.sequence()
        missed = last - self.first + 1 - len(told)
        if missed not in (0, 1) or sorted(set(told)) != told or (missed and not outcome):
            sys.exit(f"from event {self.first} to {last} there came {told}, after refusal {number}")


# ---- the module ----

SYS_DELETE_MODULE, SYS_FINIT_MODULE = 176, 313


class Load(Operation):
    """The module comes or does not come; then it comes, and in the end it works."""
    arguments = b""

    def __init__(self):
        self.path = subprocess.check_output(["modinfo", "-n", "weft"], text=True).strip()

    def loaded(self):
        return os.path.isdir("/sys/module/weft")

    def load(self):
        with open(self.path) as handle:
            return call(libc.syscall(SYS_FINIT_MODULE, handle.fileno(), self.arguments, 0))

    def unload(self):
        return call(libc.syscall(SYS_DELETE_MODULE, b"weft", os.O_NONBLOCK))

    def prepare(self):
        if self.loaded():
            expect(self.unload())

    def run(self):
        return self.load()

    def verify(self, outcome, number):
        if outcome not in ("", "done"):
            nl.check(f"loaded after refusal {number}", self.loaded(), False)
            expect(self.load())
        if outcome:
            return
        link = Create()
        link.act()
        link.use()
        link.links.remove(DEV)


class LoadCompat(Load):
    arguments = b"compat=1"


class Unload(Load):
    """Takes a link along that is up and has peers. Cannot fail."""

    def prepare(self):
        expect(self.load())
        Change().prepare()

    def run(self):
        return self.unload()

    def verify(self, outcome, number):
        nl.check(f"loaded after refusal {number}", self.loaded(), False)
        nl.check(f"a link after refusal {number}", link_exists(DEV), False)


# ---- two ends ----

class End:
    """One of two: its namespace, its family, a UDP socket that is bound inside the tunnel."""
    PORT = 9000

    def __init__(self, namespace, own, other):
        self.namespace = namespace
        enter(namespace)
        self.family = nl.Netlink()
        self.links = Links()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)
        self.udp.bind((own, self.PORT))
        self.udp.connect((other, self.PORT))

    def forget_sessions(self):
        """All that is known of the peer but its configuration."""
        enter(self.namespace)
        self.links.bring("wt0", False)
        self.links.bring("wt0", True)

    def losses(self):
        """All that the tunnel has thrown away, and the stack around it."""
        enter(self.namespace)
        values = dict(nl.parse(self.family.dump("wt0")[0][20:]))
        drops = sum(struct.unpack("<Q", value[:8])[0] for _, value in nl.parse(values[DROPS]))
        return drops + device_losses() + stack_losses()


def device_losses():
    """Errors and drops of every device, received and sent; those of weft's own links are there too."""
    with open("/proc/thread-self/net/dev") as handle:
        lines = [line.split(":")[1].split() for line in handle if ":" in line]
    return sum(int(line[i]) for line in lines for i in (2, 3, 10, 11))


def stack_losses():
    """What the protocols count besides."""
    lost = 0
    for file in ("snmp", "netstat"):
        with open("/proc/thread-self/net/" + file) as handle:
            lines = [line.split() for line in handle]
        for names, values in zip(lines[::2], lines[1::2]):
            lost += sum(int(value) for title, value in zip(names, values) if LOST.search(title))
    return lost


LOST = re.compile("Discard|Error|Drop|Fail|NoRoute")


class TwoEnds(Operation):
    def __init__(self):
        self.a = End(os.environ["A"], "10.9.0.1", "10.9.0.2")
        self.b = End(os.environ["B"], "10.9.0.2", "10.9.0.1")


class Handshake(TwoEnds):
    """A new session, and a packet each way. A message that could not be sent or taken is repeated after 5 seconds."""
    WITHIN_S = 12

    def prepare(self):
        for end in (self.a, self.b):
            end.forget_sessions()
            drain(end.udp)

    def run(self):
        began = time.monotonic()
        while time.monotonic() - began < self.WITHIN_S * SLOW:
            with contextlib.suppress(OSError):
                self.a.udp.send(b"hello")
            if not answered(self.b.udp, 0.3):
                continue
            drain(self.b.udp)
            with contextlib.suppress(OSError):
                self.b.udp.send(b"hello")
            if answered(self.a.udp, 0.3):
                return "done" if time.monotonic() - began < 3 * SLOW else "done later"
        return "never"

    def verify(self, outcome, number):
        if outcome == "never":
            sys.exit(f"no session after refusal {number}")


def answered(sock, seconds):
    return bool(select.select([sock], [], [], seconds)[0])


def drain(sock):
    count = 0
    while answered(sock, 0):
        with contextlib.suppress(OSError):
            sock.recv(65536)
        count += 1
    return count


class Data(TwoEnds):
    """Each way a burst of datagrams in one go, some by themselves, and a piece of TCP. TCP loses nothing; a datagram that
    is lost is counted somewhere."""
    TOGETHER, SIZE, SINGLE, PIECE = 8, 1200, (1, 700, 1372), 60000

    def __init__(self):
        super().__init__()
        enter(self.b.namespace)
        listener = socket.create_server(("10.9.0.2", 9001))
        enter(self.a.namespace)
        near = socket.create_connection(("10.9.0.2", 9001))
        self.ends = [(self.a, near), (self.b, listener.accept()[0])]
        for _, tcp in self.ends:
            tcp.settimeout(60 * SLOW)

    def losses(self):
        return sum(end.losses() for end, _ in self.ends)

    def prepare(self):
        drain(self.a.udp)
        drain(self.b.udp)
        self.lost_before = self.losses()

    def run(self):
        sent = sum(self.burst(end.udp) for end, _ in self.ends)
        for (_, sender), (_, receiver) in (self.ends, self.ends[::-1]):
            self.stream(sender, receiver)
        time.sleep(0.02 * SLOW)
        came = drain(self.a.udp) + drain(self.b.udp)
        return "done" if came == sent else f"lost {sent - came}"

    def burst(self, sock):
        """How many were sent, of which the sender was not told that they were not."""
        sent = 0
        for size, data in [(self.SIZE, bytes(self.SIZE * self.TOGETHER)), *((0, bytes(length)) for length in self.SINGLE)]:
            sock.setsockopt(socket.SOL_UDP, 103, size)
            try:
                sock.send(data)
            except OSError as error:
                short(error.errno)
            else:
                sent += self.TOGETHER if size else 1
        return sent

    def stream(self, sender, receiver):
        data, came = os.urandom(1000) * (self.PIECE // 1000), b""
        sender.sendall(data)
        while len(came) < len(data):
            came += receiver.recv(1 << 20)
        nl.check("what came over TCP is what was sent", came == data, True)

    def verify(self, outcome, number):
        if outcome.startswith("lost") and self.losses() == self.lost_before:
            sys.exit(f"{outcome} datagrams after refusal {number}, and nothing counts them")


OPERATIONS = {
    "load": Load, "load-compat": LoadCompat, "unload": Unload, "create": Create, "remove": Remove, "up": Up, "down": Down,
    "set": Set, "change": Change, "dump": Dump, "events": Events, "rotate": Rotate, "rotate-finish": RotateFinish,
    "rotate-undo": RotateUndo, "handshake": Handshake, "data": Data,
}


def main():
    operation = OPERATIONS.get(sys.argv[1])
    if not operation:
        sys.exit(f"'{sys.argv[1]}' is no operation; there are: {' '.join(OPERATIONS)}")
    began = time.monotonic()
    count, outcomes = walk(operation())
    said = ", ".join(f"{outcome} {outcomes[outcome]}" for outcome in sorted(outcomes))
    print(f"# {sys.argv[1]}: {count} refused in turn ({said}), {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
