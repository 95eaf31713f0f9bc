"""What runs at power-up. Frozen in as ``main.py``; everything it calls, but the choice itself, may come from an update."""

import sys
import time

FLASH = "/supervisor"
ROUND_MS = 5


def start() -> None:
    """Choose which supervisor runs and run it. If it ends with an exception, the choice is taken back and the chip reset."""
    import machine

    from trap_wire import pins

    machine.Pin(pins.SUPERVISOR_LATCH_HOLD, machine.Pin.OUT, value=1)  # before anything that takes time
    from trap_supervisor.files import FolderFiles
    from trap_supervisor.slots import Slots

    slots = Slots(FolderFiles(FLASH))
    number = slots.choose(machine.reset_cause() == machine.WDT_RESET)
    try:
        if number:
            give_way("%s/%d" % (FLASH, number))
        run(slots.event)
    except Exception as error:  # noqa: BLE001  # whatever it is, the one before must get its turn
        sys.print_exception(error)
        slots.failed()
        machine.reset()


def give_way(folder: str) -> None:
    """Forget the frozen modules, so that the same names come from ``folder`` from here on."""
    for name in list(sys.modules):
        if name.split(".")[0] in ("trap_supervisor", "trap_wire") and name != __name__:
            del sys.modules[name]
    sys.path.insert(0, folder)


def run(event: int = 0, rounds: int = -1) -> None:
    """The supervisor's loop; ``rounds`` of it, or for ever. ``event`` is what the choice did, for the ring."""
    from trap_supervisor.board import Pico
    from trap_supervisor.body import Body
    from trap_supervisor.files import FolderFiles
    from trap_supervisor.slots import Slots

    files, board = FolderFiles(FLASH), Pico()
    slots = Slots(files)
    slots.event = event
    body = Body(board, files, slots)
    body.start()
    board.watch()
    while rounds:
        body.round()
        time.sleep_ms(ROUND_MS)
        rounds -= 1
