"""The page's looks: readable by everybody, nothing inline, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DASHBOARD = Path(__file__).parents[2] / "edge" / "dashboard"
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DASHBOARD.glob("templates/*.html"))}
STATIC = {path.name: path.read_text(encoding="utf-8") for path in sorted(DASHBOARD.glob("static/*"))}
GROUNDS = ("ground", "surface", "raised")
# What is written on what; 4.5:1 is what WCAG's AA asks of text, 3:1 of shapes.
TEXTS = [(text, ground) for text in ("ink", "quiet", "accent", "yes", "no", "mind") for ground in GROUNDS] + [
    ("on-accent", "accent"),
    ("surface", "no"),
    *((text, f"{text}-soft") for text in ("yes", "no", "mind")),
    *(("ink", f"{soft}-soft") for soft in ("yes", "no", "mind")),
]
SHAPES = [("edge", ground) for ground in GROUNDS] + [("yes", "bar"), ("no", "bar"), ("ink", "bar")]


def _palettes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", STATIC["limen.css"], re.DOTALL)
    read = {
        name: dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))
        for name, text in (("light", light), ("dark", dark))
    }
    return {"light": read["light"], "dark": read["light"] | read["dark"]}


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("over", "under", "least"), [(*pair, 4.5) for pair in TEXTS] + [(*pair, 3.0) for pair in SHAPES]
)
def test_colours_can_be_told_apart(scheme: str, over: str, under: str, least: float) -> None:
    palette = _palettes()[scheme]
    assert _contrast(palette[over], palette[under]) >= least


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_escapes_everything_and_holds_no_code(name: str) -> None:
    text = TEMPLATES[name]
    assert not re.search(r"\|\s*safe|autoescape|Markup", text)
    assert not re.search(r"\s(style|on[a-z]+)\s*=", text), "the policy forbids inline styles and handlers"
    assert all('src="/static/' in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"javascript:", text, re.IGNORECASE)


@pytest.mark.parametrize(("name", "text"), [*TEMPLATES.items(), *STATIC.items()])
def test_nothing_comes_from_elsewhere(name: str, text: str) -> None:
    assert name
    addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"')]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", [name for name in STATIC if name.endswith(".js")])
def test_a_script_writes_text_and_never_markup(name: str) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
    assert not re.search(forbidden, STATIC[name])


def test_every_picture_and_field_has_a_name() -> None:
    for name, text in TEMPLATES.items():
        for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", text):
            named = re.search(r'type="(hidden|checkbox)"|aria-label=|aria-hidden="true"', field)
            own_id = re.search(r'id="([^"]+)"', field)
            assert named or (own_id and f'for="{own_id[1]}"' in text), f"{name}: {field}"


def test_motion_is_left_out_for_who_asks() -> None:
    assert "@media (prefers-reduced-motion: reduce)" in STATIC["limen.css"]
