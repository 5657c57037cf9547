"""Answers in words are weighed whole: a likely first word of unlikely answers does not win."""

from __future__ import annotations

import pytest
import torch
from tiny_nano import core_of, picture, tiny_model, tiny_words

from veclink.router.core import Task
from veclink.router.nano.answering import Answering, _Beam, _grown, _plain
from veclink.router.nano.layout import collate, prompt_row
from veclink.router.nano.model import NanoModel
from veclink.router.nano.words import Words
from veclink.router.nano.writing import Writer, chances

pytestmark = pytest.mark.usefixtures("one_thread")
TREE = {"": {"i": 0.45, "a": 0.55}, "i": {"1": 1.0}, "a": {"2": 0.4, "n": 0.35, "3": 0.25}, "i1": {"": 1.0},
        "a2": {"": 1.0}, "an": {"": 1.0}, "a3": {"": 1.0}}


@pytest.fixture(scope="module")
def words() -> Words:
    return tiny_words()


def searched(words: Words, beams: int) -> str:
    """What is said by one who takes the chances of TREE."""
    start = Writer(words, {}, 8)
    alive, best, plain = [_Beam(0, start)], {0: _Beam(0, start, -torch.inf)}, _plain(words)
    while alive:
        logits = torch.full((len(alive), words.config.vocabulary), -30.0)
        for row, beam in enumerate(alive):
            for letter, chance in TREE.get(beam.writer.answer, {"": 1.0}).items():
                token = words.ids(letter)[0] if letter else words.mark("end")
                logits[row, token] = torch.tensor(chance).log()
        alive, _ = _grown(alive, logits, plain, best, beams)
    return best[0].writer.answer


def test_the_likeliest_answer_wins_over_the_likeliest_first_word(words: Words) -> None:
    assert searched(words, 1) == "a2" and searched(words, 4) == "i1"


def answered(model: NanoModel, words: Words, task: Task, beams: int) -> Writer:
    stream = Answering(model, collate([prompt_row(words, model.config.vision, task)], model.config.vision))
    return stream.write([Writer(words, {}, 4)], beams)[0]


def chance(model: NanoModel, words: Words, task: Task, ids: list[int]) -> float:
    """The logarithm of the chance of an answer in words, read one token at a time."""
    stream = Answering(model, collate([prompt_row(words, model.config.vision, task)], model.config.vision))
    writer, last, cache, total = Writer(words, {}, 4), stream.last, stream.cache, 0.0
    for step, token in enumerate(ids):
        total += float(chances(writer, model.language.logits(last)[0], _plain(words))[token])
        writer.add(token)
        x = model.language.embed_tokens(torch.tensor([[token]]))
        states, cache = model.go_on(x, (stream.lengths + step)[:, None], None, cache)
        last = states[:, 0]
    return total


def test_a_search_finds_likelier_answers(words: Words) -> None:
    model = tiny_model(words, ("nothing", "cow"))
    won = 0
    for seed in range(8):
        torch.manual_seed(seed)
        model.language.embed_tokens.weight.data.normal_(0, 0.15)
        task = Task("how many", (picture(seed),))
        with torch.no_grad():
            first, second = (answered(model, words, task, beams).ids for beams in (1, 8))
            gain = chance(model, words, task, second) - chance(model, words, task, first)
        assert gain > -1e-4 and (gain > 1e-4 or first == second)
        won += gain > 1e-4
    assert won, "some are"


def test_calls_and_links_stay_as_they_were(words: Words) -> None:
    core = core_of(tiny_model(words, ("nothing", "cow")), words)
    tasks = [Task(text, (picture(i),)) for i, text in enumerate(("find the cow", "trace it", "find cow, trace tree"))]
    found = []
    for core.beams in (1, 6):
        found.append([(r.rejected, [(x.tool, x.phrase) for x in r.routes], [x.link for x in r.routes])
                      for r in core.read(tasks)])
    for before, after in zip(*found, strict=True):
        assert before[:2] == after[:2]
        assert all(a is b is None or torch.equal(a, b) for a, b in zip(before[2], after[2], strict=True))


def test_a_batch_is_searched_as_one_by_one(words: Words) -> None:
    core = core_of(tiny_model(words, ("nothing", "cow")), words)
    tasks = [Task(f"how many {i}", (picture(i),)) for i in range(4)]
    assert [r.answer for r in core.read(tasks)] == [core.read([task])[0].answer for task in tasks]
