"""The documents say what there is, all of it, and what they show works.

A ```console block whose first line starts with `$ limen` is run, line by line, in a folder of its own that holds the
shipped config.yaml; every command in it must succeed. A ```sh block is for the reader: it is not run, but each `limen`
line in it must be a command line that exists.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from docs import configuration_page
from edge.__main__ import build_parser
from edge.commands.send_command import arguments_of
from edge.config import read_config
from edge.settings import Settings, known_keys

PROJECT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(PROJECT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("*/README.md")])
}
CONFIG = (PROJECT / "config.yaml").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z0-9-]+):.*## ", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def _blocks(language: str) -> Iterator[tuple[str, str]]:
    for page, text in PAGES.items():
        for block in re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
            yield page, block


def _commands() -> dict[str, argparse.ArgumentParser]:
    (commands,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(commands.choices)


def _sections(*pages: str) -> list[str]:
    return [section for page in pages for section in re.split(r"^#+ ", PAGES.get(page, ""), flags=re.MULTILINE)]


RUNNABLE = [(page, block) for page, block in _blocks("console") if block.startswith("$ limen")]
TYPED = [
    line.split("limen ", 1)[1]
    for _, block in [*_blocks("sh"), *_blocks("console")]
    for line in block.splitlines()
    if re.match(r"(\$ )?(sudo )?(\.venv/bin/)?limen ", line)
]


def test_every_key_stands_in_the_shipped_configuration_with_its_meaning() -> None:
    meanings = {line.key: line.meaning for line in configuration_page.lines(CONFIG)}
    assert set(known_keys()) - {key for key, meaning in meanings.items() if meaning} == set()


@pytest.mark.parametrize("text", [CONFIG, configuration_page.uncommented(CONFIG)], ids=["as_shipped", "uncommented"])
def test_the_shipped_configuration_shows_the_true_defaults(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    assert msgspec.structs.replace(read_config(file), home=".") == Settings()


def test_the_configuration_page_is_the_one_that_make_docs_writes() -> None:
    assert PAGES.get("docs/configuration.md") == configuration_page.page(), "run `make docs`"


@pytest.mark.parametrize("key", known_keys())
def test_every_key_is_on_the_configuration_page(key: str) -> None:
    assert f"`{key}`" in PAGES["docs/configuration.md"]


@pytest.mark.parametrize("name", _commands())
def test_every_command_is_told_with_its_options(name: str) -> None:
    told = [part for part in _sections("docs/commands.md", "README.md") if f"limen {name}" in part]
    options = [action.option_strings[-1] for action in _commands()[name]._actions if action.option_strings]
    shared = {"--help", "--config"}
    assert told, f"limen {name} stands neither in docs/commands.md nor in README.md"
    assert [option for option in options if option not in shared and not any(option in part for part in told)] == []


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_told(target: str) -> None:
    assert any(re.search(rf"\bmake {target}\b(?!-)", text) for text in PAGES.values())


def test_no_page_tells_of_a_make_target_that_is_not_there() -> None:
    told = {
        target for text in PAGES.values() for target in re.findall(r"(?:`|^|\$ )make ([a-z0-9-]+)", text, re.MULTILINE)
    }
    assert told - set(TARGETS) == set()


def test_the_documents_show_something_that_can_be_done() -> None:
    assert RUNNABLE
    assert TYPED


@pytest.mark.parametrize(("page", "block"), RUNNABLE)
def test_what_a_page_shows_can_be_done(tmp_path: Path, page: str, block: str) -> None:
    shutil.copy(PROJECT / "config.yaml", tmp_path)
    limen = Path(sys.executable).with_name("limen")
    for line in block.splitlines():
        if line.startswith("$ limen"):
            words = shlex.split(line, comments=True)[2:]
            done = subprocess.run(
                [limen, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == 0, f"{page}: {line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("line", TYPED)
def test_every_command_line_in_the_documents_is_one(line: str) -> None:
    words = shlex.split(re.split(r" [|<>&]", line)[0], comments=True)
    if words[0] not in {"--help", "--version"}:
        options = build_parser().parse_args(words)
        if options.command == "send" and not any(field.endswith("=-") for field in options.fields):
            arguments_of(options.request, options.fields)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"", text):
        target, _, anchor = "".join(link).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (PROJECT / page).parent / target if target else PROJECT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in _anchors(file.read_text(encoding="utf-8")), f"{page}: #{anchor}"


def test_what_a_message_sends_people_to_is_there() -> None:
    """As in `see docs/hardware.md, The camera`."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "edge").rglob("*.py"))
    places = set(re.findall(r"(docs/[a-z_/-]+\.md), ([A-Z][\w ]+)", code))
    assert places
    for page, heading in places:
        assert re.search(rf"^#+ {heading}$", PAGES[page], re.MULTILINE), f"{page}, {heading}"


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
