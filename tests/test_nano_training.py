"""How the embedded core, its links and small decoders learn, are stopped, resumed and saved. Small random networks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import need_model
from tiny_nano import lesson, picture, tiny_model, tiny_words

from veclink.router import checkpoint
from veclink.router.errors import ModelError, RecipeError
from veclink.router.nano.core import NanoCore
from veclink.router.nano.files import load_nano, save_nano
from veclink.router.nano.model import NanoModel
from veclink.router.nano.recipe import NanoRecipe, read_recipe
from veclink.router.nano.samples import Call, Sample, Turn
from veclink.router.nano.stages import LinkStage
from veclink.router.nano.train import train_nano
from veclink.router.nano.words import Words
from veclink.tools.condition import Condition
from veclink.tools.errors import WeightsError
from veclink.tools.results import Boxes, Result
from veclink.tools.small import PhraseTable, about_small, load_small, save_small
from veclink.tools.tool import Tool

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def words() -> Words:
    return tiny_words()


@pytest.fixture
def model(words: Words) -> NanoModel:
    return tiny_model(words, ("nothing", "cow", "tree"))


def stream(start: int) -> Iterator[Sample]:
    while True:
        yield lesson(start)
        start += 1


@pytest.fixture
def recipe(words: Words, model: NanoModel, tmp_path: Path) -> NanoRecipe:
    save_nano(tmp_path / "start", model, words, small=False)
    return NanoRecipe("core", "x:y", tmp_path / "out", start=tmp_path / "start", tools={"find": {}, "trace": {}},
                      steps=12, batch=2, rate=3e-3, slow=1.0, warmup=2, precision="f32", save_every=3)


def test_training_learns_and_saves(recipe: NanoRecipe, tmp_path: Path) -> None:
    rows: list[dict[str, float]] = []
    figures = train_nano(replace(recipe, steps=24), tmp_path / "run", "cpu", report=rows.append, source=stream)
    assert rows[-1]["answer"] < rows[0]["answer"] - 0.3 and rows[-1]["kinds"] < rows[0]["kinds"]
    assert figures["samples"] == 48
    load_nano(recipe.output)


def test_a_core_goes_on_with_a_larger_canvas(recipe: NanoRecipe, model: NanoModel, tmp_path: Path) -> None:
    larger = replace(recipe, steps=2, canvas={"height": 128, "width": 192, "sums": True})
    train_nano(larger, tmp_path / "run", "cpu", source=stream)
    eye = load_nano(recipe.output)[0].config.vision
    assert (eye.height, eye.width, eye.rows, eye.columns, eye.sums) == (128, 192, 4, 6, True)
    assert eye.tokens == model.config.vision.tokens, "the language model is told of as many squares as before"


def test_a_canvas_of_the_same_size_changes_nothing_and_an_odd_one_is_refused(model: NanoModel) -> None:
    same = model.on_canvas(64, 96)
    assert all(torch.equal(value, same.state_dict()[name]) for name, value in model.state_dict().items())
    wide = model.on_canvas(64, 192).vision.columns.data[0]
    assert torch.allclose(wide.unflatten(0, (6, 2)).mean(1)[1:-1], model.vision.columns.data[0][1:-1] * 0.75
                          + (model.vision.columns.data[0][:-2] + model.vision.columns.data[0][2:]) / 8, atol=1e-6)
    with pytest.raises(ModelError, match="multiples of 16"):
        model.on_canvas(100, 96)


@pytest.mark.parametrize("canvas", ["{height: 64, depth: 3}", "{height: 64}"])
def test_a_recipe_with_a_wrong_canvas_is_refused(canvas: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    start = "start: there\n" if "depth" in canvas else ""
    path.write_text(f"kind: nano\nstage: core\nsource: x:y\noutput: out\n{start}tools: [find]\ncanvas: {canvas}\n")
    with pytest.raises(RecipeError, match="canvas"):
        read_recipe(path)


def test_workers_make_the_same_batches(recipe: NanoRecipe, tmp_path: Path) -> None:
    few = replace(recipe, steps=3)
    train_nano(few, tmp_path / "a", "cpu", source=stream)
    one = (recipe.output / "model.safetensors").read_bytes()
    train_nano(replace(few, workers=2), tmp_path / "b", "cpu", source=stream)
    assert (recipe.output / "model.safetensors").read_bytes() == one


class Find(Tool):
    """A tool whose decoder is one layer: it should say how many boxes its target has."""

    name, description, examples, result = "find", "Finds things.", ("a", "b", "c"), "boxes"
    condition = (1, 12)

    def setup(self) -> None:
        torch.manual_seed(1)
        self.network = torch.nn.Linear(10, 1)
        self.models = {"x": "untrained"}
        self.begun = False

    def bridge(self, phrases: Sequence[str]) -> list[torch.Tensor]:
        return [torch.full(self.condition, len(phrase) / 10) for phrase in phrases]

    def loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition], targets: Sequence[Result]
             ) -> torch.Tensor:
        self.seen = [condition.vectors.detach() for condition in conditions]
        got = self.network(torch.stack([condition.vectors[0, :10] for condition in conditions]))[:, 0]
        return (got - torch.tensor([float(len(target.items())) for target in targets])).square().mean()

    def networks(self) -> dict[str, torch.nn.Module]:
        return {"network": self.network}

    def begin(self, pictures: Any = ()) -> None:
        self.begun = True

    def save(self, path: Path) -> None:
        save_small(path, self.networks(), {})

    @property
    def learned(self) -> int:
        return 10


def boxed(start: int) -> Iterator[Sample]:
    """Pictures bright at the left have no cow, those bright at the top three; the words are the same."""
    while True:
        count = 3 * (start % 2)
        target = Boxes(np.tile([[1.0, 1, 9, 9]], (count, 1)), np.ones(count), ["cow"] * count, "cows", (96, 64))
        shown = picture(start) // 8
        shown[(slice(32), slice(None)) if count else (slice(None), slice(48))] += 200
        yield Sample(shown, (Turn("box the cows", calls=(Call("find", "cows", target),)),))
        start += 1


def test_links_learn_what_words_alone_cannot_say(recipe: NanoRecipe, words: Words, tmp_path: Path) -> None:
    model = tiny_model(words)
    with torch.no_grad():  # a frozen core in which pictures weigh as much as words
        for name, value in model.named_parameters():
            if name.endswith(("v_proj.weight", "o_proj.weight", "project.2.weight")):
                value.mul_(12)
    save_nano(tmp_path / "start", model, words, small=False)
    few = replace(recipe, stage="links", tools={"find": {}}, steps=60, batch=4, output=tmp_path / "links", rate=1e-2)
    rows: dict[str, list[dict[str, float]]] = {"link": [], "text": []}
    for condition, log in rows.items():
        tool = Find(device="cpu")
        mine = replace(few, condition=condition)
        train_nano(mine, tmp_path / condition, "cpu", None, log.append, {"find": tool}, boxed)
        assert tool.begun
        bridge = torch.full((2,), 0.4)
        assert all(torch.allclose(vectors[0, 10:], bridge) for vectors in tool.seen)  # columns that no loss reaches
    assert rows["link"][-1]["find"] < 0.5 < 2.0 < rows["text"][-1]["find"]
    core = NanoCore(recipe.start or "", tmp_path / "links" / "links.safetensors", "cpu")
    core.attach([Find(device="cpu").ready().spec()])
    assert core.linked == ("find",)
    core = NanoCore(recipe.start or "", tmp_path / "links" / "links.safetensors", "cpu")
    core.attach([replace(Find(device="cpu").ready().spec(), condition=None)])  # not set up yet
    assert core.linked == ("find",)
    with pytest.raises(ModelError, match="own bridge"):
        core.linkset.condition("find", torch.zeros(1, 13), torch.zeros(4, core.hidden))
    about_small(tmp_path / "links" / "find.safetensors")


def test_a_lightly_tuned_core_is_saved_with_its_links(recipe: NanoRecipe, tmp_path: Path) -> None:
    tuned = replace(recipe, stage="links", tools={"find": {}}, steps=4, output=tmp_path / "tuned", rank=2)
    train_nano(tuned, tmp_path / "r", "cpu", None, lambda row: None, {"find": Find(device="cpu")}, boxed)
    core = NanoCore(tmp_path / "tuned", device="cpu")
    core.attach([Find(device="cpu").ready().spec()])
    assert core.linked == ("find",)
    before, after = load_nano(tmp_path / "start")[0], core.model
    assert not torch.equal(before.language.layers[0].self_attn.q_proj.weight,  # type: ignore[union-attr,arg-type]  # a layer
                           after.language.layers[0].self_attn.q_proj.weight)  # type: ignore[union-attr,arg-type]  # too


class Seek(Find):
    """Another tool of the same shape."""

    name = "seek"


def test_a_second_tools_links_join_those_of_the_first(recipe: NanoRecipe, tmp_path: Path) -> None:
    few = replace(recipe, stage="links", steps=2, output=tmp_path / "links", unheard=0.5)
    seeking = lambda start: (replace(s, turns=(replace(  # noqa: E731 - the same requests, for the other tool
        s.turns[0], calls=(replace(s.turns[0].calls[0], tool="seek"),)),)) for s in boxed(start))
    train_nano(replace(few, tools={"find": {}}), tmp_path / "a", "cpu", None, lambda row: None,
               {"find": Find(device="cpu")}, boxed)
    first = checkpoint.load(tmp_path / "links" / "links.safetensors",
                            checkpoint.read_header(tmp_path / "links" / "links.safetensors").core,
                            [Find(device="cpu").ready().spec()])
    train_nano(replace(few, tools={"seek": {}}), tmp_path / "b", "cpu", None, lambda row: None,
               {"seek": Seek(device="cpu")}, seeking)
    file = tmp_path / "links" / "links.safetensors"
    header = checkpoint.read_header(file)
    assert set(header.tools) == set(header.notes) == {"find", "seek"}
    both = checkpoint.load(file, header.core, header.tools.values())
    for name, value in first.of("find").state_dict().items():
        torch.testing.assert_close(both.of("find").state_dict()[name], value, atol=1e-6, rtol=0)


def test_a_link_can_begin_as_another_tools(recipe: NanoRecipe, tmp_path: Path) -> None:
    few = replace(recipe, stage="links", steps=2, output=tmp_path / "links", tools={"find": {}})
    train_nano(few, tmp_path / "a", "cpu", None, lambda row: None, {"find": Find(device="cpu")}, boxed)
    header = checkpoint.read_header(tmp_path / "links" / "links.safetensors")
    known = checkpoint.load(tmp_path / "links" / "links.safetensors", header.core, header.tools.values())

    def begun(other: str, condition: str = "link", **options: Any) -> LinkStage:
        mine = replace(few, tools={"seek": {}}, like={"seek": other}, condition=condition)
        return LinkStage(mine, {"seek": Seek(device="cpu", **options)}, torch.device("cpu"))

    torch.testing.assert_close(begun("find").links.queries("seek"), known.queries("find"))
    with pytest.raises(RecipeError, match="train trace first"):
        begun("trace")
    assert begun("trace", "text"), "the control has no links"
    with pytest.raises(RecipeError, match="as many queries"):
        begun("find", queries=7)


KILLED = """
    import sys, time
    from dataclasses import replace
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    import torch
    from test_nano_training import stream
    from veclink.router.nano.recipe import NanoRecipe
    from veclink.router.nano.train import train_nano
    torch.set_num_threads(1)
    folder = Path({folder!r})
    recipe = NanoRecipe("core", "x:y", folder / "out", start=folder / "start", tools={{"find": {{}}, "trace": {{}}}},
                        steps=12, batch=2, rate=3e-3, slow=1.0, warmup=2, precision="f32", save_every=3)
    def slow(start):
        for sample in stream(start):
            time.sleep(0.05)
            yield sample
    train_nano(recipe, folder / "killed", "cpu", source=slow)
