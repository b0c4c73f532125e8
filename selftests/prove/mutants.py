#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Changes the code in one place at a time, and counts the changes that the tests detect.

    mutants.py [-j JOBS] [-s SAMPLE] [-b SECONDS] [-t TESTS] [-r OUTPUT] [-g OUTPUT] [-l] TARGET [FILE...]
    mutants.py -c

A target is a set of files and how they are built and tested, see TARGETS. FILE limits it to these (fsm.c or
kmod/lib/fsm.c). A mutant is one file with one change, see mutate.py. It is killed when a test fails, or takes much
too long. The mutants of a file are always the same ones; -s selects about one in SAMPLE, and at least one of each
file, -r the survivors that the output of an earlier run names. -g continues an interrupted run: mutants with a
verdict in its output are not tried again. -l only lists the mutants.

All mutants of a target are built once, into the same programs, and a run chooses one. A test is run for a mutant only
if it reaches the mutant's function, tests about its file first, then the quickest first, until one fails; with -b
only the first tests that together take at most SECONDS; with -t only TESTS, even those that are left out otherwise.
Survivors are tried again under sanitizers, except with -t. Constants outside functions are built one by one. Machines
test the target kmod, see machine.py, one mutant a machine; a machine that dies in a test has killed its mutant. A
machine that does not boot is started once more, and then its mutant is not judged. Its sanitizers are the kernel's:
KASAN, lockdep and others.

