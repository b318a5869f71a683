"""From where a request may come. Pure: headers in, a Refused or nothing out.

A page elsewhere can make a browser ask anything of this server, with its address. What it cannot do is forge `Origin`
and `Sec-Fetch-Site`, which browsers write themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from edge.dashboard.services import Refused

EVENT_STREAM: Final = "/live"
_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
_READING: Final = {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Site:
    """How people reach this server. `origin`: fixed, for behind a proxy; else it is what they typed.

    `secure`: over TLS, ours or the proxy's. `loopback`: from this machine only.
    """

    port: int
    secure: bool = False
    loopback: bool = True
    behind_proxy: bool = False
    origin: str = ""

    @property
    def scheme(self) -> str:
        return "https" if self.secure else "http"

    @property
    def cookie(self) -> str:
        """Cookies know no ports: two servers on one machine must not take each other's."""
        return f"{'__Host-' if self.secure else ''}limen-{self.port}"

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> Refused | None:
        """Why this request is not answered at all."""
        host = headers.get("host", "")
        if self.loopback and not self.behind_proxy and _name(host) not in _LOOPBACK:
            # A name elsewhere that points here, so that its pages may read the answers.
            return Refused("wrong_host", "this server answers on this machine's own names only")
        allowed = self.origin or f"{self.scheme}://{host}"
        origin, fetched_by = headers.get("origin"), headers.get("sec-fetch-site")
        if method not in _READING:
            same = origin == allowed and fetched_by in {None, "same-origin"}
        elif path == EVENT_STREAM:
            same = origin in {None, allowed} and (fetched_by == "same-origin" or (origin == allowed and not fetched_by))
        else:
            same = fetched_by in {None, "same-origin", "none"} or _followed_link(headers)
        return None if same else Refused("cross_origin", "this came from another site's page")

    def address(self, peer: str, headers: Mapping[str, str]) -> str:
        """Who asks. Only the last address in the list is the proxy's word; those before it anybody can write."""
        told = headers.get("x-forwarded-for", "").rpartition(",")[2].strip() if self.behind_proxy else ""
        return (told or peer)[:64]


def _followed_link(headers: Mapping[str, str]) -> bool:
    """Somebody clicked a link elsewhere: they may come, and their cookie stays behind (SameSite=Strict)."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
