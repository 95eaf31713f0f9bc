"""Runs on MicroPython: the tests of the modules named on the command line; one JSON line a test."""

import io
import json
import sys

try:
    arguments = ARGUMENTS  # type: ignore[name-defined]  # run.mjs: the WebAssembly build has no sys.argv
except NameError:
    arguments = sys.argv[1:]


def main() -> None:
    for name in arguments:
        module = __import__(name, None, None, ("*",))
        for test in sorted(n for n in dir(module) if n.startswith("test_")):
            print(json.dumps({"test": name + "." + test, "trouble": trouble(getattr(module, test))}))


def trouble(test) -> str:
    try:
        test()
    except Exception as error:
        if not hasattr(sys, "print_exception"):
            raise
        out = io.StringIO()
        sys.print_exception(error, out)
        return out.getvalue()
    return ""


main()
