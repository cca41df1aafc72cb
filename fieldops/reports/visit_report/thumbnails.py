"""Photos made small in memory: upright, without EXIF, so without position and camera. Pure.

What cannot be read as a picture has no thumbnail, and the report says so.
"""

import io
import warnings

from PIL import Image, ImageOps

LONGEST_SIDE = 640
QUALITY = 72
MOST_PIXELS = 80_000_000  # a phone's camera has fewer; a bomb has more
_FORMATS = ("JPEG", "PNG", "WEBP")


def thumbnail(content: bytes, side: int = LONGEST_SIDE) -> bytes | None:
    """Return a photo as a small JPEG (longest side in pixels), None when it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _small(content, side)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _small(content: bytes, side: int) -> bytes | None:
    with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            return None
        picture.draft("RGB", (side, side))  # a JPEG is then decoded small already
        upright = ImageOps.exif_transpose(picture) or picture
        upright.thumbnail((side, side))
        plain = Image.new("RGB", upright.size, "white")
        with_alpha = upright.convert("RGBA")
        plain.paste(with_alpha, mask=with_alpha)
        out = io.BytesIO()
        plain.save(out, "JPEG", quality=QUALITY, optimize=True)
        return out.getvalue()
