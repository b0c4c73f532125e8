#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Computes which lines and branches of kmod/ were reached, from the counts of gcov that selftests/run/vm/run.sh has saved.

coverage.py BUILD COUNTS DOCUMENT   prints a table by file, and puts it into DOCUMENT. BUILD: the folder in which the
                                    modules were built; COUNTS: a folder of archives. Fails below the least share of
                                    lines.
coverage.py -v BUILD COUNTS         prints the lines that were not reached
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

BEGIN, END = ".. begin of coverage\n", ".. end of coverage\n"
LEAST = 90
# Made by the generator of netlink code, or by the macros of tracepoints.
GENERATED = {"control/netlink-gen.c", "control/netlink-gen.h", "core/trace.h"}


def unpack(archive, build, to):
    """Unpacks the counts of one archive beside the notes of the objects, and yields the files of counts."""
    with tarfile.open(archive) as tar:
        tar.extractall(to)
    for counts in pathlib.Path(to).rglob("*.gcda"):
        notes = pathlib.Path("/") / counts.relative_to(to).with_suffix(".gcno")
        if notes.is_relative_to(build) and notes.exists():
            counts.with_suffix(".gcno").symlink_to(notes)
            yield counts


def gcov(counts):
    said = subprocess.run(["gcov", "-b", "--json-format", "--stdout", str(counts)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True, cwd=counts.parent).stdout
    for line in said.splitlines():
        if line.strip():
            told = json.loads(line)
            for file in told["files"]:
                # The compiler stores names relative to its working directory.
                yield os.path.realpath(os.path.join(told["current_working_directory"], file["file"])), file["lines"]


class Coverage:
    def __init__(self, top):
        self.top = top
        self.lines = collections.defaultdict(lambda: collections.defaultdict(int))
        # By file, line and number of branches: another module may have other branches in the same line.
        self.branches = collections.defaultdict(lambda: collections.defaultdict(dict))

    def file(self, path):
        """By its path in kmod/; None for a file that is not the module's own."""
        name = os.path.relpath(path, f"{self.top}/kmod")
        mine = not name.startswith(("..", "compat-include/", "uapi/")) and name not in GENERATED
        return name if mine else None

    def add(self, path, lines):
        name = self.file(path)
        if not name:
            return
        for line in lines:
            number = line["line_number"]
            self.lines[name][number] += line["count"]
            counts = [branch["count"] for branch in line["branches"]]
            if counts:
                ways = self.branches[name][number, line.get("function_name")]
                known = ways.get(len(counts), [0] * len(counts))
                ways[len(counts)] = [a + b for a, b in zip(known, counts)]

    def branches_of(self, name):
        """Branches taken, and all. Of several ways to count a line, the one with the most branches taken."""
        taken = total = 0
        for ways in self.branches[name].values():
            best = max(ways.values(), key=sum)
            taken += sum(1 for count in best if count)
            total += len(best)
        return taken, total

    def lines_of(self, name):
        counts = self.lines[name].values()
        return sum(1 for count in counts if count), len(counts)


def share(part, whole):
    return f"{100 * part / whole:.1f}" if whole else "-"


def table(coverage):
    rows, sums = [], [0] * 4
    for name in sorted(coverage.lines):
        figures = coverage.lines_of(name) + coverage.branches_of(name)
        sums = [a + b for a, b in zip(sums, figures)]
        rows.append([name, str(figures[1]), share(*figures[:2]), str(figures[3]), share(*figures[2:])])
    rows.append(["all", str(sums[1]), share(*sums[:2]), str(sums[3]), share(*sums[2:])])
    header = ["file", "lines", "reached, %", "branches", "taken, %"]
    widths = [max(len(row[i]) for row in rows + [header]) for i in range(len(header))]
    rule = "  ".join("=" * width for width in widths)
    body = ["  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])])
            for row in [header] + rows]
    return "\n".join([rule, body[0], rule, *body[1:], rule, ""]), sums


def write(document, text):
    before, rest = document.read_text().split(BEGIN)
    document.write_text(before + BEGIN + "\n" + text + "\n" + END + rest.split(END)[1])


def print_missed(coverage):
    for name in sorted(coverage.lines):
        source = pathlib.Path(coverage.top, "kmod", name).read_text().splitlines()
        for number, count in sorted(coverage.lines[name].items()):
            if not count:
                print(f"{name}:{number}: {source[number - 1].strip()}")


def main():
    verbose = sys.argv[1] == "-v"
    build, counts = map(pathlib.Path, sys.argv[-2:] if verbose else sys.argv[1:3])
    coverage = Coverage(str(pathlib.Path(__file__).resolve().parents[2]))
    for archive in sorted(counts.glob("*.tar.gz")):
        with tempfile.TemporaryDirectory() as work:
            for found in unpack(archive, build, work):
                for path, lines in gcov(found):
                    coverage.add(path, lines)
    if verbose:
        print_missed(coverage)
        return
    if not coverage.lines:
        sys.exit("coverage.py: nothing was counted")
    text, sums = table(coverage)
    print(text)
    write(pathlib.Path(sys.argv[3]), text)
    if sums[0] * 100 < LEAST * sums[1]:
        sys.exit(f"coverage.py: {share(*sums[:2])} % of the lines were reached, and {LEAST} % is the least")


main()
