"""The README's snippets are run: `python` blocks as they are, `console` blocks line by line, in an empty folder.

A line of a console block may begin with `$ `; lines that follow a `$ ` line are its output and are not run. Of the
commands, `uv run veclink ...` and `veclink ...` are run; installing and testing are what brought us here. A block that
needs weights which are not on this machine is skipped with the reason.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need_model, need_weights

from veclink.agent.profiles import DEFAULT, default_for

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [page for page in (README,) if page.exists()]
NEEDS = ("yolo11n.pt", "yolo11n-pose.pt", "yolo11n-seg.pt")  # of the default profile
LIGHT = (["doctor"], ["tools"], ["play"], ["envs"], ["--help"], ["--version"])  # commands that need no weights


def blocks(language: str) -> list[str]:
    """The fenced blocks of that language in the README."""
    text = "\n".join(page.read_text("utf8") for page in PAGES)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[list[str]]:
    """The veclink commands of a console block, as words after `veclink`."""
    lines = block.replace("\\\n", " ").splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    found = []
    for line in "\n".join(lines).replace("&&", "\n").splitlines():
        words = shlex.split(line, comments=True)
        words = words[2:] if words[:2] == ["uv", "run"] else words
        if words[:1] == ["veclink"]:
            found.append(words[1:])
    return found


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=600, check=False)


def need_the_default_profile() -> None:
    need_weights(*NEEDS)
    need_model("smollm2-135m")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with the pictures that a README likes to name."""
    from PIL import Image

    for name in ("street.jpg", "photo.jpg", "picture.jpg"):
        Image.new("RGB", (320, 240), (90, 120, 160)).save(tmp_path / name)
    return tmp_path


def test_the_readme_gives_the_two_commands() -> None:
    if not PAGES:
        pytest.skip("there is no README yet")
    text = README.read_text("utf8")
    assert commands(blocks("console")[0])[0][:2] == ["run", "outline the cows and tell me how many there are"]
    assert "uv run pytest" in text
    assert "AGPL-3.0" in text


@pytest.mark.parametrize("block", blocks("python"))
def test_python_blocks_run(block: str, folder: Path) -> None:
    compile(block, "README.md", "exec")
    if re.search(r"\bAgent\(", block):
        need_the_default_profile()
    (folder / "snippet.py").write_text(block, "utf8")
    done = run(["snippet.py"], folder)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("words", [words for block in blocks("console") for words in commands(block)], ids=" ".join)
def test_console_blocks_run(words: list[str], folder: Path) -> None:
    if words[:1] not in LIGHT and default_for([word for word in words if word.startswith("example:")]) == DEFAULT:
        need_the_default_profile()
    done = run(["-m", "veclink.agent.cli", *words], folder)
    assert done.returncode == 0, done.stderr[-2000:]


def test_blocks_are_read_as_meant() -> None:
    block = '$ uv run veclink run "find it" \\\n    a.jpg\nFound 1.\n$ uv run pytest\n'
    assert commands(block) == [["run", "find it", "a.jpg"]]
    assert commands("uv run veclink doctor  # says what is missing\n") == [["doctor"]]
    assert commands("$ pip install uv && uv run veclink run it a.jpg\n") == [["run", "it", "a.jpg"]]
