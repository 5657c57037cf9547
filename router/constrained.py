"""Routing an untrained core: it writes tool names and words of the request under a grammar, so that what it writes is always valid.

What a core may write, line by line: a tool's name, a colon, a stretch of whole words copied from the request. Each tool at most
once; or, alone, `answer` (words are enough) or `reject` (none of the tools can do it). The grammar works on token ids: whatever the
model prefers, the result is valid and ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from veclink.router.core import Task, Written
from veclink.router.errors import ModelError
from veclink.router.families import Backbone, Prompt, Stream
from veclink.tools.tool import ToolSpec

if TYPE_CHECKING:
    from torch import Tensor

ANSWER, REJECT = "answer", "reject"
PHRASE_TOKENS = 32  # a phrase ends at the first whole word after as many
WORD = re.compile(r"[^\W_]+(?:['’._-][^\W_]+)*|\S")
WIDE = re.compile(r"[⺀-鿿가-힯豈-﫿]")  # scripts without blanks between words: each character is a word
ORDERS = (
    "Choose the tools that a request needs.\n\n{tools}\n- answer: words are enough; a question to be answered, a count, a chat.\n"
    "- reject: none of these tools can do it.\n\nFor each tool needed, in order, write one line: its name, a colon and the words of "
    "the request that it is about. When no tool is needed, write only answer or reject.\n\nRequest: "
)
EMPTY = "N/A"  # a request without content: what a core prefers for it is a habit, not an understanding


class HasBackbone(Protocol):
    """What this strategy needs of a core."""

    @property
    def backbone(self) -> Backbone: ...

    def prompt(self, task: Task, before: str = "", after: str = "") -> Prompt: ...


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
        self.units = list(units[:words[-1] + 1]) if words else []  # every path through it comes to a word at which it can end
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.alone = ""
        self.done = False
        self._forced: list[int] = []
        self._written: tuple[int, ...] = ()  # of the name being written
        self._live: set[tuple[int, int, int]] | None = None  # (first unit, unit, ids of it written), None outside a phrase
        self._ends: list[tuple[int, int]] = []  # (first unit, last unit) of phrases that may end here
        self._count = 0

    @property
    def at_start(self) -> bool:
        """Whether the next id begins a line."""
        return not self.done and not self._forced and self._live is None and not self._written

    def allowed(self) -> list[int]:
        """The ids that may follow, never empty before `done`."""
        if self.done:
            return []
        if self._forced:
            return self._forced[:1]
        if self._live is not None:
            if self._ends and (self._count >= PHRASE_TOKENS or not self._live):
                return [self.grammar.newline[0]]
            more = {self.units[unit].ids[offset] for _, unit, offset in self._live}
            return sorted(more | ({self.grammar.newline[0]} if self._ends else set()))
        at = len(self._written)
        open_ = {ids[at] for ids in self._open().values() if ids[:at] == self._written}
        if self.calls and not at:
            open_.add(self.grammar.end)
        return sorted(open_)

    def add(self, token: int) -> None:
        """Write one of the allowed ids."""
        if self._forced:
            self._forced.pop(0)
        elif self._live is not None:
            self._add_to_phrase(token)
        else:
            self._add_to_name(token)
        if not self._forced and self._live is None and not self._written and len(self.calls) == len(self.grammar.names):
            self.done = True

    def written(self) -> Written:
        return Written(tuple(self.calls), rejected=self.alone == REJECT)

    def _open(self) -> dict[str, tuple[int, ...]]:
        used = {name for name, _ in self.calls}
        names = {name: ids for name, ids in self.grammar.names.items() if name not in used}
        return names if self.calls else {**names, **self.grammar.alone}

    def _add_to_name(self, token: int) -> None:
        if self.calls and not self._written and token == self.grammar.end:
            self.done = True
            return
        self._written = (*self._written, token)
        for name, ids in self._open().items():
            if ids == self._written:
                self._written = ()
                if name in self.grammar.alone and not self.calls:
                    self.alone, self.done = name, True
                elif self.units:
                    self.calls.append((name, ()))
                    self._live = {(i, i, 0) for i, unit in enumerate(self.units) if unit.word}
                    self._ends, self._count = [], 0
                else:
                    self.calls.append((name, ()))
                    self._forced = list(self.grammar.newline)
                return

    def _add_to_phrase(self, token: int) -> None:
        assert self._live is not None
        if self._ends and token == self.grammar.newline[0]:
            first, last = self._ends[0]
            phrase = self.text[self.units[first].start:self.units[last].end]
            self.calls[-1] = (self.calls[-1][0], (phrase,))
            self._live, self._forced = None, list(self.grammar.newline[1:])
            return
        live, ends = set(), []
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
        pieces = [(match.start(), match.end())]
        if WIDE.search(match.group()):
            pieces = [(i, i + 1) for i in range(match.start(), match.end())]
        for start, end in pieces:
            blank = start == 0 or text[start - 1].isspace()
            ids = tuple(backbone.plain(f"{' ' if blank else ''}{text[start:end]}"))
            if ids:
                units.append(Unit(start, end, ids, text[end - 1].isalnum()))
    return units


class ConstrainedRouting:
    """Routes by constrained decoding over the tools' names, descriptions and examples. Needs no training.

    Args:
        core: whose model writes; may be given later by `bind`.
        calibration: how much of what the model prefers for an empty request is taken off its preference for a first tool, 0 to 1.
            Small models have strong habits; a large one loses nothing by it.
        batch: tasks written at once.
    """

    def __init__(self, core: HasBackbone | None = None, calibration: float = 1.0, batch: int = 32) -> None:
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
        stream = Stream(core.backbone, [core.prompt(task, self.orders()) for task in tasks])
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
            if habit is not None and writing.at_start and not writing.calls:
                scores = scores - self.calibration * habit[allowed]
            # not-a-number would make the choice depend on the machine
            allowed = [allowed[int(torch.nan_to_num(scores, nan=-torch.inf).argmax())]]
        writing.add(allowed[0])
        return allowed[0]

    def orders(self) -> str:
        """What stands before a request."""
        lines = [f"- {tool.name}: {tool.description.strip()} "
                 f"For example: {'; '.join(example.strip() for example in tool.examples[:2])}" for tool in self._tools]
        return ORDERS.format(tools="\n".join(lines).replace("{", "(").replace("}", ")"))

    def _ready(self) -> tuple[HasBackbone, Grammar]:
        if self._core is None:
            raise ModelError("a core for the routing to write with", "none", "give it to HubCore, or call bind(core)")
        if self._grammar is None:
            self._grammar = Grammar.of(self._core.backbone, [tool.name for tool in self._tools])
        return self._core, self._grammar

    def _habits(self) -> Tensor | None:
        """(V,) float32 logits of the first token for an empty request; made once for the attached tools."""
        if self._habit is None and self.calibration and self._core is not None:
            prompt = self._core.prompt(Task(EMPTY), self.orders())
            self._habit = Stream(self._core.backbone, [prompt]).logits[0]
        return self._habit
