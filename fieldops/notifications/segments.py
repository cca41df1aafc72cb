"""How a text becomes short messages, and back: GSM 7-bit or UCS-2, joined by a header (UDH).

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

_FROM_ESCAPE = {septet: character for character, septet in _EXTENDED.items()}

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


@dataclass(frozen=True, slots=True)
class Heard:
    """One short message as it came in; the last three are set when it is part of a longer one."""

    words: str
    joined_by: int | None = None
    part: int | None = None
    parts: int | None = None


_LATIN1 = 3
_SAME_REFERENCE = {0x00: 3, 0x08: 4}  # concatenation with an 8-bit or a 16-bit reference: length


def hear(content: bytes, data_coding: int, *, udh: bool) -> Heard:
    """Read a short message that came in: its words, and what joins it to others.

    What cannot be decoded becomes U+FFFD: a person reads it then.
    """
    joined_by = part = parts = None
    if udh and content:
        header, content = content[1 : content[0] + 1], content[content[0] + 1 :]
        joined_by, parts, part = _joining(header)
    words = _decode(content, data_coding)
    if parts is None or parts <= 1:
        return Heard(words)
    return Heard(words, joined_by, part, parts)


def _joining(header: bytes) -> tuple[int, int, int] | tuple[None, None, None]:
    """Return (reference, number of parts, number of this part) out of a user data header."""
    at = 0
    while at + 2 <= len(header):
        element, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if _SAME_REFERENCE.get(element) == length == len(value):
            return int.from_bytes(value[:-2]), value[-2], value[-1]
        at += 2 + length
    return None, None, None


def _decode(content: bytes, data_coding: int) -> str:
    if data_coding == UCS2:
        return content.decode("utf-16-be", "replace")
    if data_coding == _LATIN1:
        return content.decode("latin-1")
    words, escaped = "", False
    for septet in content:
        if escaped:
            words += _FROM_ESCAPE.get(septet, "\ufffd")
            escaped = False
        elif septet == _ESCAPE:
            escaped = True
        else:
            words += _BASIC[septet] if septet < len(_BASIC) else "\ufffd"
    return words
