"""What the eye finds becomes tokens: one a thing, and one a kind with its count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_nano import found, lesson, tiny_words

from veclink.router.nano.files import load_nano, save_nano
from veclink.router.nano.language import LanguageConfig
from veclink.router.nano.layout import collate, sample_row
from veclink.router.nano.model import NanoConfig, NanoModel
from veclink.router.nano.stages import name_things
from veclink.router.nano.telling import Telling
from veclink.router.nano.vision import VisionConfig

pytestmark = pytest.mark.usefixtures("one_thread")
TAGS = ("cow", "pig", "brown")


def telling() -> Telling:
    torch.manual_seed(0)
    made = Telling(8, 16, TAGS, (0, 1), things=3, counts=2)
    made.name(lambda name: torch.full((16,), float(len(name))) + torch.arange(16) * (ord(name[0]) % 7))
    torch.nn.init.normal_(made.nothing)
    return made


@torch.no_grad()
def test_each_thing_has_a_token_the_surest_first_and_nothing_fills_up() -> None:
    made, features = telling(), torch.randn(1, 2, 3, 8)
    cow, pig = (1, 1, 1.0, (1.0, 0, 0)), (3, 5, 0.9, (0, 1.0, 1.0))
    tokens = made(features, found(cow, pig))[0, :3]
    assert made(features, found()).shape == (1, 5, 16)
    assert torch.equal(tokens[2], made.nothing[0])
    alone = made(features, found(cow))[0, 0]
    assert torch.allclose(tokens[0], alone), "a thing's token does not depend on the others"
    moved = made(features, found((1, 4, 1.0, (1.0, 0, 0))))[0, 0]
    pigged = made(features, found((1, 1, 1.0, (0, 1.0, 0))))[0, 0]
    assert not torch.allclose(alone, moved) and not torch.allclose(alone, pigged)
    assert torch.allclose(pigged - alone, made.names.weight[:, 1] - made.names.weight[:, 0], atol=1e-5)
    beside = made(features, found(cow, (1, 2, 0.8, (1.0, 0, 0))))[0]
    assert torch.equal(beside[1], made.nothing[0]), "the flank of a peak is no second thing"


@torch.no_grad()
def test_kinds_are_counted_in_words() -> None:
    made, features = telling(), torch.zeros(1, 2, 3, 8)
    things = [(0, 0, 1.0, (1.0, 0, 1.0)), (0, 4, 1.0, (1.0, 0, 1.0)), (2, 2, 1.0, (0, 1.0, 1.0))]
    most, second = made(features, found(*things))[0, 3:]
    assert torch.allclose(most, made.names.weight[:, 0] + made.number.weight[2], atol=1e-4), "brown is no kind"
    assert torch.allclose(second, made.names.weight[:, 1] + made.number.weight[1], atol=1e-4)
    none = made(features, found())[0, 3:]
    assert torch.equal(none, made.nothing[1].expand(2, -1))
    crowd = found(*[(r, c, 1.0, (1.0, 0, 0)) for r in (0, 2) for c in range(6)])
    assert torch.allclose(made(features, crowd)[0, 3], made.names.weight[:, 0] + made.number.weight[7], atol=1e-2)


def test_the_core_reads_the_tokens_and_a_file_brings_them_back(tmp_path: Path) -> None:
    words = tiny_words()
    torch.manual_seed(0)
    eye = VisionConfig(64, 96, 32, 1, 2, 8, 2, ("nothing", "cow"), TAGS, ("night",), things=4, counts=1)
    assert eye.counted == (0,) and eye.tokens == 2 * 3 + 4 + 1
    model = NanoModel(NanoConfig(LanguageConfig(words.config.vocabulary, 32, 2, 4, 2, 48), eye))
    name_things(model, words)
    assert model.vision.telling is not None
    table = model.language.embed_tokens.weight
    assert torch.allclose(model.vision.telling.names.weight[:, 0], table[words.ids(" cow")].mean(0))
    batch = collate([sample_row(words, eye, lesson(0))], eye)
    states, _, _ = model(batch)
    model.answer_loss(states, batch).backward()
    assert model.vision.telling.names.weight.grad is not None and model.vision.telling.seen.weight.grad is not None
    save_nano(tmp_path, model.eval(), words, small=False)
    again, _, _ = load_nano(tmp_path)
    with torch.no_grad():
        assert torch.allclose(again(batch)[0], model(batch)[0], atol=0.05)
    assert again.config == NanoConfig(model.config.language, replace(eye))
