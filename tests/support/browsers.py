"""A real browser: Debian's Chromium, headless, with no network but what a test serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, async_playwright

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
