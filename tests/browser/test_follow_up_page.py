"""The page that asks how it went (FO-02), in a real browser: as the appointment's page is tried.

By axe-core in both languages, small and large, by keyboard, without scripts; and what is wrong is
said where it is, in words of the customer's language.
"""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from fieldops.kernel import clock
from tests.browser.conftest import Site
from tests.support.browsers import barriers, opened, overflow, tab_to

pytestmark = pytest.mark.anyio

FOR_LONG = timedelta(days=9)


async def test_fo_02_every_view_is_free_of_barriers_in_both_languages(
    browser: Browser, site: Site
) -> None:
    address, now = await site.question(), clock.now()
    views = {"question": (address, now), "why": (f"{address}?view=why", now),
             "expired": (address, now + FOR_LONG),
             "forged": (f"{site.url}/f/nonsense", now)}  # fmt: skip
    refused = {"expired": ("This link is too old", "此链接已过期"),
               "forged": ("This link does not work", "此链接无效")}  # fmt: skip
    async with opened(browser) as (page, asked):
        for name, (url, at) in views.items():
            for lang in ("en", "zh-CN"):
                with clock.frozen(at):
                    await page.goto(f"{url}{'&' if '?' in url else '?'}lang={lang}")
                assert await barriers(page) == [], (name, lang)
                assert await page.locator("h1").count() == 1, (name, lang)
                assert await page.locator("html").get_attribute("lang") == lang
                title = await page.locator("h1").inner_text()
                if name in refused:
                    assert title == refused[name][lang != "en"], (name, lang)
        await page.goto(address)
        await page.get_by_role("button", name="Very satisfied").click()
        for lang in ("en", "zh-CN"):
            await page.goto(f"{address}?lang={lang}")
            await expect(page.get_by_role("status")).to_be_visible()
            assert await barriers(page) == [], ("thanks", lang)
    assert {request.url.startswith(site.url) for request in asked} == {True}


@pytest.mark.parametrize(
    ("lang", "send", "other", "reason", "words"),
    [
        ("en", "Send", "Something else", "Please choose what was wrong.",
         "Please write down what was wrong."),
        ("zh-CN", "提交", "其他", "请选择不满意的原因。", "请写明不满意的原因。"),
    ],
)  # fmt: skip
async def test_fo_03_what_is_missing_is_said_where_it_is_and_to_screen_readers(
    browser: Browser, site: Site, lang: str, send: str, other: str, reason: str, words: str
) -> None:
    address = await site.question()
    async with opened(browser) as (page, _):
        await page.goto(f"{address}?view=why&lang={lang}")
        await page.locator("input[type=radio]").first.evaluate("e => e.form.noValidate = true")
        await page.get_by_role("textbox").fill("...")
        await page.get_by_role("button", name=send).click()
        await expect(page.get_by_role("alert")).to_have_text(reason)
        first = page.get_by_role("radio").first
        await expect(first).to_have_accessible_description(reason)
        await expect(page.get_by_role("textbox")).to_have_value("...")  # nothing is typed twice
        assert await barriers(page) == []
        await page.get_by_role("textbox").fill("")
        await page.get_by_role("radio", name=other).check()
        await page.get_by_role("button", name=send).click()
        await expect(page.get_by_role("alert")).to_have_text(words)
        await expect(page.get_by_role("textbox")).to_have_accessible_description(words)
        await expect(page.get_by_role("radio", name=other)).to_be_checked()
        assert await barriers(page) == []


async def test_fo_02_a_keyboard_is_enough_and_the_first_answer_stands(
    browser: Browser, site: Site
) -> None:
    address = await site.question()
    async with opened(browser) as (page, asked):
        await page.goto(address)
        await tab_to(page, "Dissatisfied")
        first = await page.locator("label.slot").first.inner_text()
        await tab_to(page, first, "ArrowDown")
        assert await page.locator("input:checked").count() == 1
        await tab_to(page, "Send")
        await expect(page.get_by_role("status")).to_have_text("You said: Dissatisfied.")
        await page.reload()
        assert [r.method for r in asked if r.method == "POST"] == ["POST"]


async def test_fo_02_it_works_without_scripts_on_a_small_screen_with_large_text(
    browser: Browser, site: Site
) -> None:
    address = await site.question()
    async with opened(browser, viewport={"width": 320, "height": 480}) as (page, _):
        for view in ("", "?view=why"):
            await page.goto(address + view)
            assert await overflow(page) == [], view
            for target in await page.locator("button, .button, label.slot").all():
                box = await target.bounding_box()
                assert box is not None
                assert box["height"] >= 44
            await page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert await overflow(page) == [], (view, "twice as large")
    async with opened(browser, java_script_enabled=False) as (page, _):
        await page.goto(address)
        await page.get_by_role("link", name="中文").click()
        await page.get_by_role("button", name="非常满意").click()
        await expect(page.get_by_role("status")).to_contain_text("您的评价")
        await page.go_back()  # nothing was kept by the browser: the page is as it is now
        await expect(page.get_by_role("heading", level=1)).to_have_text("谢谢您")
