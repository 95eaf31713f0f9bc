import contextlib
import hashlib
import lzma
import struct

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from trap_tools.flash import fat, image, mapping
from trap_wire.errors import BadInputError, IntegrityError, StorageError, TrapError

MIB = 1024 * 1024


def raw(tmp_path, chunks, size=12 * MIB):
    path = tmp_path / "a.img"
    with path.open("wb") as file:
        file.truncate(size)
        for at, data in chunks:
            file.seek(at)
            file.write(data)
    return path


def bmap(path, raw_bytes, ranges, **changes):
    total = {r: hashlib.sha256(raw_bytes[r[0] * 4096 : (r[1] + 1) * 4096]).hexdigest() for r in ranges}
    lines = "".join(f'<Range chksum="{total[r]}">{r[0]}-{r[1]}</Range>' for r in ranges)
    size = changes.get("size", len(raw_bytes))
    path.write_text(
        f"<bmap><ImageSize>{size}</ImageSize><BlockSize>4096</BlockSize><BlockMap>{lines}</BlockMap></bmap>"
    )
    return path


def bytes_of(found):
    return {piece.offset: bytes(piece.data) for piece in found.pieces()}


def test_sparse_map_finds_the_data_and_leaves_the_holes(tmp_path):
    found = image.opened(raw(tmp_path, [(0, b"a" * 4096), (8 * MIB, b"b" * 100)]))
    assert [(r.start, r.end) for r in found.mapping.ranges] == [(0, 4096), (8 * MIB, 8 * MIB + 4096)]
    assert bytes_of(found)[8 * MIB][:101] == b"b" * 100 + b"\0"


def test_bmap_beside_the_image_is_used(tmp_path):
    path = raw(tmp_path, [(0, b"a" * 8192)])
    bmap(tmp_path / "a.bmap", path.read_bytes(), [(0, 0)])
    assert list(bytes_of(image.opened(path))) == [0]


