"""A browser that notes everything a page must never do."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

PATIENCE = 60_000.0  # milliseconds; a slow machine is no failure

# In every document, before anything of it runs.
_WATCH = """
addEventListener("securitypolicyviolation", (event) => {
  trouble(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""


class Watched:
    """`page` in a context of its own. `troubles` is everything that must not be."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.address = address
        self.troubles: list[str] = []
        self.said: list[str] = []
        self._context = browser.new_context(base_url=address, **options)
        self._context.expose_binding("trouble", lambda _source, text: self.troubles.append(text))
        self._context.expose_binding("heard", lambda _source, text: self.said.append(text))
        self._context.add_init_script(_WATCH)
        self._context.set_default_timeout(PATIENCE)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def log_in(self, name: str, password: str) -> None:
        self.page.goto("/login")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("navigation", name="Pages").wait_for()

    def ran_nothing(self) -> None:
        """No hostile text of the page became code."""
        assert self.page.evaluate("typeof window.pwned") == "undefined"

    def fits(self) -> None:
        """Nothing reaches over the side of the window."""
        widths = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1], self.page.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium tells of every connection that breaks, which some tests do on purpose.
        if message.type in {"error", "warning"} and "net::ERR_" not in message.text:
            self.troubles.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith(f"{self.address}/"):
            self.troubles.append(f"elsewhere: {request.url}")
