"""The embedded core: its layout, its network, its answers and links, its files, its training. Small random networks."""

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

from veclink.router import checkpoint
from veclink.router.core import Core, Task
from veclink.router.errors import CheckpointError, RecipeError, TaskError
from veclink.router.nano.core import NanoCore
from veclink.router.nano.files import load_nano, packed, save_nano, unpacked
from veclink.router.nano.findings import labels_of
from veclink.router.nano.language import LanguageConfig
from veclink.router.nano.layout import IGNORED, collate, prompt_row, sample_row
from veclink.router.nano.model import Ask, NanoConfig, NanoModel
from veclink.router.nano.recipe import NanoRecipe, read_recipe
from veclink.router.nano.samples import REGION, Call, Sample, Turn
from veclink.router.nano.train import train_nano
from veclink.router.nano.vision import VisionConfig, letterbox
from veclink.router.nano.words import REGION_ID, Words, WordsConfig
from veclink.router.nano.writing import MAX_CALLS, Writer, choose
from veclink.tools.condition import Condition
from veclink.tools.errors import WeightsError
from veclink.tools.regions import Region
from veclink.tools.results import Boxes, Result
from veclink.tools.small import PhraseTable, about_small, load_small, save_small
from veclink.tools.tool import Tool, ToolSpec

SPECS = [ToolSpec(name, f"<|{name}|>", "d", ("a", "b", "c"), kind, count, (1, 12))
         for name, kind, count in (("find", "boxes", 4), ("trace", "masks", 2))]


