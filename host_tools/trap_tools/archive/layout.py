"""Where things lie in a pulled folder: ``FOLDER/<unit>/<deployment>/{journal,media,thumbnails,receipt-*.json}``."""

from dataclasses import dataclass
from pathlib import Path

from trap_wire.errors import BadInputError

JOURNAL = "journal"
DATABASES = ("*.sqlite", "*.db", "journal/*.sqlite", "journal/*.db")


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of one unit and deployment. The names are the folders'; the journal may say otherwise."""

    unit: str
    deployment: str
    root: Path

    def __str__(self) -> str:
        return f"{self.unit}/{self.deployment}"

    def pages(self) -> list[Path]:
        """Journal pages, by name, which is their order."""
        return sorted((self.root / JOURNAL).glob("*.jsonl"))

    def databases(self) -> list[Path]:
        """The unit's own journal files, when a card was copied by hand."""
        return sorted(path for pattern in DATABASES for path in self.root.glob(pattern) if path.is_file())


def holdings(folder: Path) -> list[Holding]:
    """Everything held below a folder, which may be the whole pull, one unit or one deployment.

    ``BadInputError`` when the folder is not there or holds nothing of a unit.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder. Give the folder that `manul pull --to` filled.")
    roots = _roots(folder.resolve())
    if not roots:
        raise BadInputError(f"{folder}: no unit's data here (looked for <unit>/<deployment>/journal). "
                            "Give the folder that `manul pull --to` filled.")  # fmt: skip
    return [Holding(root.parent.name, root.name, root) for root in roots]


def _roots(folder: Path) -> list[Path]:
    """Deployment folders at the level of the folder or up to two below.

    One without a journal counts too: something was pulled, something is missing, and the report must say so.
    """
    if _is_deployment(folder):
        return [folder]
    below = [path for pattern in ("*", "*/*") for path in sorted(folder.glob(pattern)) if _is_deployment(path)]
    return sorted(below)


def _is_deployment(path: Path) -> bool:
    if not path.is_dir() or path.name.startswith("."):
        return False
    return any((path / name).is_dir() for name in (JOURNAL, "media", "thumbnails")) or any(
        True for pattern in ("receipt-*.json", *DATABASES) for _ in path.glob(pattern)
    )
