"""The order in which pictures, regions, words and answers stand, and batches of it.

    begin, picture tokens of each picture, then a turn:
    regions, (before, phrase)..., the user's words, answer, (call, phrase, tool)..., words, end

Several turns may share a picture: each sees the pictures and itself, no other turn, and its positions go on from the
pictures'. So each turn reads as if it were alone, and a picture is paid for once. Rows are padded on the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from veclink.router.core import Task
from veclink.router.nano.samples import REGION, Call, Sample, Turn
from veclink.router.nano.vision import VisionConfig, describe, letterbox
from veclink.router.nano.words import PICTURE, REGION_ID, Words
from veclink.tools.regions import Region

MAX_WORDS = 200  # tokens of a user's text that are read
MAX_PHRASE = 24  # tokens of a phrase
IGNORED = -100


@dataclass
class Row:
    """One sequence.

    Attributes:
        ids: token ids, PICTURE and REGION_ID.
        targets: what is to be written after each of them; IGNORED where nothing is learned.
        positions, turns: of each id; turn 0 is the part that all turns share.
        pictures: in order, (H, W, 3) uint8. regions: in order, with their pictures.
        calls: (call, its index among the turns, index in `ids` of its tool's token).
    """

    ids: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    pictures: list[np.ndarray] = field(default_factory=list)
    regions: list[tuple[Region, int]] = field(default_factory=list)  # and the index of its picture
    calls: list[tuple[Call, int, int]] = field(default_factory=list)

    def add(self, ids: Sequence[int], turn: int = 0, learned: bool = False) -> None:
        """Append ids to a turn; where they are learned, what stands before them is to be followed by them."""
        if not ids:
            return
        goes_on = self.turns and self.turns[-1] == turn  # a new turn begins where the shared part ended
        position = self.positions[-1] + 1 if goes_on else self.turns.count(0)
        if learned:
            self.targets[-1] = ids[0]
        self.ids += ids
        self.targets += [*ids[1:], IGNORED] if learned else [IGNORED] * len(ids)
        self.positions += range(position, position + len(ids))
        self.turns += [turn] * len(ids)

    def answering(self, turn: int) -> list[int]:
        """Indices in `ids` of where a turn's answer begins to be written, and of its routing tokens."""
        written = (i for i, of in enumerate(self.turns) if of == turn and self.targets[i] != IGNORED)
        return [*islice(written, 1), *(at for _, of, at in self.calls if of == turn - 1)]


@dataclass(eq=False)
class Batch:
    """Rows as tensors; T is the longest row's length.

    Attributes:
        ids, targets, positions, turns: (B, T) int64; turns is -1 where there is padding.
        pictures: (P, 3, height, width) uint8 on the canvas, in the order of the rows.
        shares, geometry: of all regions, see `vision.describe`; owners: (R,) which of the pictures each is in.
        several: whether a row has more than one turn.
    """

    ids: Tensor
    targets: Tensor
    positions: Tensor
    turns: Tensor
    pictures: Tensor
    shares: Tensor
    geometry: Tensor
    owners: Tensor
    several: bool

    def to(self, device: torch.device) -> Batch:
        """The batch with all its tensors there."""
        moved = {k: v.to(device, non_blocking=True) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)

    def mask(self) -> Tensor:
        """(B, T, T) bool: who looks at whom. Padding looks at the start, so that no row of it is empty."""
        count = self.ids.shape[1]
        causal = torch.ones(count, count, dtype=torch.bool, device=self.ids.device).tril()
        to = self.turns[:, None, :]
        mask = causal & ((to == 0) | (to == self.turns[:, :, None])) & (to >= 0)
        mask[:, :, 0] = True
        return mask


def prompt_row(words: Words, vision: VisionConfig, task: Task) -> Row:
    """A task up to where its answer begins."""
    row = _shared(words, vision, task.images)
    _ask(row, words, Turn(task.text, "?", regions=task.regions, before=task.before), 1)
    return row


def sample_row(words: Words, vision: VisionConfig, sample: Sample) -> Row:
    """A sample with all its turns and answers.

    Raises:
        KeyError: a call names a tool that the model has no slot for.
    """
    row = _shared(words, vision, () if sample.picture is None else (sample.picture,))
    for index, turn in enumerate(sample.turns, 1):
        _ask(row, words, turn, index)
        if turn.rejected:
            row.add([words.mark("reject")], index, True)
        for call in turn.calls:
            row.add([words.mark("call"), *words.ids(call.phrase.strip(), MAX_PHRASE), words.tools[call.tool]], index,
                    True)
            row.calls.append((call, index - 1, len(row.ids) - 1))
        row.add([*words.ids(turn.words.strip()), words.mark("end")], index, True)
    return row


def _shared(words: Words, vision: VisionConfig, pictures: Sequence[np.ndarray]) -> Row:
    row = Row(pictures=list(pictures))
    row.add([words.mark("begin"), *[PICTURE] * (vision.tokens * len(pictures))])
    return row


def _ask(row: Row, words: Words, turn: Turn, index: int) -> None:
    """The user's side of a turn."""
    pieces = turn.text.strip().split(REGION)
    placed = min(len(pieces) - 1, len(turn.regions))
    ids: list[int] = [REGION_ID] * (len(turn.regions) - placed)
    for phrase in turn.before:
        ids += [words.mark("before"), *words.ids(phrase.strip(), MAX_PHRASE)]
    room = MAX_WORDS
    for number, piece in enumerate(pieces):
        found = words.ids(piece if number <= placed else REGION + piece, room)
        ids += [*([REGION_ID] if 0 < number <= placed else ()), *found]
        room -= len(found)
    # in the order of their ids: those without a place stand first
    row.regions += [(region, region.image) for region in [*turn.regions[placed:], *turn.regions[:placed]]]
    row.add([*ids, words.mark("answer")], index)


def collate(rows: Sequence[Row], vision: VisionConfig) -> Batch:
    """Rows as a batch on the CPU."""
    longest = max(len(row.ids) for row in rows)

    def table(name: str, fill: int) -> Tensor:
        return torch.tensor([[*getattr(row, name), *[fill] * (longest - len(row.ids))] for row in rows])

    pictures = [picture for row in rows for picture in row.pictures]
    canvas = np.stack([letterbox(p, vision) for p in pictures]) if pictures else np.zeros(
        (0, vision.height, vision.width, 3), np.uint8)
    firsts = np.cumsum([0, *(len(row.pictures) for row in rows)])
    regions = [(region, row.pictures[image], int(first) + image)
               for row, first in zip(rows, firsts[:-1], strict=True) for region, image in row.regions]
    if regions:
        shares, geometry = describe([(region, picture) for region, picture, _ in regions], vision)
    else:
        shares, geometry = torch.zeros(0, *vision.grid), torch.zeros(0, 1)
    return Batch(table("ids", 0), table("targets", IGNORED), table("positions", 0), table("turns", -1),
                 torch.from_numpy(canvas).permute(0, 3, 1, 2).contiguous(), shares, geometry,
                 torch.tensor([owner for _, _, owner in regions], dtype=torch.long),
                 any(max(row.turns) > 1 for row in rows))
