"""Small copies: all that is left of a blank, and the first pictures that a host pulls."""

import io

from PIL import Image

from trap_wire.errors import BadInputError

QUALITY = 70  # about 10 KB at 320 px: a year of 20,000 bursts is 200 MB


def thumbnail(jpeg: bytes, longest_px: int) -> bytes:
    """A JPEG whose longest edge is ``longest_px``, decoded at reduced size to cost little memory.

    ``BadInputError`` when the bytes are not a picture that can be read.
    """
    target = io.BytesIO()
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            image.draft("RGB", (longest_px, longest_px))
            small = image.convert("RGB")
            small.thumbnail((longest_px, longest_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
            small.save(target, "JPEG", quality=QUALITY)
    # Pillow's plugins raise what they like on damaged data; SyntaxError is theirs too.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInputError(f"unreadable JPEG of {len(jpeg)} bytes ({error})") from error
    return target.getvalue()