def tiny_words() -> Words:
    """A byte-level tokenizer without merges."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]  # its stubs lack setters
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]  # as above
    return Words(WordsConfig(tokenizer.get_vocab_size(), 6, {"find": 0, "trace": 1}), tokenizer.to_str())


def tiny_model(words: Words, kinds: tuple[str, ...] = ()) -> NanoModel:
    torch.manual_seed(0)
    language = LanguageConfig(words.config.vocabulary, 32, 2, 4, 2, 48)
    return NanoModel(NanoConfig(language, VisionConfig(64, 96, 32, 1, 2, 8, 2, kinds=kinds))).eval()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only lose by threads; and sums are taken in the same order in every process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def words() -> Words:
    return tiny_words()


@pytest.fixture
def model(words: Words) -> NanoModel:
    return tiny_model(words, ("nothing", "cow", "tree"))


def picture(seed: int, height: int = 64, width: int = 96) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def lesson(seed: int) -> Sample:
    """A picture with three turns: calls of two tools, words about a region, a refusal."""
    labels = np.zeros((64, 96), np.uint8)
    labels[:20, :30] = 1 + seed % 2
    return Sample(picture(seed), (
        Turn(f"box the cows {seed}", "Two.", (Call("find", "the cows"), Call("trace", "the tree"))),
        Turn(f"what is {REGION} and this?", "a cow", regions=(Region.box(4, 4, 30, 20), Region.point(50, 40))),
        Turn("play a song", rejected=True)), labels)


def core_of(model: NanoModel, words: Words) -> NanoCore:
    core = NanoCore.from_parts(model, words, device="cpu", max_new_tokens=8)
    core.attach(SPECS, ("find", "trace"))
    return core


# -- layout ------------------------------------------------------------------------------------------------------------


def test_rows_hold_prompt_and_answer_in_order(words: Words, model: NanoModel) -> None:
    sample = lesson(0)
    row = sample_row(words, model.config.vision, sample)
    written = [t for t in row.targets if t != IGNORED]
    expected = [words.mark("call"), *words.ids("the cows"), words.tools["find"], words.mark("call"),
                *words.ids("the tree"), words.tools["trace"], *words.ids("Two."), words.mark("end"),
                *words.ids("a cow"), words.mark("end"), words.mark("reject"), words.mark("end")]
    assert written == expected
    assert [(call.tool, row.ids[at]) for call, _, at in row.calls] == list(words.tools.items())
    assert [row.targets[i] for i in range(len(row.ids) - 1) if row.targets[i] != IGNORED] == [
        row.ids[i + 1] for i in range(len(row.ids) - 1) if row.targets[i] != IGNORED]
    # the region with a place stands there, the other before the words; both in the order of their ids
    assert row.ids.count(REGION_ID) == 2
    assert [region.kind for region, _ in row.regions] == ["point", "box"]
    shared = row.turns.count(0)
    assert all(row.positions[row.turns.index(turn)] == shared for turn in (1, 2, 3))


def test_a_users_words_never_become_control_ids(words: Words, model: NanoModel) -> None:
    text = "<|find|> <|end|> <region> 日本"
    row = prompt_row(words, model.config.vision, Task(text))
    control = [i for i in row.ids if i >= words.config.words or i < 0]
    assert control == [words.mark("begin"), words.mark("answer")]
    assert words.text(words.ids(text)) == text


def test_letterbox_keeps_the_shape(model: NanoModel) -> None:
    canvas = letterbox(np.full((128, 96, 3), 200, np.uint8), model.config.vision)
    assert canvas.shape == (64, 96, 3)
    assert (canvas[:, :48] == 200).all() and (canvas[:, 48:] == 114).all()


def test_samples_are_checked() -> None:
    with pytest.raises(TaskError):
        Turn("hello")
    with pytest.raises(TaskError):
        Turn("hello", "hi", rejected=True)
    with pytest.raises(TaskError):
        Sample(np.zeros((4, 4), np.uint8), (Turn("a", "b"),))


# -- the network -------------------------------------------------------------------------------------------------------


def test_turns_that_share_a_picture_read_as_if_alone(words: Words, model: NanoModel) -> None:
    sample, vision = lesson(1), model.config.vision
    together = collate([sample_row(words, vision, sample)], vision)
    with torch.no_grad():
        states, _, _ = model(together)
        for number, turn in enumerate(sample.turns, 1):
            alone = collate([sample_row(words, vision, replace(sample, turns=(turn,)))], vision)
            expected = model(alone)[0][0, alone.turns[0] == 1]
            torch.testing.assert_close(states[0, together.turns[0] == number], expected, atol=2e-5, rtol=0)


def test_two_passes_equal_one(words: Words, model: NanoModel) -> None:
    """A route's queries read with the cache are what they are when written right after their routing token."""
    vision = model.config.vision
    rows = [sample_row(words, vision, lesson(i)) for i in range(3)]
    batch = collate(rows, vision)
    queries = [torch.randn(4, 32), torch.randn(2, 32)]
    with torch.no_grad():
        _, cache, _ = model(batch)
        asked = [Ask(row, at, queries[k]) for row, made in enumerate(rows) for k, (_, _, at) in enumerate(made.calls)]
        links = model.links(batch, cache, asked)
        for ask, link in zip(asked, links, strict=True):
            x, _ = model.embed(batch)
            x = torch.cat([x[ask.row:ask.row + 1, :ask.at + 1], ask.queries[None]], 1)
            states, _ = model.language(x, torch.arange(x.shape[1])[None])
            torch.testing.assert_close(link, states[0, -len(ask.queries):], atol=5e-5, rtol=0)


def test_gradients_reach_queries_projector_regions_and_eye(words: Words, model: NanoModel) -> None:
    core = core_of(model.train(), words)
    model.requires_grad_(True)
    links, vision = core.linkset.requires_grad_(True), model.config.vision
    links.of("find").gate.value.data.fill_(0.5)
    sample = Sample(picture(0), (Turn("box this", calls=(Call("find", "this"),), regions=(Region.box(0, 0, 9, 9),)),))
    row = sample_row(words, vision, sample)
    batch = collate([row], vision)
    _, cache, features = model(batch)
    link, = model.links(batch, cache, [Ask(0, row.calls[0][2], links.queries("find"))])
    loss = links.condition("find", torch.zeros(1, 12), link).square().sum()
    labels = labels_of([sample], np.zeros((1, 64, 96), np.uint8), [1.0], (), ())
    (loss + sum(model.vision.losses(features, labels).values())).backward()
    part = links.of("find")
    assert part.projector is not None
    for parameter in (part.queries.vectors, part.projector.inner.weight, part.gate.value, model.regions.place.weight,
                      model.regions.seen.weight, model.vision.stem[0].weight, model.vision.project[0].weight,
                      model.language.embed_tokens.weight, next(model.language.layers[0].parameters())):
        assert isinstance(parameter, torch.Tensor) and parameter.grad is not None
        assert float(parameter.grad.abs().sum()) > 0


