#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A relay without privileges that changes messages while the tunnel reads them. See splice.sh.

Genuine messages are sent out of a page that another process of the relay writes to all the time: a byte of the ciphertext is
a forged one, and for moments the genuine one. The module may read each byte once: then a message is delivered as its peer
sealed it, or refused.

splice.py receive        counts, inside the tunnel, the packets that are genuine and those that are not; ends with its input
"""
import contextlib, ctypes, errno, mmap, os, select, signal, socket, struct, sys, time
import wgpeer
from wgpeer import Failure, check, in_tunnel_ns

UID = 65534
PORT, MAGIC = 9, b"splice"
PAYLOAD = 1300
TRIES = int(os.environ.get("TRIES", "10000"))
# Most of them are not delivered before so many tries: the genuine bytes are there for a twentieth of the time.
TRIES_EACH = 20
# A message begins where a message of a network card's would: behind its headers.
BEGIN = 64
SO_NO_CHECK, SO_ZEROCOPY, MSG_ZEROCOPY, UDP_SEGMENT = 11, 60, 0x4000000, 103
BATCH = 8
COUNTERS = "rx_drop_auth", "rx_drop_replay"

libc = ctypes.CDLL(None, use_errno=True)


class Iovec(ctypes.Structure):
    _fields_ = ("base", ctypes.c_void_p), ("length", ctypes.c_size_t)


# ---- inside the tunnel ----

def genuine(number):
    return MAGIC + struct.pack(">I", number) + bytes([number & 0xFF]) * (PAYLOAD - len(MAGIC) - 4)


def receive():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind(("10.9.0.1", PORT))
    print("listening", flush=True)
    right, wrong, ended = set(), 0, False
    while not ended or select.select([sock], [], [], 0.5)[0]:
        ready = select.select([sock] if ended else [sock, sys.stdin], [], [])[0]
        ended = ended or sys.stdin in ready
        if sock not in ready:
            continue
        data = sock.recv(2048)
        number = struct.unpack(">I", data[6:10])[0]
        if data == genuine(number) and number not in right:
            right.add(number)
        else:
            wrong += 1
    print(len(right), wrong, flush=True)


class Inside:
    def __enter__(self):
        import subprocess
        self.process = subprocess.Popen(["ip", "netns", "exec", os.environ["TUNNEL_NS"], "python3", os.path.abspath(__file__),
                                         "receive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check("the receiver", self.process.stdout.readline(), "listening\n")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def result(self):
        """How many packets were genuine, and how many were not."""
        return tuple(map(int, self.process.communicate(timeout=30 * wgpeer.SLOW)[0].split()))


# ---- the relay ----

def connected(peer):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sock.connect(peer.tunnel)
    return sock


class Way:
    """How the page gets into a socket without being copied. Each message is @each bytes of it."""
    def __init__(self, peer, memory, each, count):
        self.memory, self.each, self.length = memory, each, each * count
        self.sock = connected(peer)
        if count > 1:
            self.sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, each)
        else:
            # A checksum would be refused where the bytes are other ones by then; UDP has messages without.
            self.sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)

    @staticmethod
    def page():
        return mmap.mmap(-1, 4 * mmap.PAGESIZE)


class Splice(Way):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.reader, self.writer = os.pipe()
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.vector = Iovec(base + BEGIN, self.length)

    def send(self):
        if libc.vmsplice(self.writer, ctypes.byref(self.vector), ctypes.c_ulong(1), 0) != self.length:
            raise OSError(ctypes.get_errno(), "vmsplice")
        os.splice(self.reader, self.sock.fileno(), self.length)


class SendFile(Way):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.file = SendFile.last

    @staticmethod
    def page():
        SendFile.last = os.memfd_create("messages")
        os.ftruncate(SendFile.last, 4 * mmap.PAGESIZE)
        return mmap.mmap(SendFile.last, 4 * mmap.PAGESIZE)

    def send(self):
        os.sendfile(self.sock.fileno(), self.file, BEGIN, self.length)


class ZeroCopy(Way):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)

    def send(self):
        while True:
            try:
                self.sock.send(memoryview(self.memory)[BEGIN:BEGIN + self.length], MSG_ZEROCOPY)
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.completed()

    def completed(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.recvmsg(0, 256, socket.MSG_ERRQUEUE)


class Changer:
    """A process that goes on changing one byte of each message in the page, while it is told to."""
    GO, CHANGES = 0, 1

    def __init__(self, memory, places):
        self.memory = memory
        memory[self.GO] = memory[self.CHANGES] = 0
        parent = os.getpid()
        self.child = os.fork()
        if not self.child:
            while os.getppid() == parent:
                if memory[self.GO]:
                    self.change(places)
            os._exit(0)

    def change(self, places):
        memory, pause = self.memory, range(20 * len(places))
        right = [(at, memory[at]) for at in places]
        wrong = [(at, memory[at] ^ 0x55) for at in places]
        while memory[self.GO]:
            for at, value in right:
                memory[at] = value
            for at, value in wrong:
                memory[at] = value
            for _ in pause:
                pass
            memory[self.CHANGES] = 1
        memory[self.CHANGES] = 0

    def tell(self, go):
        self.memory[self.GO] = go
        while self.memory[self.CHANGES] != go:
            os.sched_yield()

    def end(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)


def relay(peer, kind, batches, tries):
    """Sends each batch so often while it is changed, and once as it is. Returns how many messages were sent."""
    sent, each, count, memory = 0, len(batches[0][0]), len(batches[0]), kind.page()
    way = kind(peer, memory, each, count)
    plain = connected(peer)
    changer = Changer(memory, [BEGIN + each * i + each // 2 for i in range(count)])
    for batch in batches:
        data = b"".join(batch)
        memory[BEGIN:BEGIN + len(data)] = data
        changer.tell(1)
        for _ in range(tries):
            way.send()
        changer.tell(0)
        for message in batch:
            plain.send(message)
        sent += (tries + 1) * count
    changer.end()
    return sent


def without_privileges(function, *arguments):
    """Runs it in a process of another user; returns what it returns, a number."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(UID, UID, UID)
            os.setresuid(UID, UID, UID)
            os.write(writer, b"%d" % function(*arguments))
            status = 0
        except OSError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as output:
        text = output.read()
    os.waitpid(child, 0)
    if not text.isdigit():
        raise Failure(f"the relay ends: {text}")
    return int(text)


