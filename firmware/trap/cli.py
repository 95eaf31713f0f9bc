"""``trapd``: the unit's one program. Everything heavy is imported by the command that needs it (boot budget)."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from trap_wire import __version__
from trap_wire.errors import TrapError

if TYPE_CHECKING:
    from trap.assembly import UnitConfig
    from trap.drivers.camera import CameraSettings

STARTED_NS = time.monotonic_ns()


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 a defect of ours, 2 wrong usage, from 3 on as in ``trap_wire.errors``."""
    args = _parser().parse_args(arguments)
    try:
        code: int = args.command(args)
    except TrapError as error:
        print(f"trapd: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trapd", description="Manul camera trap: the unit's own program.")
    parser.add_argument("--version", action="version", version=f"trapd {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="arm the unit and wait for triggers (what the service does)")
    run.set_defaults(command=_run)
    doctor = commands.add_parser("doctor", help="ask every part once and say what it said")
    doctor.add_argument("part", nargs="*", help="only these parts")
    doctor.add_argument("--json", action="store_true", help="one JSON object a line")
    doctor.set_defaults(command=_doctor)
    for sub in (run, doctor):
        _paths(sub)
    gadget = commands.add_parser("gadget", help="the USB cable's device side (needs root)")
    gadget.add_argument("action", choices=("up", "down"))
    gadget.set_defaults(command=_gadget)
    card = commands.add_parser("card", help="the card's media partition (needs root)")
    card.add_argument("action", choices=("grow",), help="make it as large as the card, if it was never used")
    card.set_defaults(command=_card)
    return parser


def _paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--station", type=Path, help="station.toml or its slot")
    parser.add_argument("--data", type=Path, help="folder with journal/ and card/")
    parser.add_argument("--detector", type=Path, help="detector folder")
    parser.add_argument("--host-port", type=Path, help="the laptop's port")
    parser.add_argument("--uart", type=Path, help="the supervisor's port")
    parser.add_argument("--gpio-chip", help="path of the header's GPIO chip")
    parser.add_argument("--patience", type=float, default=1.0, help="stretch the camera's deadlines (emulators)")
    parser.add_argument("--camera", metavar="MAIN:LORES:LAYOUT[:NUMBER]", help="sizes, YUV420 or NV12, which camera")


def _config(args: argparse.Namespace) -> "UnitConfig":
    from dataclasses import replace

    from trap import releases
    from trap.assembly import UnitConfig

    dropped_in, *others = UnitConfig().detectors
    changes = {name: getattr(args, name) for name in ("station", "host_port", "uart", "gpio_chip")}
    if args.data is not None:
        changes |= {"journal": args.data / "journal" / "journal.sqlite", "card": args.data / "card"}
        others, dropped_in = [dropped_in, *others], args.data / "journal" / "detector"
    changes["detectors"] = (dropped_in, *releases.detectors(), *others)
    if args.detector is not None:
        changes["detectors"] = (args.detector,)
    if args.camera is not None:
        changes["camera"] = _camera(args.camera)
    changes["camera"] = replace(changes.get("camera", UnitConfig().camera), patience=args.patience)
    return replace(UnitConfig(), **{name: value for name, value in changes.items() if value is not None})


def _camera(text: str) -> "CameraSettings":
    from trap.drivers.camera import CameraSettings
    from trap_wire.errors import BadInputError

    try:
        main, lores, layout, *number = text.split(":")
        (width, height), (small_width, small_height) = (map(int, size.split("x")) for size in (main, lores))
    except ValueError:
        raise BadInputError(f"--camera {text!r}: give it as 2304x1296:640x360:YUV420") from None
    return CameraSettings((width, height), (small_width, small_height), layout, number=int((number or ["0"])[0]))


def _run(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from trap import life
    from trap.assembly import real_trap

    stopping = life.stop_on_signals()
    trap = real_trap(_config(args))
    life.arm(trap, STARTED_NS)
    watched = life.Watched(trap.supervisor, life.alive, stopping)
    return life.live(replace(trap, supervisor=watched, stopping=stopping), stopping)


def _doctor(args: argparse.Namespace) -> int:
    from trap import doctor
    from trap_wire.errors import BadInputError

    if unknown := sorted(set(args.part) - set(doctor.PARTS)):
        raise BadInputError(f"no part called {', '.join(unknown)}; there are {', '.join(doctor.PARTS)}")
    worst = 0
    for found in doctor.examine(_config(args), tuple(args.part)):
        line = (
            json.dumps(found.as_dict(), default=str) if args.json else f"{found.state:<8}{found.part:<11}{found.words}"
        )
        print(line, flush=True)
        worst = 8 if found.state == doctor.FAIL else worst
    return worst


def _card(_args: argparse.Namespace) -> int:
    from trap.drivers import partition
    from trap.places import JOURNAL

    print(partition.grow(*partition.media_of(JOURNAL)), flush=True)
    return 0


def _gadget(args: argparse.Namespace) -> int:
    from trap.drivers import gadget

    if args.action == "down":
        gadget.down()
        return 0
    import pwd

    from trap.places import load_deployment

    try:
        account = pwd.getpwnam("manul")
        owner = (account.pw_uid, account.pw_gid)
    except KeyError:
        owner = (os.getuid(), os.getgid())
    gadget.up(load_deployment().station.unit, owner)
    return 0


if __name__ == "__main__":  # how manul-boot starts a release
    sys.exit(main(sys.argv[1:] or ["run"]))
