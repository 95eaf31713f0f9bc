"""Flashing file-backed cards with real images: what stands on them is looked at with mtools, debugfs and fsck."""

import hashlib
import signal
import threading

import pytest

from tests.images import BOOT_AT, BOOT_SIZE, MIB, ROOT_AT, ROOT_SIZE, blank, build, needs_tools, partition_of, run
from trap_sim.bad_card import BadCard, Faults
from trap_tools.flash import image as images
from trap_tools.flash.card import RealCard
from trap_tools.flash.job import Job
from trap_tools.flash.mapping import pieces
from trap_tools.flash.outcome import Stage
from trap_tools.flash.session import flash
from trap_wire import slot

pytestmark = needs_tools
SLOT = slot.fill('[station]\nunit = "MN-017"\ndeployment = "tost-2026-a"\n')


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return build(tmp_path_factory.mktemp("image"))


@pytest.fixture
def source(made):
    return images.opened(made.path)


def write(source, *cards, stop=None, report=None, station=SLOT):
    jobs = [
        Job(str(n), card if callable(card) else lambda card=card: RealCard(card), station)
        for n, card in enumerate(cards)
    ]
    return flash(source, jobs, report or (lambda *_: None), stop or threading.Event())


def bad(path, **faults):
    return lambda: BadCard(path, Faults(**faults))


def test_card_holds_the_image_the_station_and_sound_file_systems(source, made, tmp_path):
    card = blank(tmp_path / "card", made.size + 3 * MIB)
    (outcome,) = write(source, card)
    assert outcome.good, outcome.trouble
    boot = partition_of(card, BOOT_AT, BOOT_SIZE, tmp_path / "boot")
    root = partition_of(card, ROOT_AT, ROOT_SIZE, tmp_path / "root")
    assert run("mcopy", "-n", "-i", boot, "::station.toml", "-").stdout == SLOT
    assert (
        run("mcopy", "-n", "-i", boot, "::kernel8.img", "-").stdout == (made.path.parent / "kernel8.img").read_bytes()
    )
    assert run("debugfs", "-R", "cat /hello", root).stdout == (made.path.parent / "tree" / "hello").read_bytes()
    run("e2fsck", "-fn", root)
    run("fsck.fat", "-n", boot)


def test_holes_are_not_written(source, made, tmp_path):
    (outcome,) = write(source, blank(tmp_path / "card", made.size))
    assert 3 * MIB < outcome.written_bytes < 16 * MIB


@pytest.mark.parametrize("packing", ["xz", "zst"])
@pytest.mark.parametrize("mapped", [True, False])
def test_packed_image_gives_the_same_card(made, tmp_path, packing, mapped):
    packed = tmp_path / f"manul.img.{packing}"
    packed.write_bytes(run(*(["xz", "-0c"] if packing == "xz" else ["zstd", "-1qc"]), made.path).stdout)
    if mapped:
        bmap_of(made.path, tmp_path / f"manul.img.{packing}.bmap")
    card = blank(tmp_path / "card", made.size)
    (outcome,) = write(images.opened(packed), card, station=None)
    assert outcome.good, outcome.trouble
    run("e2fsck", "-fn", partition_of(card, ROOT_AT, ROOT_SIZE, tmp_path / "root"))
    if not mapped:
        run("cmp", made.path, card)


def bmap_of(image, target):
    """A bmap as bmaptool writes it, from the sparse map."""
    lines, raw = [], image.read_bytes()
    for found in images.opened(image).mapping.ranges:
        first, last = found.start // 4096, (found.end - 1) // 4096
        total = hashlib.sha256(raw[found.start : found.end]).hexdigest()
        lines.append(f'<Range chksum="{total}"> {first}-{last} </Range>')
    text = (
        f'<?xml version="1.0" ?>\n<bmap version="2.0"><ImageSize> {len(raw)} </ImageSize><BlockSize> 4096 </BlockSize>'
        f"<BmapFileChecksum> {'0' * 64} </BmapFileChecksum><BlockMap>{''.join(lines)}</BlockMap></bmap>\n"
    )
    target.write_text(text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1))


def test_two_cards_one_pulled_out_the_other_good(source, made, tmp_path):
    good, gone = (blank(tmp_path / name, made.size) for name in ("good", "gone"))
    pulled, fine = write(source, bad(gone, gone_after=3 * MIB), good)
    assert fine.good
    assert "pulled out" in pulled.trouble
    assert pulled.exit_code == 7


def test_flip_that_a_rewrite_heals_is_retried_and_told(source, made, tmp_path):
    at = BOOT_AT + MIB
    (outcome,) = write(source, bad(blank(tmp_path / "card", made.size), flips={at: 0x10}, heals_after=1))
    assert outcome.good
    assert len(outcome.retried) == 1
    assert outcome.retried[0].start <= at < outcome.retried[0].end


