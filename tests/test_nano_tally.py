"""The layer that counts: sums over things, nothing at first, the same with and without a cache, and taught directly."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_nano import found, lesson, picture, tiny_words

from veclink.router.core import Task
from veclink.router.errors import ModelError
from veclink.router.nano.language import LanguageConfig
from veclink.router.nano.layout import collate, prompt_row, sample_row
from veclink.router.nano.model import NanoConfig, NanoModel
from veclink.router.nano.samples import Sample, Turn
from veclink.router.nano.stages import Lesson, tally_losses
from veclink.router.nano.tally import MOST, WIDTH, Fit, Tally, by_row, meant_loss, surest
from veclink.router.nano.vision import VisionConfig
from veclink.router.nano.words import Words

pytestmark = pytest.mark.usefixtures("one_thread")
TAGS = ("cow", "pig", "brown")
EYE = VisionConfig(64, 96, 32, 1, 2, 8, 2, ("nothing", "cow"), TAGS, ("night",), things=4, counts=1, tally=2)


@pytest.fixture(scope="module")
def words() -> Words:
    return tiny_words()


def model_of(words: Words) -> NanoModel:
    torch.manual_seed(0)
    made = NanoModel(NanoConfig(LanguageConfig(words.config.vocabulary, 32, 2, 4, 2, 48), EYE))
    assert made.vision.findings is not None
    torch.nn.init.normal_(made.vision.findings.things.weight)  # so that there is something to count
    return made.eval()


def speaking(model: NanoModel) -> NanoModel:
    assert model.tally is not None
    torch.nn.init.normal_(model.tally.told.weight)
    return model


@torch.no_grad()
def test_it_adds_up_what_is_meant_and_tells_the_number() -> None:
    """One head that means cows: its keys are large for cows, its threshold lies between."""
    tally = Tally(8, 4, 3, 1)
    for part in (tally.tags, tally.seen, tally.place, tally.ask):
        part.weight.zero_()
    tally.place.bias.zero_()
    tally.tags.weight[0, 0] = 40.0 * WIDTH**0.5
    tally.ask.bias.zero_()
    tally.ask.bias[0], tally.ask.bias[WIDTH] = 1.0, -20.0
    tally.told.weight[0, : MOST + 1] = torch.arange(MOST + 1.0)  # the first number of a state becomes the count
    cow, pig = (1.0, 0.0, 1.0), (0.0, 1.0, 0.0)
    for cows in range(4):
        things = [(0, i, 1.0, cow) for i in range(cows)] + [(3, 0, 1.0, pig), (3, 5, 0.02, cow)]
        states, fit = tally(torch.zeros(1, 2, 8), tally.things(torch.zeros(1, 2, 3, 4), found(*things)))
        assert states[0, :, 0] == pytest.approx(torch.full((2,), cows + 0.02).numpy(), abs=1e-3)
        assert int((fit[0, 0] > 0).sum()) == cows + 1


@torch.no_grad()
def test_it_says_nothing_before_it_has_learned(words: Words) -> None:
    batch = collate([sample_row(words, EYE, lesson(0))], EYE)
    model = model_of(words)
    assert model.tally is not None
    with_it = model(batch)[0]
    model.tally = None
    assert torch.equal(with_it, model(batch)[0])


@torch.no_grad()
@pytest.mark.parametrize("pictures", [(1,), (1, 1), (0, 2, 1), (0,)])
def test_answers_written_word_for_word_are_those_of_one_pass(words: Words, pictures: tuple[int, ...]) -> None:
    """Each row counts in its own pictures, in one pass as in many steps."""
    model = speaking(model_of(words))
    tasks = [Task("how many?" * (1 + i), tuple(picture(5 * i + n) for n in range(count)))
             for i, count in enumerate(pictures)]
    rows = [prompt_row(words, EYE, task) for task in tasks]
    batch = collate(rows, EYE)
    states, cache, _ = model(batch)
    for i, row in enumerate(rows):
        alone, _, _ = model(collate([row], EYE))
        assert torch.allclose(alone[0], states[i, : len(row.ids)], atol=1e-4)
    if len(set(map(len, (row.ids for row in rows)))) == 1:
        last = batch.positions[:, -1:] + 1
        x = model.language.embed_tokens(torch.full((len(rows), 1), 7))
        stepped, again = model.go_on(x, last, None, cache)
        longer = replace(batch, ids=torch.cat([batch.ids, torch.full((len(rows), 1), 7)], 1),
                         positions=torch.cat([batch.positions, last], 1),
                         turns=torch.cat([batch.turns, batch.turns[:, -1:]], 1))
        assert torch.allclose(model(longer)[0][:, -1:], stepped, atol=1e-4) and len(again) == len(cache)


def test_things_of_rows() -> None:
    keys, sure = torch.randn(3, 5, 2, 4), torch.rand(3, 5)
    assert by_row((keys, sure), torch.tensor([1, 1, 1]))[0] is keys
    wide, weights = by_row((keys, sure), torch.tensor([2, 0, 1]))
    assert wide.shape == (3, 10, 2, 4) and torch.equal(weights[0], sure[:2].flatten())
    assert torch.equal(wide[2, :5], keys[2]) and not weights[1].any() and not weights[2, 5:].any()


def test_what_is_meant_is_learned_where_the_eye_sees_something(words: Words) -> None:
    """Of two things one is meant; after some steps the tally takes that one and not the other."""
    model = model_of(words).train()
    assert model.tally is not None and model.vision.findings is not None
    with torch.no_grad():
        batch = collate([sample_row(words, EYE, lesson(0))], EYE)
        things = model.vision(batch.pictures.float() / 255)[2]
        assert things is not None
        square = surest(things)[1][0, :2]
    places = [(float(s % 12) * 8 + 4, float(s // 12) * 8 + 4) for s in square.tolist()]
    turns = (Turn("the first?", "1", meant=(places[0],)), Turn("both?", "2", meant=tuple(places)), Turn("hello", "hi"))
    taught = Lesson([Sample(picture(0), turns)], words, EYE)
    assert [len(taught.rows[0].answering(turn)) for turn in (1, 2, 3)] == [1, 1, 1]
    optimizer = torch.optim.Adam(model.tally.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        fits: list[Fit] = []
        _, _, features = model(taught.batch, fits)
        loss = tally_losses(model, features, fits[0], taught)["meant"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]
    silent = Lesson([Sample(picture(0), (Turn("hello", "hi"),))], words, EYE)
    assert tally_losses(model, features, fits[0], silent) == {}


def test_squares_without_a_thing_teach_nothing() -> None:
    fit = torch.zeros(1, 3, requires_grad=True)
    meant_loss(fit, torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])).backward()
    assert fit.grad is not None and fit.grad[0, 0] < 0 and not fit.grad[0, 1:].any()


def test_an_eye_that_finds_nothing_cannot_count() -> None:
    shape = {"language": vars(LanguageConfig(300, 32, 2, 4, 2, 48)), "vision": {**vars(EYE), "tags": (), "things": 0,
                                                                             "counts": 0}}
    with pytest.raises(ModelError, match="heads that count"):
        NanoConfig.of(shape)
