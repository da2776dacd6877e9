"""What a hand does with a mouse in a browser that does not paint.

The driver waits before a click until what is clicked stands still, from one painted picture to the
next: there it would wait for ever. The click itself is as it always is, at its place in the page: a
button that is covered, or dead, does nothing.
"""

from playwright.sync_api import Locator


def click(target: Locator) -> None:
    target.click(force=True)


def tick(target: Locator) -> None:
    """Tick a box, or choose one of several."""
    target.check(force=True)


def untick(target: Locator) -> None:
    target.uncheck(force=True)