def test_low_rank_updates_start_at_nothing_and_fold_in(words: Words, model: NanoModel) -> None:
    batch = collate([sample_row(words, model.config.vision, lesson(0))], model.config.vision)
    with torch.no_grad():
        before = model(batch)[0]
        updates = model.low_rank(2)
        torch.testing.assert_close(model(batch)[0], before)
        for name, value in updates.items():
            if name.endswith(".b"):
                value.normal_(std=0.1)
        changed = model(batch)[0]
        model.merge()
        torch.testing.assert_close(model(batch)[0], changed, atol=1e-4, rtol=0)
    assert (changed - before).abs().max() > 1e-3


def test_region_tokens_tell_places_apart(words: Words, model: NanoModel) -> None:
    mask = np.zeros((64, 96), bool)
    mask[5:9, 5:30] = True
    regions = [Region.box(0, 0, 20, 20), Region.box(40, 30, 90, 60), Region.point(3, 3), Region.of_mask(mask),
               Region.scribble([(0, 0), (95, 63)]), Region.box(10, 10, 10.2, 10.2)]
    task = Task("these", (picture(0),), tuple(regions))
    batch = collate([prompt_row(words, model.config.vision, task)], model.config.vision)
    with torch.no_grad():
        _, features = model.embed(batch)
        tokens = model.regions(features[batch.owners], batch.shares, batch.geometry)
    distances = torch.cdist(tokens, tokens) + torch.eye(len(regions))
    assert bool(torch.isfinite(tokens).all()) and distances.min() > 1e-4
    assert torch.allclose(batch.shares.sum((1, 2)), torch.ones(len(regions)))


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_model_prefers_the_answer_is_valid(words: Words, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    blank = torch.arange(words.config.vocabulary) < words.config.words
    writer = Writer(words, {words.slot(0): "find", words.slot(1): "trace"}, 10)
    favourites = torch.randn(words.config.vocabulary, generator=generator) * 3
    favourites[words.mark("call")] += 3 * (seed % 3)  # some love calls
    for _ in range(MAX_CALLS * 30 + 20):
        if writer.done:
            break
        writer.add(choose(writer, favourites + torch.randn(words.config.vocabulary, generator=generator), blank))
    assert writer.done and writer.ids[-1] == words.mark("end") and len(writer.calls) <= MAX_CALLS
    assert len({call[:2] for call in writer.calls}) == len(writer.calls)
    if writer.rejected:
        assert writer.ids == [words.mark("reject"), words.mark("end")]
    assert all(writer.ids[at] in (words.slot(0), words.slot(1)) for _, _, at in writer.calls)


def test_a_batch_reads_as_one_by_one(words: Words, model: NanoModel) -> None:
    with torch.no_grad():  # a network that likes to call
        model.language.embed_tokens.weight[words.mark("call"):] *= 3
    core = core_of(model, words)
    assert isinstance(core, Core) and core.sees and core.hidden == 32
    tasks = [Task("box the cows", (picture(0),)), Task("hi"), Task("and these two", (picture(1), picture(2, 50, 70)),
             (Region.box(1, 1, 30, 30, image=1),)), Task("outline them", (picture(3),), before=("the cows",))]
    together = core.read(tasks)
    alone = [core.read([task])[0] for task in tasks]
    assert any(reading.routes for reading in together)
    for a, b in zip(together, alone, strict=True):
        assert (a.answer, a.rejected) == (b.answer, b.rejected)
        assert [(r.tool, r.phrase, r.image) for r in a.routes] == [(r.tool, r.phrase, r.image) for r in b.routes]
        for x, y in zip(a.routes, b.routes, strict=True):
            assert x.link is not None and y.link is not None
            torch.testing.assert_close(x.link, y.link, atol=5e-5, rtol=0)


def test_the_picture_changes_the_link(words: Words, model: NanoModel) -> None:
    core, vision = core_of(model, words), model.config.vision
    links = []
    for seed in (0, 1):
        row = sample_row(words, vision, Sample(picture(seed), (Turn("box it", calls=(Call("find", "it"),)),)))
        batch = collate([row], vision)
        with torch.no_grad():
            cache = model(batch)[1]
            links += model.links(batch, cache, [Ask(0, row.calls[0][2], core.linkset.queries("find"))])
    assert (links[0] - links[1]).abs().max() > 1e-5


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_saved_core_reads_the_same(words: Words, model: NanoModel, tmp_path: Path) -> None:
    save_nano(tmp_path / "whole", model, words, small=False)
    save_nano(tmp_path / "small", model, words, {"seed": 3})
    whole, _, hashes = load_nano(tmp_path / "whole")
    small, _, _ = load_nano(tmp_path / "small")
    batch = collate([sample_row(words, model.config.vision, lesson(0))], model.config.vision)
    with torch.no_grad():
        expected = model(batch)[0]
        torch.testing.assert_close(whole(batch)[0], expected, atol=0.02, rtol=0)
        torch.testing.assert_close(small(batch)[0], expected, atol=0.15, rtol=0)
    assert set(hashes) == {"tokenizer.json", "model.safetensors"}
    core = NanoCore(tmp_path / "small", device="cpu", max_new_tokens=4)
    core.attach(SPECS, ("find",))
    assert core.read([Task("hello", (picture(0),))])[0] is not None
    core.save_links(tmp_path / "links.safetensors")
    other = NanoCore(tmp_path / "small", tmp_path / "links.safetensors", device="cpu")
    other.attach(SPECS)
    torch.testing.assert_close(other.linkset.queries("find"), core.linkset.queries("find"))
    foreign = NanoCore(tmp_path / "whole", tmp_path / "links.safetensors", device="cpu")
    foreign.attach(SPECS)
    with pytest.raises(CheckpointError):
        foreign.ready()


@pytest.mark.parametrize("harm", ["tokenizer", "weights", "version", "shape", "ids", "missing"])
def test_a_changed_folder_is_refused(words: Words, model: NanoModel, tmp_path: Path, harm: str) -> None:
    folder = save_nano(tmp_path / "m", model, words)
    config = json.loads((folder / "config.json").read_text())
    if harm in ("tokenizer", "weights"):
        file = folder / ("tokenizer.json" if harm == "tokenizer" else "model.safetensors")
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    elif harm == "missing":
        (folder / "model.safetensors").unlink()
    elif harm == "version":
        config["version"] = 99
    elif harm == "shape":
        config["vision"]["size"] = 64
    else:
        config["words"]["slots"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError):
        load_nano(folder)


def test_six_bits_lose_at_most_half_a_step() -> None:
    value = torch.randn(7, 36) * torch.logspace(-4, 2, 7)[:, None]
    parts, scale = packed(value)
    assert parts.dtype == torch.uint8 and parts.shape == (7, 27)
    back = unpacked(parts, scale)
    assert bool(((back - value).abs() <= 0.5001 * scale).all())
    torch.testing.assert_close(packed(back)[0], parts)


# -- training ----------------------------------------------------------------------------------------------------------


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
    assert core.linked == ("find",) and core.has_links
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


KILLED = """
    import sys, time
    from dataclasses import replace
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    import torch
    from test_nano_core import stream
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
    tool.ready().begin()
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
