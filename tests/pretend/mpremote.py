#!/usr/bin/env python3
"""A pretend ``mpremote`` 1.29 with a pretend chip, for PATH: the same words in, the same lines and exit codes out.

The real one meets a real MicroPython in ``tests/micropython/test_flash_by_mpremote.py``; this one has the faults.

The chip is the folder in PRETEND_CHIP. PRETEND_FAULTS is a JSON file that holds what goes wrong and is counted down:
``absent`` (no board), ``resets`` (this many commands fail, as when the watchdog resets the chip), ``flips`` (path -> how
often a copy of it is stored wrongly), ``room`` (bytes of flash).
"""

import hashlib
import json
import os
import sys
from pathlib import Path

CHIP = Path(os.environ["PRETEND_CHIP"])
FAULTS = Path(os.environ["PRETEND_FAULTS"])


def fail(message):
    sys.stdout.flush()
    sys.exit(f"mpremote: {message}")


def fault(name, default=0):
    return json.loads(FAULTS.read_text()).get(name, default)


def count_down(name):
    faults = json.loads(FAULTS.read_text())
    if faults.get(name, 0) > 0:
        faults[name] -= 1
        FAULTS.write_text(json.dumps(faults))
        return True
    return False


def stored(path, data):
    used = sum(p.stat().st_size for p in CHIP.rglob("*") if p.is_file() and p != CHIP / path)
    if used + len(data) > fault("room", 10**9):
        fail(f"cp: {path}: No space left on device.")
    if count_flip(path):
        data = bytes([data[0] ^ 1]) + data[1:]
    (CHIP / path).write_bytes(data)


def count_flip(path):
    faults = json.loads(FAULTS.read_text())
    if faults.get("flips", {}).get(path, 0) <= 0:
        return False
    faults["flips"][path] -= 1
    FAULTS.write_text(json.dumps(faults))
    return True


def fs(command, *paths):
    if command == "cp":
        source, target = paths
        print(f"cp {source} {target}")
        if not (CHIP / target[1:]).parent.is_dir():
            fail(f"cp: {target[1:]}: No such file or directory.")
        return stored(target[1:], Path(source).read_bytes())
    path = paths[0].removeprefix(":")
    print(f"{command} :{path}")
    there = CHIP / path
    if command == "mkdir":
        return there.mkdir() if not there.exists() else fail(f"mkdir: {path}: File exists.")
    if not there.exists():
        fail(f"{command}: {path}: No such file or directory.")
    if command == "ls":
        for entry in sorted(there.iterdir()):
            print(f"{0 if entry.is_dir() else entry.stat().st_size:12} {entry.name}{'/' if entry.is_dir() else ''}")
    elif command == "rm":
        there.unlink()
    elif command == "sha256sum":
        print(hashlib.sha256(there.read_bytes()).hexdigest())
    else:
        fail(f"'{command}' is not a command")
    return None


def main(words):
    if words[:1] != ["connect"] or len(words) < 3:
        fail("this pretend one wants: connect PORT command")
    if fault("absent"):
        fail(
            "no device found"
            if words[1] == "auto"
            else f"failed to access {words[1]} (it may be in use by another program)"
        )
    if count_down("resets"):
        fail("could not enter raw repl")
    if words[2] == "reset":
        (CHIP / ".restarted").touch()
    elif words[2] == "fs":
        fs(*words[3:])
    else:
        fail(f"'{words[2]}' is not a command")


if __name__ == "__main__":
    main(sys.argv[1:])
