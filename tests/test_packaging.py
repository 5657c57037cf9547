"""What is packaged, which folder may import which, and the limits on the size of modules and functions."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("agent", "tools", "router", "envs")
MAY_IMPORT = {
    "agent": {"agent", "router", "tools", "envs"},
    "router": {"router", "tools", "envs.errors"},
    "tools": {"tools", "envs.errors"},
    "envs": {"envs"},
}
DATA = ("*.yaml", "*.json", "*.jsonl", "*.safetensors", "*.txt", "*.html", "*.js", "*.png", "py.typed")
LONGEST_MODULE, LONGEST_FUNCTION = 500, 60


@cache
def sources() -> dict[Path, ast.Module]:
    """Every module of the four folders, as a syntax tree, by its path from the root."""
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    return {file.relative_to(ROOT): ast.parse(file.read_text("utf8")) for file in files}


def data_files() -> list[Path]:
    """Files of the four folders that the programs read: all that are not Python and not caches."""
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*"))]
    return [f.relative_to(ROOT) for f in files if f.is_file() and any(fnmatch(f.name, pattern) for pattern in DATA)]


def setuptools_table() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["tool"]["setuptools"]


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(absolute module name, line) of every import, also those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield node.module or "", node.lineno
            if node.module == "veclink":
                yield from ((f"veclink.{alias.name}", node.lineno) for alias in node.names)


def test_every_package_is_listed() -> None:
    table = setuptools_table()
    folders = {path.parent.as_posix() for path in sources()}
    expected = {f"veclink.{folder.replace('/', '.')}": folder for folder in folders}
    assert table["package-dir"] == expected
    assert sorted(table["packages"]) == sorted(expected)


@pytest.mark.parametrize("path", list(sources()), ids=str)
def test_dependencies_point_one_way(path: Path) -> None:
    folder = path.parts[0]
    for name, line in imports(sources()[path]):
        top, _, rest = name.partition(".")
        assert top not in FOLDERS, f"{path}:{line} imports {name}: write veclink.{name}"
        if top == "veclink" and rest:
            allowed = any(rest == one or rest.startswith(f"{one}.") for one in MAY_IMPORT[folder])
            assert allowed, f"{path}:{line}: {folder} may not import {name}"


def test_no_tools_name_occurs_in_the_router_or_the_agent() -> None:
    """A new decoder is one file: neither text nor identifiers there may be a tool's name."""
    from veclink.tools.registry import _built_in

    names = set(_built_in())
    found = []
    for path, tree in sources().items():
        if path.parts[0] not in ("agent", "router"):
            continue
        for node in ast.walk(tree):
            words = {getattr(node, field, None) for field in ("id", "attr", "arg", "name")}
            if isinstance(node, ast.Constant):
                words.add(node.value if isinstance(node.value, str) else None)
            elif isinstance(node, ast.ImportFrom):
                words.add((node.module or "").rpartition(".")[2])
            found += [f"{path}:{getattr(node, 'lineno', 0)}: {word}" for word in names & words]
    assert not found


@pytest.mark.parametrize("path", list(sources()), ids=str)
def test_modules_and_functions_stay_short(path: Path) -> None:
    lines = len((ROOT / path).read_text("utf8").splitlines())
    assert lines < LONGEST_MODULE, f"{path} has {lines} lines"
    for node in ast.walk(sources()[path]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length < LONGEST_FUNCTION, f"{path}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", [p for p, tree in sources().items() if tree.body], ids=str)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(sources()[path]), f"{path} begins without a docstring"


def test_all_data_have_a_kind_that_is_packaged() -> None:
    odd = [
        file for folder in FOLDERS for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc", ".nbi", ".nbc")
        and not any(fnmatch(file.name, pattern) for pattern in DATA)
    ]
    assert not odd, "add their pattern to package-data in pyproject.toml and to DATA here"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in a wheel built, without a network, from a copy of the tree."""
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("needs pip and setuptools in this environment")
    from importlib.metadata import version

    if int(version("setuptools").split(".")[0]) < 77:
        pytest.skip("needs setuptools 77 or later")
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
    if not (copy / "README.md").exists():  # the build needs the file that pyproject.toml names
        (copy / "README.md").write_text("veclink\n")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
               "--wheel-dir", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return archive.namelist()


def test_the_wheel_holds_every_module_and_all_data(wheel: list[str]) -> None:
    expected = {f"veclink/{path.as_posix()}" for path in [*sources(), *data_files()]}
    assert expected <= set(wheel), sorted(expected - set(wheel))


def test_the_wheel_adds_one_name_alone(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"veclink"}
    assert not [name for name in wheel if name == "veclink/__init__.py"], "veclink is a namespace package"


def test_the_wheel_brings_the_command_and_the_license(wheel: list[str]) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel)
    assert any(name.endswith("LICENSE") for name in wheel)


def test_constraints_name_versions_only() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf8").splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        name, _, version = line.partition("==")
        assert name and version and not {"/", "@", ":", " "} & set(line), line