def test_flip_that_stays_is_named_to_the_block_and_the_card_does_not_start(source, made, tmp_path):
    card, at = blank(tmp_path / "card", made.size), ROOT_AT + 5000
    (outcome,) = write(source, bad(card, flips={at: 1}))
    assert outcome.stage is Stage.VERIFYING
    assert [(r.start, r.end) for r in outcome.bad] == [(at - at % 4096, at - at % 4096 + 4096)]
    assert "throw this card away" in outcome.trouble
    assert card.read_bytes()[:512] == bytes(512)


def test_every_planted_single_bit_flip_is_found(source, made, tmp_path):
    """Bits flipped in the card between write and verify, one a piece and run, 60 over the whole mapped part."""
    card, planted, found = blank(tmp_path / "card", made.size), [], []
    spans = [r for r in pieces(source.mapping.ranges) if r.start]
    runs = -(-60 // len(spans))
    for n in range(runs):
        places = {r.end - 1 - (r.end - r.start) * n // runs: 1 << n % 8 for r in spans}
        (outcome,) = write(source, bad(card, flips=places, heals_after=1))
        found += [at for at in places if any(r.start <= at < r.end for r in outcome.retried)]
        planted += places
    assert len(planted) >= 60
    assert found == planted


def test_dead_blocks_are_named(source, made, tmp_path):
    dead = range(ROOT_AT, ROOT_AT + 4096)
    (outcome,) = write(source, bad(blank(tmp_path / "card", made.size), dead=dead))
    assert outcome.bad
    assert outcome.exit_code == 7


def test_refused_write_ends_that_card_only(source, made, tmp_path):
    one, other = (blank(tmp_path / name, made.size) for name in ("one", "other"))
    broken, fine = write(source, bad(one, refuses=range(ROOT_AT, ROOT_AT + 512)), other)
    assert "cannot be written" in broken.trouble
    assert fine.good


def test_fake_flash_that_wraps_around_is_found(source, made, tmp_path):
    (outcome,) = write(source, bad(blank(tmp_path / "card", made.size), true_size=32 * MIB))
    assert "fake" in outcome.trouble
    assert outcome.exit_code == 7


def test_card_too_small_is_refused_before_anything_is_written(source, tmp_path):
    card = blank(tmp_path / "card", 40 * MIB)
    (outcome,) = write(source, card)
    assert "take a larger card" in outcome.trouble
    assert card.read_bytes()[:4] == b"\xee" * 4


def test_first_block_is_zero_until_the_very_last_step(source, made, tmp_path):
    card, seen = blank(tmp_path / "card", made.size), {}

    def look(_, stage, share):
        if share or stage is not Stage.WRITING:
            with card.open("rb") as file:
                seen.setdefault(stage, file.read(512))

    (outcome,) = write(source, card, report=look)
    done = seen.pop(Stage.DONE)
    assert outcome.good
    assert done[510:] == b"\x55\xaa"
    assert set(seen.values()) == {bytes(512)}


@pytest.mark.parametrize("at", [Stage.WRITING, Stage.VERIFYING, Stage.STATION])
def test_ctrl_c_at_any_stage_leaves_a_card_that_does_not_start(source, made, tmp_path, at):
    card, stop = blank(tmp_path / "card", made.size), threading.Event()
    (outcome,) = write(source, card, stop=stop, report=lambda _, stage, __: stop.set() if stage is at else None)
    assert outcome.exit_code == 130
    assert "does not start" in outcome.trouble
    assert card.read_bytes()[:512] == bytes(512)


def test_real_ctrl_c_while_the_card_is_compared_waits_for_its_thread(source, made, tmp_path):
    """The image is all read by then and the program only waits; pressed twice, as people do."""
    card, pressed = blank(tmp_path / "card", made.size), []

    def press(_, stage, __):
        if stage is Stage.VERIFYING and len(pressed) < 2:
            pressed.append(stage)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            threading.Event().wait(0.2)

    (outcome,) = write(source, card, report=press)
    assert len(pressed) == 2
    assert outcome.exit_code == 130
    assert "does not start" in outcome.trouble
    assert card.read_bytes()[:512] == bytes(512)


def test_image_without_a_slot_says_how_to_prepare_it(made, tmp_path):
    plain = tmp_path / "plain.img"
    run("cp", "--sparse=always", made.path, plain)
    boot = partition_of(plain, BOOT_AT, BOOT_SIZE, tmp_path / "boot")
    run("mdel", "-i", boot, "::station.toml")
    run("dd", f"if={boot}", f"of={plain}", "bs=1M", f"seek={BOOT_AT // MIB}", "conv=notrunc")
    (outcome,) = write(images.opened(plain), blank(tmp_path / "card", made.size))
    assert "manul release image" in outcome.trouble
    assert outcome.exit_code == 3


def test_fat32_boot_partition_works_too(tmp_path):
    made32 = build(tmp_path, "wide.img", fat_bits=32, boot_size=64 * MIB)
    card = blank(tmp_path / "card", made32.size)
    (outcome,) = write(images.opened(made32.path), card)
    assert outcome.good, outcome.trouble
    boot = partition_of(card, BOOT_AT, 64 * MIB, tmp_path / "boot")
    assert run("mcopy", "-n", "-i", boot, "::station.toml", "-").stdout == SLOT
