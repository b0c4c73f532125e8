#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Looks for keys in files and in the memory of processes: find_keys.py FILE... -- PATH|@PID...

Each FILE has keys, as base64 of 32 bytes. Fails, and names the place, where one of them is in a file below PATH, or in memory
that process PID can write: as base64, as hexadecimal digits or as bytes.
"""
import base64, os, re, sys

KEY = re.compile(rb"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])")
# Public keys and identities are no secrets; a state file has seeds alone under these names.
SECRET = re.compile(rb'"(identity|tunnel|tunnel_raw|next|previous)": *"([A-Za-z0-9+/]{43}=)"')


def keys_of(path):
    with open(path, "rb") as handle:
        text = handle.read()
    found = [match.group(2) for match in SECRET.finditer(text)] or KEY.findall(text)
    if not found:
        sys.exit(f"find_keys.py: {path} has no key")
    return found


def files_below(path):
    if os.path.isfile(path):
        yield path
    for folder, _, names in os.walk(path):
        for name in names:
            if os.path.isfile(os.path.join(folder, name)):
                yield os.path.join(folder, name)


def contents_of_files(path):
    for name in files_below(path):
        with open(name, "rb") as handle:
            yield name, handle.read()


def writable_areas(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            words = line.split()
            if words[1].startswith("rw"):
                start, end = (int(word, 16) for word in words[0].split("-"))
                yield start, end - start


def contents_of_memory(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as handle:
        name = f"the memory of {pid}, {handle.read(200).replace(bytes(1), b' ').decode(errors='replace')}"
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, size in writable_areas(pid):
            memory.seek(start)
            yield name, memory.read(size)


def contents(place):
    return contents_of_memory(place[1:]) if place.startswith("@") else contents_of_files(place)


def main():
    at = sys.argv.index("--")
    forms = []
    for key in {key for path in sys.argv[1:at] for key in keys_of(path)}:
        raw = base64.b64decode(key)
        forms += [key, raw, raw.hex().encode()]
    looked, size, found = 0, 0, set()
    for name, content in (item for place in sys.argv[at + 1:] for item in contents(place)):
        looked, size = looked + 1, size + len(content)
        if any(form in content for form in forms):
            found.add(name)
    for name in sorted(found):
        print(f"a private key is in {name}")
    print(f"looked for {len(forms) // 3} keys in {looked} files and areas, {size >> 20} MB")
    sys.exit(bool(found) or not looked)


main()
