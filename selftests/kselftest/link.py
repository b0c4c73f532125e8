#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""link.py family NAME: requests a generic netlink family from the kernel, and fails if there is none."""
import socket
import struct
import sys

NETLINK_GENERIC, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME = 16, 16, 3, 2
NLM_F_REQUEST, NLMSG_ERROR = 1, 2


def family_answer(name):
    """Type of the answer, and the error it carries."""
    value = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(value), CTRL_ATTR_FAMILY_NAME) + value + b"\0" * (-len(value) % 4)
    body = struct.pack("=BBH", CTRL_CMD_GETFAMILY, 1, 0) + attribute
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0) + body)
        answer = sock.recv(65536)
    kind = struct.unpack_from("=H", answer, 4)[0]
    return kind, struct.unpack_from("=i", answer, 16)[0] if kind == NLMSG_ERROR else 0


def main():
    kind, error = family_answer(sys.argv[2])
    if kind == NLMSG_ERROR:
        sys.exit(f"no family '{sys.argv[2]}': error {error}")


main()