mutants.txt lists changes that leave the behaviour unchanged, with the reason: a line "FILE LABEL", with the label
that -l prints, and below it the reason, indented. -c checks that each still names a mutant.
"""
import argparse, concurrent.futures, functools, glob, hashlib, json, math, os, re, resource, shutil, signal, subprocess, sys
import tempfile, time

import machine, mutate

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EQUIVALENT = os.path.join(ROOT, "selftests", "prove", "mutants.txt")
BUILDS = 8      # a source whose mutants do not compile is built again without them, at most that often
PASSED = 0, 4   # 4: skipped


class Target:
    """`folder` contains its tests; `scripts` need the whole program."""

    jobs = os.cpu_count()
    budget = math.inf   # seconds of tests for a mutant
    only = frozenset()  # the tests that are run; empty: all

    def __init__(self, sources, folder, tree, flags, scripts=()):
        self.sources, self.folder, self.tree, self.flags, self.scripts = sources, folder, tree, flags, scripts

    @property
    def kind(self):
        return Tree

    def files(self):
        return sorted(os.path.relpath(file, ROOT) for file in self.sources())

    def tests(self):
        names = glob.glob(os.path.join(ROOT, self.folder, "test_*.c"))
        tests = {os.path.basename(name).removesuffix(".c") for name in names}
        return sorted(tests & self.only if self.only else tests)

    def command(self, test, output):
        return ["bash", test, f"{output}/weft"] if test in self.scripts else [f"{output}/{test}"]

    def build(self, tests, output, sanitized):
        programs = {f"{output}/{'weft' if test in self.scripts else test}" for test in tests}
        return ["make", "-s", "-k", "-C", self.folder, f"-j{os.cpu_count()}", f"O={output}", f"CFLAGS={self.flags}",
                *([] if sanitized else ["SANITIZE="]), *sorted(programs)]


LIBRARY = re.compile(r'^\. .*/lib\.sh"$', re.MULTILINE)


class ModuleTarget(Target):
    """Tested in machines, one at a time, since tests measure time."""

    jobs = 1
    # Tests about a file, which are run first.
    ABOUT = {
        "batch": "batch packets", "binding": "endpoints", "candidates": "endpoints", "cells": "rx-parallel",
        "config": "endpoints names events netlink pmtu", "config_check": "names keys",
        "crypt": "debug/kunit packets batch splice", "device": "events", "drop": "reasons", "ethtool": "reasons link",
        "endpoint": "roaming endpoints", "gro": "forward packets", "gso_rx": "debug/kunit forward",
        "handshake": "handshake malformed keys events liveness reasons", "queue": "cookies reasons",
        "actions": "liveness handshake", "handshake_state": "debug/kunit keys",
        "home": "netns", "identity": "keys", "index": "debug/kunit", "lookup": "debug/kunit keys",
        "main": "lifecycle", "netdev": "link events",
        "netlink": "netlink compat", "nl_get": "netlink dump pmtu rotate", "nl_set": "netlink names rotate",
        "nl_addr": "endpoints netlink", "nl_notify": "events", "nl_stats": "reasons",
        "output": "roaming routing debug/kunit", "pages": "debug/kunit", "parallel": "rx-parallel stall",
        "peer": "debug/kunit lifecycle", "peer_endpoint": "debug/kunit endpoints",
        "peer_keys": "keys debug/kunit graces", "peer_name": "names", "peer_ref": "debug/kunit lifecycle",
        "pmtu_check": "packets", "pmtu_path": "debug/kunit pmtu", "pmtu_probe": "pmtu liveness", "ratelimit": "cookies",
        "recent": "debug/kunit cookies", "recv": "malformed reasons packets",
        "rotation": "keys graces rotate events operations", "session": "debug/kunit", "socket": "debug/kunit port",
        "staged": "debug/kunit", "stray": "debug/kunit liveness reasons", "timers": "liveness debug/kunit",
        "tso": "batch packets", "xmit": "packets nesting",
    }
    # Tests that take minutes, or are independent of the module's mutants: programs, and comparisons of speed and
    # memory.
    LEFT_OUT = {"bulk", "command", "compat", "doctor", "faults", "interop", "nat", "removal",
                "scale", "setconf", "timers", "updown"}

    @property
    def kind(self):
        return ModuleTree

    def about(self, key):
        return self.ABOUT.get(os.path.basename(key.split(".")[0]), "").split()

    def tests(self):
        names = glob.glob(os.path.join(ROOT, "selftests/kselftest/*.sh"))
        tests = {os.path.basename(name).removesuffix(".sh") for name in names if LIBRARY.search(text_of(name))} | {"debug/kunit"}
        return sorted(tests & self.only if self.only else tests - self.LEFT_OUT)

    def build(self, tests, output, sanitized):
        headers = machine.kernel(ROOT, machine.SANITIZED if sanitized else machine.PLAIN, "headers")
        return ["make", "-s", "-k", "-C", headers, f"M={output}", f"-j{os.cpu_count()}", "ARCH=um", "SUBARCH=x86_64",
                "WEFT_SELFTESTS=m", "KCFLAGS=-w", "modules"]


def pure_sources():
    """Each file of the module that has a test of its own in userspace."""
    tests = glob.glob(os.path.join(ROOT, "selftests/unit/test_*.c"))
    return [file for test in tests
            for file in glob.glob(os.path.join(ROOT, "kmod/*", os.path.basename(test).removeprefix("test_")))]


def machine_sources():
    """All other files."""
    pure = set(pure_sources())
    return [file for file in [os.path.join(ROOT, "kmod/main.c"), *glob.glob(os.path.join(ROOT, "kmod/*/*.c"))]
            if file not in pure]


TARGETS = {
    "pure": Target(pure_sources, "selftests/unit",
                   ["kmod", "selftests/unit", "selftests/ccache.mk"], "-O0 -std=gnu11 -w -pthread"),
    "tools": Target(lambda: glob.glob(os.path.join(ROOT, "tools/*/*.c")), "selftests/tools",
                    ["tools", "kmod", "selftests/tools", "selftests/ccache.mk"], "-O0 -std=gnu11 -w -pthread",
                    ("wg.sh", "wgconf.sh", "completion.sh")),
    "kmod": ModuleTarget(machine_sources, "selftests",
                         ["Kbuild", "kmod", "selftests/prove/fault", "selftests/kunit", "selftests/unit"], ""),
}


@functools.cache
def text_of(file):
    with open(os.path.join(ROOT, file), encoding="utf-8") as handle:
        return handle.read()


def say(text):
    print("#", text, file=sys.stderr, flush=True)


# ---- a run ----

def namespace():
    """Each run has a /tmp of its own, where the kernel permits that."""
    words = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs weft /tmp && exec "$@"', "sh"]
    return words if not subprocess.run([*words, "true"], capture_output=True, check=False).returncode else []


class Runner:
    def __init__(self, touches_files):
        self.prefix = namespace() if touches_files else []

    def run(self, words, folder, limits, environment):
        """Whether it passes within `limits`: seconds of the processor, and elapsed seconds; a mutant may loop for
        ever."""
        child = subprocess.Popen([*self.prefix, *words], cwd=folder, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                 env=os.environ | environment)
        try:
            resource.prlimit(child.pid, resource.RLIMIT_CPU, (limits[0], limits[0]))
            return child.wait(limits[1]) in PASSED
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()

    def measure(self, words, folder, environment):
        """(whether it passes, limits for it with a mutant). No other test runs meanwhile."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        passed = self.run(words, folder, (600, 600), environment)
        after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return passed, (3 + math.ceil(4 * used), 20 + math.ceil(5 * seconds))


