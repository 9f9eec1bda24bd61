"""What is wrong with a page as it is shown: cut off, or of no use to some.

``SCREENSHOTS=folder`` keeps a picture of each page at both widths.
"""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page as Tab

SERIOUS = """async () => (await axe.run({resultTypes: ["violations"]})).violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .map(each => each.id + ": " + each.nodes.slice(0, 3).map(node => node.target).join(", "))"""
WIDE, NARROW = 1280, 390
PICTURES = os.environ.get("SCREENSHOTS", "")


def examine(tab: Tab, name: str) -> list[str]:
    """Return what is wrong with the page shown, at both widths."""
    found = []
    for width in (WIDE, NARROW):
        tab.set_viewport_size({"width": width, "height": 900})
        if (needed := settled_width(tab, width)) > width:
            found.append(f"{name}: {needed} px wide at {width}")
        if PICTURES:
            tab.wait_for_timeout(200)
            tab.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)
    tab.evaluate(AXE_SCRIPT)
    found += [f"{name}: {each}" for each in tab.evaluate(SERIOUS)]
    tab.set_viewport_size({"width": WIDE, "height": 900})
    return found


def settled_width(tab: Tab, width: int) -> int:
    """Return how wide the page is once its charts have taken the window's new width."""
    needed = width + 1
    for _ in range(30):
        needed = int(tab.evaluate("document.documentElement.scrollWidth"))
        if needed <= width:
            break
        tab.wait_for_timeout(100)
    return needed
