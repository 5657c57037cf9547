"""Routing an untrained core: it writes tool names and words of the request under a grammar, so that all of it is valid.

What a core may write, line by line: a tool's name, a colon, a stretch of whole words copied from the request. Each tool
at most once; or, alone, `answer` (words are enough) or `reject` (none of the tools can do it). The grammar works on
token ids: whatever the model prefers, the result is valid and ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from veclink.router.core import ANSWER, REJECT, Task, Written
from veclink.router.errors import ModelError
from veclink.router.families import Backbone, Prompt, Stream, Turns
from veclink.tools.tool import ToolSpec

if TYPE_CHECKING:
    from torch import Tensor

PHRASE_TOKENS = 32  # a phrase ends at the first whole word after as many
NO_PHRASE = (-1, -1)  # the end of a line about a request without a word
WIDE = "[⺀-鿿가-힯豈-﫿]"  # scripts without blanks between words: each character is a word
NARROW = rf"(?:(?!{WIDE})[^\W_])"
WORD = re.compile(rf"{WIDE}|{NARROW}+(?:['’._-]{NARROW}+)*|\S")
ORDERS = (
    "Choose the tools that a request needs.\n\n{tools}\n- answer: words are enough; a question, a count, a chat.\n"
    "- reject: none of these tools can do it.\n\nFor each tool needed, in order, write one line: its name, a colon and "
    "the words of the request that it is about. When no tool is needed, write only answer or reject.\n\n"
)
CHAT, BEYOND = "Thank you, that was kind of you.", "Book a table for two at eight."
SHOWN = 8  # tools with an exchange of their own in the prompt
EMPTY = "N/A"  # a request without content: what a core prefers for it is a habit, not an understanding


class HasBackbone(Protocol):
    """What this strategy needs of a core."""

    @property
    def backbone(self) -> Backbone: ...

    def prompt(self, task: Task, before: str = "", turns: Turns = ()) -> Prompt: ...


@dataclass(frozen=True)
class Unit:
    """One word or sign of a request.

    Attributes:
        start, end: where it stands in the text.
        ids: as which it is written, never empty.
        word: whether a phrase may begin and end with it.
    """

    start: int
    end: int
    ids: tuple[int, ...]
    word: bool


@dataclass(frozen=True)
class Grammar:
    """What all requests to the same tools share.

    Attributes:
        names: tool name -> ids of the name and its colon; no sequence is the start of another.
        alone: `answer` and `reject` -> ids with the end.
        newline: ids between lines.
        end: the id that ends the writing.
    """

    names: Mapping[str, tuple[int, ...]]
    alone: Mapping[str, tuple[int, ...]]
    newline: tuple[int, ...]
    end: int

    @classmethod
    def of(cls, backbone: Backbone, tools: Sequence[str]) -> Grammar:
        """The grammar over these tools in this model's tokens.

        Raises:
            ModelError: two names are the same to the tokenizer, or a tool is called answer or reject.
        """
        end = (backbone.ends or [backbone.pad])[0]
        names = {name: tuple(backbone.plain(f"{name}:")) for name in tools}
        alone = {name: (*backbone.plain(name), end) for name in (ANSWER, REJECT)}
        every = [*names.values(), *alone.values()]
        clash = len(names.keys() & alone.keys()) or any(
            a == b[:len(a)] for i, a in enumerate(every) for j, b in enumerate(every) if i != j)
        if clash or any(not ids or ids == (end,) for ids in every):
            raise ModelError("tool names that the model's tokenizer tells apart", ", ".join([*tools, ANSWER, REJECT]),
                             "rename a tool or use another model")
        return cls(names, alone, tuple(backbone.newline), end)


class Writing:
    """What one request may still write, and what it has written.

    Args:
        grammar: of the tools.
        text: the request.
        units: its words, from `units_of`.
    """

    def __init__(self, grammar: Grammar, text: str, units: Sequence[Unit]) -> None:
        self.grammar, self.text = grammar, text
        words = [i for i, unit in enumerate(units) if unit.word]
        # up to the last word: every path through them comes to a word at which it can end
        self.units = list(units[:words[-1] + 1]) if words else []
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.alone = ""
        self.done = False
        self._forced: list[int] = []
        self._written: tuple[int, ...] = ()  # of the name being written
        # where the phrase may stand: (first unit, unit, ids of it written); None outside a phrase
        self._live: set[tuple[int, int, int]] | None = None
        self._ends: list[tuple[int, int]] = []  # phrases that may end here: (first unit, last unit)
        self._count = 0

    @property
    def at_start(self) -> bool:
        """Whether the next id is the first."""
        return not self.done and not self.calls and not self._written

    def allowed(self) -> list[int]:
        """The ids that may follow, never empty before `done`."""
        if self.done:
            return []
        if self._forced:
            return self._forced[:1]
        if self._live is not None:
            more = {self.units[unit].ids[offset] for _, unit, offset in self._live}
            return sorted(self._closing() | (set() if self._ends and self._count >= PHRASE_TOKENS else more))
        at = len(self._written)
        return sorted({ids[at] for ids in self._open().values() if ids[:at] == self._written})

    def add(self, token: int) -> None:
        """Write one of the allowed ids."""
        if self._forced:
            self._forced.pop(0)
        elif self._live is not None:
            self._add_to_phrase(token)
        else:
            self._add_to_name(token)

    def written(self) -> Written:
        return Written(tuple(self.calls), rejected=self.alone == REJECT)

    def _closing(self) -> set[int]:
        """Ids that end the line: the end, or a line break where a tool is left to follow."""
        if not self._ends:
            return set()
        left = len(self.calls) < len(self.grammar.names)
        return {self.grammar.end} | ({self.grammar.newline[0]} if left else set())

    def _open(self) -> dict[str, tuple[int, ...]]:
        used = {name for name, _ in self.calls}
        names = {name: ids for name, ids in self.grammar.names.items() if name not in used}
        return names if self.calls else {**names, **self.grammar.alone}

    def _add_to_name(self, token: int) -> None:
        self._written = (*self._written, token)
        name = next((name for name, ids in self._open().items() if ids == self._written), None)
        if name is None:
            return
        self._written = ()
        if name in self.grammar.alone and not self.calls:
            self.alone, self.done = name, True
            return
        self.calls.append((name, ()))
        self._live = {(i, i, 0) for i, unit in enumerate(self.units) if unit.word}
        self._ends = [] if self._live else [NO_PHRASE]
        self._count = 0

    def _add_to_phrase(self, token: int) -> None:
        assert self._live is not None
        if token in self._closing():
            first, last = self._ends[0]
            if (first, last) != NO_PHRASE:
                phrase = self.text[self.units[first].start:self.units[last].end]
                self.calls[-1] = (self.calls[-1][0], (phrase,))
            self.done = token == self.grammar.end
            self._live, self._forced = None, [] if self.done else list(self.grammar.newline[1:])
            return
        live: set[tuple[int, int, int]] = set()
        ends: list[tuple[int, int]] = []
        for first, unit, offset in sorted(self._live):
            ids = self.units[unit].ids
            if ids[offset] != token:
                continue
            if offset + 1 < len(ids):
                live.add((first, unit, offset + 1))
                continue
            if self.units[unit].word:
                ends.append((first, unit))
            if unit + 1 < len(self.units):
                live.add((first, unit + 1, 0))
        self._live, self._ends, self._count = live, ends, self._count + 1


def units_of(text: str, backbone: Backbone) -> list[Unit]:
    """The words and signs of a request, with the ids that write them after a blank where one stands before them."""
    units: list[Unit] = []
    for match in WORD.finditer(text):
        start, end = match.span()
        blank = start == 0 or text[start - 1].isspace()
        if ids := tuple(backbone.plain(f"{' ' if blank else ''}{match.group()}")):
            units.append(Unit(start, end, ids, text[end - 1].isalnum()))
    return units


class ConstrainedRouting:
    """Routes by constrained decoding over the tools' names, descriptions and examples. Needs no training.

    Always valid, and as right as the model is able: SmolLM2-135M chose the right tools for 9 of 30 requests to four
    tools (6 would be luck), so a small model wants a trained head, and this is for large ones.

    Args:
        core: whose model writes; may be given later by `bind`.
        calibration: how much of what the model prefers for an empty request is taken off its preference for a first
            tool, 0 to 1. Small models have strong habits.
        batch: tasks written at once.
    """

    def __init__(self, core: HasBackbone | None = None, calibration: float = 0.5, batch: int = 32) -> None:
        self._core = core
        self.calibration, self.batch = calibration, batch
        self._tools: tuple[ToolSpec, ...] = ()
        self._grammar: Grammar | None = None
        self._habit: Tensor | None = None

    def bind(self, core: HasBackbone) -> None:
        """Use this core's model, unless one was given."""
        self._core = self._core or core

    def attach(self, tools: Sequence[ToolSpec]) -> None:
        self._tools = tuple(tools)
        self._grammar = self._habit = None

    def write(self, tasks: Sequence[Task]) -> list[Written]:
        """One valid `Written` a task: at most one call a tool, phrases that are parts of the text.

        Raises:
            ModelError: no core was given, or its tokenizer cannot tell the tools apart.
        """
        written: list[Written] = []
        for start in range(0, len(tasks), self.batch):
            written += self._write(tasks[start:start + self.batch])
        return written

    def _write(self, tasks: Sequence[Task]) -> list[Written]:
        core, grammar = self._ready()
        writings = [Writing(grammar, task.text, units_of(task.text, core.backbone)) for task in tasks]
        stream = Stream(core.backbone, [core.prompt(task, self.orders(), self.turns()) for task in tasks])
        logits, habit = stream.logits, self._habits()
        while True:
            tokens = [self._choice(writing, row, habit) for writing, row in zip(writings, logits, strict=True)]
            if all(writing.done for writing in writings):
                return [writing.written() for writing in writings]
            logits = stream.step(tokens)

    def _choice(self, writing: Writing, logits: Tensor, habit: Tensor | None) -> int:
        """Write the best allowed id of one request; once it is done, anything may be appended to its row."""
        import torch

        if writing.done:
            return writing.grammar.end
        allowed = writing.allowed()
        if len(allowed) > 1:
            scores = logits[allowed]
            if habit is not None and writing.at_start:
                scores = scores - self.calibration * habit[allowed]
            # not-a-number would make the choice depend on the machine
            allowed = [allowed[int(torch.nan_to_num(scores, nan=-torch.inf).argmax())]]
        writing.add(allowed[0])
        return allowed[0]

    def orders(self) -> str:
        """What opens the prompt: the tools and how to choose."""
        lines = [f"- {tool.name}: {tool.description.strip()} For example: {'; '.join(tool.examples[:2])}"
                 for tool in self._tools]
        return ORDERS.replace("{tools}", "\n".join(lines))

    def turns(self) -> list[tuple[str, str]]:
        """Exchanges made of the tools' own examples that show how it is written: one tool, none, two."""
        shown = self._tools[:SHOWN]
        turns = [(tool.examples[0], f"{tool.name}: {tool.examples[0]}") for tool in shown]
        turns[1:1] = [(CHAT, ANSWER)]
        turns.append((BEYOND, REJECT))
        if len(shown) > 1:
            first, last = shown[0], shown[-1]
            turns.insert(3, (f"{first.examples[1]} and then {last.examples[1]}",
                             f"{first.name}: {first.examples[1]}\n{last.name}: {last.examples[1]}"))
        return turns

    def _ready(self) -> tuple[HasBackbone, Grammar]:
        if self._core is None:
            raise ModelError("a core for the routing to write with", "none", "give it to HubCore, or call bind(core)")
        if self._grammar is None:
            self._grammar = Grammar.of(self._core.backbone, [tool.name for tool in self._tools])
        return self._core, self._grammar

    def _habits(self) -> Tensor | None:
        """(V,) float32 logits of the first id for an empty request; made once for the attached tools."""
        if self._habit is None and self.calibration:
            core, _ = self._ready()
            self._habit = Stream(core.backbone, [core.prompt(Task(EMPTY), self.orders(), self.turns())]).logits[0]
        return self._habit
