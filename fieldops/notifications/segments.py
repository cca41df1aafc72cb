"""How a text becomes short messages: GSM 7-bit or UCS-2, long ones joined by a header (UDH).

3GPP TS 23.038 (alphabets) and TS 23.040, section 9.2.3.24 (concatenation).
"""

from dataclasses import dataclass

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
_EXTENDED = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}

GSM, UCS2 = 0, 8  # data_coding
_WHOLE = {GSM: 160, UCS2: 140}  # units of one message: septets, bytes
_PART = {GSM: 153, UCS2: 134}  # units of a part beside its six-byte header
MOST_PARTS = 10


@dataclass(frozen=True, slots=True)
class Segments:
    """The parts as they are submitted; `udh` when each begins with a concatenation header."""

    parts: tuple[bytes, ...]
    data_coding: int
    udh: bool


def split(text: str, *, reference: int) -> Segments:
    """Encode and split a text; `reference` (0..255) joins the parts on the customer's phone.

    Never splits a character. Raises ValueError beyond ten parts.
    """
    coding, characters = _encode(text)
    if sum(map(len, characters)) <= _WHOLE[coding]:
        return Segments((b"".join(characters),), coding, udh=False)
    chunks: list[bytes] = [b""]
    for character in characters:
        if len(chunks[-1]) + len(character) > _PART[coding]:
            chunks.append(b"")
        chunks[-1] += character
    if len(chunks) > MOST_PARTS:
        raise ValueError(f"a text message has at most {MOST_PARTS} parts")
    header = bytes((5, 0, 3, reference, len(chunks)))
    parts = tuple(header + bytes((n,)) + chunk for n, chunk in enumerate(chunks, start=1))
    return Segments(parts, coding, udh=True)


def _encode(text: str) -> tuple[int, list[bytes]]:
    """Return the coding and the text as characters' bytes: GSM when every character has one."""
    septets: list[bytes] = []
    for character in text:
        if character != "\x1b" and character in _BASIC:
            septets.append(bytes((_BASIC.index(character),)))
        elif character in _EXTENDED:
            septets.append(bytes((_ESCAPE, _EXTENDED[character])))
        else:
            return UCS2, [c.encode("utf-16-be") for c in text]
    return GSM, septets
