#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of bars.py: figures on either side of each bar, missing ones, and where they come from. Prints TAP."""
import contextlib
import io
import json
import os
import sys
import tempfile

import bars
import native
import tap
import verdict

SECOND = 1_000_000_000
ALL_ROUNDS = range(1, bars.ROUNDS + 1)


def row(kind, case, cpus, number, seconds=1.0, kernel=1.0, **more):
    """A figure of native.sh's: 1,000 units in that time by the clock, and of the kernel's CPUs."""
    cpu = {"kernel": kernel * SECOND, "system": 0, "programs": 0, "busy": 0, "clock": seconds * SECOND}
    return {"kind": kind, "case": case, "cpus": cpus, "round": number, "unit": "byte", "count": 1000,
            "rounds": [seconds * SECOND], "lost": 0, "cpu": cpu, **more}


def pair(case, cpus, other="wireguard", rounds=ALL_ROUNDS, **weft):
    """In each round the other kind takes a second, and weft what is given."""
    return [one for number in rounds for one in (row(other, case, cpus, number), row("weft", case, cpus, number, **weft))]


def write_rows(folder, rows):
    with open(os.path.join(folder, "native.json"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(one) + "\n" for one in rows)


def results(rows):
    """What the table has for each line, by its text."""
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder, rows)
        return {entry["what"]: bars.result(entry) for entry in bars.native_entries(native.Store(folder))}


def expect(rows, what, wanted):
    found = [result for text, result in results(rows).items() if what in text]
    assert found == [wanted], f"{what}: {found}, expected {wanted}"


def expect_both(what, met, missed):
    expect(met, what, bars.MET)
    expect(missed, what, bars.MISSED)


# ---- each bar, met and missed ----

def test_throughput_by_the_clock():
    expect_both("TCP, one flow, 2 CPUs: throughput by the clock, to wireguard, lowest",
                pair("tcp1", 2, seconds=1 / 1.21), pair("tcp1", 2, seconds=1 / 1.19))
    rows = {ratio: results(pair("tcp4", 2, seconds=1 / ratio)) for ratio in (1.71, 1.69)}
    what = "TCP, four flows, 2 CPUs: throughput by the clock, to wireguard"
    assert rows[1.71][what] == bars.MET and rows[1.69][what] == bars.MISSED


def test_a_single_low_round():
    rows = pair("tcp1", 2, rounds=[1, 2, 3, 4], seconds=0.5) + pair("tcp1", 2, rounds=[5], seconds=1 / 1.19)
    found = results(rows)
    what = "TCP, one flow, 2 CPUs: throughput by the clock, to wireguard"
    assert found[what] == bars.MET, found[what]
    assert found[what + ", lowest round"] == bars.MISSED, found[what + ", lowest round"]


def test_throughput_by_cpu_second():
    for case, name in ("tcp1", "TCP, one flow"), ("tcp4", "TCP, four flows"):
        for cpus, text in (1, "1 CPU"), (2, "2 CPUs"):
            expect_both(f"{name}, {text}: throughput for a CPU second",
                        pair(case, cpus, kernel=1 / 2.01), pair(case, cpus, kernel=1 / 1.99))


def test_busy_cpus():
    for case in bars.DIRECTIONS:
        expect_both(f"{native.CASES[case].name}, 2 CPUs: CPUs busy", pair(case, 2, kernel=1.81), pair(case, 2, kernel=1.79))


def test_cpu_time():
    for case, limit in (("udp", 0.7), ("udp-mmsg", 0.6), ("udp-gso", 0.45), ("forward", 0.6), ("forward-imix", 0.6),
                        ("handshake", 1.0), ("handshake-again", 1.0)):
        for cpus, text in (1, "1 CPU"), (2, "2 CPUs"):
            expect_both(f"{native.CASES[case].name}, {text}: CPU time",
                        pair(case, cpus, kernel=limit - 0.01), pair(case, cpus, kernel=limit + 0.01))


def test_round_trips():
    for case in "ping", "pingpong":
        for cpus, text in (1, "1 CPU"), (2, "2 CPUs"):
            expect_both(f"{native.CASES[case].name}, {text}: time",
                        pair(case, cpus, "none", seconds=1.29), pair(case, cpus, "none", seconds=1.31))


def restart(weft, wireguard=30, spokes=1000):
    return [row(kind, case, 2, number, count=spokes, last=seconds * SECOND) for case in native.RESTARTS
            for number in ALL_ROUNDS for kind, seconds in (("weft", weft), ("wireguard", wireguard))]


def test_restart():
    for case in native.RESTARTS:
        name = f"{bars.NAMES[case]}, 2 CPUs"
        expect_both(f"{name}: seconds until", restart(9.9), restart(10.1))
        expect_both(f"{name}: time until all have answers, to wireguard", restart(14.9), restart(15.1))
        expect(restart(5, spokes=100), f"{name}: seconds until", bars.NOT_MEASURED)


