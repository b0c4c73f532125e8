#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Helpers of fleet.sh and hundred.sh of debug/.

traffic OVER READY PACE NS=ADDRESS...    numbered UDP datagrams from every node to every other, PACE milliseconds
                                         between two of a pair; makes the file READY once one of each pair has arrived,
                                         ends once there is a file OVER, and prints "SENT sent, RECEIVED received,
                                         LOST lost, DOUBLE double, ERRORS errors"; a line for each pair with a loss
                                         comes before
moving OVER READY PACE FROM ADDRESS TO TO    numbered datagrams from namespace FROM to an ADDRESS that the two others
                                         have; prints "SENT sent, N and N received, LOST lost, ERRORS errors"
admission FOLDER NETWORK HELLOS          for the answers FOLDER/NODE of "weft -j fleet hello": prints an array for "weft
                                         fleet admit from", in which the Nth node has the address NETWORK.N / 256.N % 256,
                                         and writes their records to the file HELLOS
"""
import json, os, select, socket, struct, sys, time
from namespace import enter

PORT = 7000
FORCED_BUFFER = 33          # SO_RCVBUFFORCE
BUFFER = 8 << 20
PATIENCE = 20 * int(os.environ.get("SLOW", "1"))
# Sequence numbers at the start of a datagram, and the numbers of sender and receiver.
HEAD = struct.Struct("<HHI")


def open_socket(namespace, address):
    enter(namespace)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, FORCED_BUFFER, BUFFER)
    sock.bind((address, PORT))
    sock.setblocking(False)
    return sock


class Ends:
    """Sockets, and the datagrams that each has received: by pair, a set of numbers."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.socks = [open_socket(*node) for node in nodes]
        self.poll = select.epoll()
        self.by_number = {sock.fileno(): sock for sock in self.socks}
        for sock in self.socks:
            self.poll.register(sock.fileno(), select.EPOLLIN)
        self.sent, self.received, self.errors, self.double = {}, {}, {}, 0

    def send(self, a, b, address=None):
        number = self.sent.get((a, b), 0)
        try:
            self.socks[a].sendto(HEAD.pack(a, b, number), (address or self.nodes[b][1], PORT))
        except OSError as error:
            name = f"{self.nodes[a][0]} to {self.nodes[b][0]}: {error}"
            self.errors[name] = self.errors.get(name, 0) + 1
            return
        self.sent[a, b] = number + 1

    def take(self, sock):
        try:
            while True:
                a, b, number = HEAD.unpack(sock.recv(64))
                seen = self.received.setdefault((a, b), set())
                self.double += number in seen
                seen.add(number)
        except BlockingIOError:
            pass

    def receive(self, wait):
        for number, _ in self.poll.poll(max(wait, 0)):
            self.take(self.by_number[number])

    def lost(self):
        return {pair: count - len(self.received.get(pair, ())) for pair, count in self.sent.items()
                if count != len(self.received.get(pair, ()))}

    def settle(self):
        """Datagrams on their way arrive."""
        end = time.monotonic() + PATIENCE
        while self.lost() and time.monotonic() < end:
            self.receive(0.1)

    def pace(self, due):
        while (left := due - time.monotonic()) > 0:
            self.receive(left)
        self.receive(0)

    def tell_losses(self):
        for (a, b), count in sorted(self.lost().items()):
            missing = sorted(set(range(self.sent[a, b])) - self.received.get((a, b), set()))
            print(f"{self.nodes[a][0]} to {self.nodes[b][0]}: {count} of {self.sent[a, b]} lost, first {missing[:5]}")
        for name, count in self.errors.items():
            print(f"{count} errors: {name}")


def touch(name):
    with open(name, "w", encoding="ascii"):
        pass


def exchange(over, ready, pace, words, pairs):
    """Between pairs of the nodes NS=ADDRESS, as "traffic"."""
    ends = Ends([word.split("=") for word in words])
    step, due = float(pace) / 1000, time.monotonic()
    told = False
    # The pairs are spread over the time between two datagrams.
    portion = max(1, len(pairs) // 16)
    while not os.path.exists(over):
        for start in range(0, len(pairs), portion):
            for a, b in pairs[start:start + portion]:
                ends.send(a, b)
            due = max(due + step * portion / len(pairs), time.monotonic())
            ends.pace(due)
        if not told and all(pair in ends.received for pair in pairs):
            touch(ready)
            told = True
    ends.settle()
    ends.tell_losses()
    print(f"{sum(ends.sent.values())} sent, {sum(map(len, ends.received.values()))} received, "
          f"{sum(ends.lost().values())} lost, {ends.double} double, {sum(ends.errors.values())} errors")


def traffic(over, ready, pace, *words):
    exchange(over, ready, pace, words, [(a, b) for a in range(len(words)) for b in range(len(words)) if a != b])


def moving(over, ready, pace, sender, address, *owners):
    ends = Ends([(owner, address) for owner in owners])
    enter(sender)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent, errors, due = 0, 0, time.monotonic()
    arrived = [set(), set()]

    def count():
        for seen, end in zip(arrived, ends.socks):
            try:
                while True:
                    seen.add(HEAD.unpack(end.recv(64))[2])
            except BlockingIOError:
                pass

    while not os.path.exists(over):
        try:
            sock.sendto(HEAD.pack(0, 0, sent), (address, PORT))
            sent += 1
        except OSError:
            errors += 1
        due = max(due + float(pace) / 1000, time.monotonic())
        time.sleep(max(due - time.monotonic(), 0))
        count()
        if any(arrived):
            touch(ready)
    end = time.monotonic() + PATIENCE
    while len(arrived[0] | arrived[1]) < sent and time.monotonic() < end:
        time.sleep(0.1)
        count()
    print(f"{sent} sent, {len(arrived[0])} and {len(arrived[1])} received, {sent - len(arrived[0] | arrived[1])} lost, "
          f"{errors} errors")


def admission(folder, network, hellos):
    nodes = []
    with open(hellos, "w", encoding="ascii") as out:
        for name in sorted(os.listdir(folder), key=lambda name: int(name[1:])):
            with open(f"{folder}/{name}", encoding="ascii") as handle:
                answer = json.load(handle)
            number = int(name[1:])
            out.write(answer["record"] + "\n")
            nodes.append({"node": name, "identity": answer["identity"],
                          "addresses": [f"{network}.{number // 256}.{number % 256}/16"]})
    print(json.dumps(nodes))


if __name__ == "__main__":
    {"traffic": traffic, "moving": moving, "admission": admission}[sys.argv[1]](*sys.argv[2:])
