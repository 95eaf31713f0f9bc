import hashlib
import lzma

import pytest
import zstandard

from trap_tools.flash import image, mapping
from trap_wire.errors import BadInputError, IntegrityError

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