# ---- a tree with mutants ----

class Tree:
    """A copy of the files that a target needs."""

    def __init__(self, target, top, runner):
        self.target, self.top, self.runner = target, top, runner
        self.folder = os.path.join(top, target.folder)
        self.limits, self.seconds, self.reaching = {}, {}, {}
        for part in target.tree:
            source, copy = os.path.join(ROOT, part), os.path.join(top, part)
            if os.path.isdir(source):
                shutil.copytree(source, copy, symlinks=True,
                                ignore=shutil.ignore_patterns("build", "*.o", "*.ko", "*.d", "*.mod*", ".*.cmd"))
            else:
                shutil.copy(source, copy)

    def write(self, file, text):
        with open(os.path.join(self.top, file), "w", encoding="utf-8") as handle:
            handle.write(text)

    def write_mutants(self, mutants, files):
        """Writes the sources of these files, and returns {file: [(mutant, first line, last line)]}."""
        places = {}
        for file in files:
            source, places[file] = mutate.switchable(text_of(file), [one for one in mutants if one.file == file])
            self.write(file, source)
        return places

    def make(self, tests, sanitized):
        """The output of the compiler, or '' if all is built."""
        words = self.target.build(tests, self.output(sanitized), sanitized)
        done = subprocess.run(words, cwd=self.top, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""

    @staticmethod
    def output(sanitized):
        return "sanitized" if sanitized else "plain"

    def measure(self, tests, sanitized):
        """Measures the time of each test, and the functions that it reaches. Returns the tests that fail."""
        failed = []
        for test in tests:
            reached = os.path.join(self.top, f"reached-{test}")
            with open(reached, "w", encoding="utf-8"):
                pass
            passed, self.limits[test] = self.runner.measure(self.target.command(test, self.output(sanitized)),
                                                            self.folder, {"WEFT_MUTANT_REACHED": reached})
            self.seconds[test] = self.limits[test][1]
            say(f"{test} unchanged: limits {self.limits[test]} s")
            if not passed:
                failed.append(test)
            with open(reached, encoding="utf-8") as handle:
                for line in handle:
                    self.reaching.setdefault(line.strip(), set()).add(test)
        return failed

    def remarks(self, file, killers):
        """More lines for the report."""
        return []

    def in_order(self, key):
        """The tests that reach a function, the quickest first."""
        return sorted(self.reaching.get(key, ()), key=self.limits.get)

    def near(self, key):
        """The tests to try."""
        tests, total = self.in_order(key), 0
        for count, test in enumerate(tests):
            total += self.seconds[test]
            if count and total > self.target.budget:
                return tests[:count]
        return tests

    def kills(self, tests, sanitized, identity=0):
        """The test that fails, or ''."""
        wish = {"WEFT_MUTANT": str(identity), "TEST_STOP": "1"}
        for test in tests:
            if not self.runner.run(self.target.command(test, self.output(sanitized)), self.folder, self.limits[test], wish):
                return test
        return ""


class ModuleTree(Tree):
    """A module whose mutants are chosen by a parameter, and the machines that load it."""

    def in_order(self, key):
        about = self.target.about(key)
        return sorted(super().in_order(key), key=lambda test: about.index(test) if test in about else len(about))

    HOLDERS = "kmod/main.c", "selftests/kunit/world.c"     # files with the parameter's definition, one in each module

    def source(self, file, mutants):
        source, places = mutate.switchable(text_of(file), mutants, mutate.MODULE_DECLARATION, file)
        return source + (mutate.MODULE_CHOICE if file in self.HOLDERS else ""), places

    def write_mutants(self, mutants, files):
        places = {}
        for file in {*self.target.files(), *self.HOLDERS}:
            source, places[file] = self.source(file, [one for one in mutants if one.file == file])
            self.write(file, source)
        return places

    def output(self, sanitized):
        return self.top

    @staticmethod
    def series(sanitized):
        return machine.SANITIZED if sanitized else machine.PLAIN

    def machine(self, sanitized, mode, tests, identity):
        module = os.path.join(self.top, "kmod/weft.ko")
        return machine.Machine(ROOT, self.series(sanitized), module, mode, tests, identity)

    def of_mode(self, mode, tests):
        return [test for test in tests if machine.mode_of(ROOT, test) == mode]

    def measure(self, tests, sanitized):
        """Measurements of the same code are reused. A test that fails, for example on a busy machine, is left out:
        mutants are tried only with measured tests."""
        known = Measures(self.series(sanitized))
        machine.prepare(ROOT, self.series(sanitized))
        for mode in "icount", "smp":
            missing = [test for test in self.of_mode(mode, tests) if not known.get(test)]
            if missing:
                say(f"measured: {' '.join(missing)}")
                run = self.machine(sanitized, mode, missing, 0)
                try:
                    for test, found in machine.measured(run, 900):
                        say(f"{test}: {found[0]:.1f} s, {len(found[1])} functions")
                        known.put(test, found)
                finally:
                    run.end()
        for test in tests:
            seconds, reached = known.get(test) or (0, [])
            self.limits[test], self.seconds[test] = 20 + 3 * seconds, seconds
            if not seconds:
                say(f"{test} fails unchanged")
            for key in reached:
                self.reaching.setdefault(key, set()).add(test)
        return [] if self.reaching else tests

    def failure(self, mode, tests, sanitized, identity):
        """(test, its failure) or None. A machine that does not boot is started once more; then it raises NotUp."""
        for last in False, True:
            run = self.machine(sanitized, mode, tests, identity)
            try:
                return machine.first_failure(run, tests, self.limits)
            except machine.NotUp as why:
                if last:
                    raise
                say(f"started once more: {why}")
            finally:
                run.end()

    def kills(self, tests, sanitized, identity=0):
        for mode in "icount", "smp":
            chosen = self.of_mode(mode, tests)
            failure = self.failure(mode, chosen, sanitized, identity) if chosen else None
            if failure:
                return ": ".join(failure)
        return ""


    def remarks(self, file, killers):
        functions = {key: tests for key, tests in self.reaching.items() if key.startswith(file + ":")}
        tests = sorted(set().union(*functions.values()))
        seen = sorted({killer.split(":")[0] for killer in killers if killer})
        return [f"    seen by {' '.join(seen)}", f"    {len(functions)} functions reached by {' '.join(tests)}"]


class Measures:
    """Measurements of tests with the unchanged module: {test: [seconds, functions that it reaches]}, valid until
    either changes."""

    def __init__(self, series):
        self.series = series
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.path = os.path.join(cache, "weft", "measures.json")
        try:
            with open(self.path, encoding="utf-8") as handle:
                self.known = json.load(handle)
        except FileNotFoundError:
            self.known = {}

    def key(self, test):
        digest = hashlib.sha256(f"{self.series} {test}".encode())
        for path in sorted([*glob.glob(os.path.join(ROOT, "kmod/**/*.[ch]"), recursive=True), os.path.join(ROOT, "selftests/kselftest/lib.sh"),
                            *glob.glob(os.path.join(ROOT, "selftests/kselftest/lib/*.py")),
                            *glob.glob(os.path.join(ROOT, "selftests", machine.script_of(test).removesuffix("sh") + "*"))]):
            with open(path, "rb") as handle:
                digest.update(handle.read())
        return digest.hexdigest()

    def get(self, test):
        return self.known.get(self.key(test))

    def put(self, test, found):
        self.known[self.key(test)] = found
        with open(self.path + ".new", "w", encoding="utf-8") as handle:
            json.dump(self.known, handle)
        os.rename(self.path + ".new", self.path)


ERROR = re.compile(r"([\w./]+\.c):(\d+):\d+: (?:error:|note: in expansion of macro)")


def refused(log, places):
    """The mutants whose lines have an error of the compiler."""
    found = set()
    for path, line in set(ERROR.findall(log)):
        for file, ranges in places.items():
            if os.path.basename(file) == os.path.basename(path):
                found.update(mutant for mutant, first, last in ranges if first <= int(line) <= last)
    return found


def build_mutants(tree, mutants, tests, sanitized):
    """Returns the mutants that do not compile; ends the program if the error is elsewhere."""
    invalid, more = set(), mutants
    for _ in range(BUILDS):
        left = [mutant for mutant in mutants if mutant not in invalid]
        places = tree.write_mutants(left, {mutant.file for mutant in more})
        log = tree.make(tests, sanitized)
        if not log:
            return invalid
        more = refused(log, places)
        if not more:
            sys.exit(log)
        invalid |= more
    sys.exit("the sources with mutants do not build")


# ---- all of a target ----

class Progress:
    def __init__(self, what, total):
        self.what, self.total, self.done, self.killed, self.said = what, total, 0, 0, time.monotonic()

    def add(self, killed):
        self.done += 1
        self.killed += killed
        if time.monotonic() - self.said >= 10 or self.done == self.total:
            self.said = time.monotonic()
            say(f"{self.what}: {self.done} of {self.total}, {self.killed} killed")


def judge(mutant, kill):
    """Sets the mutant's killer, and whether it was judged; returns the verdict as text."""
    try:
        mutant.killer, mutant.unjudged = kill(mutant), False
    except machine.NotUp as why:
        mutant.killer, mutant.unjudged = "", True
        return f"not judged: {why}"
    return f"seen by {mutant.killer}" if mutant.killer else "not seen"


def survivors(pool, what, mutants, kill):
    """The mutants that no test detects, and those that were not judged."""
    progress, left = Progress(what, len(mutants)), []
    futures = {pool.submit(judge, mutant, kill): mutant for mutant in mutants}
    for future in concurrent.futures.as_completed(futures):
        mutant = futures[future]
        say(f"{what}: {mutant.file}:{mutant.line}: {mutant.label()} is {future.result()}")
        progress.add(bool(mutant.killer))
        if not mutant.killer:
            left.append(mutant)
    return left


def try_switchable(tree, pool, mutants, tests, sanitized):
    """Returns (invalid, survivors)."""
    what = "sanitized" if sanitized else "plain"
    for file in {mutant.file for mutant in mutants}:
        tree.write(file, text_of(file))
    say(f"{what}: {len(mutants)} mutants are built")
    invalid = build_mutants(tree, mutants, tests, sanitized)
    failed = tree.measure(tests, sanitized)
    if failed:
        sys.exit(f"the unchanged code does not pass: {' '.join(failed)}")
    valid = [mutant for mutant in mutants if mutant not in invalid]
    near = {mutant: tree.near(f"{mutant.file}:{mutant.function}") for mutant in valid}
    quickest = sorted((mutant for mutant in valid if near[mutant]), key=lambda mutant: tree.limits[near[mutant][0]])
    left = survivors(pool, what, quickest,
                     lambda mutant: tree.kills(near[mutant], sanitized, mutant.identity))
    return invalid, left + [mutant for mutant in valid if not near[mutant]]


def kills_alone(tree, mutant, tests):
    """For a constant: None if it does not build."""
    text = text_of(mutant.file)
    try:
        tree.write(mutant.file, mutant.text(text))
        return None if tree.make(tests, False) else tree.kills(tests, False)
    finally:
        tree.write(mutant.file, text)


def try_constants(tree, mutants):
    """One by one in a tree of their own; `tree` has the tests that reach related functions. Returns (invalid,
    survivors)."""
    invalid, left = set(), []
    if not mutants:
        return invalid, left
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="weft-constants-") as top:
        alone = tree.target.kind(tree.target, top, tree.runner)
        alone.limits = tree.limits
        progress = Progress("constants", len(mutants))
        for mutant in mutants:
            near = {test for key, tests in tree.reaching.items() if key.startswith(mutant.file + ":") for test in tests}
            chosen = sorted(near, key=tree.limits.get)
            judge(mutant, lambda one, tests=chosen: kills_alone(alone, one, tests) if tests else "")
            if mutant.killer is None:
                invalid.add(mutant)
            elif not mutant.killer:
                left.append(mutant)
            progress.add(bool(mutant.killer))
    return invalid, left


