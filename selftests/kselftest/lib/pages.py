# SPDX-License-Identifier: GPL-2.0
"""Pages that are sent without being copied, and change meanwhile. For splice.py and senders.py."""
import contextlib, ctypes, errno, mmap, os, signal, socket
from wgpeer import Failure

UID = 65534
# A message begins behind room for headers, as in a network card's page.
BEGIN = 64
SO_NO_CHECK, SO_ZEROCOPY, MSG_ZEROCOPY, UDP_SEGMENT = 11, 60, 0x4000000, 103
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


class Iovec(ctypes.Structure):
    _fields_ = ("base", ctypes.c_void_p), ("length", ctypes.c_size_t)


def connected(to):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sock.connect(to)
    return sock


class PageSender:
    """A way to send the page through a socket without copying it. Each message is @each bytes of it."""
    def __init__(self, to, memory, each, count):
        self.memory, self.each, self.length = memory, each, each * count
        self.sock = connected(to)
        if count > 1:
            self.sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, each)
        else:
            # A checksum would be wrong once the bytes change; UDP permits messages without.
            self.sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)

    @staticmethod
    def page():
        return mmap.mmap(-1, 4 * mmap.PAGESIZE)


class Splice(PageSender):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.reader, self.writer = os.pipe()
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.vector = Iovec(base + BEGIN, self.length)

    def send(self):
        if libc.vmsplice(self.writer, ctypes.byref(self.vector), ctypes.c_ulong(1), 0) != self.length:
            raise OSError(ctypes.get_errno(), "vmsplice")
        os.splice(self.reader, self.sock.fileno(), self.length)


class SendFile(PageSender):
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


class ZeroCopy(PageSender):
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


class Writer:
    """A process that keeps changing one byte of each message in the page while it is switched on."""
    GO, CHANGES = 0, 1

    def __init__(self, memory, places):
        self.memory = memory
        memory[self.GO] = memory[self.CHANGES] = 0
        parent = os.getpid()
        self.child = os.fork()
        if not self.child:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
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


def without_privileges(function, *arguments):
    """Runs the function in a process of another user; returns its result, a number."""
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
        except (OSError, Failure) as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as output:
        text = output.read()
    os.waitpid(child, 0)
    if not text.isdigit():
        raise Failure(f"the program ends: {text}")
    return int(text)
