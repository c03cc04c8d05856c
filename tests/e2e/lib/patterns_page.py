# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What a page of tests/e2e/patterns shows, in Chromium."""

import functools

from cases import chromium_tests
from lib import proc


def in_chromium(function):
    """A test that is skipped where there is no browser."""
    @functools.wraps(function)
    def wrapped(tap, place):
        reason = chromium_tests.why_not()
        if reason:
            tap.skip("in Chromium", reason)
        else:
            function(tap, place)
    return wrapped


class Page:
    """A tab of the browser; it is in front whenever it is asked.

    The browser's first tab stays empty.
    """

    def __init__(self, browser, url):
        self.driver = browser.driver
        self.url = url
        self.first = self.driver.window_handles[0]
        self.open()

    def open(self):
        self.driver.switch_to.window(self.first)
        self.driver.switch_to.new_window("tab")
        self.handle = self.driver.current_window_handle
        self.driver.get(self.url)

    def close(self):
        """Close the tab.

        A page that is only left stays open for a while, with its streams,
        in case that the visitor goes back to it.
        """
        self.script("")
        self.driver.close()
        self.driver.switch_to.window(self.first)

    def script(self, text):
        if self.driver.current_window_handle != self.handle:
            self.driver.switch_to.window(self.handle)
        return self.driver.execute_script(text)

    def load(self, url=None):
        self.script("")
        self.driver.get(url or self.url)

    def text(self, selector):
        return self.script("return document.querySelector("
                           f"'{selector}').textContent")

    def list(self, selector="#list"):
        return self.script("return Array.from(document.querySelectorAll("
                           f"'{selector} li'), li => li.textContent)")

    def ready(self, name="source"):
        """Its EventSource's readyState: 0 connecting, 1 open, 2 closed."""
        return self.script(f"return {name}.readyState")

    def wait(self, condition, what, seconds=20):
        try:
            proc.wait_for(condition, what, seconds)
        except proc.Late as late:
            shown = self.script("return document.body.innerText")
            raise proc.Late(f"{late}; the page: {shown[-500:]!r}") from None
        return self

    def wait_ready(self, state, name="source", seconds=20):
        return self.wait(lambda: self.ready(name) == state,
                         f"{name}.readyState is {state}", seconds)

    def wait_list(self, want, selector="#list"):
        return self.wait(lambda: self.list(selector) == want,
                         f"{selector} is {want}")

    def wait_text(self, selector, want):
        return self.wait(lambda: self.text(selector) == want,
                         f"{selector} says {want!r}")

    def submit(self, text, field):
        """Fill the page's form in and send it off, as its visitor does."""
        self.script(f"document.getElementById('{field}').value = '{text}';"
                    "document.getElementById('form').requestSubmit();")
