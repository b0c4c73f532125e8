#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""stream.py ADDRESS PORT FILE sends over TCP until FILE exists; prints the cksum of all data sent."""
import os
import socket
import subprocess
import sys

PIECE = 20000


def main():
    address, port, stop = sys.argv[1:]
    sock = socket.create_connection((address, int(port)))
    with subprocess.Popen(["cksum"], stdin=subprocess.PIPE) as sums:
        number, piece = 0, os.urandom(PIECE)
        while not os.path.exists(stop):
            data = b"%d %s" % (number, piece)
            sock.sendall(data)
            sums.stdin.write(data)
            number += 1
        sock.close()


main()
