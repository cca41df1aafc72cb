"""The print of a photo: a difference hash of 64 points, which survives scaling and recompression.

The picture is made grey and nine by eight points small; each bit says whether a point is brighter
than its right neighbour. Pictures of one scene differ in few bits. The print is kept as four bands
of 16 bits: two prints that differ in at most three bits have one band in common, so an index finds
them all (the pigeonhole principle).
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from fieldops.quality.rules import PrintState

WIDTH, HEIGHT = 9, 8
BAND_BITS = 16
LEAST_CONTRAST = 24  # of 255: below it a picture is dark, empty or out of focus
MOST_PIXELS = 80_000_000  # a phone's camera has fewer; a bomb has more

Bands = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Print:
    """What came of a photo: its bands when it is usable."""

    state: PrintState
    bands: Bands | None = None


def difference_hash(points: bytes) -> int:
    """Return the 64 bits of a grey picture of nine by eight points, row by row."""
    value = 0
    for row in range(HEIGHT):
        for column in range(WIDTH - 1):
            at = row * WIDTH + column
            value = value << 1 | (points[at] > points[at + 1])
    return value


def bands_of(value: int) -> Bands:
    """Return the four bands of a print, the highest bits first."""
    mask = (1 << BAND_BITS) - 1
    return (value >> 48 & mask, value >> 32 & mask, value >> 16 & mask, value & mask)


def distance(one: Bands, other: Bands) -> int:
    """Return in how many of 64 points two prints differ."""
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def print_of(content: bytes) -> Print:
    """Return the print of a photo's bytes; what cannot be read as a picture is unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            points = _points(content)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Print(PrintState.UNREADABLE)
    if points is None:
        return Print(PrintState.UNREADABLE)
    if max(points) - min(points) < LEAST_CONTRAST:
        return Print(PrintState.FLAT)
    return Print(PrintState.USABLE, bands_of(difference_hash(points)))


def _points(content: bytes) -> bytes | None:
    """Return the grey points of a picture, turned as its camera was held; None for a giant."""
    with Image.open(io.BytesIO(content)) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            return None
        # A JPEG is then decoded at an eighth of its size already.
        picture.draft("L", (WIDTH * 16, HEIGHT * 16))
        upright = ImageOps.exif_transpose(picture) or picture
        small = upright.convert("L").resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        return small.tobytes()
