"""Request bodies in gzip or zstd, inflated under a cap on size and ratio."""

import zlib

import zstandard

from fieldops.kernel.errors import BodyCut, InvalidRequest, TooLarge, UnsupportedMedia
from fieldops.sync import rules

LIMIT = f"{rules.MOST_COMMANDS} commands or {rules.MOST_BYTES // 1024} KiB"
_GZIP = 16 + zlib.MAX_WBITS


def inflate(body: bytes, encoding: str) -> bytes:
    """Return the content of a body sent with a Content-Encoding.

    Never makes more than the limit and one byte. Raises TooLarge above the size or the ratio,
    BodyCut for a stream that was cut off, InvalidRequest for a broken one, UnsupportedMedia for
    another encoding.
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
    if len(content) <= rules.MOST_BYTES:
        _check_end("gzip", whole=stream.eof, behind=stream.unused_data)
    return content


def _unzstd(body: bytes) -> bytes:
    # The window is capped too: a frame may ask for gigabytes of memory before its first byte.
    decompressor = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024)
    try:
        with decompressor.stream_reader(body) as stream:
            content = stream.read(rules.MOST_BYTES + 1)
        if len(content) <= rules.MOST_BYTES:
            # The reader takes a stream that was cut for one that ended; this one knows.
            ending = decompressor.decompressobj()
            ending.decompress(body)
            _check_end("zstd", whole=ending.eof, behind=ending.unused_data)
    except zstandard.ZstdError:
        raise InvalidRequest(reason="the zstd stream is broken") from None
    return content


def _check_end(encoding: str, *, whole: bool, behind: bytes) -> None:
    """Raise BodyCut or InvalidRequest unless a stream ended where its body did."""
    if not whole:
        raise BodyCut(reason=f"its {encoding} stream has no end")
    if behind:
        raise InvalidRequest(reason=f"more follows the end of the {encoding} stream")
