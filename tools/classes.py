"""Class space: the words of a phrase as one weight for each class that a closed-vocabulary network knows.

A noun is looked up in a hand-written lexicon (data/coco_words.yaml), then among its near spellings, then by meaning
with a small text model. What none of the classes is gets zeros, so that nothing is found rather than something
invented.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from veclink.tools import selection
from veclink.tools.errors import WeightsError
from veclink.tools.phrases import Phrase, parse_all
from veclink.tools.weights import cache_folder
from veclink.tools.words import singular

Embed = Callable[[Sequence[str]], Tensor]
LEXICON = Path(__file__).parent / "data" / "coco_words.yaml"
# cosine above which a word means its nearest entry; tests/test_detect.py measures it on words in no list here
NEAR = 0.7
MANY = 99  # slips: another word
NEAR_GROUP = 0.8  # the same where that entry stands for several classes
NEAR_NAME = 0.6  # the same against bare class names, with no outside words to compare with


@cache
def lexicon() -> dict[str, Any]:
    """The four tables of the lexicon file: words, groups, outside, lookalikes."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(LEXICON.read_text("utf8"), loader)


def small_text_model(phrases: Sequence[str]) -> Tensor:
    """`veclink.tools.text.embed`, imported when it is first needed."""
    from veclink.tools.text import embed

    return embed(phrases)


class ClassSpace:
    """The classes of one network and the words for them.

    Args:
        names: the network's classes in its order. Those that COCO has bring the lexicon's words with them.
        embed: phrases to (n, d) unit vectors, or None to do without meaning.

    A closed vocabulary knows no colours or deeds: "the red car" means car.
    """

    def __init__(self, names: Sequence[str], embed: Embed | None = small_text_model) -> None:
        self.names = tuple(names)
        self.embed = embed
        self.entries: dict[str, tuple[int, ...]] = {}
        index = {name.lower(): i for i, name in enumerate(self.names)}
        words, groups = lexicon()["words"], lexicon()["groups"]
        for group, members in groups.items():
            if held := tuple(index[m] for m in members if m in index):
                self.entries[group] = held
        for name, others in words.items():
            if name in index:
                self.entries.update(dict.fromkeys(others, (index[name],)))
        self.entries.update({name: (i,) for name, i in index.items()})
        self.entries.update({singular(name): (i,) for name, i in index.items()})
        self.whole = set(words) <= set(index)  # then the outside words hold
        self.outside = frozenset(lexicon()["outside"]) - self.entries.keys() if self.whole else frozenset()
        self._right = frozenset(word for entry in (*self.entries, *self.outside) for word in entry.split())
        self._vectors: tuple[list[str], Tensor] | None = None
        self._meanings: dict[str, tuple[int, ...]] = {}

    @property
    def size(self) -> int:
        """Length of a condition's row: classes and selection."""
        return len(self.names) + selection.SIZE

    def condition(self, text: str) -> Tensor:
        """(1, classes + selection) float32: what a phrase asks for. Several nouns share one selection, see `joined`."""
        phrases = parse_all(text)
        weights = np.max([self.weights(phrase) for phrase in phrases], axis=0)
        row = np.concatenate([weights, joined(phrases)])
        return torch.from_numpy(row.astype(np.float32))[None]

    def weights(self, phrase: Phrase) -> np.ndarray:
        """(classes,) float32, 1 for what the phrase means and 0 elsewhere."""
        out = np.zeros(len(self.names), np.float32)
        if phrase.everything:
            out[:] = 1
        else:
            after = phrase.qualifiers[-1] if phrase.qualifiers else ""
            out[list(self.meaning(phrase.noun, after))] = 1
        for noun in phrase.exclude:
            out[list(self.meaning(noun))] = 0
        return out

    def meaning(self, noun: str, after: str = "") -> tuple[int, ...]:
        """The classes that a noun means; empty for none.

        Args:
            noun: lower-case words, the last one the noun itself: "red sports car".
            after: what follows it: "of wine" makes another thing of "glass".
        """
        key = f"{noun}|{after}"
        if key not in self._meanings:
            found = self._looked_up(noun, after)
            self._meanings[key] = self._nearest(noun) if found is None else found
        return self._meanings[key]

    def _looked_up(self, noun: str, after: str) -> tuple[int, ...] | None:
        """By the lexicon: the longest ending of the noun that it holds, spelled right or nearly; None for none."""
        tokens = noun.split()
        endings = [" ".join(tokens[i:]) for i in range(len(tokens))]
        if after.startswith("of "):  # "glass of wine"
            tail = " ".join(after.split()[:2])
            endings = [f"{form} {tail}" for form in _forms(endings[-1])] + endings if endings else endings
        for ending in endings:
            for form in _forms(ending):
                if form in self.entries:
                    return self.entries[form]
                if form in self.outside:
                    return ()
            if (entry := self._spelled(ending)) is not None:
                return self.entries[entry]
        return None

    def _spelled(self, noun: str) -> str | None:
        """The entry of which the noun is a misspelling: each word of it right or at most a slip or two away."""
        for form in reversed(_forms(noun)):
            tokens = form.split()
            best: tuple[int, str] | None = None
            for entry in self.entries:
                others = entry.split()
                if len(others) != len(tokens) or entry[0] != form[0]:
                    continue
                slips = [self._slips(a, b) for a, b in zip(tokens, others, strict=True)]
                total = sum(MANY if n is None else n for n in slips)
                if total < MANY and (best is None or total < best[0]):
                    best = (total, entry)
            if best is not None:
                return best[1]
        return None

    def _slips(self, word: str, other: str) -> int | None:
        """Slips that make one word of another: one in words of four to six letters, two in longer ones; None for more.

        A word of the lexicon, or one listed as a lookalike, is no misspelling of another.
        """
        if word == other:
            return 0
        if len(word) < 4 or word[0] != other[0] or word in self._right or word in _lookalikes():
            return None
        if re.sub(r"(.)\1", r"\1", word) == re.sub(r"(.)\1", r"\1", other):  # a letter doubled, or not
            return 0
        if len(other) < 4:
            return None
        most = 2 if max(len(word), len(other)) >= 7 else 1
        slips = distance(word, other, most)
        return slips if slips <= most else None

    def _nearest(self, noun: str) -> tuple[int, ...]:
        """By meaning: the entry whose vector is nearest, where it is near enough and no outside word is nearer.

        Of several words the last one alone must mean the same: a bird cage is no bird.
        """
        if self.embed is None or not noun:
            return ()
        tokens = _forms(noun)[-1].split()
        asked = list(dict.fromkeys((" ".join(tokens[-2:]), tokens[-1])))
        try:
            entries, vectors = self._table()
            likeness = self.embed(asked) @ vectors.T
        except WeightsError:  # without the text model, lexicon and spelling must do
            self.embed = None
            return ()
        meanings = [self._near(entries, row) for row in likeness]
        return meanings[0] if all(m == meanings[0] for m in meanings) else ()

    def _near(self, entries: list[str], likeness: Tensor) -> tuple[int, ...]:
        best = int(likeness.argmax())
        classes = self.entries.get(entries[best], ())
        least = NEAR if self.whole else NEAR_NAME
        if len(classes) > 1:  # near a group is most often one of its kind that the network does not know
            least = NEAR_GROUP
        return classes if float(likeness[best]) >= least else ()

    def _table(self) -> tuple[list[str], Tensor]:
        """The entries, then the outside words, with their (n, d) vectors."""
        if self._vectors is None:
            assert self.embed is not None
            known = sorted({*self.entries, *self.outside}, key=lambda word: (len(word), word))
            self._vectors = known, _kept(known) if self.embed is small_text_model else self.embed(known)
        return self._vectors