def summary(name, counted):
    tried = counted["killed"] + counted["survived"]
    share = 100 * counted["killed"] / tried if tried else 100
    return f"{name}: {counted['killed']} of {tried} killed, {share:.1f} %; {counted['unreached']} not reached, " \
           f"{counted['equivalent']} equivalent, {counted['invalid']} do not build, {counted['unjudged']} not judged"


def report(tree, files, mutants, invalid, left):
    known, left = equivalents(), set(left)
    total = dict.fromkeys(("invalid", "killed", "survived", "equivalent", "unreached", "unjudged"), 0)
    lines = []
    for file in files:
        counted = dict.fromkeys(total, 0)
        for mutant in (one for one in mutants if one.file == file):
            outcome = "invalid" if mutant in invalid else "survived" if mutant in left else "killed"
            if outcome == "survived" and mutant.unjudged:
                outcome = "unjudged"
            elif outcome == "survived" and mutant.label() in known.get(file, ()):
                outcome = "equivalent"
            counted[outcome] += 1
            unreached = mutant.body and not tree.near(f"{file}:{mutant.function}")
            counted["unreached"] += outcome == "survived" and bool(unreached)
            if outcome in ("survived", "unjudged"):
                remark = " (not judged)" if outcome == "unjudged" else " (not reached)" if unreached else ""
                print(f"{file}:{mutant.line}: {mutant.label()}{remark}")
        lines.append(summary(file, counted))
        lines += tree.remarks(file, [mutant.killer for mutant in mutants if mutant.file == file])
        for key, count in counted.items():
            total[key] += count
    print("\n".join([*lines, summary("all", total)]), flush=True)


