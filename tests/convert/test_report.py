from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from convert.errors import ConversionError
from convert.models import FOLDER
from convert.report import pages, write_report

DOCS = FOLDER.parent / "docs"


@pytest.mark.parametrize("name", sorted(pages(FOLDER)))
def test_what_is_committed_is_what_the_record_gives(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages(FOLDER)[name], "run `limen-convert report`"


def test_the_page_names_the_command_and_shows_its_pictures() -> None:
    page = pages(FOLDER)["accuracy.md"]
    assert "make evaluate" in page
    assert set(re.findall(r"\]\((pictures/[^)]+)\)", page)) == {name for name in pages(FOLDER) if name != "accuracy.md"}


def test_the_pictures_are_well_formed() -> None:
    for name, text in pages(FOLDER).items():
        if name.endswith(".svg"):
            assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own text


def test_the_report_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    written = write_report(FOLDER, tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in written} == set(pages(FOLDER))
    assert all(path.is_file() for path in written)


def test_without_a_record_there_is_no_report(tmp_path: Path) -> None:
    for name in ("mobilefacenet.json", "mobilefacenet.tflite"):
        shutil.copy(FOLDER / name, tmp_path)
    with pytest.raises(ConversionError, match="has no record"):
        pages(tmp_path)
