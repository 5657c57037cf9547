"""veclink doctor: what it reports, that it loads nothing, and what it says of things that are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from veclink.agent.cli import main
from veclink.agent.commands import doctor, inventory
from veclink.agent.profiles import DEFAULT, load_profile, profile_names


@pytest.fixture(autouse=True)
def _nothing_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty folders for weights, cache and hub, and an empty current folder."""
    for variable, name in (("VECLINK_WEIGHTS", "weights"), ("VECLINK_CACHE", "cache"), ("HF_HUB_CACHE", "hub")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def report(*arguments: str) -> dict[str, Any]:
    result: Result = CliRunner().invoke(main, ["doctor", "--json", *arguments])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def state(document: dict[str, Any], profile: str) -> dict[str, bool]:
    (found,) = [each for each in document["profiles"] if each["name"] == profile]
    return {need["weights"]: need["here"] for need in found["needs"]}


def test_it_reports_versions_devices_and_folders(tmp_path: Path) -> None:
    document = report()
    assert document["veclink"] and document["python"].startswith("3.")
    assert document["packages"]["torch"] and document["packages"]["click"]
    assert "minedojo" in document["extras"]
    assert next(device["name"] for device in document["devices"]) == "cpu"
    assert sum(device["auto"] for device in document["devices"]) == 1
    assert document["weights"] == {"variable": "VECLINK_WEIGHTS", "folder": str(tmp_path / "weights"), "here": True}
    assert document["cache"] == {"folder": str(tmp_path / "cache"), "gib": 0.0}
    assert document["free_gib"] > 0


def test_every_profile_is_there_the_default_first() -> None:
    names = [(each["name"], each["default"]) for each in report()["profiles"]]
    assert names[0] == (DEFAULT, True)
    assert {name for name, _ in names} == set(profile_names())


def test_what_a_profile_lacks_and_the_line_that_mends_it(tmp_path: Path) -> None:
    needs = inventory.needs(load_profile(DEFAULT))
    assert not any(need.here for need in needs)
    assert all(need.mend.startswith(f"veclink doctor --fetch {DEFAULT}") for need in needs)
    files = [need.weights for need in needs if need.weights.endswith(".pt")]
    (tmp_path / "weights" / files[0]).touch()
    after = state(report(), DEFAULT)
    assert after[files[0]] and not any(here for weights, here in after.items() if weights != files[0])
    assert inventory.tool_weights(next(need.part for need in needs if need.weights == files[0]))[0]["here"]


def test_a_model_in_the_hubs_cache_is_here(tmp_path: Path) -> None:
    assert not inventory.on_disk("people/model")
    folder = tmp_path / "hub" / "models--people--model" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    assert not inventory.on_disk("people/model")
    (folder / "config.json").touch()
    assert inventory.on_disk("people/model")


def test_the_size_of_the_cache(tmp_path: Path) -> None:
    (tmp_path / "cache" / "deep").mkdir()
    with open(tmp_path / "cache" / "deep" / "model", "wb") as file:
        file.truncate(1 << 28)
    assert report()["cache"]["gib"] == 0.25


def test_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "minedojo" else version(name))
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0
    for words in ("AGPL-3.0", "devices", f"profile {DEFAULT} (the default): lacks", "mend: veclink doctor --fetch",
                  "VECLINK_WEIGHTS", "docs/minedojo.md", "free disk"):
        assert words in result.stdout


def test_a_missing_package_is_named_and_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "diffusers" else version(name))
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "diffusers MISSING" in result.stdout and "mend: pip install diffusers" in result.stdout


def test_fetch_gets_what_is_missing_and_reports_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fetched = []

    def fetch_one(part: str, weights: str) -> None:
        fetched.append(weights)
        if part == "core":
            raise OSError("no network")
        (tmp_path / "weights" / Path(weights).name).touch()

    monkeypatch.setattr(doctor, "_fetch_one", fetch_one)
    needs = inventory.needs(load_profile(DEFAULT))
    (tmp_path / "weights" / Path(needs[-1].weights).name).touch()  # this one is here already
    result = CliRunner().invoke(main, ["doctor", "--fetch", DEFAULT, "--json"])
    assert fetched == [need.weights for need in needs[:-1]]
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["failed"] == [f"{needs[0].weights}: no network"]
    assert list(state(document, DEFAULT).values()) == [False] + [True] * (len(needs) - 1)


def test_it_loads_no_model_library() -> None:
    code = (
        "import sys\nfrom veclink.agent.commands.doctor import examine\nexamine()\n"
        "print(sorted({'transformers', 'diffusers', 'ultralytics', 'supervision', 'langgraph'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
