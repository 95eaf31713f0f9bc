"""The sum by which a file is known: in journals, receipts, bundles and their proofs."""

import hashlib
from pathlib import Path


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file as it is, hex, read in pieces."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # archives hash hundreds of thousands of plain strings
        return hashlib.file_digest(file, "sha256").hexdigest()