def test_a_restart_without_an_end():
    rows = restart(5) + [row("wireguard", case, 2, 9, count=1000, last=30 * SECOND) for case in native.RESTARTS]
    for case in native.RESTARTS:
        name = f"{bars.NAMES[case]}, 2 CPUs"
        expect(rows, f"{name}: seconds until", bars.MET)
        failed = {"kind": "weft", "case": case, "cpus": 2, "round": 9, "unit": "none", "absent": "no answer"}
        expect(rows + [failed], f"{name}: seconds until", bars.MISSED)


def test_lost_datagrams():
    for case in "udp", "udp-mmsg", "udp-gso", "forward", "forward-imix":
        rows = pair(case, 1, kernel=0.3)
        expect(rows, f"{native.CASES[case].name}, 1 CPU: CPU time", bars.MET)
        for lost in 700, 1000:
            for one in rows:
                one["lost"] = lost if one["kind"] == "weft" else 0
            expect(rows, f"{native.CASES[case].name}, 1 CPU: CPU time", bars.MISSED)


def test_beside_bulk():
    def loaded(p99):
        return [row("weft", case, 2, number, median=1, p99=time) for number in ALL_ROUNDS
                for case, time in (("fair-alone", 1000), ("fair-four", p99))]
    expect_both("99th percentile", loaded(1190), loaded(1210))


# ---- missing figures ----

def test_nothing_measured():
    for found in bars.native_entries(None), [bars.instruction_entry([])]:
        assert {bars.result(entry) for entry in found} == {bars.NOT_MEASURED}
    assert set(results([]).values()) == {bars.NOT_MEASURED}


def test_absent_and_unpaired_figures():
    what = "TCP, one flow, 1 CPU: throughput for a CPU second"
    absent = {"kind": "weft", "case": "tcp1", "cpus": 1, "round": 1, "unit": "none", "absent": "no tunnel"}
    expect([row("wireguard", "tcp1", 1, 1), absent], what, bars.NOT_MEASURED)
    expect([row("wireguard", "tcp1", 1, 1), row("weft", "tcp1", 1, 2, kernel=0.1)], what, bars.NOT_MEASURED)
    expect([row("wireguard", "tcp1", 2, 1), row("weft", "tcp1", 2, 1, kernel=0.1)], what, bars.NOT_MEASURED)


def test_too_few_rounds():
    what = "TCP, one flow, 1 CPU: throughput for a CPU second"
    expect(pair("tcp1", 1, rounds=ALL_ROUNDS[1:], kernel=0.1), what, bars.TOO_FEW)
    expect(pair("tcp1", 1, rounds=ALL_ROUNDS[1:], kernel=0.9), what, bars.MISSED)


def test_instructions():
    met, missed, unknown = (verdict.entry("limit", found, 1) for found in (0.9, 1.1, None))
    for limits, wanted in (([met, met], bars.MET), ([met, missed], bars.MISSED), ([met, unknown], bars.NOT_MEASURED),
                           ([missed, unknown], bars.MISSED)):
        assert bars.result(bars.instruction_entry(limits)) == wanted, limits


# ---- the whole table ----

def test_lines_differ():
    texts = [entry["what"] for entry in bars.entries(None, [])]
    assert len(set(texts)) == len(texts)


def shown(*arguments):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        bars.show(*arguments)
    return output.getvalue()


def test_table_of_a_run():
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder, pair("tcp1", 2, seconds=1 / 1.8, kernel=0.9))
        with open(os.path.join(folder, "conditions.json"), "w", encoding="utf-8") as file:
            json.dump({"commit": "0123abc", "date": "2026-12-02", "command": "make bench-native QUICK=1"}, file)
        text = shown("missing", [folder, "missing"])
    lines = [line for line in text.splitlines() if line.startswith("TCP, one flow, 2 CPUs")]
    assert [line.split()[-1] for line in lines] == ["met", "met", "MISSED", "MISSED"], lines
    assert "\n2 met, 2 missed, 0 reached in fewer than 5 rounds, " in text, text
    assert "make bench-native QUICK=1 of 0123abc, on 2026-12-02." in text, text
    assert "make bench has not been run." in text, text


def test_table_without_a_run():
    text = shown("missing", ["missing"])
    assert "make bench-native has not been run." in text, text
    assert "\n0 met, 0 missed, 0 reached" in text, text


def test_newest_run():
    with tempfile.TemporaryDirectory() as older, tempfile.TemporaryDirectory() as newer:
        write_rows(older, [])
        write_rows(newer, [])
        os.utime(os.path.join(older, "native.json"), (1, 1))
        assert bars.newest([older, "missing", newer]) == newer
        assert bars.newest(["missing"]) is None


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
