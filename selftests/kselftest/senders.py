#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Programs that keep changing pages that they have sent. See senders.sh.

senders.py receive                counts the packets from the tunnel by kind; ends with its input
senders.py send KIND COUNT TRIES  a process without privileges sends COUNT datagrams at once, TRIES in all, from a
                                  page that it changes, and another socket's datagrams between them, whose arrival is
                                  waited for
senders.py take LENGTH            receives that many bytes of TCP, and expects all but the changed ones to be right
senders.py stream LENGTH          sends them from a file that it changes
senders.py ring DEVICE            sends one datagram from a packet socket's ring, and writes another one into its slot
                                  as soon as that is released; ends with its input
senders.py one PORT               prints the datagram that arrives
"""
import mmap, os, select, socket, struct, sys, time
import pages, wgpeer

HERE, THERE = wgpeer.INNER_TUNNEL, wgpeer.INNER_SELF
CHANGED_PORT, HONEST_PORT, STREAM_PORT, RING_PORT = 9, 10, 11, 12
LENGTH, CHANGED_AT = 1200, 600
KINDS = {"splice": pages.Splice, "sendfile": pages.SendFile, "zerocopy": pages.ZeroCopy}
FILL, FORGED = 0xAA, 0xAA ^ 0x55
WAIT_S = 10 * wgpeer.SLOW
PACKET_TX_RING, SOL_PACKET, ETH_P_IP = 13, 263, 0x0800
# A slot: its status, the length of its data, and the data's offset.
SLOT, BLOCK, LENGTH_AT, DATA_AT, AVAILABLE, SEND_REQUEST = 2048, 4096, 8, 32, 0, 1


def datagram(number):
    return struct.pack(">I", number) + bytes([FILL]) * (LENGTH - 4)


def is_as_sent(data):
    """Whether all bytes but the changing one are as sent."""
    number = struct.unpack(">I", data[:4])[0]
    return data[CHANGED_AT] in (FILL, FORGED) and data[:CHANGED_AT] + bytes([FILL]) + data[CHANGED_AT + 1:] == datagram(number)


def listening(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind(("", port))
    return sock


def receive():
    changed, honest = listening(CHANGED_PORT), listening(HONEST_PORT)
    came = {"whole": 0, "forged": 0, "torn": 0, "honest": 0, "dishonest": 0}
    print("listening", flush=True)
    while True:
        ready = select.select([changed, honest, sys.stdin], [], [])[0]
        if changed in ready:
            data = changed.recv(2048)
            came["torn" if not is_as_sent(data) else "whole" if data[CHANGED_AT] == FILL else "forged"] += 1
        elif honest in ready:
            data, sender = honest.recvfrom(2048)
            came["honest" if data == datagram(struct.unpack(">I", data[:4])[0]) else "dishonest"] += 1
            honest.sendto(data[:4], sender)
        else:
            break
    print(*(f"{what}={number}" for what, number in came.items()), flush=True)


def honest_arrives(sock, number):
    sock.send(datagram(number))
    sock.settimeout(WAIT_S)
    wgpeer.check("the honest datagram that arrives", sock.recv(64), datagram(number)[:4])


def send_changed(kind, count, tries):
    honest, memory = pages.connected((THERE, HONEST_PORT)), kind.page()
    way = kind((THERE, CHANGED_PORT), memory, LENGTH, count)
    for i in range(count):
        memory[pages.BEGIN + LENGTH * i:pages.BEGIN + LENGTH * (i + 1)] = datagram(i)
    changer = pages.Writer(memory, [pages.BEGIN + LENGTH * i + CHANGED_AT for i in range(count)])
    changer.tell(1)
    for number in range(tries // count):
        way.send()
        if number % 16 == 0:
            honest_arrives(honest, number)
    changer.end()
    honest_arrives(honest, tries)
    return tries // count * count


def send(kind, count, tries):
    print("sent", pages.without_privileges(send_changed, KINDS[kind], int(count), int(tries)))


def take(length):
    with socket.create_server(("", STREAM_PORT)) as server:
        print("listening", flush=True)
        sock, data = server.accept()[0], bytearray()
        while part := sock.recv(1 << 16):
            data += part
    wgpeer.check("bytes that arrive", len(data), int(length))
    for at in range(CHANGED_AT, len(data), mmap.PAGESIZE):
        if data[at] not in (FILL, FORGED):
            raise wgpeer.Failure(f"byte {at} is {data[at]}")
        data[at] = FILL
    wgpeer.check("unchanged bytes", data.count(FILL), int(length))


def stream_changed(length):
    file = os.memfd_create("stream")
    size = 16 * mmap.PAGESIZE
    os.ftruncate(file, size + mmap.PAGESIZE)
    memory = mmap.mmap(file, size + mmap.PAGESIZE)
    memory[mmap.PAGESIZE:] = bytes([FILL]) * size
    sock = socket.create_connection((THERE, STREAM_PORT), timeout=WAIT_S)
    changer = pages.Writer(memory, range(mmap.PAGESIZE + CHANGED_AT, size + mmap.PAGESIZE, mmap.PAGESIZE))
    changer.tell(1)
    sent = 0
    sock.settimeout(None)
    while sent < length:
        sent += os.sendfile(sock.fileno(), file, mmap.PAGESIZE + sent % size, min(size - sent % size, length - sent))
    sock.shutdown(socket.SHUT_WR)
    sock.settimeout(WAIT_S)
    wgpeer.check("answer of the other end", sock.recv(1), b"")
    changer.end()
    return sent


def stream(length):
    print("sent", pages.without_privileges(stream_changed, int(length)))


def ring_datagram(fill):
    data = fill * (LENGTH // len(fill))
    return wgpeer.ipv4(17, struct.pack(">HHHH", RING_PORT, RING_PORT, 8 + len(data), 0) + data, HERE, THERE)


def ring(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    sock.setsockopt(SOL_PACKET, PACKET_TX_RING, struct.pack("IIII", BLOCK, 1, SLOT, BLOCK // SLOT))
    sock.bind((device, ETH_P_IP))
    slots = mmap.mmap(sock.fileno(), BLOCK)
    first, second = ring_datagram(b"first."), ring_datagram(b"second")
    slots[DATA_AT:DATA_AT + len(first)] = first
    struct.pack_into("@I", slots, LENGTH_AT, len(first))
    struct.pack_into("@L", slots, 0, SEND_REQUEST)
    sock.send(b"", socket.MSG_DONTWAIT)
    end = time.monotonic() + WAIT_S
    while (status := struct.unpack_from("@L", slots)[0]) != AVAILABLE:
        if time.monotonic() > end:
            raise wgpeer.Failure(f"the slot has status {status}")
        time.sleep(0.01)
    slots[DATA_AT:DATA_AT + len(second)] = second
    print("given back", flush=True)
    sys.stdin.read()


def one(port):
    sock = listening(int(port))
    print("listening", flush=True)
    sock.settimeout(3 * WAIT_S)
    print(sock.recv(2048).decode(), flush=True)


wgpeer.run(globals())
