"""A part of nano's test split whose samples are drawn once for all tests."""

from __future__ import annotations

from veclink.agent.measure.nano.cases import Block, Part
from veclink.router.nano.samples import Sample


class Kept(Part):
    """A part whose samples are drawn once for all tests."""

    drawn: dict[tuple[str, int, bool, int], Sample] = {}  # noqa: RUF012 - shared on purpose

    def __init__(self, split: str = "test", seed: int = 0, held_out: bool = False) -> None:
        super().__init__(split, seed, held_out)
        self.key = (split, seed, held_out)

    def block(self, first: int, count: int) -> Block:
        samples = [self.drawn.setdefault((*self.key, i), None) or self._draw(i)  # type: ignore[arg-type]  # filled at once
                   for i in range(first, first + count)]
        return Block(first, samples, {tool: role for role, tool in self.tools.items()})

    def _draw(self, index: int) -> Sample:
        self.drawn[(*self.key, index)] = self.stream.sample(index)
        return self.drawn[(*self.key, index)]
