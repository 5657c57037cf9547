"""New tools: the scaffold's output, and the example plug-in installed as a stranger's distribution and used."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import need_model
from safetensors.torch import load_file

from veclink.tools.weights import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
PLUGIN, LINKED = ROOT / "docs" / "example-plugin", ROOT / "docs" / "example-linked"


def python(*arguments: str | Path, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in `cwd`, with `path` as one more place to import from."""
    places = [str(path)] if path else []
    places += [place for place in (os.environ.get("PYTHONPATH"),) if place]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    return subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True,
                          text=True, timeout=300, check=False)


def veclink(*arguments: str | Path, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    return python("-m", "veclink.agent.cli", *arguments, cwd=cwd, path=path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example plug-in was installed into."""
    return installed_from(PLUGIN, tmp_path_factory)


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example with a link was installed into."""
    return installed_from(LINKED, tmp_path_factory)


def installed_from(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a plug-in was installed into, without a network and without its dependencies."""
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("needs pip and setuptools in this environment")
    source, target = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("site")
    shutil.copytree(plugin, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    done = python("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
                  "--target", target, source, cwd=source)
    assert done.returncode == 0, done.stderr[-2000:]
    return target


def test_the_plugin_is_listed_with_where_it_comes_from(installed: Path, tmp_path: Path) -> None:
    done = veclink("tools", "list", "--json", cwd=tmp_path, path=installed)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["tools"]}
    assert rows["palette"]["result"] == "text"
    assert rows["palette"]["condition"] == [1, 12]
    assert rows["palette"]["from"] == "veclink-palette 0.1.0"
    assert rows["palette"]["error"] == ""
    assert len(rows) > 1


def test_the_plugin_passes_the_check(installed: Path, tmp_path: Path) -> None:
    done = veclink("tools", "check", "palette", cwd=tmp_path, path=installed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("palette follows the contract\n")


def test_the_plugins_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    done = python("-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path, "-p", "no:cacheprovider",
                  PLUGIN / "tests", cwd=tmp_path, path=installed)
    assert re.search(r"[1-9]\d* passed", done.stdout) and done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_is_routed_and_run_with_no_edit_elsewhere(installed: Path, tmp_path: Path) -> None:
    """In the untouched default profile, by a core that was told of it as of every other tool."""
    from PIL import Image

    Image.new("RGB", (64, 64), (45, 95, 200)).save(tmp_path / "sky.png")
    script = (f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\nimport cli_fakes; cli_fakes.install()\n"
              "from veclink.agent.cli import main\nmain(prog_name='veclink')")
    done = python("-c", script, "run", "palette", "sky.png", "--json", "--no-save", cwd=tmp_path, path=installed)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [route["tool"] for route in document["routes"]] == ["palette"]
    assert document["results"][0]["items"][0]["text"] == "blue 100 %"
    assert document["errors"] == []


def test_the_plugin_is_routed_and_run_by_the_real_core(installed: Path, tmp_path: Path) -> None:
    """No edit elsewhere: an untouched profile routes to it."""
    need_model("smollm2-135m")
    if not list((ROOT / "router" / "checkpoints").glob("photo-routing*")):
        pytest.skip("needs the trained routing of the photo profile")
    from PIL import Image

    Image.new("RGB", (64, 64), (45, 95, 200)).save(tmp_path / "sky.png")
    done = veclink("run", "give me the colour palette of this photo", "sky.png", "--tool", "palette", "--json",
                   cwd=tmp_path, path=installed)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [route["tool"] for route in document["routes"]] == ["palette"]
    (result,) = document["results"]
    assert "blue 100 %" in result["items"][0]["text"]


def test_a_plugin_that_cannot_be_imported_breaks_nothing_else(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "broken-1.0.dist-info").mkdir(parents=True)
    (site / "broken-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (site / "broken-1.0.dist-info" / "entry_points.txt").write_text("[veclink.tools]\nbroken = nothing_there:Tool\n")
    done = veclink("tools", "list", "--json", cwd=tmp_path, path=site)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["tools"]}
    assert "nothing_there" in rows["broken"]["error"]
    assert sum(not row["error"] for row in rows.values()) == len(rows) - 1 > 0
    failed = veclink("tools", "check", "broken", cwd=tmp_path, path=site)
    assert failed.returncode == 1 and failed.stderr.count("\n") == 1 and failed.stderr.startswith("error: expected")


def test_a_new_tool_passes_its_check_and_its_own_test(tmp_path: Path) -> None:
    made = veclink("tools", "new", "count_coins", "--dir", tmp_path / "mine", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert 'count_coins = "count_coins:CountCoins"' in made.stdout
    checked = veclink("tools", "check", tmp_path / "mine" / "count_coins.py", cwd=tmp_path)
    assert checked.returncode == 0 and "count_coins follows the contract" in checked.stdout, checked.stderr
    tested = python("-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path, "test_count_coins.py",
                    cwd=tmp_path / "mine")
    assert re.search(r"[1-9]\d* passed", tested.stdout) and tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize(
    ("name", "hint"),
    [("My-Tool", "did you mean 'my_tool'?"), ("", "choose another word"), ("../up", "did you mean 'up'?"),
     ("json", "did you mean 'my_json'?"), ("class", "reserved"), ("reject", "reserved"), ("x" * 33, "at most 32")],
)
def test_a_name_that_no_tool_can_have(name: str, hint: str, tmp_path: Path) -> None:
    from veclink.envs.errors import InputError
    from veclink.tools.scaffold import new_tool

    with pytest.raises(InputError) as error:
        new_tool(name, tmp_path / "mine")
    assert hint in str(error.value)
    assert not (tmp_path / "mine").exists()


def test_a_name_that_is_taken_and_files_that_are_there(tmp_path: Path) -> None:
    from veclink.envs.errors import InputError
    from veclink.tools import registry
    from veclink.tools.scaffold import new_tool

    with pytest.raises(InputError, match="a tool that exists"):
        new_tool(registry.names()[0], tmp_path)
    (tmp_path / "test_mine.py").write_text("precious")
    with pytest.raises(InputError, match=r"test_mine\.py there"):
        new_tool("mine", tmp_path)
    assert (tmp_path / "test_mine.py").read_text() == "precious"
    assert not (tmp_path / "mine.py").exists()


# -- one with a link ---------------------------------------------------------------------------------------------------


def test_the_plugin_with_a_link_follows_the_contract_and_its_own_tests(linked: Path, tmp_path: Path) -> None:
    done = veclink("tools", "check", "cutout", cwd=tmp_path, path=linked)
    assert done.returncode == 0, done.stderr
    tested = python("-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path, LINKED / "tests", cwd=tmp_path,
                    path=linked)
    assert re.search(r"[1-9]\d* passed", tested.stdout) and tested.returncode == 0, tested.stdout + tested.stderr


def test_the_embedded_core_calls_it_by_its_name_and_learns_its_link(linked: Path, tmp_path: Path) -> None:
    from veclink.router import checkpoint

    if not (SHIPPED / "nano" / "links.safetensors").is_file():
        pytest.skip("needs the trained weights of the nano profile")

    def cut(*profile: str | Path) -> dict[str, object]:
        done = veclink("run", "cutout the cows", "example:meadow", "--profile", *profile, "--json", cwd=tmp_path,
                       path=linked)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert [route["tool"] for route in document["routes"]] == ["cutout"]
        (result,) = document["results"]
        return result

    by_words = cut("nano")
    done = veclink("train", LINKED / "cutout.yaml", "--steps", "1", "--output", tmp_path / "runs/cutout", cwd=tmp_path,
                   path=linked)
    assert done.returncode == 0, done.stderr
    before, after = (load_file(folder / "links.safetensors") for folder in (SHIPPED / "nano", tmp_path / "runs/cutout"))
    assert all(torch.equal(after[name], value) for name, value in before.items()), "other tools lose nothing"
    assert set(checkpoint.read_header(tmp_path / "runs/cutout/links.safetensors").tools) >= {"cutout", "segment"}
    assert cut(LINKED / "nano-cutout.yaml") != by_words
