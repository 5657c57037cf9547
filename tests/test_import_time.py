"""What importing and building costs, told by the modules that came along and not by a clock."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import veclink.agent

HEAVY = ("torch", "transformers", "diffusers", "ultralytics", "supervision", "langgraph", "cv2", "scipy", "matplotlib",
         "pandas", "numpy", "PIL", "yaml")  # fmt: skip


def loaded_after(code: str) -> set[str]:
    """Which of the heavy packages a fresh process has imported after this code."""
    script = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.split())


def test_importing_the_agent_imports_nothing_heavy() -> None:
    assert loaded_after("import veclink.agent") == set()


def test_the_profiles_need_yaml_alone() -> None:
    code = "from veclink.agent import load_profile\nload_profile('photo')"
    assert loaded_after(code) <= {"yaml", "numpy"}


def test_opening_a_picture_needs_no_decoder() -> None:
    code = "from veclink.agent import open_picture\nopen_picture('example:street')"
    assert loaded_after(code) <= {"numpy", "PIL"}


def test_building_an_agent_loads_no_model_and_no_model_library() -> None:
    code = "from veclink.agent import Agent\nagent = Agent('photo', device='cpu')\nassert not any(" \
           "tool._ready for tool in agent.tools.values())"  # fmt: skip
    assert loaded_after(code).isdisjoint({"transformers", "diffusers", "ultralytics", "langgraph"})


def test_all_that_is_offered_is_there() -> None:
    for name in veclink.agent.__all__:
        assert getattr(veclink.agent, name).__name__
    with pytest.raises(AttributeError, match="Agnt"):
        veclink.agent.Agnt  # noqa: B018 - the access is what is tested


def test_no_tool_is_named_outside_its_own_file() -> None:
    """The agent and the router know tools by their declarations alone: a new one is one file and no edit elsewhere."""
    from veclink.tools import registry

    names = set(registry.names())
    root = Path(__file__).parents[1]
    files = [file for folder in ("agent", "router") for file in (root / folder).rglob("*.py")]
    assert len(files) > 20
    found = [
        f"{file.name}:{node.lineno} {node.value}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names
    ]
    assert not found
