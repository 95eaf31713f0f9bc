"""What the field screens say, read from their source: every ``say("…")`` and every key that is said by name."""

import ast
from pathlib import Path

from trap_tools import field, keys, link
from trap_tools.field import bulk, check, pulling, summary
from trap_wire.vocabulary import ObservationType

BOXED = (ObservationType.ANIMAL, ObservationType.HUMAN, ObservationType.VEHICLE)
FOLDERS = [Path(package.__file__).parent for package in (field, link, keys)]


def said() -> set[str]:
    named = {*pulling.KINDS, *summary._COUNTS, *summary._STATES.values(), *check.WORDS.values(), *bulk.ENDS.values()}
    named |= {part for part, _ in check.WORDS} | {str(kind) for kind in BOXED}
    return named.union(*(_literals(screen) for folder in FOLDERS for screen in folder.glob("*.py")))


def _literals(path: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    firsts = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "say" and call.args]
    return {first.value for first in firsts if isinstance(first, ast.Constant)}
