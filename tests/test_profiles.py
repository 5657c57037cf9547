"""Profiles: the shipped ones, files, what joins them by itself, and what is wrong with them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from veclink.agent.agent import Agent
from veclink.agent.errors import ProfileError
from veclink.agent.profiles import DEFAULT, WORLD, Profile, default_for, load_profile, profile_names
from veclink.agent.testing import FakeCore, blocks
from veclink.envs.errors import InputError, UnknownName
from veclink.tools import registry
from veclink.tools.errors import ToolError


def test_the_shipped_profiles_can_be_loaded() -> None:
    assert DEFAULT in profile_names() and {"photo", "full"} <= set(profile_names())
    for name in profile_names():
        profile = load_profile(name)
        assert profile.name == name and len(profile.description) > 20
        assert set(profile.tools) <= set(registry.names())
        assert all(arguments["weights"] for arguments in profile.tools.values())


def test_every_shipped_tool_takes_its_profiles_arguments() -> None:
    for name in profile_names():
        agent = Agent(name, device="cpu", core=FakeCore())
        profile = load_profile(name)
        for tool, arguments in profile.tools.items():
            assert agent.tools[tool].weights == arguments["weights"]


def test_a_file_is_a_profile(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    name = registry.names()[0]
    file.write_text(f"core: {{model: some/where}}\ntools:\n  {name}:\n")
    profile = load_profile(file)
    assert profile == Profile("mine", "", {"model": "some/where"}, {name: {}})
    assert load_profile(str(file)) == profile


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ("core: 3", ProfileError, "core"),
        ("- a", ProfileError, "list"),
        ("", ProfileError, "NoneType"),
        ("core: {model: 3}", ProfileError, "model"),
        ("core: {model: x}\ntools: [a]", ProfileError, "tools"),
        ("core: {model: x}\ntools: {a: [", ProfileError, "mine.yaml"),
        ("\x00", ProfileError, "mine.yaml"),
        ("core: {model: x}\ncorre: 1", UnknownName, "did you mean 'core'"),
        ("core: {model: x, linkz: a}", UnknownName, "did you mean 'links'"),
        ("core: {model: x}\ntools: {nosuchtool: {}}", UnknownName, "nosuchtool"),
        ("core: {model: x}\ntools: {NAME: yolo.pt}", ProfileError, "yolo.pt"),
    ],
)
def test_a_wrong_file_is_said_to_be_wrong(text: str, error: type[InputError], word: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("NAME", registry.names()[0]))
    with pytest.raises(error, match=word) as caught:
        load_profile(file)
    assert caught.value.exit_code == 2


def test_a_file_can_go_on_from_a_shipped_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: nano\ncore: {links: mine}\ntools: {edit: {weights: other}}")
    mine, base = load_profile(tmp_path / "mine.yaml"), load_profile("nano")
    assert mine.core == {**base.core, "links": "mine"} and mine.tools == {**base.tools, "edit": {"weights": "other"}}
    (tmp_path / "mine.yaml").write_text("extends: nanno\ncore: {links: mine}")
    with pytest.raises(UnknownName, match="nano"):
        load_profile(tmp_path / "mine.yaml")


def test_yaml_cannot_run_code(tmp_path: Path) -> None:
    file, trace = tmp_path / "mine.yaml", tmp_path / "trace"
    file.write_text(f"core: !!python/object/apply:os.system ['touch {trace}']")
    with pytest.raises(ProfileError):
        load_profile(file)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["phto", "", "photo.yaml", "../photo"])
def test_an_unknown_profile(name: str) -> None:
    with pytest.raises(InputError) as caught:
        load_profile(name)
    assert caught.value.exit_code == 2
    assert name != "phto" or "did you mean 'photo'?" in str(caught.value)


def test_a_new_tool_joins_every_profile_and_is_used_at_once(fake_tools: tuple[str, ...]) -> None:
    for name in profile_names():
        assert set(fake_tools) <= set(load_profile(name).all_tools())
    run = Agent(DEFAULT, device="cpu", core=FakeCore()).run("spot the red square", [blocks("red", "blue")])
    assert [(route.tool, route.phrase) for route in run.routes] == [("spot", "the red square")]
    assert run.results[0].result.items()[0]["box"] == [4, 8, 28, 32]


def test_a_profile_without_plugins_keeps_to_its_tools(fake_tools: tuple[str, ...]) -> None:
    profile = Profile("bare", "", {"model": "x"}, {"spot": {"tolerance": 5}}, plugins=False)
    agent = Agent(profile, device="cpu", core=FakeCore())
    assert list(agent.tools) == ["spot"] and agent.tools["spot"].options["tolerance"] == 5


def test_a_plugin_that_cannot_be_imported_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """One that nobody asked for; where it was asked for, its error is the answer."""
    registry.register("crooked", "no.such.module:Tool")
    try:
        with caplog.at_level(logging.WARNING, "veclink.agent"):
            agent = Agent(DEFAULT, device="cpu", core=FakeCore())
        assert "crooked" not in agent.tools and set(load_profile(DEFAULT).tools) <= set(agent.tools)
        assert "crooked" in caplog.text
        with pytest.raises(ToolError, match="crooked"):
            Agent(DEFAULT, device="cpu", tools=["crooked"], core=FakeCore())
    finally:
        registry.unregister("crooked")


def test_names_of_tools_options_and_devices_are_checked(fake_tools: tuple[str, ...]) -> None:
    with pytest.raises(UnknownName, match="did you mean 'spot'"):
        Agent(DEFAULT, tools=["spt"])
    with pytest.raises(UnknownName, match="did you mean 'spot'"):
        Agent(DEFAULT, options={"spott": {}})
    with pytest.raises(UnknownName, match="did you mean 'tolerance'"):
        Agent(DEFAULT, options={"spot": {"tolerence": 1}})
    with pytest.raises(InputError, match="time limit"):
        Agent(DEFAULT, time_limit=0)
    with pytest.raises(InputError, match="tpu"):
        Agent(DEFAULT, device="tpu")
    agent = Agent(DEFAULT, device="cpu", tools=["spot"], options={"spot": {"tolerance": 7}})
    assert list(agent.tools) == ["spot"] and agent.tools["spot"].options["tolerance"] == 7


def test_a_tool_with_a_seed_gets_the_agents() -> None:
    agent = Agent(DEFAULT, device="cpu", seed=11, core=FakeCore())
    seeded = [tool for tool in agent.tools.values() if "seed" in tool.options]
    assert seeded and all(tool.options["seed"] == 11 for tool in seeded)
    name = seeded[0].name
    assert Agent(DEFAULT, device="cpu", seed=11, options={name: {"seed": 3}}).tools[name].options["seed"] == 3


def test_scenes_of_the_own_world_are_for_the_profile_that_was_trained_on_it() -> None:
    assert default_for(["example:meadow"]) == default_for(["example:night", "example:desert"]) == WORLD
    for images in ([], ["example:street"], ["example:meadow", "mine.png"], [np.zeros((20, 20, 3), np.uint8)]):
        assert default_for(images) == DEFAULT
