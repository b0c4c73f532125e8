#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Has everybody else wait, on every CPU, while a test sends what is to be there before any of it is looked at."""
import contextlib
import os
import signal
import time

HOG, SELF, DELIVERY = 5, 10, 20
AT_MOST = 30            # seconds: should the test be killed meanwhile


def deliver_at_once(cpu=0):
    """What a sender overtakes waits in a backlog of 1000 packets and no more. The thread that empties it, if the kernel
    leaves that to a thread, is to come before the sender."""
    for process in filter(str.isdigit, os.listdir("/proc")):
        with open(f"/proc/{process}/comm") as comm:
            if comm.read() == f"ksoftirqd/{cpu}\n":
                os.sched_setscheduler(int(process), os.SCHED_FIFO, os.sched_param(DELIVERY))


def hog(cpu):
    """A process that does nothing else but have that CPU; it has it when this returns."""
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        os.sched_setaffinity(0, [cpu])
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(HOG))
        os.write(tell, b".")
        end = time.monotonic() + AT_MOST
        while time.monotonic() < end:
            pass
        os._exit(0)
    os.close(tell)
    os.read(ready, 1)
    os.close(ready)
    return child


@contextlib.contextmanager
def alone():
    """Nobody else gets to run, but for the little that the kernel sees to: 50 ms in a second."""
    cpus = os.sched_getaffinity(0)
    mine, *others = sorted(cpus)
    deliver_at_once(mine)
    os.sched_setaffinity(0, [mine])
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(SELF))
    hogs = [hog(cpu) for cpu in others]
    try:
        yield
    finally:
        for child in hogs:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, cpus)
