"""What nano may write: a grammar over the call marks and the attached tools' tokens; all of it is valid and ends.

    answer  := reject end | (call phrase tool)* words end        not all of it empty
    phrase  := 1 to 24 plain tokens                               words := 0 to `room` plain tokens

The count check: at most MAX_CALLS calls, the same phrase for the same tool once; words do not begin before the calls
are done. The model chooses among what is allowed; only a tool that training did not teach is chosen by its name: where
the user's words name it ("spotlight the cows"), it gets the phrase that follows.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from veclink.router.nano.layout import MAX_PHRASE
from veclink.router.nano.words import Words

MAX_CALLS = 8
EAGER = 1.0  # added to the logit of a first call: one too many is seen at once, one too few leaves a task undone
_NEXT = re.compile(r"[,;.:!?]|\b(?:and|then)\b")  # between what is asked of one tool and of the next


class Writer:
    """The answer to one task while it is written.

    Args:
        words: the vocabulary.
        tools: id -> name of the tools that can be called now.
        room: tokens of words at most.
        text: the user's words. untaught: those of the tools that are called by their names alone.
    """

    def __init__(self, words: Words, tools: Mapping[int, str], room: int, text: str = "", untaught: Sequence[int] = ()
                 ) -> None:
        self.words, self.tools, self.room = words, tools, room
        self.text = " ".join(text.lower().split())
        self._named = {token: found.span() for token in untaught
                       if (found := re.search(rf"\b{tools[token].replace('_', '[ _]')}\b", self.text))}
        self._forced = False
        self.ids: list[int] = []
        self.calls: list[tuple[str, str, int]] = []  # tool, phrase, index in `ids` of the tool's token
        self.rejected = self.done = False
        self._phrase: list[int] | None = None
        self._said: list[int] = []

    @property
    def answer(self) -> str:
        """The words written."""
        return self.words.text(self._said).strip()

    @property
    def in_phrase(self) -> bool:
        """Whether a call's phrase is being written."""
        return self._phrase is not None

    @property
    def speaks(self) -> bool:
        """Whether words of the answer are written already."""
        return bool(self._said)

    def fork(self) -> Writer:
        """Another that goes on from here on its own."""
        other = copy.copy(self)
        other._named, other.ids, other.calls = dict(self._named), list(self.ids), list(self.calls)
        other._phrase = None if self._phrase is None else list(self._phrase)
        other._said = list(self._said)
        return other

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

    def heed(self, token: int, allowed: Tensor) -> int:
        """The id to write: `token`, which the model prefers of what is allowed, or what the user called by name."""
        call = self.words.mark("call")
        if not self._named:
            return token
        if self._phrase is None:
            self._forced = token != call and bool(allowed[call])
            return call if self._forced else token
        if token not in self.tools:
            return token
        phrase = self.words.text(self._phrase).strip().lower()
        return next((tool for tool, span in self._named.items()
                     if (self._forced or self._follows(span, phrase)) and allowed[tool]), token)

    def _follows(self, span: tuple[int, int], phrase: str) -> bool:
        """Whether a phrase comes right after a name in the user's words, with nothing between that ends a wish."""
        at = self.text.find(phrase, span[1])  # in other words than the user's it is all that comes after
        if at < 0 and phrase in self.text:
            return False
        return not _NEXT.search(self.text[span[1]: at if at >= 0 else None].strip(" :,.!?"))

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
            self._named.pop(token, None)
        elif self._phrase is not None:
            self._phrase.append(token)
        else:
            self._said.append(token)

    def _repeats(self, token: int) -> bool:
        phrase = self.words.text(self._phrase or []).strip()
        return any((name, said) == (self.tools[token], phrase) for name, said, _ in self.calls)


def choose(writer: Writer, logits: Tensor, blank: Tensor) -> int:
    """The best allowed id of (V,) logits, or what was asked for by name; not-a-number counts as the worst."""
    allowed = writer.allowed(blank)
    scores = torch.nan_to_num(logits.float(), nan=-torch.inf).masked_fill(~allowed, -torch.inf)
    if not writer.ids:
        scores[writer.words.mark("call")] += EAGER
    return writer.heed(int(scores.argmax()), allowed)


def chances(writer: Writer, logits: Tensor, blank: Tensor) -> Tensor:
    """(V,) logarithms of the chances of what may go on an answer in words, which begins with a plain token."""
    allowed = writer.allowed(blank) if writer.speaks else writer.allowed(blank) & blank
    scores = torch.nan_to_num(logits.float(), nan=-torch.inf).masked_fill(~allowed, -torch.inf)
    return scores.log_softmax(-1)
