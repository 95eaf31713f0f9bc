"""Names are given in one place, after what they stand for is on the disk; nothing else in the tools renames anything."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trap_tools import durable
from trap_wire.errors import StorageError

TOOLS = Path(__file__).parents[3] / "host_tools"
# Plain writes that are no product: into a temporary folder or a ``.part``, and the reader's own append-only files.
TEMPORARY = {
    "trap_tools/field/held.py": 1,  # a .part that grows on
    "trap_tools/flash/supervisor/cli.py": 1,
    "trap_tools/release/cli.py": 1,
    "trap_tools/release/image.py": 3,
    "trap_tools/release/wheels.py": 1,  # pip's constraints, in the folder that it downloads to
}


def calls(path):
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def renames(call):
    """Path.replace has one argument and no keyword, unlike those of str, datetime and dataclasses."""
    function = call.func
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if (owner, function.attr) in {("os", "replace"), ("os", "rename"), ("os", "renames"), ("shutil", "move")}:
        return True
    return function.attr in ("replace", "rename") and len(call.args) == 1 and not call.keywords and owner != "durable"


def writes(call):
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("write_text", "write_bytes")


def found(kind):
    paths = [
        path for path in sorted(TOOLS.rglob("*.py")) if path.name != "durable.py" and "trap_models" not in path.parts
    ]
    counts = {path.relative_to(TOOLS).as_posix(): sum(map(kind, calls(path))) for path in paths}
    assert len(counts) > 100
    return {path: count for path, count in counts.items() if count}


def test_no_tool_renames_a_file_but_by_durable():
    assert found(renames) == {}


def test_no_tool_writes_a_product_in_place():
    assert found(writes) == TEMPORARY


@pytest.mark.parametrize(
    "text", ["os.replace(a, b)", "os.rename(a, b)", "shutil.move(a, b)", "part.replace(target)", "a.rename(b)"]
)
def test_search_finds_what_it_looks_for(text):
    assert renames(ast.parse(text).body[0].value)


@pytest.mark.parametrize(
    "text", ["'a'.replace('a', 'b')", "now.replace(hour=1)", "replace(fact, name=1)", "durable.rename(a, b)"]
)
def test_search_is_not_taken_in_by_other_words(text):
    assert not renames(ast.parse(text).body[0].value)


PROBE = """
import sys
from pathlib import Path
from trap_tools import durable
target = Path(sys.argv[1])
{make}
durable.settle(part, target)
"""
FILE = "part = target.with_name('part'); part.write_bytes(b'whole')"
EACH = "part = target.with_name('part'); part.mkdir(); (part / 'a').touch(); durable.sync_each(part)"
FOLDER = "part = target.with_name('part'); part.mkdir(); (part / 'a').write_bytes(b'whole'); (part / 'b').mkdir()"


@pytest.mark.parametrize(("make", "flush"), [(FILE, "fsync"), (FOLDER, "syncfs"), (EACH, "fsync fsync syncfs")])
def test_bytes_are_on_the_disk_before_the_name_is_and_the_name_before_we_return(tmp_path, make, flush):
    """Asked of the kernel: the order of the calls that a real process makes."""
    log = tmp_path / "calls"
    order = ["strace", "-f", "-o", str(log), "-e", "trace=fsync,syncfs,rename,renameat,renameat2", sys.executable, "-c",
             PROBE.format(make=make), str(tmp_path / "target")]  # fmt: skip
    try:
        done = subprocess.run(
            order, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "firmware:host_tools"}
        )
    except FileNotFoundError:
        pytest.skip("no strace on this machine: apt install strace")
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    names = [
        line.split("(")[0].split()[-1] for line in log.read_text().splitlines() if "(" in line and "exited" not in line
    ]
    assert [name[:6] for name in names] == [*flush.split(), "rename", "fsync"]


def test_file_that_cannot_be_written_leaves_the_old_one_and_no_rest(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").touch()
    with pytest.raises(StorageError, match="taken"):
        durable.write(tmp_path / "taken", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
