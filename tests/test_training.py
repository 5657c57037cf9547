"""The routing head: data, training that can be killed and resumed, checkpoints, and what it then writes."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from conftest import need_model
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_models import llama

from veclink.agent.commands.train import command
from veclink.router.core import Task
from veclink.router.errors import CheckpointError, RecipeError
from veclink.router.evaluation.bag import BagOfWords
from veclink.router.evaluation.routing import DATA, Case, evaluate_routing, figures_of, share
from veclink.router.head import BEGIN, INSIDE, OUTSIDE, load_head, spans_of
from veclink.router.head_routing import CHECKPOINTS, HeadRouting
from veclink.router.training.requests import Request, mark_phrases, read_requests, vary
from veclink.router.training.routing import RoutingRecipe, read_recipe, train_routing
from veclink.tools.tool import ToolSpec

LABELS = ("see", "paint", "answer", "reject")
LINES = [
    {"text": "find the dog", "tools": ["see"], "phrases": [["the dog"]]},
    {"text": "find a cat and the bus", "tools": ["see"], "phrases": [["a cat", "the bus"]]},
    {"text": "make the sky purple", "tools": ["paint"], "phrases": [["make the sky purple"]]},
    {
        "text": "find the dog, then make it purple",
        "tools": ["see", "paint"],
        "phrases": [["the dog"], ["make it purple"]],
    },
    {
        "text": "make it purple, then find the fox",
        "tools": ["paint", "see"],
        "phrases": [["make it purple"], ["the fox"]],
    },
    {"text": "what is in the picture?", "tools": ["answer"], "phrases": [[]]},
    {"text": "system assistant 0123456789", "tools": ["reject"], "phrases": [[]]},
]
SPECS = [ToolSpec("see", "<|see|>", "finds", (), "boxes"), ToolSpec("paint", "<|paint|>", "paints", (), "image")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random language model: what is tested is the machinery, not the language."""
    folder = tmp_path_factory.mktemp("model")
    network, tokenizer = llama()
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def recipe(model: Path, tmp_path: Path) -> RoutingRecipe:
    data = tmp_path / "train.jsonl"
    data.write_text("\n".join(map(json.dumps, LINES * 4)), "utf8")
    return RoutingRecipe(str(model), LABELS, ("answer", "reject"), (data,), tmp_path / "head.safetensors", layers=2,
                         rank=4, width=16, epochs=30, batch=7, rate=5e-3, warmup=5, save_every=5,
                         validation=0.04)  # fmt: skip


def test_a_run_learns_its_requests(recipe: RoutingRecipe, tmp_path: Path) -> None:
    rows: list[dict[str, float]] = []
    figures = train_routing(recipe, tmp_path / "run", "cpu", 150, rows.append)
    assert figures["steps"] == 150 and rows[-1]["labels"] < 0.3 * rows[0]["labels"]
    routing = HeadRouting(recipe.output, "cpu")
    routing.attach(SPECS)
    cases, measured = evaluate_routing(routing, recipe.train[0])
    assert measured["exact_set"]["value"] > 0.8 and len(cases) == len(LINES) * 4
    written = routing.write([Task("find the dog"), Task("make the sky purple")])
    assert [call[0] for one in written for call in one.calls] == ["see", "paint"]
    # a tool that is not attached is never chosen
    routing.attach(SPECS[:1])
    assert all(
        name == "see" for one in routing.write([Task(str(line["text"])) for line in LINES]) for name, _ in one.calls
    )


def test_a_killed_run_ends_as_one_that_was_not(recipe: RoutingRecipe, tmp_path: Path) -> None:
    train_routing(recipe, tmp_path / "whole", "cpu", 15)
    whole = load_file(recipe.output)

    class Killed(Exception):
        pass

    def kill(row: dict[str, float]) -> None:
        raise Killed

    broken = replace(recipe, save_every=5)
    with pytest.raises(Killed), pytest.MonkeyPatch.context() as patch:
        patch.setattr("veclink.router.training.routing.exact_sets", lambda *a: kill({}))
        patch.setattr("veclink.router.training.routing.LOG_EVERY", 8)
        train_routing(broken, tmp_path / "parts", "cpu", 15, kill)
    assert torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)["step"] == 5
    train_routing(recipe, tmp_path / "parts", "cpu", 15)
    resumed = load_file(recipe.output)
    assert whole.keys() == resumed.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_a_checkpoint_is_checked_at_the_door(recipe: RoutingRecipe, tmp_path: Path) -> None:
    train_routing(recipe, tmp_path / "run", "cpu", 1)
    tensors = load_file(recipe.output)
    assert set(load_head(recipe.output).learned()) == set(tensors)
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(recipe.output.read_bytes()[:200])
    with pytest.raises(CheckpointError):
        load_head(bad)
    save_file(tensors, bad, {"format": "something else"})
    with pytest.raises(CheckpointError, match="something else"):
        load_head(bad)
    from safetensors import safe_open

    with safe_open(recipe.output, "pt") as file:
        metadata = file.metadata()
    save_file({**tensors, "turn": tensors["turn"][:1]}, bad, metadata)
    with pytest.raises(CheckpointError, match="turn"):
        load_head(bad)
    with pytest.raises(CheckpointError, match="shipped"):
        HeadRouting("no-such-routing")


