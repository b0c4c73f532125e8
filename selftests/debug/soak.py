#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The traffic of soak.sh, and the changes of its tunnels.

soak.py keys SPOKES KEYS
    Makes the keys.
soak.py soak SECONDS SPOKES HUB_NS SPOKE_NS KEYS
    SPOKE_NS and KEYS are patterns: %d is a spoke's number, from 1; its keys are in files of that name, the public ones
    with .pub appended, and the next ones with .next.

A TCP stream each way between the hub and each spoke. A generator with a fixed seed draws the changes. At the end both
ends of each stream have to agree on its bytes and their checksum. Prints the bytes, and the number of each change; the
status is 1 if a stream is incomplete.
"""
import base64, collections, os, random, select, socket, subprocess, sys, time, zlib

from namespace import enter
from sodium import public_key

PORT = 7020
SOME_S, MUCH_S = 10, 30 # intervals of a packet in each stream, and of a burst in one
# The hub's moves, and the time around them without other moves: two ends that move at once lose each other.
HUB_S, CALM_S = 251, 20
DRAIN_S = 300
HUB_PORT = 51820


class Half:
    """One direction of a stream."""

    def __init__(self, sender, receiver):
        self.sender, self.receiver = sender, receiver
        self.waiting = b""
        self.sent = self.received = self.sent_sum = self.received_sum = 0

    def write(self, data=b""):
        self.waiting += data
        try:
            count = self.sender.send(self.waiting) if self.waiting else 0
        except BlockingIOError:
            return
        self.sent_sum = zlib.crc32(self.waiting[:count], self.sent_sum)
        self.sent += count
        self.waiting = self.waiting[count:]

    def read(self):
        data = self.receiver.recv(1 << 20)
        self.received_sum = zlib.crc32(data, self.received_sum)
        self.received += len(data)

    def is_whole(self):
        return not self.waiting and (self.sent, self.sent_sum) == (self.received, self.received_sum)


class Soak:
    def __init__(self, spokes, hub, spoke, keys):
        self.spokes, self.hub, self.spoke, self.keys = int(spokes), hub, spoke, keys
        self.random = random.Random(1)
        self.noise = self.random.randbytes(1 << 18)
        self.counts = collections.Counter()
        self.addresses = {number: 1 for number in range(1, self.spokes + 1)}
        self.ports = {number: HUB_PORT for number in self.addresses}
        self.hub_address = 1
        self.rotated = set()
        self.connect()

    def connect(self):
        enter(self.hub)
        listener = socket.create_server(("", PORT), backlog=self.spokes)
        self.halves = []
        for number in self.addresses:
            enter(self.spoke % number)
            near = socket.create_connection(("10.9.0.1", PORT), timeout=60)
            far = listener.accept()[0]
            for end in (near, far):
                end.setblocking(False)
            self.halves += [Half(near, far), Half(far, near)]
        self.by_receiver = {half.receiver: half for half in self.halves}

    def read_until(self, end):
        while (left := end - time.monotonic()) > 0:
            for receiver in select.select(list(self.by_receiver), [], [], left)[0]:
                self.by_receiver[receiver].read()

    def write_some(self):
        for half in self.halves:
            begin = self.random.randrange(1 << 17)
            half.write(self.noise[begin:begin + self.random.randrange(1, 1500)])

    def write_much(self):
        self.random.choice(self.halves).write(self.noise[:200000])

  # ---- changes ----

    def ip(self, namespace, *commands):
        subprocess.run(["ip", "-n", namespace, "-batch", "-"], input="\n".join(commands), text=True, check=True)

    def weft(self, namespace, *words):
        run = subprocess.run(["nsenter", f"--net=/run/netns/{namespace}", "weft", *words], capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"weft {words}: {run.stderr}")
        return run.stdout.strip()

    def key(self, number):
        with open(f"{self.keys % number}{'.next' if number in self.rotated else ''}.pub") as file:
            return file.read().strip()

    def any_spoke(self):
        return self.random.randrange(1, self.spokes + 1)

    def spoke_moves(self):
        number = self.any_spoke()
        old = self.addresses[number]
        self.addresses[number] = new = 3 - old
        self.ip(self.spoke % number, f"addr add 10.77.{new}.{number}/16 dev u0", f"addr del 10.77.{old}.{number}/16 dev u0")

    def spoke_changes_port(self):
        number = self.any_spoke()
        self.ports[number] += 1
        self.weft(self.spoke % number, "set", "wt0", "listen-port", str(self.ports[number]))

    def hub_moves(self):
        old, new = self.hub_address, 3 - self.hub_address
        self.hub_address = new
        self.ip(self.hub, f"addr add 10.77.0.{new}/16 dev br0", f"addr del 10.77.0.{old}/16 dev br0")

    def spoke_restarts(self):
        self.ip(self.spoke % self.any_spoke(), "link set wt0 down", "link set wt0 up")

    def key_rotates(self):
        left = sorted(set(self.addresses) - self.rotated)
        if not left:
            return
        number = self.random.choice(left)
        old = self.key(number)
        self.weft(self.spoke % number, "rotate", "wt0", "private-key", f"{self.keys % number}.next", "grace", "60")
        self.rotated.add(number)
        self.weft(self.hub, "set", "wt0", "peer", old, "next-public-key", self.key(number))

    def happen(self, second):
        """Makes the changes of a second, one after the other."""
        events = [(HUB_S, self.hub_moves)]
        if CALM_S <= second % HUB_S < HUB_S - CALM_S:
            events = [(11, self.spoke_moves), (29, self.spoke_changes_port), (97, self.spoke_restarts), (149, self.key_rotates)]
        for every, event in events:
            if second % every == every - 1:
                event()
                self.counts[event.__name__] += 1

    def say(self, minute):
        """Writes to the console's log, which can be read meanwhile."""
        with open("/dev/kmsg", "w") as log:
            log.write(f"soak: {minute} minutes, {sum(half.received for half in self.halves)} bytes")

    def run(self, seconds):
        begin = time.monotonic()
        for second in range(seconds):
            if second % 60 == 0:
                self.say(second // 60)
            if second % SOME_S == 0:
                self.write_some()
            if second % MUCH_S == 0:
                self.write_much()
            self.happen(second)
            self.read_until(begin + second + 1)

    def drain(self):
        end = time.monotonic() + DRAIN_S
        while not all(half.is_whole() for half in self.halves) and time.monotonic() < end:
            for half in self.halves:
                half.write()
            self.read_until(time.monotonic() + 1)

    def report(self):
        broken = [half for half in self.halves if not half.is_whole()]
        for half in broken:
            print(f"broken: {half.sent} bytes sent, {len(half.waiting)} not yet, {half.received} received, "
                  f"checksums {half.sent_sum:x} {half.received_sum:x}")
        print(f"streams {len(self.halves)} bytes {sum(half.received for half in self.halves)} "
              + " ".join(f"{name} {count}" for name, count in sorted(self.counts.items())), flush=True)
        return 1 if broken else 0


def make_keys(spokes, pattern):
    os.umask(0o077)
    for number in range(1, int(spokes) + 1):
        for name in (pattern % number, pattern % number + ".next"):
            key = os.urandom(32)
            for suffix, content in (("", key), (".pub", public_key(key))):
                with open(name + suffix, "wb") as file:
                    file.write(base64.b64encode(content) + b"\n")


def run(seconds, *where):
    soak = Soak(*where)
    soak.run(int(seconds))
    soak.drain()
    sys.exit(soak.report())


{"keys": make_keys, "soak": run}[sys.argv[1]](*sys.argv[2:])
