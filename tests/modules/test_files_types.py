"""SYNC 7: what a file is is told by its content, whatever it is called and whatever follows."""

import pytest

from fieldops.files import rules
from fieldops.files.errors import ContentNotAllowed
from fieldops.files.uploading import Announced, Uploading
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.modules.test_files import begin, blocks
from tests.support.clients import application, bearer
from tests.support.factories.files import content, promise, sha256_of
from tests.support.world import World

pytestmark = pytest.mark.anyio

SCRIPT = b"<html><script>alert(1)</script></html>"


@pytest.mark.parametrize(
    "start",
    [
        b"", b"\xff", b"\xff\xd8", b"\x89PNG\r\n", b"RIFF\x00\x00\x00\x00WAVE", b"RIFF", b"%PDF",
        SCRIPT, b"<svg xmlns='http://www.w3.org/2000/svg'>", b"GIF89a", b"PK\x03\x04", b"MZ",
        b"\x00\x00\x00\x18ftypmp42", b"\x00\x00\x00\x18ftypavif", b"ftypheic", b"\x1f\x8b\x08",
        b"\n%PDF-1.7", b" \xff\xd8\xff\xe0", b"\xef\xbb\xbf%PDF-1.7", b"\x7fELF",
    ],
)  # fmt: skip
def test_what_is_no_photo_and_no_paper_has_no_type(start: bytes) -> None:
    assert rules.type_of(start) is None
    assert rules.type_of(start + SCRIPT) is None


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1"])
def test_what_phones_call_their_photos_is_known(brand: bytes) -> None:
    """iPhones write heic, others mif1; an announcement as image/heif is the same."""
    assert rules.type_of(b"\x00\x00\x00\x24ftyp" + brand + bytes(16)) == "image/heic"
    assert rules.same_type("image/HEIF", "image/heic")
    assert rules.same_type("image/jpg; q=1", "image/jpeg")
    assert not rules.same_type("image/jpegx", "image/jpeg")


async def test_a_file_shorter_than_any_photo_is_refused(
    database: Database, files_in: Settings, world: World
) -> None:
    uploading = Uploading(database, files_in)
    key = await begin(uploading, world, b"\xff")
    with pytest.raises(ContentNotAllowed):
        await uploading.append(key, 0, blocks(b"\xff"))


@pytest.mark.parametrize(
    "data",
    [content(100) + SCRIPT, content(40), content(60, mime="application/pdf") + SCRIPT],
    ids=["a photo with a page behind it", "a photo that was cut", "a paper with a page behind it"],
)
async def test_what_is_stored_is_given_back_as_what_it_is_and_can_do_nothing(
    data: bytes,
    database: Database,
    files_in: Settings,
    world: World,
) -> None:
    """What was promised by its hash is kept byte for byte, and no browser takes it for a page."""
    uploading = Uploading(database, files_in)
    await promise(database, world.alice, data, subject_id=world.alice.id)
    key, _ = await uploading.create(world.alice, Announced(len(data), sha256_of(data)))
    await uploading.append(key, 0, blocks(data))
    async with application(database, files_in) as client:
        address = f"/v1/files/contents/{sha256_of(data)}"
        got = await client.get(address, headers=bearer(files_in, world.alice))
    assert got.content == data
    assert got.headers["Content-Type"] in rules.TYPES
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Security-Policy"] == "sandbox"
