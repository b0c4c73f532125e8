#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""nfqueue.py hold NUMBER COUNT    takes that many packets from a queue of netfilter (NFQUEUE), and accepts them after
                                a line of input. Prints "holds" and "gone on"
"""
import socket, struct, sys

NETLINK_NETFILTER, SOL_NETLINK, NETLINK_NO_ENOBUFS = 12, 270, 5
NFNL_SUBSYS_QUEUE, PACKET, VERDICT, CONFIG = 3 << 8, 0, 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR = 1, 4, 2
CFG_CMD, CFG_PARAMS, VERDICT_HDR, BIND, COPY_META, NF_ACCEPT = 1, 2, 2, 1, 1, 1
HEADER, NFGEN = struct.Struct("=IHHII"), struct.Struct(">BBH")


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def message(kind, number, flags, *attributes):
    body = NFGEN.pack(socket.AF_UNSPEC, 0, number) + b"".join(attributes)
    return HEADER.pack(HEADER.size + len(body), NFNL_SUBSYS_QUEUE | kind, NLM_F_REQUEST | flags, 1, 0) + body


def configure(sock, number, attribute):
    sock.send(message(CONFIG, number, NLM_F_ACK, attribute))
    answer = sock.recv(4096)
    error = struct.unpack_from("=i", answer, HEADER.size)[0]
    if HEADER.unpack_from(answer)[1] != NLMSG_ERROR or error:
        sys.exit(f"queue {number}: error {error}")


def packets(sock, count):
    """The packets' ids, which are in the first attribute."""
    while count:
        data = sock.recv(65536)
        while data:
            length, kind = HEADER.unpack_from(data)[:2]
            if kind == NFNL_SUBSYS_QUEUE | PACKET:
                yield struct.unpack_from(">I", data, HEADER.size + NFGEN.size + 4)[0]
                count -= 1
            data = data[length + -length % 4:]


def hold(number, count):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    sock.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
    sock.bind((0, 0))
    configure(sock, number, attribute(CFG_CMD, struct.pack(">BBH", BIND, 0, socket.AF_INET)))
    configure(sock, number, attribute(CFG_PARAMS, struct.pack(">IB", 0, COPY_META)))
    print("listens", flush=True)
    held = list(packets(sock, count))
    print("holds", flush=True)
    sys.stdin.readline()
    for one in held:
        sock.send(message(VERDICT, number, 0, attribute(VERDICT_HDR, struct.pack(">II", NF_ACCEPT, one))))
    print("gone on", flush=True)


hold(int(sys.argv[2]), int(sys.argv[3]))
