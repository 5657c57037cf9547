"""A nano of a few thousand random numbers, and samples for it."""

from __future__ import annotations

import numpy as np
import torch

from veclink.router.nano.core import NanoCore
from veclink.router.nano.language import LanguageConfig
from veclink.router.nano.model import NanoConfig, NanoModel
from veclink.router.nano.samples import REGION, Call, Sample, Turn
from veclink.router.nano.vision import VisionConfig
from veclink.router.nano.words import Words, WordsConfig
from veclink.tools.regions import Region
from veclink.tools.tool import ToolSpec

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


def found(*things: tuple[int, int, float, tuple[float, float, float]]) -> torch.Tensor:
    """(1, 4, 6, 4) of things at (row, column), so sure, with these tags."""
    grid = torch.zeros(1, 4, 6, 4)
    for row, column, sure, tags in things:
        grid[0, row, column] = torch.tensor([sure, *tags])
    return grid