def try_again(tree, pool, left, tests):
    """The survivors, under sanitizers. Returns those that survive again."""
    reached = [mutant for mutant in left if tree.near(f"{mutant.file}:{mutant.function}")]
    if not reached:
        return left
    tests = [test for test in tests if any(test in tree.near(f"{one.file}:{one.function}") for one in reached)]
    sanitized = tree.target.kind(tree.target, os.path.join(tree.top, "again"), tree.runner)
    killed = set(reached) - set(try_switchable(sanitized, pool, reached, tests, True)[1])
    return [mutant for mutant in left if mutant not in killed]


def try_all(target, files, mutants, jobs, verdicts):
    """`verdicts` are those of an earlier run."""
    files = [file for file in files if any(mutant.file == file for mutant in mutants)]
    for identity, mutant in enumerate(mutants, 1):
        mutant.identity = identity
        mutant.killer, mutant.judged = verdicts.get((mutant.file, mutant.label()), (None, False))
        mutant.unjudged = False
    fresh = [mutant for mutant in mutants if mutant.killer is None]
    constants = [mutant for mutant in fresh if not mutant.body]
    tests = [*target.tests(), *target.scripts]
    if target.folder == "selftests/unit":
        tests = ["test_" + os.path.basename(file).removesuffix(".c") for file in files]
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="weft-mutants-") as top, \
            concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        tree = target.kind(target, top, Runner(bool(target.scripts)))
        invalid, left = try_switchable(tree, pool, [mutant for mutant in fresh if mutant.body], tests, False)
        more, others = try_constants(tree, constants)
        before = [mutant for mutant in mutants if mutant.killer == "" and mutant not in fresh]
        left += [mutant for mutant in before if not mutant.judged]
        if not target.only:
            left = try_again(tree, pool, left, tests)
        report(tree, files, mutants, invalid | more, left + others + [mutant for mutant in before if mutant.judged])


