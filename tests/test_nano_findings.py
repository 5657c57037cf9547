"""What the eye says: its truth on the canvas, how it is learned from pictures alone, and that the core hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_nano import tiny_model, tiny_words

from veclink.agent.nano.stream import Stream
from veclink.agent.nano.targets import kinds, states, tags
from veclink.router.errors import ModelError
from veclink.router.nano.files import load_nano, save_nano
from veclink.router.nano.findings import UNKNOWN, at_peaks, labels_of
from veclink.router.nano.model import NanoConfig
from veclink.router.nano.recipe import NanoRecipe
from veclink.router.nano.samples import Sample, Thing, Turn
from veclink.router.nano.stages import Lesson
from veclink.router.nano.tally import number_loss, surest
from veclink.router.nano.train import train_nano
from veclink.router.nano.vision import Vision, VisionConfig

EYE = {"height": 64, "width": 96, "size": 32, "layers": 1, "heads": 2, "stem": 8,
       "kinds": ("", "lamp"), "tags": ("red", "green"), "states": ("dark",)}


def lamps(start: int) -> Iterator[Sample]:
    """Red and green squares on grey, by day and by night."""
    while True:
        rng = np.random.default_rng(start)
        dark = bool(start % 2)
        shown, labels, things = np.full((64, 96, 3), 20 if dark else 120, np.uint8), np.zeros((64, 96), np.uint8), []
        for cell in rng.choice(6, rng.integers(0, 4), replace=False):
            red, x, y = bool(rng.integers(2)), 32 * int(cell % 3) + 10, 32 * int(cell // 3) + 10
            shown[y:y + 12, x:x + 12] = (250, 30, 30) if red else (30, 250, 30)
            labels[y:y + 12, x:x + 12] = 1
            things.append(Thing(x + 6, y + 6, ("red" if red else "green",)))
        yield Sample(shown, (Turn("look", "ok"),), labels, str(start), {}, tuple(things), {"dark": dark})
        start += 1


def test_truth_is_laid_on_the_canvas() -> None:
    things = (Thing(20, 10, ("red", "loud")), Thing(70, 50, ("green",), sure=False), Thing(95.9, 63.9))
    sample = Sample(np.zeros((64, 96, 3), np.uint8), (Turn("a", "b"),), None, "", {}, things, {"dark": False})
    maps = np.zeros((1, 64, 96), np.uint8)
    labels = labels_of([sample], maps, [1.0], ("red", "green"), ("dark", "wet"))
    assert labels.things.shape == (1, 8, 12, 3)
    assert labels.things[0, 1, 2].tolist() == [1, 1, 0] and labels.things[0, 6, 8, 0] == UNKNOWN
    assert labels.things[0, 7, 11].tolist() == [1, 0, 0]
    assert int((labels.things[..., 0] == 1).sum()) == 2
    assert labels.states.tolist() == [[0, UNKNOWN]]
    halved = labels_of([sample], maps, [0.5], ("red", "green"), ())
    assert halved.things[0, 0, 1, 0] == 1 and halved.things[0, 3, 5, 0] == 1
    unknown = labels_of([replace(sample, things=None, states=None)], maps, [1.0], ("red",), ("dark",))
    assert bool((unknown.things == UNKNOWN).all()) and bool((unknown.states == UNKNOWN).all())


def test_the_worlds_pictures_say_what_is_in_them() -> None:
    sample = Stream("train", 3, lessons=1, edits=0).sample(2)
    eye = VisionConfig(kinds=kinds(), tags=tags(), states=states())
    sample = replace(sample, turns=(Turn("look", "ok"),))
    labels = Lesson([sample], tiny_words(), eye).labels
    assert labels is not None and sample.things is not None and sample.states is not None
    clear = [thing for thing in sample.things if thing.sure]
    assert clear and 0 < int((labels.things[..., 0] == 1).sum()) <= len(clear)
    said = {name for thing in clear for name in thing.tags}
    for square in (labels.things[0, ..., 0] == 1).nonzero():
        named = {tags()[i] for i in labels.things[0, square[0], square[1], 1:].nonzero()[:, 0]}
        assert named & set(kinds()) and named <= said
    assert int((labels.states == 1).sum()) == sum(sample.states[name] for name in sample.states)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An eye that has learned, in a model's folder."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("eye")
    words = tiny_words()
    save_nano(place / "start", tiny_model(words), words, small=False)
    recipe = NanoRecipe("eye", "x:y", place / "eye", start=place / "start", small=False, vision=EYE, tools={"find": {}},
                        steps=150, batch=8, rate=4e-3, warmup=10, precision="f32")
    rows: list[dict[str, float]] = []
    train_nano(recipe, place / "run", "cpu", None, rows.append, source=lamps)
    assert rows[-1]["things"] < 0.5 * rows[0]["things"] and rows[-1]["tags"] < 0.5 * rows[0]["tags"]
    return place


def test_an_eye_learns_to_find_and_to_count(folder: Path) -> None:
    model, words, _ = load_nano(folder / "eye")
    source = lamps(1000)
    samples = [next(source) for _ in range(24)]
    lesson = Lesson(samples, words, model.config.vision)
    with torch.no_grad():
        features = model.vision.see(lesson.batch.pictures.float() / 255)
        assert model.vision.findings is not None
        cells, whole, _ = model.vision.findings.told(features)
    counted = whole[:, 1:].round()  # dark; things, red, green
    wanted = torch.tensor([[len(s.things or ()), *(sum(tag in t.tags for t in s.things or ()) for tag in EYE["tags"])]
                           for s in samples], dtype=torch.float32)
    assert float((counted == wanted).float().mean()) > 0.85
    assert [bool(p > 0.5) for p in whole[:, 0]] == [bool((s.states or {})["dark"]) for s in samples]
    assert cells.shape == (24, 4, 6, 2 + 3)


def test_the_core_hears_of_it_and_goes_on_from_it(folder: Path) -> None:
    started, learned = load_nano(folder / "start")[0], load_nano(folder / "eye")[0]
    for name, value in started.language.state_dict().items():
        torch.testing.assert_close(learned.language.state_dict()[name], value)  # the language stays
    recipe = NanoRecipe("core", "x:y", folder / "core", start=folder / "eye", tools={"find": {}}, steps=2, batch=2,
                        rate=1e-3, looks=0.1, precision="f32")
    train_nano(recipe, folder / "core-run", "cpu", source=lamps)
    model, _, _ = load_nano(folder / "core")
    assert model.config.vision == learned.config.vision
    pictures = torch.rand(1, 3, 64, 96)
    tokens, features, _ = model.vision(pictures)
    assert model.vision.findings is not None
    with torch.no_grad():
        model.vision.findings.things.bias.add_(6)  # it now sees things everywhere
    louder, _, _ = model.vision(pictures)
    assert features.shape[-1] == 32 + 5 and not torch.allclose(tokens, louder)


def test_shares_of_one_thing_are_put_together_at_its_peak() -> None:
    things = torch.zeros(1, 6, 8, 2)
    things[0, 1:3, 1:3, 0] = torch.tensor([[0.4, 0.2], [0.1, 0.1]])  # one thing over four squares
    things[0, 4, 6, 0] = 0.9
    apart, whole = at_peaks(things, False), at_peaks(things, True)
    assert apart[0, 1, 1] == pytest.approx(0.4) and whole[0, 1, 1] == pytest.approx(0.8)
    assert whole[0, 4, 6] == pytest.approx(0.9) and int((whole > 0).sum()) == 2
    assert [surest(things, True)[0][0, :3].tolist(), surest(things)[0][0, :3].tolist()] == [
        pytest.approx([0.9, 0.8, 0.0]), pytest.approx([0.9, 0.4, 0.2])]
    crowd = torch.zeros(1, 3, 3, 1) + 0.5
    assert float(at_peaks(crowd, True).max()) == 1.0


def test_how_many_are_meant_is_taught_as_a_number() -> None:
    sure = torch.tensor([[1.0, 1.0, 0.0]])
    right, wrong = torch.tensor([[9.0, -9.0, 9.0]]), torch.tensor([[9.0, 9.0, 9.0]])
    assert float(number_loss(right, sure, torch.tensor([1.0]))) < 1e-3
    assert float(number_loss(wrong, sure, torch.tensor([1.0]))) == pytest.approx(0.5, abs=0.01)


def test_a_fine_eye_tells_the_language_model_as_much_as_a_coarse_one() -> None:
    torch.manual_seed(0)
    coarse = VisionConfig(**{**EYE, "pool": 2})
    fine = replace(coarse, height=128, width=192, rows=4, columns=6)
    assert fine.summary == coarse.grid and fine.tokens == coarse.tokens and fine.grid == (8, 12)
    eye = Vision(fine, 24).eval()
    with torch.no_grad():
        tokens, wide, things = eye(torch.rand(2, 3, 128, 192))
        assert things is not None
        assert tokens.shape == (2, coarse.tokens, 24) and wide.shape[1:3] == (8, 12) and things.shape[1:3] == (16, 24)
        summed = eye._summed_up(wide)
    size, kinds = fine.size, len(fine.kinds)
    assert torch.allclose(summed[..., size + kinds:].sum((1, 2)), wide[..., size + kinds:].sum((1, 2)), atol=1e-4)
    assert torch.allclose(summed[..., size : size + kinds].amax((1, 2)), wide[..., size : size + kinds].amax((1, 2)))
    assert torch.allclose(summed[..., :size].mean((1, 2)), wide[..., :size].mean((1, 2)), atol=0.1)


@pytest.mark.parametrize("change", [{"rows": 3}, {"rows": 3, "columns": 6}, {"rows": 8, "columns": 12}, {"height": 72}])
def test_a_grid_that_does_not_fit_is_refused(change: dict[str, int]) -> None:
    plain = tiny_model(tiny_words()).config
    data = {"language": vars(plain.language), "vision": {**vars(plain.vision), **change}}
    with pytest.raises(ModelError, match="canvas of whole tokens"):
        NanoConfig.of(data)
