#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Refuses each allocation in turn. See failslab.sh.

failslab.py OPERATION    runs OPERATION with the first allocation refused that weft makes, or that the kernel makes for
                         it, then with the second, and so on, until no more follow; the state after each must be valid.
                         Prints their number; exits with the failed check. Operations of two ends take their namespaces
                         from A and B, which hold wt0.
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
# With fault injection the kernel calls two functions before an allocation; otherwise its allocators themselves fail. It
# has no such function for per-CPU memory.
ASKED = ("should_failslab=enomem1", "should_fail_alloc_page=yes0")
ALLOCATORS = ("kmem_cache_alloc_noprof=null1", "kmem_cache_alloc_lru_noprof=null2", "kmem_cache_alloc_node_noprof=null1",
              "__kmalloc_noprof=null1", "__kmalloc_node_noprof=null1", "__kmalloc_cache_noprof=null1",
              "__kmalloc_cache_node_noprof=null1", "__kmalloc_node_track_caller_noprof=null1",
              "__kmalloc_large_noprof=null1", "__alloc_pages_noprof=null0")
ALWAYS = ("pcpu_alloc_noprof=null",)
NONE = 2**32 - 1
# The kernel's errors for a lack of memory; routes and sockets have their own.
SHORT = {errno.ENOMEM, errno.ENOBUFS, errno.ENFILE}
SLOW = int(os.environ.get("SLOW") or "1")
libc = ctypes.CDLL(None, use_errno=True)


# ---- refusing ----

def setting(parameter, value):
    with open(PARAMETERS + parameter, "w") as handle:
        handle.write(str(value))


def functions():
    """Those of the functions that the kernel has."""
    with open("/proc/kallsyms") as handle:
        known = {line.split()[2] for line in handle}
    asked = [word for word in ASKED if word.split("=")[0] in known]
    return " ".join(word for word in (*(asked or ALLOCATORS), *ALWAYS) if word.split("=")[0] in known)


def counted(parameter):
    with open(PARAMETERS + parameter) as handle:
        return int(handle.read())


@contextlib.contextmanager
def refused(number):
    """Refuses the number-th allocation from here on."""
    setting("seen", 0)
    setting("skip", number - 1)
    try:
        yield
    finally:
        setting("skip", NONE)


def walk(operation, limit=3000):
    """Runs an operation until it meets no refusal, and succeeds."""
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
    """Returns "done" for a system call, or the name of its error, which must be a lack of memory."""
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
    """Listens for the events of DEV."""

    def __init__(self, family):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.sock.setsockopt(nl.SOL_NETLINK, 1, event_group(family))

    def close(self):
        self.sock.close()

    def told(self):
        """Type and number of the received events."""
        while select.select([self.sock], [], [], 0)[0]:
            values = dict(nl.parse(self.sock.recv(65536)[20:]))
            if values[EVENT_IFNAME].rstrip(b"\0").decode() == DEV:
                yield struct.unpack("=I", values[EVENT_TYPE])[0], struct.unpack("=Q", values[EVENT_SEQUENCE])[0]


def event_group(family):
    """Returns the number of the family's multicast group."""
    family.family, own = 16, family.family
    answer = family.exchange(3, attr(2, b"weft\0"), flags=nl.REQUEST)
    family.family = own
    for _, group in nl.parse(dict(nl.parse(answer[20:]))[7]):
        return struct.unpack("=I", dict(nl.parse(group))[2])[0]


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
    """A message with all attributes."""
    flags = [u32(nl.FLAGS, nl.REPLACE_PEERS)] if replace else []
    return [name(DEV), *flags, attr(nl.PRIVATE, key(private)), u16(nl.PORT, port), u32(nl.FWMARK, port), u8(PMTU, 1),
            attr(nl.PEERS, [whole_peer(number) for number in peers])]


