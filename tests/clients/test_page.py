"""docs/clients.md is run: its commands against a server, its TypeScript compared with the files."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.factories.files import content

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
SAYS = re.compile(r"^((?:json|echo) .*?\S)\s+# (.+)$")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def script() -> str:
    """Return the page's commands, each that shows a value followed by its comparison."""
    lines = []
    for line in "".join(blocks("sh")).splitlines():
        shows = SAYS.match(line)
        if shows is None:
            lines.append(line)
            continue
        command, value = shows[1], shows[2].replace("'", "'\\''")
        lines.append(f"expect '{value}' \"$({command})\" || exit 9")
    compare = 'expect() { [ "$1" = "$2" ] || { echo "expected $1, got: $2" >&2; return 1; }; }'
    last = "trap 'tail -c 800 answer.json page.json >&2; kill $(jobs -p) 2> /dev/null' EXIT"
    return "\n".join([last, compare, *lines, "trap - EXIT", ""])


async def test_the_conversation_of_the_page_is_what_a_server_answers(
    field: dict[str, Any], tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the commands of docs/clients.md were not run")
    (tmp_path / "photo.jpg").write_bytes(content(5000))
    done = run(field, tmp_path)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def run(field: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    body = {"email": "dora@fieldops.example", "password": field["password"]}
    dispatcher = httpx.post(f"{field['url']}/v1/sign-in", json=body).json()
    given = {
        "URL": field["url"],
        "EMAIL": "alice@fieldops.example",
        "PASSWORD": field["password"],
        "DISPATCHER": dispatcher["access_token"],
        "COLLEAGUE": field["people"]["kim"],
    }
    return subprocess.run(
        ["bash", "-c", script()],
        cwd=folder,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_page_shows_what_came_out() -> None:
    assert len(re.findall(r"\|\| exit 9$", script(), re.MULTILINE)) > 15
