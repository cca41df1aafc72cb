"""Photos and signatures of the demo's past: drawn, each different, small. Pure.

They show nothing: patches of colour instead of cabinets, and a scribble instead of a name.
"""

import hashlib
import io
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

PATCHES, SIZE = (16, 12), (160, 120)
SCRIBBLE = (160, 48)


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of a picture and its media type."""

    content: bytes
    mime: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def photo(dice: random.Random) -> Picture:
    """Draw a photo that no other draw gives."""
    small = Image.frombytes("RGB", PATCHES, dice.randbytes(PATCHES[0] * PATCHES[1] * 3))
    out = io.BytesIO()
    small.resize(SIZE, Image.Resampling.BICUBIC).save(out, "JPEG", quality=60)
    return Picture(out.getvalue(), "image/jpeg")


def signature(dice: random.Random) -> Picture:
    """Draw a signature."""
    sheet = Image.new("L", SCRIBBLE, 255)
    points, x = [], 8
    while x < SCRIBBLE[0] - 12:
        x += dice.randint(4, 13)
        points.append((x, dice.randint(8, SCRIBBLE[1] - 8)))
    ImageDraw.Draw(sheet).line(points, fill=30, width=2, joint="curve")
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return Picture(out.getvalue(), "image/png")
