"""The compiled search for day plans; nothing outside fieldops/dispatch calls in here.

numba compiles each function when it is first called, some fifteen seconds of CPU for all, and keeps
the result. It looks only at the file a function stands in, so that a function of an older release
would go on calling the older ones of other files: the kept results therefore lie in a folder named
by the content of all files here.
"""

import hashlib
from pathlib import Path

import numba

_SOURCES = sorted(Path(__file__).parent.glob("*.py"))
_CONTENT = hashlib.sha256(b"".join(path.read_bytes() for path in _SOURCES)).hexdigest()[:16]

if not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(  # type: ignore[attr-defined]
        Path.home() / ".cache" / "fieldops" / f"engine-{_CONTENT}"
    )
