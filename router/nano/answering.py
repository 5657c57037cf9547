"""A batch of tasks being answered: calls by the likeliest next token, words by a beam search over whole answers.

Where a number is in doubt the likeliest next token is often that of no likely answer: "There" goes on with "are", as
no, 2 and 3 together outdo 1, and then the 2 of "There are 2" stands for less than "There is 1" did. So what is said in
words is searched for once more from where they begin; calls, and what is read where they stand, stay as they were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from veclink.router.nano.language import Cache
from veclink.router.nano.layout import Batch
from veclink.router.nano.model import NanoModel
from veclink.router.nano.words import Words
from veclink.router.nano.writing import Writer, chances, choose


@dataclass(frozen=True)
class _Beam:
    """A way to go on in words: whose row it is, the writer with it, and the logarithm of its chance."""

    row: int
    writer: Writer
    chance: float = 0.0


class Answering:
    """Prompts that were read, the answers while they are written, and what can be read of both.

    Args:
        model: the network. batch: prompts, on its device.
    """

    def __init__(self, model: NanoModel, batch: Batch) -> None:
        self.model = model
        states, self.cache, self.features = model(batch)
        self.seen = batch.turns >= 0  # (B, columns)
        lengths = self.seen.sum(1)
        rows = torch.arange(len(lengths), device=states.device)
        self.last = states[rows, lengths - 1]
        self.width, self.lengths = batch.ids.shape[1], lengths

    def write(self, writers: list[Writer], beams: int = 1) -> list[Writer]:
        """Answers under the grammar, a writer a row, all rows together.

        Args:
            beams: ways to go on in words that are followed at once.
        """
        starts, before = self._greedy(writers)
        if beams < 2 or not starts:
            return writers
        found = self._search(list(starts), list(starts.values()), before, beams)
        return [found.get(row, writer) for row, writer in enumerate(writers)]

    def _greedy(self, writers: list[Writer]) -> tuple[dict[int, Writer], list[Tensor]]:
        """By the likeliest token: each row's writer where its words began, and the states (B, H) before each id."""
        words, language, device = writers[0].words, self.model.language, self.last.device
        blank = _plain(words)
        starts: dict[int, Writer] = {}
        before: list[Tensor] = []
        while True:
            before.append(self.last)
            logits = language.logits(self.last).float().cpu()
            fresh = torch.zeros(len(writers), 1, dtype=torch.bool)
            tokens = [words.mark("end")] * len(writers)
            for i, writer in enumerate(writers):
                if not writer.done:
                    tokens[i] = choose(writer, logits[i], blank)
                    if i not in starts and not writer.in_phrase and bool(blank[tokens[i]]):
                        starts[i] = writer.fork()
                    writer.add(tokens[i])
                    fresh[i] = True
            if all(writer.done for writer in writers):
                return starts, before
            self.seen = torch.cat([self.seen, fresh.to(device)], 1)
            x = language.embed_tokens(torch.tensor(tokens, device=device)[:, None])
            # a row that is done still takes a step, which nobody looks at
            mask = self.seen.clone()
            mask[:, -1] = True
            positions = (self.lengths + len(before) - 1)[:, None]
            states, self.cache = self.model.go_on(x, positions, mask[:, None, None], self.cache)
            self.last = states[:, 0]

    def _search(self, rows: list[int], starts: list[Writer], before: list[Tensor], beams: int) -> dict[int, Writer]:
        """The likeliest answers in words of rows, whose writers stand where their words begin."""
        device, language = self.last.device, self.model.language
        blank = _plain(starts[0].words)
        written = torch.tensor([len(writer.ids) for writer in starts])
        at, columns = torch.tensor(rows, device=device), self.width + int(written.max())
        cache = self._picked(self.cache, at, columns)
        seen = self.seen[at, :columns] & (torch.arange(columns) < self.width + written[:, None]).to(device)
        last = torch.stack([before[count][row] for row, count in zip(rows, written.tolist(), strict=True)])
        places = self.lengths[at] + written.to(device)
        alive = [_Beam(row, writer) for row, writer in zip(rows, starts, strict=True)]
        best = {row: _Beam(row, writer, -math.inf) for row, writer in zip(rows, starts, strict=True)}
        while True:
            alive, origins = _grown(alive, language.logits(last).float().cpu(), blank, best, beams)
            if not alive:
                return {row: beam.writer for row, beam in best.items()}
            index = torch.tensor(origins, device=device)
            seen = torch.cat([seen[index], seen.new_ones(len(index), 1)], 1)
            x = language.embed_tokens(torch.tensor([beam.writer.ids[-1] for beam in alive], device=device)[:, None])
            places = places[index]
            states, cache = self.model.go_on(x, places[:, None], seen[:, None, None], self._picked(cache, index))
            last, places = states[:, 0], places + 1

    def _picked(self, cache: Cache, rows: Tensor, columns: int | None = None) -> Cache:
        """Rows of a cache, and the first columns of its layers; what is counted (the last part) has none."""
        layers = cache if self.model.tally is None else cache[:-1]
        picked = [(keys[rows, :, :columns], values[rows, :, :columns]) for keys, values in layers]
        return picked + [(keys[rows], sure[rows]) for keys, sure in cache[len(layers):]]

    def squares(self, picture: int) -> Tensor:
        """What is seen of each square of one of the batch's pictures, see `Vision.squares`."""
        return self.model.vision.squares(self.features[picture:picture + 1])[0]

    def links(self, row: int, at: Sequence[int], queries: Sequence[Tensor]) -> list[Tensor]:
        """(N, H) of each set of queries after the `at`-th id that was written in a row."""
        if not queries:
            return []
        device = self.last.device
        steps = torch.tensor(list(at), device=device)
        columns = torch.arange(self.seen.shape[1], device=device)
        seen = self.seen[row] & (columns <= self.width + steps[:, None])
        rows = torch.full((len(queries),), row, device=device)
        return self.model.read_links(self.cache, seen, self.lengths[row] + steps, rows, queries)


def _plain(words: Words) -> Tensor:
    """(V,) bool of plain tokens."""
    plain = torch.zeros(words.config.vocabulary, dtype=torch.bool)
    plain[: words.config.words] = True
    return plain


def _grown(alive: Sequence[_Beam], logits: Tensor, plain: Tensor, best: dict[int, _Beam], beams: int
           ) -> tuple[list[_Beam], list[int]]:
    """The likeliest beams one token longer, so many a row, and from which each came; whole answers go to `best`."""
    ways: dict[int, list[tuple[float, int, int]]] = {beam.row: [] for beam in alive}
    for place, beam in enumerate(alive):
        likely, tokens = chances(beam.writer, logits[place], plain).topk(beams)
        ways[beam.row] += [(beam.chance + chance, place, token)
                           for chance, token in zip(likely.tolist(), tokens.tolist(), strict=True)]
    grown: list[_Beam] = []
    origins: list[int] = []
    for row, each in ways.items():
        for chance, place, token in sorted(each, reverse=True)[:beams]:
            if chance <= best[row].chance:
                break
            writer = alive[place].writer.fork()
            writer.add(token)
            if writer.done:
                best[row] = _Beam(row, writer, chance)
            else:
                grown.append(_Beam(row, writer, chance))
                origins.append(place)
    return grown, origins
