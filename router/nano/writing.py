"""What nano may write: a grammar over the call marks and the attached tools' tokens; all of it is valid and ends.

    answer  := reject end | (call phrase tool)* words end        not all of it empty
    phrase  := 1 to 24 plain tokens                               words := 0 to `room` plain tokens

The count check: at most MAX_CALLS calls, the same phrase for the same tool once; words do not begin before the calls
are done. The model chooses among what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from veclink.router.nano.layout import MAX_PHRASE
from veclink.router.nano.words import Words

MAX_CALLS = 8


class Writer:
    """The answer to one task while it is written.

    Args:
        words: the vocabulary.
        tools: id -> name of the tools that can be called now.
        room: tokens of words at most.
    """

    def __init__(self, words: Words, tools: Mapping[int, str], room: int) -> None:
        self.words, self.tools, self.room = words, tools, room
        self.ids: list[int] = []
        self.calls: list[tuple[str, str, int]] = []  # tool, phrase, index in `ids` of the tool's token
        self.rejected = self.done = False
        self._phrase: list[int] | None = None
        self._said: list[int] = []

    @property
    def answer(self) -> str:
        """The words written."""
        return self.words.text(self._said).strip()

    def allowed(self, blank: Tensor) -> Tensor:
        """(V,) bool of what may be written next; `blank` is (V,) bool of plain tokens."""
        mark, allowed = self.words.mark, blank.clone()
        if self.rejected:
            allowed[:] = False
            allowed[mark("end")] = True
        elif self._phrase is not None:
            tools = [i for i in self.tools if not self._repeats(i)]
            if self._phrase:
                allowed[tools] = True
            if len(self._phrase) >= MAX_PHRASE and tools:
                allowed &= ~blank
        else:
            if len(self._said) >= self.room:
                allowed[:] = False
            allowed[mark("end")] = bool(self.ids)
            if not self._said:
                allowed[mark("call")] = bool(self.tools) and len(self.calls) < MAX_CALLS
                allowed[mark("reject")] = not self.ids
        return allowed

    def add(self, token: int) -> None:
        """Write one of the allowed ids."""
        self.ids.append(token)
        if token == self.words.mark("end"):
            self.done = True
        elif token == self.words.mark("reject"):
            self.rejected = True
        elif token == self.words.mark("call"):
            self._phrase = []
        elif self._phrase is not None and token in self.tools:
            self.calls.append((self.tools[token], self.words.text(self._phrase).strip(), len(self.ids) - 1))
            self._phrase = None
        elif self._phrase is not None:
            self._phrase.append(token)
        else:
            self._said.append(token)

    def _repeats(self, token: int) -> bool:
        phrase = self.words.text(self._phrase or []).strip()
        return any((name, said) == (self.tools[token], phrase) for name, said, _ in self.calls)


def choose(writer: Writer, logits: Tensor, blank: Tensor) -> int:
    """The best allowed id of (V,) logits; not-a-number counts as the worst."""
    scores = torch.nan_to_num(logits.float(), nan=-torch.inf).masked_fill(~writer.allowed(blank), -torch.inf)
    return int(scores.argmax())