def sealed(peer, first, count):
    def datagram(number):
        data = genuine(number)
        return wgpeer.ipv4(17, struct.pack(">HHHH", PORT, PORT, 8 + len(data), 0) + data)
    return [peer.seal(datagram(number)) for number in range(first, first + count)]


def settled(counters):
    """The tunnel's counters, once they no longer change."""
    before = None
    while (now := [wgpeer.drop_count(name) for name in counters]) != before:
        before = now
        time.sleep(0.2)
    return now


def changed_in_flight(peer, kind, count):
    peer.initiate()
    peer.send(peer.seal())
    messages = TRIES // TRIES_EACH
    batches = [sealed(peer, first, count) for first in range(0, messages, count)]
    messages = sum(map(len, batches))
    before = settled(COUNTERS)
    with Inside() as inside:
        sent = without_privileges(relay, peer, kind, batches, TRIES_EACH)
        right, wrong = inside.result()
    dropped = [after - was for after, was in zip(settled(COUNTERS), before)]
    print(f"# {kind.__name__} of {count}: {sent} messages, {right} genuine, {wrong} forged, "
          f"{dropped[0]} that do not authenticate, {dropped[1]} replayed", flush=True)
    check("forged packets", wrong, 0)
    check("genuine packets", right, messages)
    check("messages that are accounted for", right + sum(dropped), sent)
    if kind is not ZeroCopy and not dropped[0]:
        raise Failure("no message was changed in flight")


def vmsplice(peer):
    changed_in_flight(peer, Splice, 1)


def sendfile(peer):
    changed_in_flight(peer, SendFile, 1)


def zerocopy(peer):
    changed_in_flight(peer, ZeroCopy, 1)


def segmented(peer):
    """Before Linux 6.5 nothing can be spliced into a packet for segmentation."""
    if tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 5):
        changed_in_flight(peer, Splice, BATCH)


def segmented_zerocopy(peer):
    changed_in_flight(peer, ZeroCopy, BATCH)


def all():
    peer = wgpeer.Peer(address="192.0.2.2")
    for action in vmsplice, sendfile, zerocopy, segmented, segmented_zerocopy:
        wgpeer.attempt(peer, action)


wgpeer.run(globals())
