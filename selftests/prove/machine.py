# SPDX-License-Identifier: GPL-2.0
"""Runs tests in a machine of Linux as a program (see run/vm/uml.sh), with a module that contains mutants, one of which is
chosen.

The machine's command line sets the module's parameter: modprobe reads it there for any caller. The machine's output
is that of run/vm/guest.sh.
"""
import os, re, select, signal, subprocess, time

PLAIN, SANITIZED = "uml", "uml-kasan"
BOOT = 120      # seconds until the first test begins
GUEST = "for test in {tests}; do bash selftests/run/vm/guest.sh $test; dmesg -c | sed -n 's/.*weft_mutant: /reached /p'; done"


def kernel(root, series, what):
    """kernels.sh's `image` or `headers`; builds the kernel if necessary."""
    words = [os.path.join(root, "selftests/run/vm/kernels.sh"), what, series]
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def prepare(root, series):
    """Builds the files that a machine boots from, if they are missing."""
    kernel(root, series, "image")
    subprocess.run([os.path.join(root, "selftests/run/vm/image.sh"), "base", series], stdout=subprocess.DEVNULL, check=True)


def script_of(test):
    """By its path in selftests/: a name alone is that of a test of kselftest/."""
    return (test if "/" in test else "kselftest/" + test) + ".sh"


def mode_of(root, test):
    """Whether a test needs two CPUs in real time. Where idle time is skipped the suites of KUnit finish sooner."""
    with open(os.path.join(root, "selftests", script_of(test)), encoding="utf-8") as handle:
        return "smp" if "# vm: smp" in handle.read() and test != "debug/kunit" else "icount"


class Late(Exception):
    pass


class NotUp(Exception):
    """No test begins in a machine: this says nothing about a mutant, whose module is not loaded yet."""


class Machine:
    """A machine that runs these tests, all of one mode, in sequence."""

    def __init__(self, root, series, module, mode, tests, mutant):
        parameters = f"weft.weft_mutant={mutant} weft_kunit.weft_mutant={mutant}"
        self.child = subprocess.Popen(
            [os.path.join(root, "selftests/run/vm/boot.sh"), "-m", mode, "-t", "3600", "-k", module, "-a", parameters,
             "-e", "KIND=weft", series, GUEST.format(tests=" ".join(tests))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        self.deadline = time.monotonic() + BOOT

    def allow(self, seconds):
        self.deadline = time.monotonic() + seconds

    def lines(self):
        """The lines that it prints until it ends; raises Late at the deadline."""
        begun, descriptor = b"", self.child.stdout.fileno()
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise Late
            part = os.read(descriptor, 65536)
            if not part:
                return
            *whole, begun = (begun + part).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace")

    def end(self):
        """The emulated machine ends with boot.sh."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.child.stdout.close()


def outcome(line):
    """The failure at the first line that reports one; '' at the end of a test that passed, otherwise None."""
    if line.startswith("| not ok "):
        return re.sub(r"^\d+ - ", "", line.removeprefix("| not ok "))
    if line.startswith("check BAD "):
        return "not so: " + line.removeprefix("check BAD ")
    if line.startswith("end "):
        status = line.split()[2]
        return "" if status == "0" else f"status {status}"
    return None


def first_failure(machine, tests, limits):
    """(test, its failure) or None; raises NotUp."""
    left, current = list(tests), None
    try:
        for line in machine.lines():
            if line.startswith("start "):
                current = line.removeprefix("start ")
                machine.allow(limits[current])
            wrong = outcome(line)
            if wrong:
                return current, wrong
            if wrong == "":
                left.remove(current)
                machine.allow(BOOT)
    except Late:
        if current is None:
            raise NotUp(f"no test has begun after {BOOT} s") from None
        return current, "takes too long"
    if left and current is None:
        raise NotUp("the machine ended before the first test")
    return (current, "the machine dies") if left else None


def measured(machine, limit):
    """(test, (seconds, functions that it reaches)) of each test that passes with the unchanged module."""
    current, began, took, reached = None, 0, None, []
    try:
        for line in machine.lines():
            if line.startswith("start "):
                if took:
                    yield current, (took, reached)
                current, began, took, reached, passed = line.removeprefix("start "), time.monotonic(), None, [], True
                machine.allow(limit)
            elif line.startswith("reached "):
                reached.append(line.removeprefix("reached "))
            wrong = outcome(line)
            if wrong is not None:
                passed = passed and not wrong
            if line.startswith("end ") and passed:
                took = time.monotonic() - began
    except Late:
        return
    if took:
        yield current, (took, reached)
