#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Looks for keys in files: find_keys.py FILE... -- PATH...

Each FILE has keys, as base64 of 32 bytes. Fails, and names the file, where one of them is in a file below PATH: as base64, as
hexadecimal digits or as bytes.
"""
import base64, os, re, sys

KEY = re.compile(rb"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])")
# Public keys and identities are no secrets; a state file has seeds alone under these names.
SECRET = re.compile(rb'"(identity|tunnel|tunnel_raw|next|previous)": *"([A-Za-z0-9+/]{43}=)"')


def keys_of(path):
    text = open(path, "rb").read()
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


def main():
    at = sys.argv.index("--")
    forms = []
    for key in {key for path in sys.argv[1:at] for key in keys_of(path)}:
        raw = base64.b64decode(key)
        forms += [key, raw, raw.hex().encode()]
    looked, found = 0, False
    for path in (file for root in sys.argv[at + 1:] for file in files_below(root)):
        content = open(path, "rb").read()
        looked += 1
        if any(form in content for form in forms):
            print(f"a private key is in {path}")
            found = True
    print(f"looked for {len(forms) // 3} keys in {looked} files")
    sys.exit(found or not looked)


main()
