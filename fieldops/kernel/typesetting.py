"""Documents on paper: a template of typst, with data, as a PDF.

What people wrote never becomes markup: the data lies beside the template as a JSON file, which the
template reads as values. Nothing is written to a disk, and the template sees no file but those it
is given. Each document is set by a process of its own, so that one that runs away is ended without
the server: `python -m fieldops.kernel.typesetting` reads one on its standard input.
"""

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import typst

from fieldops.kernel.errors import DocumentTooLarge, DocumentTooSlow, FontMissing, Unavailable

LATIN = "Libertinus Serif"
"""Comes with typst, so it is there always."""
HAN = ("Noto Sans CJK SC", "WenQuanYi Micro Hei", "Droid Sans Fallback")
"""Families with Chinese characters, the best first; Debian has all three, the last is small."""
MOST_DATA_BYTES = 4 * 1024 * 1024
MOST_FILE_BYTES = 24 * 1024 * 1024
MOST_SECONDS = 30
MOST_MEMORY = 1536 * 1024 * 1024
MOST_AT_ONCE = 2
MOST_WAITING = 20

Language = Literal["en", "zh_CN"]

_PROGRAM = (sys.executable, "-I", "-m", "fieldops.kernel.typesetting")
_TEXTS = ("main.typ", "data.json")
_NAME = re.compile(r"[a-z0-9-]{1,80}\.(jpg|png|svg|webp)")
_AT_ONCE = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="typesetting")
_LANGUAGES = {"en": ("en", "gb"), "zh_CN": ("zh", "cn")}
_UNFIT = 3  # the program's exit code when the template or its data are wrong


class TypesettingFailed(Exception):  # noqa: N818 - what happened, not what to raise
    """A template of ours is wrong; the text says where."""


class _Line:
    """How many documents of this process are being set or wait for their turn."""

    length = 0


async def typeset(
    template: str,
    data: Mapping[str, Any],
    *,
    title: str,
    language: Language,
    at: datetime,
    pictures: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the PDF of a template's text, with `data` as its variable of that name.

    `data` is what JSON can say; `pictures` are JPEG, PNG, WebP or SVG by names like `photo-1.jpg`,
    shown with `image("photo-1.jpg")`. `at` is written into the PDF as its time. Raises FontMissing,
    DocumentTooLarge, DocumentTooSlow, Unavailable (too many at once), and TypesettingFailed when
    the template is wrong.
    """
    shown = dict(pictures or {})
    for name in shown:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no name for a picture: {name}")
    said = json.dumps({**data, "title": title}, ensure_ascii=False).encode()
    if len(said) > MOST_DATA_BYTES or sum(map(len, shown.values())) > MOST_FILE_BYTES:
        raise DocumentTooLarge
    if _Line.length >= MOST_AT_ONCE + MOST_WAITING:
        raise Unavailable(retry_after=MOST_SECONDS)
    main = _prelude(language, han_font()) + template
    files = {"main.typ": main.encode(), "data.json": said, **shown}
    _Line.length += 1
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_AT_ONCE, _set, files, int(at.timestamp()))
    finally:
        _Line.length -= 1


@cache
def han_font() -> str:
    """Return the font that Chinese is set in; raises FontMissing where there is none."""
    installed = set(typst.Fonts(include_embedded_fonts=False).families())
    for family in HAN:
        if family in installed:
            return family
    raise FontMissing


def _prelude(language: Language, han: str) -> str:
    """Return what stands before each template, on its first line so that lines keep their number.

    Nothing in it comes from people.
    """
    lang, region = _LANGUAGES[language]
    return (
        '#let data = json("data.json");'
        f'#set text(font: ("{LATIN}", "{han}"), lang: "{lang}", region: "{region}");'
        "#set document(title: data.title);"
    )


def _set(files: dict[str, bytes], seconds: int) -> bytes:
    """Hand the files to a process that sets them, wait for its PDF."""
    head = {"at": seconds, "files": {name: len(content) for name, content in files.items()}}
    sent = json.dumps(head).encode() + b"\n" + b"".join(files.values())
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            _PROGRAM, input=sent, capture_output=True, timeout=MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise DocumentTooSlow(seconds=MOST_SECONDS) from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == _UNFIT:
        raise TypesettingFailed(done.stderr.decode(errors="replace"))
    # Killed by one of its limits, or out of the memory that it may have.
    raise DocumentTooLarge


def _in_memory(name: str, content: bytes) -> str:
    """Return the path of a file that exists in this process's memory alone."""
    descriptor = os.memfd_create(name)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return f"/proc/self/fd/{descriptor}"


def _main() -> int:
    """Read a head and the files it names, write the PDF; 3 with the reason when it is unfit."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    head = json.loads(sys.stdin.buffer.readline())
    # The template's whole world is this folder. Pictures lie in memory, for typst takes texts only
    # as they are, and a photo of somebody's home belongs on no disk but that of the files module.
    with tempfile.TemporaryDirectory(prefix="fieldops-") as root:
        texts = {}
        for name, size in head["files"].items():
            content = sys.stdin.buffer.read(size)
            if name in _TEXTS:
                texts[name] = content
            else:
                Path(root, name).symlink_to(_in_memory(name, content))
        try:
            pdf = typst.compile(  # type: ignore[call-overload]  # its stubs lack the folder in memory
                texts,
                root=root,
                package_path=root,
                package_cache_path=root,
                format="pdf",
                timestamp=head["at"],
            )
        except (typst.TypstError, RuntimeError) as error:
            sys.stderr.write(f"{error}\n{getattr(error, 'diagnostic', '')}")
            return _UNFIT
    sys.stdout.buffer.write(pdf)
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
