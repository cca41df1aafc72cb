"""Request bodies in gzip or zstd, inflated under a cap on size and ratio."""

import zlib

import zstandard

from fieldops.kernel.errors import InvalidRequest, TooLarge, UnsupportedMedia
from fieldops.sync import rules

LIMIT = f"{rules.MOST_COMMANDS} commands or {rules.MOST_BYTES // 1024} KiB"
_GZIP = 16 + zlib.MAX_WBITS


def inflate(body: bytes, encoding: str) -> bytes:
    """Return the content of a body sent with a Content-Encoding.

    Never makes more than the limit and one byte. Raises TooLarge above the size or the ratio,
    InvalidRequest for a broken stream, UnsupportedMedia for another encoding.
    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        content = body
    elif encoding in {"gzip", "x-gzip"}:
        content = _gunzip(body)
    elif encoding == "zstd":
        content = _unzstd(body)
    else:
        raise UnsupportedMedia(allowed="gzip, zstd and identity as Content-Encoding")
    if len(content) > rules.MOST_BYTES:
        raise TooLarge(limit=LIMIT)
    if len(content) > rules.RATIO_COUNTS_FROM and len(content) > rules.MOST_RATIO * len(body):
        raise TooLarge(limit=f"{rules.MOST_RATIO} times the compressed size")
    return content


def _gunzip(body: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        content = stream.decompress(body, rules.MOST_BYTES + 1)
    except zlib.error:
        raise InvalidRequest(reason="the gzip stream is broken") from None
    if not stream.eof and len(content) <= rules.MOST_BYTES:
        raise InvalidRequest(reason="the gzip stream is cut off")
    return content


def _unzstd(body: bytes) -> bytes:
    # The window is capped too: a frame may ask for gigabytes of memory before its first byte.
    decompressor = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024)
    try:
        with decompressor.stream_reader(body) as stream:
            return stream.read(rules.MOST_BYTES + 1)
    except zstandard.ZstdError:
        raise InvalidRequest(reason="the zstd stream is broken") from None
