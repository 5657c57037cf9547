"""`veclink bench`: the arithmetic on fakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from veclink.agent.agent import Agent
from veclink.agent.cli import main
from veclink.agent.commands import bench as bench_command
from veclink.agent.measure import bench
from veclink.agent.measure.figures import spread
from veclink.agent.testing import FakeSpot, blocks
from veclink.envs.errors import InputError

THREE = "find red, cut out green, paint it blue"
MIXED = ("find red", "cut out green", "find red, cut out green")


def _measured(agent: Agent, repeat: int = 3, batch: int = 8, **others: Any) -> dict[str, Any]:
    photos = [blocks("red", "green"), blocks("green", "red", "blue")]
    return bench.measure(agent, repeat, batch, photos[0], THREE, MIXED, photos, **others)


def test_the_split_sums_to_one_and_every_ratio_has_its_rounds(fake_agent: Agent) -> None:
    seen: list[tuple[str, int, int]] = []
    document = _measured(fake_agent, progress=lambda *row: seen.append(row))
    assert set(document["split"]) == {"core", "link", "decoders", "rest"}
    for figures in (*document["split"].values(), *document["ratios"].values()):
        assert figures["cases"] == 3 and figures["low"] <= figures["value"] <= figures["high"]
    assert sum(part["value"] for part in document["split"].values()) == pytest.approx(1, abs=0.2)
    assert document["split"]["rest"]["ceiling"] == 0.05
    assert document["ratios"]["three_tools"]["ceiling"] == 1.1 and document["ratios"]["batch"]["floor"] == 2.0
    assert document["tasks"] == 8 and document["pictures"] == 2 and document["threads"] >= 1
    assert document["tools"] == ["paint", "shape", "spot"]
    assert ("three tools", 3, 3) in seen and ("8 tasks", 3, 3) in seen
    json.dumps(document, allow_nan=False)


def test_the_rest_is_what_is_neither_core_nor_link_nor_decoders(fake_agent: Agent) -> None:
    run = fake_agent.run("find red", [blocks("red")])
    run.seconds = {"open": 0.01, "load:core": 0.0, "core": 0.2, "link": 0.01, "bridge:a": 0.02, "bridge:b": 0.01,
                   "decode:a": 0.3, "decode:b": 0.4, "check": 0.005, "answer": 0.005, "rest": 9.0, "total": 9.0}
    split = bench.split_of(run, 1.0)
    expected = {"core": 0.2, "link": 0.04, "decoders": 0.7, "rest": 0.06, "open": 0.01, "check": 0.005,
                "answer": 0.005, "graph": 0.04}
    assert split == pytest.approx(expected)


def test_one_by_one_encodes_again_unless_it_may_remember(fake_agent: Agent) -> None:
    tasks = [("find red", [blocks("red")])] * 4
    FakeSpot.encodings = 0
    bench._one_by_one(fake_agent, tasks)
    assert FakeSpot.encodings == 4
    bench._one_by_one(fake_agent, tasks, forgetting=False)
    assert FakeSpot.encodings == 5
    bench._timed(fake_agent, lambda: fake_agent.run_batch(tasks))
    assert FakeSpot.encodings == 6


def test_pictures_are_all_different() -> None:
    photos = [np.random.default_rng(i).integers(0, 255, (64, 96, 3), np.uint8) for i in range(2)]
    made = bench._pictures(photos, 32)
    assert len({picture.tobytes() for picture in made}) == 32
    assert all(picture.shape[0] > 30 and picture.shape[1] > 45 for picture in made)


def test_medians_and_extremes() -> None:
    assert spread([3.0, 1.0, 2.0, 9.0]) == {"value": 2.5, "low": 1.0, "high": 9.0, "cases": 4}


def test_a_request_that_uses_fewer_tools_is_refused(fake_agent: Agent) -> None:
    with pytest.raises(InputError, match="three tools"):
        bench.measure(fake_agent, 1, 4, blocks("red"), "find red", MIXED, [blocks("red")])


def test_asked() -> None:
    assert bench_command.asked({"value": 0.04, "ceiling": 0.05}) == "at most 0.05: yes"
    assert bench_command.asked({"value": 1.7, "floor": 2.0}) == "at least 2: no"
    assert bench_command.asked({"value": 1.7}) == ""


def test_the_command_prints_writes_and_plots(
    fake_agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = _measured(fake_agent, repeat=2)
    monkeypatch.setattr(bench, "measure", lambda agent, repeat, batch, progress: document)
    done = CliRunner().invoke(main, ["bench", "run", "--out", str(tmp_path / "o")])
    assert done.exit_code == 0, done.output
    assert "at most 0.05" in done.stdout and "batch remembering" in done.stdout
    assert json.loads((tmp_path / "o" / "run.json").read_text()) == document
    assert (tmp_path / "o" / "run.png").stat().st_size > 5000
    done = CliRunner().invoke(main, ["bench", "run", "--json"])
    assert json.loads(done.stdout) == document
