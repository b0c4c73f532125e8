#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Runs programs in a control group with too little memory, for memcg.sh.

memcg.py link GROUP     adds a link with one page of memory, then with two, until it succeeds; prints the number of
                        failed tries. After any of them the link is complete or missing.
memcg.py hog            takes memory until the kernel kills it
"""
import os
import signal
import sys

import wgnetlink as nl
from links import Links, link_exists

PAGE = os.sysconf("SC_PAGESIZE")
MOST_PAGES = 2000
DEV = "ws0"


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def try_within(group):
    """Runs in a child, which the kernel may kill. Its objects exist before, and are not charged to the group."""
    links = Links()
    child = os.fork()
    if child == 0:
        write(f"{group}/cgroup.procs", "0")
        try:
            links.add(DEV)
        except nl.Refused:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    links.sock.close()
    nl.check("death by another signal", os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL, False)
    return status == 0


def link(group):
    links = Links()
    for pages in range(1, MOST_PAGES):
        write(f"{group}/memory.max", str(pages * PAGE))
        done = try_within(group)
        # A try that is killed after its last allocation leaves a link, too.
        if link_exists(DEV):
            links.remove(DEV)
        if done:
            print(pages - 1)
            return
    sys.exit(f"no link with {MOST_PAGES} pages")


def hog():
    kept = []
    while True:
        kept.append(bytearray(os.urandom(PAGE)) * 64)


def main():
    if sys.argv[1] == "link":
        link(sys.argv[2])
    else:
        hog()


main()
