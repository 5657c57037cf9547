"""The embedded core: its layout, its network, its answers and links, its files. Small random networks."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_nano import SPECS, core_of, lesson, picture, tiny_model, tiny_words

from veclink.router.core import Core, Task
from veclink.router.errors import CheckpointError, ModelError, TaskError
from veclink.router.nano.core import NanoCore
from veclink.router.nano.files import load_nano, packed, save_nano, unpacked
from veclink.router.nano.findings import labels_of
from veclink.router.nano.language import LanguageConfig
from veclink.router.nano.layout import IGNORED, collate, prompt_row, sample_row
from veclink.router.nano.model import Ask, NanoConfig, NanoModel
from veclink.router.nano.samples import Call, Sample, Turn
from veclink.router.nano.vision import VisionConfig, letterbox
from veclink.router.nano.words import REGION_ID, Words
from veclink.router.nano.writing import MAX_CALLS, Writer, choose
from veclink.tools.regions import Region

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def words() -> Words:
    return tiny_words()


@pytest.fixture
def model(words: Words) -> NanoModel:
    return tiny_model(words, ("nothing", "cow", "tree"))


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
            x, _, _ = model.embed(batch)
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
                      model.regions.seen.weight, next(model.vision.stem.parameters()), model.vision.project[0].weight,
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
        _, features, _ = model.embed(batch)
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


@pytest.mark.parametrize(("text", "prefers", "calls"), [
    ("spotlight the cow", ["call", "the cow", "find", "end"], [("spotlight", "the cow")]),
    ("Spotlight: the cow!", ["call", "the cow", "find", "end"], [("spotlight", "the cow")]),
    ("use spotlight on each cow", ["call", "the cow", "find", "end"], [("spotlight", "the cow")]),  # in other words
    ("spotlight the cow, box the cow", ["call", "the cow", "find", "call", "the cow", "find", "end"],
     [("spotlight", "the cow"), ("find", "the cow")]),
    ("box the cow, then spotlight it", ["call", "the cow", "find", "call", "it", "find", "end"],
     [("find", "the cow"), ("spotlight", "it")]),
    ("the cow for the spotlight", ["end", "it", "find", "end"], [("spotlight", "it")]),  # it would have said nothing
    ("spotlight the cow", ["reject", "it", "find", "end"], [("spotlight", "it")]),
    ("box the cow", ["call", "the cow", "spotlight", "end"], [("spotlight", "the cow")]),
    ("the spotlights of the cow", ["call", "the cow", "find", "end"], [("find", "the cow")]),
])
def test_a_tool_that_was_not_taught_is_called_by_its_name(words: Words, text: str, prefers: list[str],
                                                          calls: list[tuple[str, str]]) -> None:
    tools = {words.slot(0): "find", words.slot(1): "trace", words.slot(2): "spotlight"}
    writer = Writer(words, tools, 10, text, [words.slot(2)])
    blank = torch.arange(words.config.vocabulary) < words.config.words
    marks = {name: words.mark(name) for name in ("call", "end", "reject")} | {n: i for i, n in tools.items()}
    wanted = [token for want in prefers for token in ([marks[want]] if want in marks else words.ids(want))]
    for token in wanted:
        logits = torch.zeros(words.config.vocabulary)
        logits[token] = 9.0
        chosen = choose(writer, logits, blank)
        writer.add(chosen)
        if writer.done:
            break
    assert [call[:2] for call in writer.calls] == calls and writer.done


def test_a_new_tools_slot_hangs_on_its_name(words: Words) -> None:
    roomy = Words(replace(words.config, slots=64), words.json)
    alone = {name: roomy.with_tools([name]).tools[name] for name in ("cutout", "palette", "spotlight")}
    assert len(set(alone.values())) == 3 and not set(alone.values()) & set(roomy.tools.values())
    assert roomy.with_tools(["spotlight", "find", "cutout", "palette"]).tools == {**roomy.tools, **alone}
    full = [f"tool_{number}" for number in range(62)]
    assert len(set(roomy.with_tools(full).tools.values())) == 64, "those of the same slot give way"
    with pytest.raises(ModelError):
        roomy.with_tools([*full, "one_more"])


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


def test_a_core_loaded_before_any_tool_leaves_their_networks_whole(words: Words, tmp_path: Path) -> None:
    """ultralytics' classes hold tensors that come with their import; the core's trunk is made without numbers."""
    eye = VisionConfig(64, 96, 32, 1, 2, 8, 2, trunk="yolo11n.yaml")
    model = NanoModel(NanoConfig(LanguageConfig(words.config.vocabulary, 32, 2, 4, 2, 48), eye))
    save_nano(tmp_path / "core", model, words)
    code = ("import sys, torch; from veclink.router.nano.files import load_nano; load_nano(sys.argv[1]);"
            "from veclink.tools.yolo import Yolo; Yolo.load('yolo11n.yaml', torch.device('cpu'), torch.float32)")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "core")], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr[-600:]
