"""The rules of the house, as a function: `problems(path, source)` says what in one Python file breaks them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

FILE_LINES = 300
FUNCTION_LINES = 40
FUNCTION_LINES_P90 = 25

ROOMS = ("camera", "vision", "access", "door", "store", "mqtt", "dashboard", "deploy")
# What every room may import of the device, and what the files beside the rooms may import of each other.
SHARED = ("edge.values", "edge.errors", "edge.settings", "edge.clock", "edge.pins", "edge.comparing")
JOINERS = ("edge/app.py", "edge/pipeline.py", "edge/__main__.py", "edge/commands/", "edge/service/")
VISITORS = {"dashboard": ("edge.mqtt.messages",)}

# Libraries with one home. A place that ends in "/" is a folder.
HOMES = {
    "time": ("edge/clock.py",),
    "yaml": ("edge/config.py",),
    "sqlite3": ("edge/store/",),
    "paho": ("edge/mqtt/",),
    "cryptography": ("edge/mqtt/", "edge/store/"),
    "gpiozero": ("edge/door/",),
    "lgpio": ("edge/door/",),
    "picamera2": ("edge/camera/",),
    "sqlalchemy": ("edge/dashboard/",),
    "argon2": ("edge/dashboard/",),
    "starlette": ("edge/dashboard/",),
    "jinja2": ("edge/dashboard/",),
    "uvicorn": ("edge/service/",),
    "ai_edge_litert": ("edge/vision/runtime.py",),
    "tflite_runtime": ("edge/vision/runtime.py",),
    "tensorflow": ("convert/",),
    "keras": ("convert/",),
    "convert": ("convert/",),
}
NOWHERE = ("unittest.mock", "mock", "pickle", "cPickle", "marshal", "shelve", "dill", "joblib")
NO_NAMES = ("util", "utils", "helper", "helpers", "manager", "managers", "common", "misc")
_WALL_CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")

# The only places that may catch everything: whatever happens there, the process lives on and the door stays locked.
BROAD_EXCEPTS = {
    ("edge/mqtt/link.py", "Link._serve"),
    ("edge/pipeline.py", "Pipeline.step"),
}


class Function(NamedTuple):
    """A function, `lines` long without its docstring."""

    name: str
    lines: int
    node: ast.FunctionDef | ast.AsyncFunctionDef


def problems(path: str, source: str) -> list[str]:
    """What is wrong with the file `path` (relative to the project, with forward slashes)."""
    tree = ast.parse(source)
    found = [problem for rule in _RULES for problem in rule(path, tree)]
    if source.count("\n") > FILE_LINES:
        found.append(f"{source.count(chr(10))} lines, more than {FILE_LINES}")
    return found


def functions(tree: ast.AST, inside: str = "") -> Iterator[Function]:
    """Every function and method, named like `Class.method`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f"{inside}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(inside + node.name, _lines_without_docstring(node), node)
            yield from functions(node, f"{inside}{node.name}.")
        else:
            yield from functions(node, inside)


def broad_excepts(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    """The function and line of everything that swallows any exception."""
    for node in ast.iter_child_nodes(tree):
        here = inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            here = f"{inside}.{node.name}".lstrip(".")
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _catches_all(node.type)):
            yield inside, node.lineno
        if isinstance(node, ast.Call) and _name(node.func).endswith("suppress") and any(map(_catches_all, node.args)):
            yield inside, node.lineno
        yield from broad_excepts(node, here)


def imported(path: str, tree: ast.AST) -> set[str]:
    """Dotted names of what a file imports; `from a import b` counts as `a.b`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.split("/")[: -node.level] if node.level else []
            origin = ".".join([*package, *([node.module] if node.module else [])])
            names |= {f"{origin}.{alias.name}" for alias in node.names}
    return names


def _rooms_keep_apart(path: str, tree: ast.AST) -> Iterator[str]:
    if not path.startswith("edge/") or path.startswith(JOINERS):
        return
    room = path.split("/")[1] if path.count("/") > 1 else ""
    allowed = (*SHARED, *VISITORS.get(room, ()), *((f"edge.{room}",) if room in ROOMS else ()))
    for name in imported(path, tree):
        if name.startswith("edge.") and not _within(name, allowed) and name != "edge.__version__":
            yield f"imports {name}: only the joiners see several rooms"


def _libraries_stay_at_home(path: str, tree: ast.AST) -> Iterator[str]:
    for name in imported(path, tree):
        if _within(name, NOWHERE):
            yield f"imports {name}: never"
        home = HOMES.get(name.split(".")[0])
        if home and path.startswith(("edge/", "convert/")) and not path.startswith(home):
            yield f"imports {name}: its home is {' and '.join(home)}"


def _names_say_something(path: str, _: ast.AST) -> Iterator[str]:
    for part in PurePosixPath(path).parts:
        if part.removesuffix(".py") in NO_NAMES:
            yield f"{part}: a name that says nothing"


def _functions_fit_a_screen(_: str, tree: ast.AST) -> Iterator[str]:
    for function in functions(tree):
        if function.lines > FUNCTION_LINES:
            yield f"{function.name}: {function.lines} lines, more than {FUNCTION_LINES}"


def _nothing_is_swallowed(path: str, tree: ast.AST) -> Iterator[str]:
    for function, line in broad_excepts(tree):
        if (path, function) not in BROAD_EXCEPTS:
            yield f"line {line}: catches everything"


def _nothing_dangerous(_: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"line {node.lineno}: global"
        if isinstance(node, ast.Call):
            yield from (f"line {node.lineno}: {what}" for what in _dangers(node))


def _time_comes_from_the_clock(path: str, tree: ast.AST) -> Iterator[str]:
    if path.startswith(("edge/", "convert/")) and path != "edge/clock.py":
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in _WALL_CLOCKS:
                yield f"line {node.lineno}: {_name(node.func)}: time comes from edge.clock"


def _dangers(call: ast.Call) -> Iterator[str]:
    name = _name(call.func)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}:
        yield name
    safe = _name(given.get("Loader")).endswith(("SafeLoader", "_StrictLoader"))
    if name in {"yaml.unsafe_load", "yaml.full_load"} or (name == "yaml.load" and not safe):
        yield f"{name} without a safe loader"
    for risk in ("shell", "allow_pickle"):
        if risk in given and not (isinstance(given[risk], ast.Constant) and given[risk].value is False):
            yield f"{risk}=True"


_RULES: tuple[Callable[[str, ast.AST], Iterator[str]], ...] = (
    _rooms_keep_apart,
    _libraries_stay_at_home,
    _names_say_something,
    _functions_fit_a_screen,
    _nothing_is_swallowed,
    _nothing_dangerous,
    _time_comes_from_the_clock,
)


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _name(node: ast.AST | None) -> str:
    """`a.b.c` of a name or attribute; the empty string for anything else."""
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _catches_all(node: ast.AST) -> bool:
    if isinstance(node, ast.Tuple):
        return any(map(_catches_all, node.elts))
    return _name(node).split(".")[-1] in {"Exception", "BaseException"}


def _lines_without_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = node.end_lineno - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines
