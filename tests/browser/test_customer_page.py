"""The customer's page in a real browser: by keyboard, without scripts, small, large, by axe.

WCAG 2.1 AA is looked at by axe-core and, for what a program cannot see by rules alone, by hand:
the order of the keyboard, visible focus, reflow at 320 px, text twice as large, wider spacing.
"""

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fieldops.kernel import clock
from fieldops.kernel.db import connect
from fieldops.visits import queries
from tests.browser.conftest import Promise, Site
from tests.support.browsers import barriers, opened, overflow, tab_to
from tests.support.factories.visits import arrive, from_phone

pytestmark = pytest.mark.anyio

MOST_BYTES = 9_000  # not compressed, with its headers


async def situations(site: Site) -> dict[str, tuple[str, Any]]:
    """Bring appointments into each situation; the address and moment to look at each."""
    database = connect(site.settings)
    now = clock.now()
    found: dict[str, tuple[str, Any]] = {"forged": (f"{site.url}/a/nonsense", now)}
    waiting = await site.promise()
    for name, view in (("waiting", ""), ("windows", "?view=windows"), ("cancel", "?view=cancel")):
        found[name] = (waiting.page + view, now)
    found["opened"] = (waiting.page, waiting.start)
    found["expired"] = (waiting.page, waiting.start + timedelta(days=2))
    for name, way in (("on the way", "visit.depart"), ("at the door", "")):
        promise = await site.promise()
        technician = await _technician(site, promise)
        with clock.frozen(promise.start - timedelta(minutes=20)):
            await from_phone(database, technician, "visit.accept", visit_id=str(promise.visit_id))
            if way:
                await from_phone(database, technician, way, visit_id=str(promise.visit_id))
            else:
                await arrive(database, technician, promise.visit_id)
        found[name] = (promise.page, promise.start - timedelta(minutes=10))
    await database.close()
    return found


async def _technician(site: Site, promise: Promise) -> Any:
    database = connect(site.settings)
    async with database.transaction() as session:
        (row,) = await queries.present(session, 1, [promise.visit_id])
    await database.close()
    return next(a for a in site.world.actors.values() if a.id == row.technician_id)


async def test_every_situation_is_free_of_barriers_in_both_languages(
    browser: Browser, site: Site
) -> None:
    async with opened(browser) as (page, asked):
        for name, (address, at) in (await situations(site)).items():
            for lang in ("en", "zh-CN"):
                sign = "&" if "?" in address else "?"
                with clock.frozen(at):
                    await page.goto(f"{address}{sign}lang={lang}")
                assert await barriers(page) == [], (name, lang)
                assert await page.locator("h1").count() == 1, (name, lang)
    assert {request.url.startswith(site.url) for request in asked} == {True}


async def test_it_reflows_at_320_pixels_with_text_twice_as_large_and_spaced_out(
    browser: Browser, site: Site
) -> None:
    promise = await site.promise()
    async with opened(browser, viewport={"width": 320, "height": 480}) as (page, _):
        for view in ("", "?view=windows", "?view=cancel"):
            await page.goto(promise.page + view)
            assert await overflow(page) == [], view
            await page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert await overflow(page) == [], (view, "twice as large")
            await page.goto(promise.page + view)
            await page.evaluate(
                """() => { for (const e of document.querySelectorAll('body *')) {
                    e.style.lineHeight = '1.5'; e.style.letterSpacing = '0.12em';
                    e.style.wordSpacing = '0.16em'; } }"""
            )
            assert await overflow(page) == [], (view, "spaced out")


async def test_all_is_done_without_scripts_and_reloading_sends_nothing_twice(
    browser: Browser, site: Site
) -> None:
    promise = await site.promise()
    async with opened(browser, java_script_enabled=False) as (page, asked):
        await page.goto(promise.page)
        await page.get_by_role("button", name="Yes, this time suits me").click()
        await expect(page.get_by_role("status")).to_contain_text("You confirmed the appointment")
        await page.reload()
        assert [r.method for r in asked if r.method == "POST"] == ["POST"]
        await page.get_by_role("link", name="Back to the appointment").click()
        await page.get_by_role("link", name="Choose another time").click()
        await page.get_by_role("radio").nth(4).check()
        await page.get_by_role("button", name="Take this time").click()
        await expect(page.get_by_role("status")).to_contain_text("You chose another time")
        await page.goto(promise.page)
        await page.get_by_role("link", name="Go on with the new time").click()
        await page.get_by_role("link", name="中文").click()
        await page.get_by_role("link", name="取消预约").click()
        await page.get_by_label("原因（选填）").fill("要出差")
        await page.get_by_role("button", name="是，取消预约").click()
        await expect(page.get_by_role("status")).to_contain_text("您已取消预约")
        await page.go_back()  # nothing was kept by the browser: the page is as it is now
        await expect(page.get_by_role("heading", level=1)).to_have_text("此预约已取消")


async def test_a_keyboard_is_enough(browser: Browser, site: Site) -> None:
    promise = await site.promise()
    async with opened(browser) as (page, _):
        await page.goto(promise.page)
        await tab_to(page, "Yes, this time suits me")
        await expect(page.get_by_role("status")).to_contain_text("You confirmed")
        await tab_to(page, "Back to the appointment")
        await tab_to(page, "Choose another time")
        first = await page.locator("label.slot").first.inner_text()
        await tab_to(page, first, "ArrowDown")
        assert await page.locator("input:checked").count() == 1
        await tab_to(page, "Take this time")
        await expect(page.get_by_role("status")).to_contain_text("You chose another time")
        await tab_to(page, "Back to the appointment")
        await tab_to(page, "Cancel the appointment")
        await tab_to(page, "Reason (optional)", "x")
        await tab_to(page, "Yes, cancel it")
        await expect(page.get_by_role("status")).to_contain_text("You cancelled")


async def test_what_is_wrong_is_said_where_it_is_and_to_screen_readers(
    browser: Browser, site: Site
) -> None:
    promise = await site.promise()
    async with opened(browser) as (page, _):
        await page.goto(f"{promise.page}?view=windows")
        await page.locator("input[type=radio]").first.evaluate("e => e.form.noValidate = true")
        await page.get_by_role("button", name="Take this time").click()
        await expect(page.get_by_role("alert")).to_contain_text("Please choose one of the times.")
        described = page.locator("input[type=radio]").first
        await expect(described).to_have_accessible_description("Please choose one of the times.")
        assert await barriers(page) == []


async def test_a_page_is_one_small_answer_and_its_targets_are_large_enough_for_thumbs(
    browser: Browser, site: Site
) -> None:
    promise = await site.promise()
    async with opened(browser) as (page, asked):
        for view in ("", "?view=windows", "?view=cancel"):
            asked.clear()
            await page.goto(promise.page + view, wait_until="networkidle")
            (one,) = [request for request in asked if not request.url.startswith("data:")]
            sizes = await one.sizes()
            assert sizes["responseBodySize"] + sizes["responseHeadersSize"] < MOST_BYTES
            for target in await page.locator("button, .button, label.slot").all():
                box = await target.bounding_box()
                assert box is not None
                assert box["height"] >= 44
