"""Which files make a supervisor: MicroPython's own ``manifest.py``, read without running it.

Taken are ``module``, ``package`` and ``include`` with literal arguments (docs.micropython.org, "Manifest files"); anything
else is refused, since a manifest that computes its files cannot be compared with a chip.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trap_wire.errors import BadInputError


def files(path: Path) -> dict[str, Path]:
    """Path on the chip -> file here, for a manifest, or for a folder (its ``manifest.py``, else everything in it)."""
    if path.is_dir() and not (path / "manifest.py").is_file():
        found = {p.relative_to(path).as_posix(): p for p in sorted(path.rglob("*")) if p.suffix in (".py", ".mpy")}
    else:
        found = dict(_read(path / "manifest.py" if path.is_dir() else path))
    if missing := [str(p) for p in found.values() if not p.is_file()]:
        raise BadInputError(f"{path}: names files that are not there: {', '.join(missing)}")
    if "main.py" not in found:
        raise BadInputError(f"{path}: has no main.py: the chip would start nothing")
    return found


def _read(path: Path) -> Iterator[tuple[str, Path]]:
    try:
        tree = ast.parse(path.read_text())
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read as a manifest: {error}") from error
    for statement in tree.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring
        yield from _statement(path, statement)


def _statement(path: Path, statement: ast.stmt) -> Iterator[tuple[str, Path]]:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise BadInputError(f"{path}, line {statement.lineno}: only module(), package() and include() are taken")
    try:
        words = [ast.literal_eval(word) for word in call.args]
        named = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except ValueError as error:
        raise BadInputError(f"{path}, line {statement.lineno}: arguments must be written out") from error
    kinds = {"module": _module, "package": _package, "include": _include}
    if call.func.id not in kinds:
        raise BadInputError(f"{path}, line {statement.lineno}: {call.func.id}() is not taken")
    yield from kinds[call.func.id](path.parent, str(words[0]), named)


def _module(here: Path, name: str, named: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    yield name, here / named.get("base_path", ".") / name


def _package(here: Path, name: str, named: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    folder = here / named.get("base_path", ".") / name
    listed = named.get("files")
    chosen = [folder / file for file in listed] if listed else sorted(folder.rglob("*.py"))
    for file in chosen:
        if file.name != "manifest.py":
            yield f"{name}/{file.relative_to(folder).as_posix()}", file


def _include(here: Path, name: str, _named: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    target = here / name
    return _read(target / "manifest.py" if target.is_dir() else target)
