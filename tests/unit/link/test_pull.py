import dataclasses
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.link_rig import Bench, noise, plugged_in
from trap.drivers.tty import open_pty
from trap_tools.field.pulling import Options, pull
from trap_wire.errors import IntegrityError, LinkError, NoUnitError
from trap_wire.vocabulary import Role

MANUL = str(Path(sys.executable).with_name("manul"))
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
OPTIONS = Options(now=lambda: NOW)


def season(bench, photographs=6, size=60_000):
    bench.wakes(1_200)
    files = {f"media/p{n}.jpg": bench.keep(f"p{n}", size) for n in range(photographs)}
    files |= {f"thumbnails/t{n}.jpg": bench.keep(f"t{n}", 5_000, Role.THUMBNAIL) for n in range(photographs)}
    return files


def pulled(receipt, name):
    return (Path(receipt.folder) / name).read_bytes()


def test_everything_comes_home_verified_with_a_receipt(bench, tmp_path):
    files = season(bench)
    with plugged_in(bench) as port:
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert receipt.complete
    assert {name: pulled(receipt, name) for name in files} == files
    assert (receipt.journal.first, receipt.journal.last, receipt.journal.broken) == (1, bench.journal.head, "")
    saved = json.loads((tmp_path / "home/MN-017/tost-2026-a/receipt-20261125T090000Z.json").read_text())
    assert saved["kinds"]["media"]["fetched"] == 6
    assert saved["complete"] is True


def test_clock_offset_is_noted_before_the_clock_is_set(bench, tmp_path):
    before = bench.clock.now()
    with plugged_in(bench) as port:
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert receipt.clock.offset_s == (before - NOW).total_seconds()
    assert bench.told == [(before, NOW)]
    assert bench.clock.now() == NOW