def whole_peer(number):
    prefixes = [ip(f"10.{number}.0.0/24"), ip(f"2001:db8:{number}::/64"), ip(f"2001:db8:{number}:1::/64")]
    return peer(key(number), u32(nl.P_FLAGS, nl.REPLACE_IPS), attr(nl.P_PSK, key(number + 1)),
                u16(nl.P_KEEPALIVE, 0), attr(nl.P_NAME, f"peer-{number}".encode() + b"\0"), candidates(1, 2, 3),
                u8(ROAM, 1), attr(nl.P_IPS, prefixes))


class Operation:
    """Calls: begin() once, and for each refusal prepare(), run(), which returns the outcome, and verify()."""

    def begin(self):
        pass

    def prepare(self):
        pass


class OneEnd(Operation):
    """An operation on a link of this namespace: a failure leaves its state, a success the expected one."""
    also = ()

    def __init__(self):
        self.links = Links()
        self.family = nl.Netlink()

    def state(self):
        """The state without the numbers of the link and of the newest event."""
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
        """A refused operation has changed nothing, and succeeds when repeated."""
        if outcome not in ("", "done"):
            nl.check(f"the state after refusal {number}", self.state(), self.before)
            self.act()
        nl.check(f"the state in the end, after refusal {number}", self.state(), self.wanted)

    def begin(self):
        """The expected state is that after the operation without a refusal."""
        self.prepare()
        self.act()
        self.wanted = self.state() if link_exists(DEV) else None


class Set(OneEnd):
    def act(self):
        self.family.set(*everything(7001, 40, (1, 2)))


class Change(OneEnd):
    """Changes all settings of a device that is up in one message: peers are removed, added and kept."""

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
    """A dump is correct, or fails."""

    def act(self):
        nl.check("the reply to a dump", self.state(), self.before)


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
    """A failed creation causes no event. The device core returns EINVAL for a name that it cannot store."""
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
    """A lost event leaves a gap: the numbers continue."""

    def prepare(self):
        super().prepare()
        self.listener = Listener(self.family)
        self.first = self.sequence() + 1

    def sequence(self):
        """Returns the number of the newest event."""
        values = dict(nl.parse(self.family.dump(DEV)[0][20:]))
        return struct.unpack("=Q", values[EVENTS])[0]

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
    """The module loads or fails to load; then it loads, and in the end it works."""
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
    """Removes a link that is up and has peers. Cannot fail."""

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
    """One end: its namespace, its family, a UDP socket that is bound inside the tunnel."""
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
        """Resets the peer's state, but not its configuration."""
        enter(self.namespace)
        self.links.bring("wt0", False)
        self.links.bring("wt0", True)

    def losses(self):
        """Returns the drops of the tunnel and of the stack around it."""
        enter(self.namespace)
        values = dict(nl.parse(self.family.dump("wt0")[0][20:]))
        drops = sum(struct.unpack("=Q", value[:8])[0] for _, value in nl.parse(values[DROPS]))
        return drops + device_losses() + stack_losses()


def device_losses():
    """Returns errors and drops of all devices, received and sent, those of weft's own links included."""
    with open("/proc/thread-self/net/dev") as handle:
        lines = [line.split(":")[1].split() for line in handle if ":" in line]
    return sum(int(line[i]) for line in lines for i in (2, 3, 10, 11))


def stack_losses():
    """Returns the protocols' counters of losses."""
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
    """A new session, and a packet each way. A message that was not sent or received is repeated after 5 seconds."""
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
    """Each way a burst of datagrams in one call, single ones, and a piece of TCP. TCP loses nothing; a counter counts
    each lost datagram."""
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
        """Returns the number of datagrams sent, without those whose send failed."""
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
        nl.check("the bytes over TCP arrive unchanged", came == data, True)

    def verify(self, outcome, number):
        if outcome.startswith("lost") and self.losses() == self.lost_before:
            sys.exit(f"{outcome} datagrams after refusal {number}, and no counter counts them")


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
