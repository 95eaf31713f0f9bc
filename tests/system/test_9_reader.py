"""``manul flash`` on a card reader of the kernel's own making (scsi_debug): SCSI commands, sense data, a disk that udev names."""

import json

import pytest

IMAGE = "/var/lib/manul/journal/bench.img"
READER = "insmod /run/bench/modules/scsi_debug.ko delay=0 {options}"
# The image is the machine's boot partition: 100 MiB. A card is larger.
CARD_MB = 112
BAD_SECTOR, BAD_COUNT = (
    24_592,
    8,
)  # in MiB 12 of the card, inside the kernel's file, and none of those that prove its size


@pytest.fixture
def laptop(staged):
    """The machine as a laptop with a card reader; what ``manul flash`` ended with and its receipt."""
    staged.run("modprobe sd_mod; modprobe nls_ascii")
    staged.run(f"python3 /run/bench/bin/bench_card.py {IMAGE}")
    staged.run('printf \'[station]\\nunit = "MN-017"\\ndeployment = "tost-2026-a"\\n\' > /run/station.toml')
    return Laptop(staged)


class Laptop:
    def __init__(self, machine):
        self.machine = machine

    def insert(self, **options):
        """A card of these options in the reader; what lsblk says of it."""
        words = " ".join(
            f"{name}={value}" for name, value in {"dev_size_mb": CARD_MB, "removable": 1, **options}.items()
        )
        self.machine.run(READER.format(options=words))
        self.machine.run("for n in $(seq 100); do [ -b /dev/sda ] && break; sleep 0.1; done; udevadm settle")
        found = self.machine.run("lsblk --json --bytes -o PATH,SERIAL,SIZE,RM,MODEL /dev/sda")
        (disk,) = json.loads(found)["blockdevices"]
        return disk

    def flash(self, *words):
        """Exit code, receipt, and what was said."""
        said = self.machine.run(
            "cd /run; PYTHONPATH=/run/bench/host PYTHONDONTWRITEBYTECODE=1 python3 -c 'from trap_tools.cli import main; main()' flash "
            f"--image {IMAGE} --station /run/station.toml --protocol pallas-cat --receipts /run/receipts --json "
            f"{' '.join(words)} 2>/run/said; echo CODE $?; cat /run/said",
            timeout_s=300,
        )
        head, _, tail = said.partition("CODE ")
        code, _, rest = tail.partition("\n")
        lines = [line for line in head.splitlines() if line.startswith("{")]
        return int(code), json.loads(lines[-1]) if lines else {}, rest


def test_card_in_a_reader_is_written_compared_and_told_who_it_is(laptop):
    card = laptop.insert()
    assert card["rm"] and card["serial"], card
    code, receipt, said = laptop.flash("--to", "/dev/sda", "--yes", card["serial"])
    assert (code, receipt.get("result")) == (0, "good"), said
    assert receipt["card"]["serial"] == card["serial"]
    assert receipt["bad"] == receipt["retried"] == []
    laptop.machine.run(
        "partx --update /dev/sda; udevadm settle; mkdir -p /run/card; mount -t vfat -o ro /dev/sda1 /run/card"
    )
    assert "MN-017" in laptop.machine.run("head -c 2000 /run/card/station.toml | tr -d '\\0'")
    code, _, said = laptop.flash("--to", "/dev/sda", "--yes", card["serial"])
    assert code != 0
    assert "is mounted at /run/card" in said


def test_disk_that_is_no_card_is_refused_and_not_touched(laptop):
    disk = laptop.insert(removable=0)
    before = laptop.machine.run("head -c 1048576 /dev/sda | sha256sum")
    code, _, said = laptop.flash("--to", "/dev/sda", "--yes", disk["serial"])
    assert code != 0
    assert "only removable disks are written" in said
    assert laptop.machine.run("head -c 1048576 /dev/sda | sha256sum") == before


def test_sector_that_cannot_be_read_is_tried_again_named_and_the_card_does_not_start(laptop):
    """The disk answers READ with MEDIUM ERROR, unrecovered read error: a worn card in a good reader."""
    card = laptop.insert(opts=2, medium_error_start=BAD_SECTOR, medium_error_count=BAD_COUNT)
    code, receipt, said = laptop.flash("--to", "/dev/sda", "--yes", card["serial"])
    assert (code, receipt.get("result")) == (7, "failed"), said
    assert "throw this card away" in receipt["trouble"]
    assert receipt["retried"]
    (named,) = receipt["bad"]
    first, last = (int(n) for n in named.split()[1].split(".."))
    assert first <= BAD_SECTOR * 512 <= last
    assert laptop.machine.run("head -c 512 /dev/sda | tr -d '\\0' | wc -c") == "0", "a card that failed must not start"
    assert "critical medium error" in laptop.machine.run("dmesg")


def test_card_that_says_more_than_it_holds_is_found_before_the_image_is_written(laptop):
    """``virtual_gb``: a disk that wraps around, which is what fake cards do."""
    card = laptop.insert(dev_size_mb=64, virtual_gb=4)
    assert card["size"] > 4_000_000_000
    code, receipt, said = laptop.flash("--to", "/dev/sda", "--yes", card["serial"])
    assert code != 0, said
    assert "a fake or a broken card" in receipt["trouble"]
