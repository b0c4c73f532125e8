# SPDX-License-Identifier: GPL-2.0
"""Runs the functions of a module whose names begin with test_, and prints TAP."""
import traceback


def words(name):
    return name.removeprefix("test_").replace("_", " ")


def run_one(number, name, test):
    """Whether it passed."""
    try:
        test()
    except Exception:
        print(f"not ok {number} - {words(name)}")
        print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
        return False
    print(f"ok {number} - {words(name)}")
    return True


def run(namespace):
    """Returns the exit status: whether one failed."""
    tests = [(name, test) for name, test in namespace.items() if name.startswith("test_")]
    passed = [run_one(number, name, test) for number, (name, test) in enumerate(tests, 1)]
    print(f"1..{len(tests)}")
    return not all(passed)