@pytest.mark.parametrize(
    "packer", [lambda data: lzma.compress(data, preset=0), lambda data: zstandard.compress(data, 3)]
)
def test_packed_image_unpacks_to_the_same_bytes_even_in_several_frames(tmp_path, packer):
    whole = bytes(range(256)) * (9 * MIB // 256) + bytes(9 * MIB)
    path = tmp_path / "a.img.packed"
    path.write_bytes(packer(whole[: 5 * MIB]) + packer(whole[5 * MIB :]))
    found = bytes_of(image.opened(path))
    assert b"".join(found[at] for at in sorted(found)) == whole


@pytest.mark.parametrize(
    "packer", [lambda data: lzma.compress(data, preset=0), lambda data: zstandard.compress(data, 3)]
)
@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_damaged_packed_image_is_told_not_written_whole(tmp_path, packer, harm):
    packed = bytearray(packer(hashlib.shake_256(b"x").digest(2 * MIB)))
    if harm == "cut":
        del packed[len(packed) * 2 // 3 :]
    else:
        packed[len(packed) // 2] ^= 1
    path = tmp_path / "a.img.packed"
    path.write_bytes(packed)
    with pytest.raises(IntegrityError, match="get it again"):
        verify_all(image.opened(path), hashlib.shake_256(b"x").digest(2 * MIB))


def verify_all(found, whole):
    """zstd frames without a checksum may unpack a flipped bit: then the bytes must differ, and a bmap tells."""
    if b"".join(bytes_of(found).values()) != whole:
        raise IntegrityError("get it again")


def test_tampered_image_is_found_by_its_bmap(tmp_path):
    path = raw(tmp_path, [(0, b"a" * 8192)])
    bmap(tmp_path / "a.bmap", path.read_bytes(), [(0, 1)])
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"!")
    with pytest.raises(IntegrityError, match="not what its bmap says"):
        bytes_of(image.opened(path))


def test_truncated_image_is_found_by_its_bmap(tmp_path):
    path = raw(tmp_path, [(0, b"a" * 8192)])
    bmap(tmp_path / "a.bmap", path.read_bytes(), [(0, 1)], size=99 * MIB)
    with pytest.raises(IntegrityError, match="truncated"):
        image.opened(path)


def test_packed_image_shorter_than_its_bmap_is_truncated(tmp_path):
    (tmp_path / "a.img.xz").write_bytes(lzma.compress(bytes(8192)))
    bmap(tmp_path / "a.img.bmap", bytes(16384), [(0, 3)])
    with pytest.raises(IntegrityError, match="too few"):
        bytes_of(image.opened(tmp_path / "a.img.xz"))


@pytest.mark.parametrize(
    "text", ["", "<bmap/>", "<!DOCTYPE x><bmap/>", "<bmap><ImageSize>x</ImageSize><BlockSize>1</BlockSize></bmap>"]
)
def test_a_file_that_is_no_bmap_is_named(tmp_path, text):
    (tmp_path / "a.bmap").write_text(text)
    with pytest.raises(BadInputError, match="not a bmap file"):
        mapping.bmap(tmp_path / "a.bmap")


def test_damaged_bmap_is_found_by_its_own_sum(tmp_path):
    text = (
        f"<bmap><ImageSize>8192</ImageSize><BlockSize>4096</BlockSize><BmapFileChecksum>{'0' * 64}</BmapFileChecksum>"
        "<BlockMap><Range>0-1</Range></BlockMap></bmap>"
    )
    good = text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1)
    (tmp_path / "a.bmap").write_text(good)
    assert mapping.bmap(tmp_path / "a.bmap").mapped == 8192
    (tmp_path / "a.bmap").write_text(good.replace("0-1", "0-0"))
    with pytest.raises(IntegrityError, match="own checksum"):
        mapping.bmap(tmp_path / "a.bmap")


def test_missing_image_says_what_is_wanted(tmp_path):
    with pytest.raises(BadInputError, match=r"give an image"):
        image.opened(tmp_path / "nosuch.img")
    (tmp_path / "tiny.img").write_bytes(b"x")
    with pytest.raises(IntegrityError, match="only 1 bytes"):
        image.opened(tmp_path / "tiny.img")


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_boot_partition_gives_a_message_never_a_crash_nor_a_loop(data):
    """Bytes of the table, the boot sector, the FAT and the directory are changed at random."""
    raw = bytearray(SMALL_FAT)
    for _ in range(data.draw(st.integers(1, 12))):
        raw[data.draw(st.sampled_from(WHERE))] = data.draw(st.integers(0, 255))

    def read(offset, length):
        if offset < 0 or offset + length > len(raw):
            raise StorageError("beyond the end")
        return bytes(raw[offset : offset + length])

    with contextlib.suppress(TrapError):
        assert fat.locate(read, "station.toml").size >= 0


def small_fat():
    """An MBR and a FAT16 with one file in two clusters, by hand: 4,200 clusters of 512 bytes."""
    clusters, fat_sectors = 4_200, 17
    boot = bytearray(512)
    struct.pack_into("<HBHBHHBH", boot, 11, 512, 1, 1, 1, 16, 1 + fat_sectors + 1 + clusters, 0xF8, fat_sectors)
    boot[510:] = b"\x55\xaa"
    table = struct.pack("<5H", 0xFFF8, 0xFFFF, 3, 0xFFFF, 0).ljust(fat_sectors * 512, b"\0")
    long = (
        b"\x41"
        + "station.toml".encode("utf-16-le")[:10]
        + b"\x0f\0\0"
        + "station.toml".encode("utf-16-le")[10:22]
        + b"\0\0"
    )
    long += "station.toml".encode("utf-16-le")[22:24] + b"\0\0"
    entry = b"STATIO~1TOM" + bytes(15) + struct.pack("<HI", 2, 1024)
    volume = bytes(boot) + table + (long + entry).ljust(512, b"\0") + bytes(clusters * 512)
    mbr = bytes(446) + struct.pack("<B3sB3sII", 0, b"", 0x0E, b"", 1, len(volume) // 512) + bytes(48) + b"\x55\xaa"
    return mbr + volume


SMALL_FAT = small_fat()
WHERE = [*range(446, 512), *range(512, 576), *range(1024, 1034), *range(512 + 18 * 512, 512 + 18 * 512 + 64)]


def test_the_small_file_system_of_that_test_is_a_good_one():
    place = fat.locate(lambda offset, length: SMALL_FAT[offset : offset + length], "station.toml")
    assert (place.offset, place.size) == (512 + 512 * 19, 1024)
