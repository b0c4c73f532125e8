#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Starts a kernel that is a program, and answers requests of its guest (machine.h) on a console of its own.

meter.py FOLDER COMMAND...     COMMAND starts the kernel, below it, with "con2=fd:9" on its command line

cpu             CPU time of the kernel, of that in system calls, of its programs, of everything on this machine; the
                clock. Nanoseconds
profile NAME    perf begins to sample the kernel's process; the result goes to FOLDER/NAME.data
end             perf ends
"""
import os
import signal
import socket
import subprocess
import sys
import time

CONSOLE = 9
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# Samples per second of CPU time; no multiple of any interval of a kernel.
RATE = 4999


def process_clock(pid):
    """CPU time of all threads of a process, including those that have ended: clock_getcpuclockid(3)."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def stat_fields(pid):
    """The fields of proc_pid_stat(5) after the program's name: the first is the state."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rsplit(")", 1)[1].split()


def processes():
    """pid -> its parent"""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(stat_fields(name)[1])
        except OSError:
            continue
    return parents


def below(ancestor):
    parents, family, grown = processes(), {ancestor}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return family


def arguments_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def is_kernel(pid):
    words = arguments_of(pid)
    return f"con2=fd:{CONSOLE}".encode() in words and b"vmlinuz-" in words[0]


def machine_busy():
    """Busy time of all CPUs, including time stolen by a hypervisor."""
    with open("/proc/stat", encoding="utf-8") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) * TICK_NS


class Machine:
    """The kernel's process, a descendant of the command's, and its programs', which are the kernel's descendants."""

    def __init__(self, starter):
        self.starter = starter
        self.kernel = 0

    def find(self):
        if not self.kernel:
            self.kernel = min(pid for pid in below(self.starter) if is_kernel(pid))
        return self.kernel

    def programs(self):
        total = sum(int(ticks) for ticks in stat_fields(self.kernel)[13:15]) * TICK_NS
        for pid in below(self.kernel) - {self.kernel}:
            try:
                total += process_clock(pid)
            except OSError:
                continue
        return total

    def cpu(self):
        kernel = process_clock(self.find())
        now = time.monotonic_ns()
        busy = machine_busy()
        system = int(stat_fields(self.kernel)[12]) * TICK_NS
        return f"{kernel} {system} {self.programs()} {busy} {now}"


class Profile:
    """One perf record, which acknowledges its start, and is stopped by a signal."""

    def __init__(self, folder):
        self.folder = folder
        self.perf = None
        self.control = []

    def begin(self, name, pid):
        control, enable = os.pipe()
        acknowledged, ack = os.pipe()
        with open(os.path.join(self.folder, name + ".log"), "wb") as log:
            self.perf = subprocess.Popen(
                ["perf", "record", "-F", str(RATE), "-p", str(pid), "-o", os.path.join(self.folder, name + ".data"),
                 "-D", "-1", f"--control=fd:{control},{ack}"],
                pass_fds=(control, ack), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(control)
        os.close(ack)
        os.write(enable, b"enable\n")
        # perf ends early if its control is closed.
        self.control = [enable, acknowledged]
        return "done" if os.read(acknowledged, 16).startswith(b"ack") else "perf does not begin"

    def end(self):
        self.perf.send_signal(signal.SIGINT)
        self.perf.wait()
        for descriptor in self.control:
            os.close(descriptor)
        return "done"


def answer(line, machine, profile):
    word, _, rest = line.partition(" ")
    if word == "cpu":
        return machine.cpu()
    if word == "profile":
        return profile.begin(rest, machine.find())
    if word == "end":
        return profile.end()
    return f"'{line}' is no question"


def serve(console, machine, profile):
    """Answers requests until the machine has ended, which closes the console's other end."""
    with console.makefile("rw", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            lines.write(answer(line.strip(), machine, profile) + "\n")
            lines.flush()


def main():
    here, there = socket.socketpair()
    os.dup2(there.fileno(), CONSOLE)
    there.close()
    child = subprocess.Popen(sys.argv[2:], pass_fds=(CONSOLE,))
    os.close(CONSOLE)
    try:
        serve(here, Machine(child.pid), Profile(sys.argv[1]))
    except ConnectionResetError:
        pass
    sys.exit(child.wait())


if len(sys.argv) < 3:
    sys.exit(__doc__.strip())
main()
