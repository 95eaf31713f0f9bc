"""The signed word that an image is the one made for a bundle: a small JSON beside the image, and its signature.

A prepared image holds the bundle, so the bundle cannot name the image's hash; this names both. Sign it last, over the file as
it is handed out (packed or not).
"""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trap_tools import durable, keys
from trap_tools.sums import sha256_of
from trap_wire.bundle import Bundle
from trap_wire.errors import IntegrityError

FORMAT, NAMESPACE = "manul-image/1", "manul-image"


def path_of(image: Path) -> Path:
    """Where the proof of an image lies."""
    return image.with_name(image.name + ".manul.json")


def sign(image: Path, bundle: Bundle, key: Ed25519PrivateKey) -> Path:
    """Write and sign the proof; its path."""
    facts = {"format": FORMAT, "image": image.name, "sha256": sha256_of(image), "bundle": bundle.sha256}
    raw = json.dumps({**facts, "version": bundle.manifest.version}, indent=1).encode() + b"\n"
    target = path_of(image)
    durable.write(target, raw)
    durable.write(target.with_name(target.name + ".sig"), keys.sign(key, raw, NAMESPACE).encode())
    return target


def check(image: Path, digest: str, bundle: Bundle, allowed: list[bytes]) -> None:
    """``IntegrityError`` unless image and bundle are those of the proof, and the proof is signed by one of ``allowed``."""
    named = bundle.manifest.images
    if digest in named.values():
        return
    proof = path_of(image)
    if not proof.exists():
        known = ", ".join(named) or f"none; {proof.name} is not beside it either"
        raise IntegrityError(
            f"{image}: is not an image that {bundle.path.name} was made for ({known}): get that one, whole"
        )
    keys.verify_file(proof, allowed, NAMESPACE)
    try:
        facts = json.loads(proof.read_text())
        wanted = (facts["format"], facts["sha256"], facts["bundle"])
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{proof}: cannot be read ({error}): get it again") from error
    if wanted[0] != FORMAT or wanted[1] != digest:
        raise IntegrityError(
            f"{image}: is not the image that {proof.name} names: it was changed or cut short, get it again"
        )
    if wanted[2] != bundle.sha256:
        raise IntegrityError(
            f"{image}: was made for another bundle than {bundle.path.name}: use the two that belong together"
        )