def test_the_command_trains_and_draws(recipe: RoutingRecipe, tmp_path: Path) -> None:
    import yaml

    file = tmp_path / "small.yaml"
    small = {"kind": "routing", "model": recipe.model, "labels": list(LABELS), "alone": ["answer", "reject"],
             "train": ["*.jsonl"], "output": "out.safetensors", "layers": 1, "rank": 2, "width": 8,
             "validation": 0.04}  # fmt: skip
    file.write_text(yaml.safe_dump(small), "utf8")
    done = CliRunner().invoke(
        command, [str(file), "--folder", str(tmp_path / "run"), "--steps", "2", "--json", "--device", "cpu"]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["steps"] == 2
    assert (tmp_path / "out.safetensors").exists() and (tmp_path / "run" / "losses.png").stat().st_size > 1000
    for change in ({"kind": "other"}, {"typo": 1}, {"train": ["none-*.jsonl"]}):
        file.write_text(yaml.safe_dump({**small, **change}), "utf8")
        with pytest.raises(RecipeError):
            read_recipe(file)


def test_requests_are_read_with_their_phrases(tmp_path: Path) -> None:
    assert mark_phrases("find it, then cut it out with it", [["it"], ["it"]]) == (((5, 7),), ((5, 7),))
    text = "find the dogs with hats and cut them out, them all"
    assert [text[a:b] for group in mark_phrases(text, [["the dogs"], ["them"]]) for a, b in group] == [
        "the dogs",
        "them",
    ]
    file = tmp_path / "x.jsonl"
    for line in (
        "{",
        '{"text": "x"}',
        '{"text": "x", "tools": ["other"]}',
        '{"text": "x", "tools": ["see"], "phrases": [["x"], []]}',
    ):
        file.write_text(line, "utf8")
        with pytest.raises(RecipeError, match="line 1"):
            read_requests(file, LABELS)


@settings(deadline=None)
@given(st.sampled_from(LINES), st.integers(0, 10_000))
def test_a_varied_request_keeps_its_phrases_in_place(line: dict, seed: int) -> None:
    request = Request(line["text"], tuple(line["tools"]), mark_phrases(line["text"], line["phrases"]))
    varied = vary(request, random.Random(seed))
    for old, new in zip(request.spans, varied.spans, strict=True):
        for (a, b), (c, d) in zip(old, new, strict=True):
            before, after = request.text[a:b].lower(), varied.text[c:d].lower()
            assert 0 <= c < d <= len(varied.text)
            assert sorted(set(after) - set(before)) == [] and abs(len(after) - len(before)) <= 6


def test_tags_become_phrases() -> None:
    text = "find the dog and a cat."
    offsets = [(0, 4), (4, 8), (8, 12), (12, 16), (16, 18), (18, 22), (22, 23)]
    tags = torch.nn.functional.one_hot(torch.tensor([OUTSIDE, BEGIN, INSIDE, OUTSIDE, BEGIN, INSIDE, INSIDE]), 3) * 9.0
    assert [text[a:b] for a, b in spans_of(tags, offsets, text)] == ["the dog", "a cat"]
    unsure = torch.tensor([[2.0, 0.0, 0.0]] * 7)
    unsure[2, BEGIN] = 1.0
    assert [text[a:b] for a, b in spans_of(unsure, offsets, text)] == ["dog"]
    assert spans_of(torch.tensor([[9.0, 0.0, 0.0]] * 7), offsets, text) == [] == spans_of(tags[:0], [], "")


def test_figures_are_counted_right() -> None:
    request = Request("x", ("see", "paint"), ((), ()))
    cases = [
        Case(request, ("see", "paint"), ((), ())),
        Case(request, ("paint", "see"), ((), ())),
        Case(request, ("see",), ((),)),
    ]
    figures = figures_of(cases)
    assert figures["exact_set"]["value"] == pytest.approx(2 / 3, abs=1e-3)
    assert figures["exact_order"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert figures["confusions"] == {"see + paint -> see": 1}
    assert figures["by_label"]["paint"]["recall"]["value"] == pytest.approx(2 / 3, abs=1e-3)
    interval = share([True] * 90 + [False] * 10)
    assert (interval["low"], interval["high"]) == (pytest.approx(0.8256, abs=1e-3), pytest.approx(0.9448, abs=1e-3))


def test_the_bag_of_words_is_a_fair_baseline() -> None:
    requests = [Request(line["text"], tuple(line["tools"]), ()) for line in LINES] * 2
    chosen = BagOfWords(LABELS, ("answer", "reject")).fit(requests).choose([r.text for r in requests])
    assert sum(got == set(r.tools) for got, r in zip(chosen, requests, strict=True)) >= 12


def test_the_shipped_corpus_is_what_it_should_be() -> None:
    corpus = [r for file in sorted(DATA.glob("train-*.jsonl")) for r in read_requests(file)]
    test = read_requests(DATA / "test.jsonl")
    assert len(corpus) >= 1500 and len(test) >= 300
    texts = {" ".join(r.text.lower().split()) for r in corpus}
    assert len(texts) == len(corpus)
    assert not texts & {" ".join(r.text.lower().split()) for r in test}
    assert {label for r in corpus for label in r.tools} == {label for r in test for label in r.tools}


def test_the_shipped_head_routes_plain_requests() -> None:
    need_model("smollm2-135m")
    config = load_head(CHECKPOINTS / "photo-routing.safetensors").config
    routing = HeadRouting("photo-routing", "cpu")
    names = [label for label in config.labels if label not in config.alone]
    routing.attach([ToolSpec(name, f"<|{name}|>", "", (), "boxes") for name in names])
    requests = read_requests(DATA / "test.jsonl")[:40]
    written = routing.write([Task(r.text) for r in requests])
    right = sum(
        {n for n, _ in w.calls} == set(r.tools) - set(config.alone) for w, r in zip(written, requests, strict=True)
    )
    assert right >= 32
    alone = routing.write([Task(requests[0].text)])[0]
    assert alone == written[0]
