"""A real browser: Debian's Chromium, headless, with no network but what a test serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, Request, async_playwright

CHROMIUM = Path("/usr/bin/chromium")  # fieldops/bootstrap.py installs it
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--proxy-server=127.0.0.1:9",  # nobody is there: what is not on loopback fails
    "--proxy-bypass-list=127.0.0.1",
)
WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start a browser of its own; it ends with the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=list(QUIET)
        )
        yield browser
        await browser.close()


async def barriers(page: Page) -> list[str]:
    """Return what axe-core finds against WCAG 2.1 AA on the page as it is, and where."""
    await page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {"runOnly": WCAG_AA, "resultTypes": ["violations"]}
    found = await page.evaluate("options => axe.run(document, options)", options)
    assert found["passes"], "axe looked at nothing"
    return [
        f"{broken['id']}: {node['html']}"
        for broken in found["violations"]
        for node in broken["nodes"]
    ]


@asynccontextmanager
async def opened(browser: Browser, **options: Any) -> AsyncIterator[tuple[Page, list[Request]]]:
    """A fresh page with what it asks the network for; what the browser complains of fails."""
    context = await browser.new_context(
        **{"locale": "en", "viewport": {"width": 360, "height": 640}, **options}
    )
    page, asked, complaints = await context.new_page(), list[Request](), list[str]()
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - playwright marks it
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text))
    yield page, asked
    await context.close()
    refusals = [c for c in complaints if not c.startswith("Failed to load resource")]
    assert refusals == []  # a status of 4xx is no complaint about the page


async def overflow(page: Page) -> list[str]:
    """Return what reaches out of the page to the side, or hides a part of its text."""
    found: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e =>
            e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
            || (e.tagName !== 'TEXTAREA' && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
        ).map(e => e.outerHTML.slice(0, 120))"""
    )
    return found


async def tab_to(page: Page, wanted: str, key: str = "Enter") -> None:
    """Press Tab until what is focused is called this, then a key; each stop shows its focus."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        name, outline = await page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
            return [(e.labels?.[0] ?? e).innerText.trim(),
                    s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2]; }"""
        )
        assert outline, f"{name} does not show its focus"
        if name == wanted:
            break
    else:
        raise AssertionError(f"{wanted} is not reached")
    if key == "Enter":
        async with page.expect_navigation():
            await page.keyboard.press(key)
    else:
        await page.keyboard.press(key)
