"""The command line: help, laziness, options, output for people and for programs, errors, exit codes."""

from __future__ import annotations

import datetime
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from veclink.agent.cli import COMMANDS, main
from veclink.envs.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "transformers", "diffusers", "ultralytics", "supervision", "langgraph", "cv2", "numpy", "rich")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def load_help() -> ModuleType:
    spec = importlib.util.spec_from_file_location("veclink_docs_help", ROOT / "docs" / "help.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exists(name: str) -> bool:
    return importlib.util.find_spec(f"veclink.agent.commands.{name}") is not None


# -- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], [], ["--version"], ["run", "--help"], ["tools", "--help"],
                                       ["doctor", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from veclink.agent.cli import main\n"
        "try:\n    main(sys.argv[1:], prog_name='veclink')\nfinally:\n"
        f"    print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"
    assert "veclink" in done.stdout


def test_help_lists_every_command_from_the_table() -> None:
    text = invoke("--help").stdout
    for name, what in COMMANDS.items():
        assert f"  {name}" in text and what in text


@pytest.mark.parametrize("name", [name for name in COMMANDS if exists(name)])
def test_every_command_is_what_the_table_says(name: str) -> None:
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {name}")
    assert isinstance(main.get_command(click.Context(main), name), click.Command)


def test_help_texts_in_the_docs_are_what_the_commands_print() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf8")
    assert "<!-- help: veclink run -->" in page
    assert load_help().refreshed(page) == page, "run: uv run python docs/help.py"


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rum"], "expected a command among"),
        (["rum"], "did you mean 'run'?"),
        (["--jsn"], "No such option"),
        (["run", "--tim-limit", "3", "x"], "--time-limit"),
        (["run", "x", "--time-limit", "0"], "--time-limit"),
        (["run", "x", "--seed", "many"], "--seed"),
        (["run"], "expected a task in words, got none"),
        (["run", "x", "--out", "a", "--no-save"], "expected --out or --no-save, got both"),
        (["run", "x", "--resume", "a"], "expected --resume DIR alone"),
        (["run", "x", "--set", "steps=3"], "expected TOOL.OPTION=VALUE, got 'steps=3'"),
        (["run", "x", "--region", "bix=1,2,3,4"], "expected a region, got 'bix=1,2,3,4'"),
        (["run", "x", "--region", "box=1,2,3"], "expected a region"),
        (["run", "x", "--region", "box=1,2,-3,4"], "a box with a positive width and height"),
        (["run", "x", "--region", "mask=nowhere.png"], "expected a mask file"),
        (["tools", "check", "nosuchtool"], "expected a tool among"),
        (["tools", "check", "nowhere.py"], "no such file"),
        (["tools", "new", "No Such"], "did you mean 'no_such'?"),
        (["doctor", "--fetch", "phto"], "did you mean 'photo'?"),
    ],
)
def test_bad_arguments_end_with_2_and_one_line(arguments: list[str], message: str) -> None:
    with CliRunner().isolated_filesystem():
        result = invoke(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1 and result.stderr.startswith("error: ")
        assert message in result.stderr
        assert not list(Path().iterdir())


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Makes `veclink doctor` raise what it is given."""
    import veclink.agent.commands.doctor as doctor

    def fail_with(error: BaseException) -> None:
        def examine() -> dict:
            raise error

        monkeypatch.setattr(doctor, "examine", examine)

    return fail_with


def test_interruption_ends_with_130(failing) -> None:
    failing(KeyboardInterrupt())
    result = invoke("doctor")
    assert result.exit_code == 130
    assert result.stderr.strip() == "interrupted"


def test_an_unexpected_error_is_one_line_and_says_how_to_see_more(failing) -> None:
    failing(ZeroDivisionError("by\nnothing"))
    result = invoke("doctor", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "ZeroDivisionError: by nothing" in result.stderr and "VECLINK_DEBUG=1" in result.stderr


def test_debug_shows_the_traceback(failing, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(InputError("this", "that", "do something"))
    assert "Traceback" not in invoke("doctor").stderr
    monkeypatch.setenv("VECLINK_DEBUG", "1")
    result = invoke("doctor")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr and result.stderr.endswith("error: expected this, got that; do something\n")


def test_control_characters_do_not_reach_the_terminal(failing) -> None:
    failing(InputError("a picture", "\x1b[2Jfile\r.png", "look"))
    stderr = invoke("doctor").stderr
    assert "\x1b" not in stderr and "\r" not in stderr


# -- stdout ----------------------------------------------------------------------------------------------------------


def test_stdout_stays_clean_of_what_libraries_print() -> None:
    code = (
        "import os\n"
        "from veclink.agent.commands.common import print_json, stdout_kept_clean\n"
        "with stdout_kept_clean():\n"
        "    print('from Python')\n    os.write(1, b'from C\\n')\n    os.system('echo from a child')\n"
        "print_json({'a': '\\u00e9'})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"a": "é"}
    assert [line in done.stderr for line in ("from Python", "from C", "from a child")] == [True] * 3


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m veclink.agent.cli tools list --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ, check=False)
    assert "Traceback" not in done.stderr


# -- parts of run ----------------------------------------------------------------------------------------------------


def test_the_default_folder_is_named_by_date_and_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from veclink.agent.commands.run import default_folder

    monkeypatch.chdir(tmp_path)
    now = datetime.datetime(2026, 3, 4, 5, 6, 7)
    folder = default_folder("Find every person, please: ../../the Bus & more words!", now)
    assert folder == Path("runs/20260304-050607-find-every-person-please-the-bus")
    folder.mkdir(parents=True)
    assert default_folder("find every person, please the bus", now).name == f"{folder.name}-2"
    assert default_folder("找到每个人", now) == Path("runs/20260304-050607")
    assert len(default_folder("x" * 500, now).name) <= 80


def test_options_are_read_as_json_else_as_text() -> None:
    from veclink.agent.commands.run import _options

    read = _options(["edit.steps=10", "edit.guidance=1e-1", "edit.keep=inside", "segment.on=true", "edit.steps=12"])
    assert read == {"edit": {"steps": 12, "guidance": 0.1, "keep": "inside"}, "segment": {"on": True}}


def test_a_region_may_name_its_picture() -> None:
    from veclink.agent.commands.run import _region

    assert _region("1:box=1,2,3,4").image == 1
    assert _region("1:box=1,2,3,4").bounds() == (1, 2, 4, 6)
    assert _region("point=5,6").image == 0


# -- tools -----------------------------------------------------------------------------------------------------------


def test_tools_list_for_people_and_for_programs() -> None:
    from veclink.tools import registry

    document = json.loads(invoke("tools", "list", "--json").stdout)
    assert [row["name"] for row in document["tools"]] == registry.names()
    for row in document["tools"]:
        assert row["from"] and row["description"] and len(row["examples"]) >= 3 and not row["error"]
    text = invoke("tools", "list").stdout
    assert all(name in text for name in registry.names())
    assert {"weights", "profiles", "here"} == set(document["tools"][0]["weights"][0])


def test_tools_check_says_what_it_checked(tmp_path: Path) -> None:
    assert invoke("tools", "new", "spots", "--dir", str(tmp_path)).exit_code == 0
    result = invoke("tools", "check", str(tmp_path / "spots.py"), "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["tool"] == "spots" and document["passed"] and "batch" in document["checked"]


def test_tools_check_fails_with_1_and_the_reason(tmp_path: Path) -> None:
    assert invoke("tools", "new", "spots", "--dir", str(tmp_path)).exit_code == 0
    file = tmp_path / "spots.py"
    file.write_text(file.read_text("utf8").replace("condition = (1, 4)", "condition = (1, 5)"), "utf8")
    result = invoke("tools", "check", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "expected bridge of shape (1, 5), got (1, 4)" in result.stderr
    file.write_text("1 / 0\n")
    assert "ZeroDivisionError" in invoke("tools", "check", str(file)).stderr
    file.write_text("x = 1\n")
    assert "expected one Tool class in the file, got 0" in invoke("tools", "check", str(file)).stderr