NAMED = re.compile(r"(?:# \w+: )?(\S+\.c):\d+: (.*?)(?: is not seen| \(not (?:reached|judged)\))?$")


VERDICT = re.compile(r"# (\w+): (\S+\.c):\d+: (.*) is (?:seen by (.*)|not seen)$")


def verdicts_in(output):
    """{(file, label): (the test that detected it, or '', whether the verdict is final)}"""
    with open(output, encoding="utf-8") as handle:
        found = map(VERDICT.match, handle.read().splitlines())
        return {(match[2], match[3]): (match[4] or "", match[4] or match[1] == "sanitized") for match in found if match}


def named_in(output):
    """(file, label) of the survivors in an earlier run's output."""
    with open(output, encoding="utf-8") as handle:
        return {match.groups() for match in map(NAMED.match, handle.read().splitlines()) if match}


# ---- changes that no test can detect ----

def equivalents():
    """Labels by file."""
    known = {}
    for file, label, _ in entries():
        known.setdefault(file, set()).add(label)
    return known


def entries():
    """(file, label, reason) of each in mutants.txt."""
    found = []
    with open(EQUIVALENT, encoding="utf-8") as handle:
        for line in handle:
            if line.strip() and line[0] != "#":
                if line[0].isspace():
                    found[-1][2] = line.strip()
                else:
                    found.append([*line.rstrip("\n").split(" ", 1), ""])
    return found