def test_journal_comes_first_and_kept_photographs_newest_first(bench, tmp_path):
    season(bench)
    audited = bench.keep("audited", 1_000, Role.AUDIT)
    stages, order = [], []
    with plugged_in(bench) as port:
        receipt = pull(port, tmp_path / "home", lambda at: stages.append(at.stage), OPTIONS)
    assert list(dict.fromkeys(stages)) == ["journal", "thumbnails", "media"]
    media = sorted((tmp_path / "home/MN-017/tost-2026-a/media").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    order = [path.stem for path in media]
    assert order[0] == "p5"
    assert order[-1] == "audited"
    assert pulled(receipt, "media/audited.jpg") == audited


def test_second_visit_brings_only_what_is_new(bench, tmp_path):
    season(bench)
    with plugged_in(bench) as port:
        pull(port, tmp_path / "home", options=OPTIONS)
        bench.wakes(30)
        fresh = bench.keep("fresh", 9_000)
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert receipt.complete
    assert receipt.kinds["media"].fetched == 1
    assert receipt.kinds["journal"].fetched == 1
    assert pulled(receipt, "media/fresh.jpg") == fresh
    pages = [path.name for path in sorted((tmp_path / "home/MN-017/tost-2026-a/journal").iterdir())]
    assert pages == ["00000001-00001000.jsonl", f"00001001-{bench.journal.head:08d}.jsonl"]


def test_part_that_is_a_true_beginning_is_gone_on_from(bench, tmp_path):
    data = bench.keep("long", 400_000)
    part = tmp_path / "home/MN-017/tost-2026-a/media/long.jpg.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(data[:300_000])
    with plugged_in(bench) as port:
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert pulled(receipt, "media/long.jpg") == data
    assert receipt.kinds["media"].bytes_fetched == 100_000
    assert not part.exists()


def test_part_of_something_else_is_thrown_away(bench, tmp_path):
    data = bench.keep("long", 100_000)
    part = tmp_path / "home/MN-017/tost-2026-a/media/long.jpg.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(50_000))
    with plugged_in(bench) as port:
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert pulled(receipt, "media/long.jpg") == data
    assert receipt.kinds["media"].bytes_fetched == 100_000


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_noisy_cable_costs_time_but_not_a_byte(bench, tmp_path, share):
    files = season(bench, photographs=4, size=150_000)
    with plugged_in(bench, damage=noise(share)) as port:
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert receipt.complete
    assert receipt.resent_requests > 0
    assert {name: pulled(receipt, name) for name in files} == files


def test_burst_in_the_middle_of_the_index_is_waited_for(bench, tmp_path):
    season(bench, photographs=2)
    facts, waited = bench.facts(), []

    class Shelf:
        """The unit photographs for three seconds before it answers the first question for its files."""

        def __getattr__(self, name):
            return getattr(facts.shelf, name)

        def items(self, after, limit):
            if not waited:
                waited.append(time.sleep(3))
            return facts.shelf.items(after, limit)

    bench.facts = lambda: dataclasses.replace(facts, shelf=Shelf())
    with plugged_in(bench) as port:
        assert pull(port, tmp_path / "home", options=OPTIONS).complete


def test_slow_port_with_small_chunks_is_pulled_too(bench, tmp_path):
    data = bench.keep("p", 20_000)
    with plugged_in(bench, chunk=1_024) as port:
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert pulled(receipt, "media/p.jpg") == data


def test_photograph_changed_on_the_card_is_refused_twice_and_said(bench, tmp_path):
    season(bench, photographs=2)
    (bench.root / "media/p1.jpg").write_bytes(bytes(60_000))
    with plugged_in(bench) as port:
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert not receipt.complete
    assert receipt.problems == ["media/p1.jpg: bytes do not match their SHA-256, twice"]
    assert not (tmp_path / "home/MN-017/tost-2026-a/media/p1.jpg").exists()
    assert receipt.kinds["media"].fetched == 1


def test_folder_with_another_units_journal_is_left_alone(bench, tmp_path):
    bench.wakes(5)
    other = Bench(tmp_path / "other")
    other.wakes(3)
    other.keep("x", 2_000)
    with plugged_in(bench) as port:
        pull(port, tmp_path / "home", options=OPTIONS)
    before = (tmp_path / "home/MN-017/tost-2026-a/journal/00000001-00000005.jsonl").read_bytes()
    other.wakes(4)
    with plugged_in(other) as port, pytest.raises(IntegrityError, match="Another unit's folder"):
        pull(port, tmp_path / "home", options=OPTIONS)
    assert (tmp_path / "home/MN-017/tost-2026-a/journal/00000001-00000005.jsonl").read_bytes() == before
    other.journal.close()


def test_cable_pulled_out_half_way_ends_in_one_error_and_the_next_pull_goes_on(bench, tmp_path):
    data = bench.keep("big", 3_000_000)
    lines = 0

    def cut(line):
        nonlocal lines
        lines += 1
        return line if lines < 8_000 else None

    with plugged_in(bench, damage=cut) as port, pytest.raises(LinkError, match="Start again"):
        pull(port, tmp_path / "home", options=Options(now=lambda: NOW, patience_s=1.0))
    part = tmp_path / "home/MN-017/tost-2026-a/media/big.jpg.part"
    here = part.stat().st_size
    assert 0 < here < len(data)
    with plugged_in(bench) as port:
        receipt = pull(port, tmp_path / "home", options=OPTIONS)
    assert pulled(receipt, "media/big.jpg") == data
    assert receipt.kinds["media"].bytes_fetched == len(data) - here


def test_pull_killed_half_way_resumes_and_verifies(bench, tmp_path):
    for n in range(8):
        bench.keep(f"p{n}", 2_000_000)
    command = [MANUL, "pull", "--to", str(tmp_path / "home"), "--keep-clock", "--port"]
    with plugged_in(bench) as port:
        first = subprocess.Popen([*command, port], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        folder = tmp_path / "home/MN-017/tost-2026-a/media"
        deadline = time.monotonic() + 30
        while len(list(folder.glob("*.jpg"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        first.send_signal(signal.SIGKILL)
        first.wait()
        whole = len(list(folder.glob("*.jpg")))
        second = subprocess.run([*command, port, "--json"], capture_output=True, text=True, check=False, timeout=60)
    assert 2 <= whole < 8
    assert second.returncode == 0, second.stderr
    receipt = json.loads(second.stdout)[0]
    assert receipt["complete"]
    assert receipt["kinds"]["media"]["already_here"] == whole
    assert len(list(folder.glob("*.jpg"))) == 8
    assert not list(folder.glob("*.part"))


def test_port_that_is_not_a_unit_gives_one_clear_message_and_exit_code_4(tmp_path):
    silent = open_pty()
    command = [MANUL, "pull", "--to", str(tmp_path), "--port", silent.path]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    silent.close()
    assert run.returncode == 4
    assert f"manul: {silent.path}: no unit answers there" in run.stderr
    assert "Traceback" not in run.stderr


def test_port_that_does_not_exist_is_said_with_what_to_do(tmp_path):
    with pytest.raises(NoUnitError, match="manul ports"):
        pull("/dev/ttyNOWHERE", tmp_path)
