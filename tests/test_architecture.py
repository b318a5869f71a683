"""The rules of docs/architecture.md hold for every file, and the check of each rule can fail."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests import house

PROJECT = Path(__file__).parents[1]
FILES = {
    path.relative_to(PROJECT).as_posix(): path.read_text(encoding="utf-8")
    for folder in ("edge", "convert", "tests")
    for path in sorted((PROJECT / folder).rglob("*.py"))
}
PRODUCT = {path: source for path, source in FILES.items() if not path.startswith("tests/")}


@pytest.mark.parametrize("path", FILES)
def test_a_file_keeps_the_rules(path: str) -> None:
    assert house.problems(path, FILES[path]) == []


def test_most_functions_are_short() -> None:
    lengths = sorted(f.lines for source in PRODUCT.values() for f in house.functions(ast.parse(source)))
    assert lengths[len(lengths) * 9 // 10] <= house.FUNCTION_LINES_P90


def test_every_place_that_may_catch_everything_still_does() -> None:
    found = {
        (path, function) for path, source in PRODUCT.items() for function, _ in house.broad_excepts(ast.parse(source))
    }
    assert found == house.BROAD_EXCEPTS


def test_the_strike_process_is_small() -> None:
    script = (
        "import sys, edge.door.strike_process; print(*sorted({'numpy', 'cv2', 'msgspec', 'yaml'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


FAULTS = [
    ("edge/vision/eye.py", "import edge.store.journal", "imports edge.store.journal"),
    ("edge/vision/eye.py", "from edge import store", "imports edge.store"),
    ("edge/vision/eye.py", "from ..store import journal", "imports edge.store.journal"),
    ("edge/vision/eye.py", "from edge.config import read_config", "imports edge.config.read_config"),
    ("edge/values.py", "from edge.vision.eye import Eye", "imports edge.vision.eye.Eye"),
    ("edge/dashboard/page.py", "from edge.mqtt.link import Link", "imports edge.mqtt.link.Link"),
    ("edge/app.py", "import convert.release", "imports convert.release"),
    ("edge/app.py", "def f():\n    import tensorflow as tf", "imports tensorflow"),
    ("edge/app.py", "import time", "imports time"),
    ("convert/train.py", "from time import sleep", "imports time.sleep"),
    ("edge/app.py", "import yaml", "imports yaml"),
    ("edge/camera/usb.py", "import sqlite3", "imports sqlite3"),
    ("tests/edge/test_app.py", "from unittest import mock", "imports unittest.mock"),
    ("convert/train.py", "import pickle", "imports pickle"),
    ("edge/vision/utils.py", "", "utils.py"),
    ("edge/helpers/eye.py", "", "helpers"),
    ("edge/app.py", "def f():\n" + "    x = 1\n" * 40, "f: 41 lines"),
    ("edge/app.py", "class A:\n  def f(self):\n" + "    x = 1\n" * 40, "A.f: 41 lines"),
    ("edge/app.py", "x = 1\n" * 301, "301 lines"),
    ("edge/app.py", "try:\n    pass\nexcept:\n    pass", "catches everything"),
    ("edge/app.py", "try:\n    pass\nexcept (OSError, Exception):\n    pass", "catches everything"),
    ("edge/app.py", "with contextlib.suppress(Exception):\n    pass", "catches everything"),
    ("edge/pipeline.py", "def other():\n try:\n  pass\n except Exception:\n  pass", "catches everything"),
    ("edge/app.py", "def f():\n    global x", "global"),
    ("edge/app.py", "eval('1')", "eval"),
    ("edge/app.py", "exec('1')", "exec"),
    ("edge/app.py", "os.system('ls')", "os.system"),
    ("edge/app.py", "subprocess.run('ls', shell=True)", "shell=True"),
    ("edge/app.py", "subprocess.run('ls', shell=flag)", "shell=True"),
    ("convert/train.py", "np.load(path, allow_pickle=True)", "allow_pickle=True"),
    ("edge/config.py", "yaml.load(text)", "yaml.load"),
    ("edge/config.py", "yaml.load(text, Loader=yaml.Loader)", "yaml.load"),
    ("edge/config.py", "yaml.full_load(text)", "yaml.full_load"),
    ("edge/app.py", "datetime.now(UTC)", "datetime.now"),
]


@pytest.mark.parametrize(("path", "source", "said"), FAULTS)
def test_a_broken_rule_is_noticed(path: str, source: str, said: str) -> None:
    assert any(said in problem for problem in house.problems(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("edge/vision/eye.py", "from edge.values import Face\nfrom edge.vision import mesh\nfrom . import align"),
        ("edge/dashboard/page.py", "from edge.mqtt.messages import Access"),
        ("edge/app.py", "from edge.store import journal\nfrom edge.vision.eye import open_eye"),
        ("edge/clock.py", "import time"),
        ("convert/train.py", "from edge.vision.align import align\nimport tensorflow"),
        ("edge/config.py", "yaml.load(text, Loader=yaml.SafeLoader)\nyaml.safe_load(text)"),
        ("edge/app.py", "subprocess.run(['ls'], shell=False)\nre.compile('a')\nclock.now()"),
        ("edge/app.py", 'def f():\n    """' + "\n" * 40 + '    """\n' + "    x = 1\n" * 39),
        ("edge/pipeline.py", "class Pipeline:\n def step(self):\n  try:\n   pass\n  except Exception:\n   pass"),
    ],
)
def test_good_code_is_left_alone(path: str, source: str) -> None:
    assert house.problems(path, source) == []
