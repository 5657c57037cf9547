"""nano's words: a small byte-level tokenizer and the control ids, which no text can produce.

The tokenizer knows plain text alone. Control ids lie above its vocabulary: the marks of the layout, a refusal, and one
slot a tool. So nothing that a user writes can become one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from veclink.router.errors import ModelError

MARKS = ("begin", "answer", "end", "call", "reject", "before")  # in the order of their ids
PICTURE, REGION_ID = -1, -2  # stand in a row of ids for the next picture token, the next region


@dataclass(frozen=True)
class WordsConfig:
    """The control ids.

    Attributes:
        words: size of the tokenizer's vocabulary.
        slots: ids for tools.
        tools: tool name -> slot, those that training taught.
    """

    words: int
    slots: int
    tools: Mapping[str, int]

    @property
    def vocabulary(self) -> int:
        """All ids."""
        return self.words + len(MARKS) + self.slots


class Words:
    """Text to ids and back.

    Args:
        config: the control ids.
        tokenizer: JSON text of a `tokenizers` tokenizer without added tokens.

    Raises:
        ModelError: the tokenizer knows other than `config.words` tokens.
    """

    def __init__(self, config: WordsConfig, tokenizer: str) -> None:
        from tokenizers import Tokenizer

        self.config, self.json = config, tokenizer
        self._tokenizer: Any = Tokenizer.from_str(tokenizer)
        size = self._tokenizer.get_vocab_size()
        if size != config.words or any(not 0 <= slot < config.slots for slot in config.tools.values()):
            raise ModelError(f"a tokenizer of {config.words} words, tools in {config.slots} slots",
                             f"{size} words, slots {sorted(config.tools.values())}", "get the model's folder again")

    def mark(self, name: str) -> int:
        """The id of one of MARKS."""
        return self.config.words + MARKS.index(name)

    def slot(self, index: int) -> int:
        """The id of a tool's slot."""
        return self.config.words + len(MARKS) + index

    @cached_property
    def tools(self) -> dict[str, int]:
        """Tool name -> id, of those that training taught."""
        return {name: self.slot(slot) for name, slot in self.config.tools.items()}

    def with_tools(self, names: Iterable[str]) -> Words:
        """The same with a free slot for each of these tools that training did not teach.

        Which one hangs on the tool's name, so that a link finds the slot that it was learned with whatever other tools
        there are; only two of the same slot have to give way.

        Raises:
            ModelError: more of them than free slots.
        """
        new = sorted({name for name in names if name not in self.config.tools})
        free = sorted(set(range(self.config.slots)) - set(self.config.tools.values()))
        if len(new) > len(free):
            raise ModelError(f"at most {len(free)} tools that nano was not taught", f"{len(new)}", "attach fewer")
        tools = dict(self.config.tools)
        for name in new:
            wished = zlib.crc32(name.encode()) % self.config.slots
            tools[name] = min(free, key=lambda slot: (slot - wished) % self.config.slots)
            free.remove(tools[name])
        return Words(replace(self.config, tools=tools), self.json)

    def ids(self, text: str, room: int | None = None) -> list[int]:
        """Ids of plain text, the first `room` of them."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids[:room]

    def text(self, ids: Sequence[int]) -> str:
        """Plain text of ids; control ids are left out."""
        return self._tokenizer.decode([i for i in ids if 0 <= i < self.config.words], skip_special_tokens=False)