def _kept(known: list[str]) -> Tensor:
    """The small text model's vectors of these words, from the cache folder or made and kept there: it takes seconds."""
    from safetensors.torch import load_file, save_file

    from veclink.tools.text import MODEL

    digest = hashlib.blake2b("\n".join([MODEL, *known]).encode(), digest_size=12).hexdigest()
    file = cache_folder() / "words" / f"{digest}.safetensors"
    if file.exists():
        return load_file(file)["vectors"].float()
    vectors = small_text_model(known)
    with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        save_file({"vectors": vectors.half()}, part)
        part.replace(file)
    return vectors.half().float()


def joined(phrases: Sequence[Phrase]) -> np.ndarray:
    """(selection.SIZE,) one selection for a list of phrases.

    A condition has one: where all phrases have the same it is theirs. Where they differ ("the leftmost person and the
    bus") none fits all, and everything of the nouns is kept rather than something lost; give such phrases one by one.
    """
    vectors = [selection.to_vector(phrase) for phrase in phrases]
    if all(np.array_equal(vectors[0], other) for other in vectors[1:]):
        return vectors[0]
    return np.zeros(selection.SIZE, np.float32)


def distance(a: str, b: str, most: int) -> int:
    """Slips between two words: letters added, left out, changed, or two neighbours swapped; at most `most` + 1."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            slips = min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                slips = min(slips, earlier[j - 2] + 1)
            row.append(slips)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


@cache
def _lookalikes() -> frozenset[str]:
    return frozenset(str(word) for word in lexicon().get("lookalikes", ()))


def _forms(noun: str) -> tuple[str, ...]:
    """The noun as it is and with its last word in the singular."""
    start, _, last = noun.rpartition(" ")
    one = f"{start} {singular(last)}".strip()
    return (noun, one) if one != noun else (noun,)
