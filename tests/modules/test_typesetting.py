"""Documents as PDF: both languages are in them, and nothing that people wrote is markup."""

import asyncio
import io
import time
from datetime import UTC, datetime

import pypdf
import pytest
from PIL import Image

from fieldops.kernel import typesetting
from fieldops.kernel.errors import DocumentTooLarge, DocumentTooSlow, FontMissing, Unavailable
from fieldops.kernel.typesetting import TypesettingFailed, typeset

pytestmark = pytest.mark.anyio
AT = datetime(2026, 11, 23, 6, tzinfo=UTC)


async def text_of(template: str, **data: object) -> str:
    pdf = await typeset(template, data, title="Visit", language="en", at=AT)
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


async def test_a_document_has_its_text_in_both_languages_and_says_what_it_is() -> None:
    data = {"en": "Line tested, 94.2 Mbit/s", "zh": "线路已测速：合格"}
    pdf = await typeset(
        "#data.en\n\n#data.zh", data, title="Visit 现场报告", language="zh_CN", at=AT
    )
    read = pypdf.PdfReader(io.BytesIO(pdf))
    shown = read.pages[0].extract_text()
    assert data["en"] in shown
    assert data["zh"] in shown
    assert read.metadata is not None
    assert read.metadata.title == "Visit 现场报告"
    assert read.metadata.creation_date == AT
    again = await typeset(
        "#data.en\n\n#data.zh", data, title="Visit 现场报告", language="zh_CN", at=AT
    )
    assert again == pdf, "the same record gives the same document"


async def test_what_people_wrote_is_shown_as_they_wrote_it_and_never_run() -> None:
    said = '#panic("x") *b* $x$ ] #read("/etc/passwd") "); #let data = 1 \\ // end'
    shown = await text_of("Remark: #data.remark", remark=said)
    assert said.replace(" ", "") in shown.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize(
    "template",
    ['#read("/etc/passwd")', '#read("../../etc/passwd")', '#image("photo-1.jpg")', "#data.nothing"],
)
async def test_a_template_sees_nothing_that_it_was_not_given(template: str) -> None:
    with pytest.raises(TypesettingFailed):
        await text_of(template)


async def test_pictures_are_handed_over_in_memory_under_harmless_names() -> None:
    jpeg = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(jpeg, "JPEG")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
    pictures = {"photo-1.jpg": jpeg.getvalue(), "map.svg": svg}
    template = '#image("photo-1.jpg", alt: "A box")\n#image("map.svg", alt: "Map")'
    pdf = await typeset(template, {}, title="t", language="en", at=AT, pictures=pictures)
    (image,) = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].images
    assert image.image is not None
    assert image.image.size == (40, 30)
    for name in ("main.typ", "../photo.jpg", "/etc/passwd"):
        with pytest.raises(ValueError, match="no name"):
            await typeset("", {}, title="t", language="en", at=AT, pictures={name: b""})


async def test_without_a_chinese_font_it_says_which_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(typesetting, "HAN", ("No Such Family",))
    typesetting.han_font.cache_clear()
    try:
        with pytest.raises(FontMissing) as missing:
            await text_of("x")
    finally:
        typesetting.han_font.cache_clear()
    assert "Chinese" in missing.value.message
    assert "apt-get install fonts-droid-fallback" in missing.value.advice


async def test_a_document_that_runs_away_is_ended_and_the_server_goes_on_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(typesetting, "MOST_SECONDS", 0.6)
    begun = time.monotonic()
    setting = asyncio.create_task(text_of("#let i = 0\n#while i >= 0 { i = calc.rem(i + 1, 9) }"))
    gone_on = 0
    while not setting.done():
        await asyncio.sleep(0.02)
        gone_on += 1
    # Typst ends some loops by itself; both ways nothing hangs.
    with pytest.raises((DocumentTooSlow, TypesettingFailed)):
        await setting
    assert time.monotonic() - begun < 10
    assert gone_on > 1


async def test_too_much_is_refused_before_it_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "MOST_DATA_BYTES", 1000)
    with pytest.raises(DocumentTooLarge):
        await text_of("#data.remark", remark="x" * 1000)
    monkeypatch.setattr(typesetting, "MOST_FILE_BYTES", 10)
    with pytest.raises(DocumentTooLarge):
        await typeset("", {}, title="", language="en", at=AT, pictures={"a.jpg": b"x" * 11})
    monkeypatch.setattr(typesetting._Line, "length", 22)
    with pytest.raises(Unavailable):
        await text_of("x")
