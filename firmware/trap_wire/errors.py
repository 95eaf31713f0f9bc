"""The one root of every error that Manul raises on purpose, and the exit codes that the commands promise."""


class TrapError(Exception):
    """Something a person can act on: the message names the thing, the value and the fix.

    Leaves also inherit the builtin that a caller without knowledge of Manul would catch (``ValueError``, ``OSError``).
    ``exit_code`` is what ``manul`` and ``trapd`` exit with; codes are stable: 0 done, 1 a defect of ours, 2 wrong usage.
    """

    exit_code = 1


class BadInputError(TrapError, ValueError):
    """A file, field or value that a person gave cannot be used. Exit code 3."""

    exit_code = 3


class NoUnitError(TrapError, OSError):
    """No unit answers there: no such port, or what answers is not a unit. Exit code 4."""

    exit_code = 4


class LinkError(TrapError, OSError):
    """The cable or the unit stopped before the work was done; starting again resumes. Exit code 5."""

    exit_code = 5


class IntegrityError(TrapError, ValueError):
    """Bytes are not what their hash says. Exit code 6."""

    exit_code = 6


class StorageError(TrapError, OSError):
    """The card cannot take or give back data (full, read-only, gone). Exit code 7."""

    exit_code = 7


class PartError(TrapError, OSError):
    """A part of the unit is absent, slow, lying or gone. ``part`` names it. Exit code 8."""

    exit_code = 8

    def __init__(self, part: str, message: str) -> None:
        super().__init__(f"{part}: {message}")
        self.part = part


class RefusedError(TrapError, PermissionError):
    """The action was understood and refused, for a reason that the message gives. Exit code 9."""

    exit_code = 9