"""


def test_a_killed_run_ends_like_one_that_was_not(recipe: NanoRecipe, tmp_path: Path) -> None:
    code = textwrap.dedent(KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ}, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not (tmp_path / "killed" / "checkpoint.pt").exists() and time.monotonic() < until:
        assert child.poll() is None, child.stderr and child.stderr.read().decode()[-800:]
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "out").exists()
    (tmp_path / "killed" / "log.jsonl").open("a").write('{"step": 99, "answ')
    train_nano(recipe, tmp_path / "killed", "cpu", source=stream)
    resumed = (tmp_path / "out" / "model.safetensors").read_bytes()
    train_nano(recipe, tmp_path / "whole", "cpu", source=stream)
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == resumed
    rows = [json.loads(line) for line in (tmp_path / "killed" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "step" in row] == [10, 12]


def test_small_weights_come_back_and_changed_ones_are_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    table, other = PhraseTable(2, 8, size=64, inner=16), PhraseTable(2, 8, size=64, inner=16)
    phrases = ["the red cow", "cow the red", "", "a zombie near the tree"]
    file = save_small(tmp_path / "t.safetensors", {"words": table}, {"config": "x"})
    assert about_small(file) == {"config": "x"}
    load_small(file, {"words": other})
    torch.testing.assert_close(other(phrases), table(phrases), atol=0.05, rtol=0)
    assert table(phrases).shape == (4, 2, 8) and not torch.allclose(table(phrases)[0], table(phrases)[1])
    kept = {name: value.clone() for name, value in other.state_dict().items()}
    with torch.no_grad():  # words that were never learned change little of what those say that were
        table.table.weight[table._ids("cow")[0]].fill_(1.0)
        cow, gnu = table(["cow"]), table(["cow gnu"])
    assert float((gnu - cow).norm()) < 0.1 * float(cow.norm())
    with pytest.raises(WeightsError):
        load_small(file, {"words": other, "network": torch.nn.Linear(3, 3)})
    assert all(torch.equal(value, kept[name]) for name, value in other.state_dict().items())
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(WeightsError):
        about_small(file)


def test_recipes_are_read_and_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("kind: nano\nstage: core\nsource: a:b\noutput: out\ntools: [find]\nsteps: 5\nlayers: [0, 1, 29]\n")
    recipe = read_recipe(file)
    assert (recipe.output, recipe.layers, dict(recipe.tools)) == (tmp_path / "out", (0, 1, 29), {"find": {}})
    with pytest.raises(RecipeError):
        recipe.samples()
    for wrong in ("stage: nowhere", "steps: 0", "colour: red", "stage: links"):
        kept = [line for line in file.read_text().splitlines() if line.split(":")[0] != wrong.split(":")[0]]
        bad = tmp_path / "bad.yaml"
        bad.write_text("\n".join([*kept, wrong]))
        with pytest.raises(RecipeError):
            read_recipe(bad)


# -- the public model made smaller -------------------------------------------------------------------------------------


def test_a_pruned_model_still_knows_english(capsys: pytest.CaptureFixture[str]) -> None:
    need_model("smollm2-135m")
    from veclink.router.nano.prune import built, perplexity, prune
    from veclink.tools.models import find_model

    texts = ["There are many cows in the meadow, and most of them are eating grass in the shade of a tree.",
             "At night the zombies came out of the forest and walked to the village, where the people slept."]
    pruned = prune(find_model("smollm2-135m"), texts, ["find"], KEPT, 16_384)
    words = Words(pruned.words, pruned.tokenizer)
    value = perplexity(built(pruned), words, texts)
    with capsys.disabled():
        print(f" [perplexity {value:.0f} with {len(KEPT)} of 30 layers, {pruned.words.vocabulary} ids]")
    assert value < pruned.words.vocabulary / 2
    assert words.text(words.ids(texts[0])) == texts[0]
    assert [len(words.ids(f" {word}")) for word in ("cows", "forest", "village")] == [1, 1, 1]


KEPT = [0, 1, 8, 11, 24, 25, 28, 29]  # what `choose_layers` left of 30


# -- the small decoders ------------------------------------------------------------------------------------------------


def test_a_small_detector_trains_with_its_words_and_comes_back(tmp_path: Path) -> None:
    from veclink.tools.detect import Detect

    tool = Detect("yolov8n-worldv2.yaml", "cpu", "table", resolution=96)
    tool.ready().begin([])
    networks = tool.networks()
    for network in networks.values():
        network.requires_grad_(True).train()
    pictures = [picture(0), picture(1)]
    targets = [Boxes(np.array([[8.0, 8, 40, 40]]), np.ones(1), ["cow"], "cow", (96, 64)),
               Boxes(np.zeros((0, 4)), np.zeros(0), [], "pig", (96, 64))]
    tool.loss(pictures, [Condition(tool.bridge([p])[0], p) for p in ("a cow", "the pig")], targets).backward()
    for network in networks.values():
        assert sum(float(p.grad.abs().sum()) for p in network.parameters() if p.grad is not None) > 0
    for network in networks.values():
        network.requires_grad_(False).eval()
    tool.save(tmp_path / "d.safetensors")
    again = Detect(str(tmp_path / "d.safetensors"), "cpu", resolution=96, confidence=0.0)
    torch.testing.assert_close(again.bridge(["a cow"])[0], tool.bridge(["a cow"])[0], atol=0.02, rtol=0)
    assert len(again.decode(pictures[:1], [Condition(again.bridge(["a cow"])[0], "a cow")])) == 1
    assert tool.learned == 512 < tool.condition[1]


def test_a_small_segmenter_trains_whole_and_comes_back(tmp_path: Path) -> None:
    from veclink.tools.results import Masks
    from veclink.tools.segment import Segment

    tool = Segment("sam_small_random", "cpu", grounder=None, words="table")
    tool.ready()
    networks = tool.networks()
    for network in networks.values():
        network.requires_grad_(True).train()
    mask = np.zeros((1, 64, 96), bool)
    mask[0, 10:40, 20:60] = True
    tool.loss([picture(0)], [Condition(tool.bridge(["the cow"])[0], "the cow")],
              [Masks(mask, np.ones(1), ["cow"], "the cow", (96, 64))]).backward()
    first = next(iter(networks["network"].image_encoder.parameters()))
    assert first.grad is not None and float(first.grad.abs().sum()) > 0
    assert any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in networks["words"].parameters())
    for network in networks.values():
        network.requires_grad_(False).eval()
    tool.save(tmp_path / "s.safetensors")
    again = Segment(str(tmp_path / "s.safetensors"), "cpu", grounder=None, confidence=0.0)
    asked = [Condition(tool.bridge(["the cow"])[0], "the cow")]
    a, b = (one.decode([picture(1)], asked)[0] for one in (tool, again))
    assert isinstance(a, Masks) and isinstance(b, Masks) and again.condition == (4, 256)
    if len(a) and len(b):
        assert (a.masks == b.masks).mean() > 0.9