def check():
    bad, labels = 0, {}
    for file, label, reason in entries():
        if file not in labels:
            exists = os.path.exists(os.path.join(ROOT, file))
            labels[file] = {one.label() for one in mutate.mutants_of(file, text_of(file))} if exists else set()
        if label not in labels[file]:
            print(f"mutants.txt: {file} has no mutant '{label}'")
            bad += 1
        if not reason:
            print(f"mutants.txt: {file} '{label}' has no reason")
            bad += 1
    return bad


def sample_of(file, every):
    """About one in `every` of the file's mutants, and at least one that can be chosen in a program."""
    mutants = mutate.mutants_of(file, text_of(file))
    drawn = [mutant for mutant in mutants if mutant.number() % every == 0]
    return drawn or sorted((mutant for mutant in mutants if mutant.body), key=mutate.Mutant.number)[:1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, dest="jobs")
    parser.add_argument("-s", type=int, default=1, dest="sample")
    parser.add_argument("-b", type=float, default=math.inf, dest="budget")
    parser.add_argument("-t", default="", dest="tests")
    parser.add_argument("-r", dest="again")
    parser.add_argument("-g", dest="go_on")
    parser.add_argument("-l", action="store_true", dest="only_list")
    parser.add_argument("-c", action="store_true", dest="check")
    parser.add_argument("target", choices=TARGETS, nargs="?", default="pure")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    bad = check()
    if options.check or bad:
        return 1 if bad else 0
    target, names = TARGETS[options.target], {os.path.basename(name) for name in options.files}
    target.budget, target.only = options.budget, frozenset(options.tests.split())
    files = [file for file in target.files() if not names or os.path.basename(file) in names]
    mutants = [mutant for file in files for mutant in sample_of(file, options.sample)]
    if options.again:
        named = named_in(options.again)
        mutants = [mutant for mutant in mutants if (mutant.file, mutant.label()) in named]
    if options.only_list:
        for mutant in mutants:
            print(f"{mutant.file}:{mutant.line}: {mutant.label()}")
        return 0
    try_all(target, files, mutants, options.jobs or target.jobs, verdicts_in(options.go_on) if options.go_on else {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
