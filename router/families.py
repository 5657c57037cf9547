"""How words and pictures enter a Hugging Face model, the same for every family.

A prompt is built in three pieces: what stands before the user's words (the chat template's head, with the pictures'
placeholders expanded by the model's own processor), the user's words, and the template's end. Each piece is turned into
token ids by itself and the ids are joined, so that nothing a user writes can become a control token, a picture
placeholder or a routing token.
"""

from __future__ import annotations

import copy
import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from veclink.router.errors import ModelError, TaskError
from veclink.tools.tool import digest

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MARK = "QZUSERTEXTZQ"  # stands for the user's words while the chat template is filled in
ROOM = 160  # tokens kept free for the answer
HEADS = 16  # prompt heads with processed pictures that are remembered
DIGESTS = "veclink_digests"  # attribute of a batch's pixels
STARTS = 4  # beginnings of prompts whose cache is remembered
WORTH = 16  # shortest common beginning, in tokens, that gets a cache
VISIONS = 4  # batches of picture features that are remembered


Turns = Sequence[tuple[str, str]]
Head: TypeAlias = "tuple[list[int], dict[str, list[int]], dict[str, Tensor]]"  # ids, kinds, pictures


@dataclass(frozen=True, eq=False)
class Prompt:
    """One task as a model takes it.

    Attributes:
        ids: token ids.
        kinds: what the processor says of each token besides its id ("mm_token_type_ids", ...), as long as `ids`.
        pictures: what the processor made of the pictures ("pixel_values", "image_grid_thw", ...).
        digests: of the pictures, in order.
        fixed: how many of the first ids stand before the first picture and the user's words.
    """

    ids: list[int]
    kinds: Mapping[str, list[int]]
    pictures: Mapping[str, Tensor]
    digests: tuple[str, ...] = ()
    fixed: int = 0


class Backbone:
    """A loaded model with its tokenizer or processor.

    Args:
        model: a causal or image-text-to-text model of transformers. It is frozen; thaw what you train.
        processor: its processor, or its tokenizer where it takes words alone.

    Attributes:
        sees: whether pictures enter it.
        hidden: H, the width of its hidden states.
        cachable: whether all layers look at everything before them, so that a cache can be masked in the middle.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self.model = model.eval().requires_grad_(False)
        self.base = model.base_model
        self.tokenizer = getattr(processor, "tokenizer", processor)
        self.processor = processor if hasattr(processor, "image_processor") else None
        self.config = model.config.get_text_config()
        self.hidden: int = self.config.hidden_size
        self.sees = self.processor is not None
        self._heads: OrderedDict[Any, Head] = OrderedDict()
        self._visions: OrderedDict[Any, Any] = OrderedDict()
        self._starts_read: OrderedDict[Any, Any] = OrderedDict()
        self._frame = lru_cache(32)(self._render)
        self._added = 0
        self._note_added()
        if hasattr(self.base, "get_image_features"):
            self.base.get_image_features = self._remembering()

    # -- facts -----------------------------------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        return self.model.get_input_embeddings().weight.device

    @cached_property
    def cachable(self) -> bool:
        kinds = getattr(self.config, "layer_types", None)
        sliding = getattr(self.config, "sliding_window", None) if kinds is None else None
        full = sliding is None and all(kind == "full_attention" for kind in kinds or ())
        return full and not getattr(self.model, "_is_stateful", False)

    @property
    def version(self) -> int:
        """Changes whenever a weight is changed in place, so that nothing stale is remembered through training."""
        return sum(weight._version for weight in self.model.parameters())

    @cached_property
    def pad(self) -> int:
        """The id that fills rows up; it is never attended to."""
        return next((i for i in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id) if i is not None), 0)

    @cached_property
    def ends(self) -> list[int]:
        """Ids that end an answer."""
        known = getattr(self.model, "generation_config", None)
        ids = getattr(known, "eos_token_id", None)
        found = list(ids) if isinstance(ids, list | tuple) else [ids] if ids is not None else []
        if self.tokenizer.eos_token_id is not None and self.tokenizer.eos_token_id not in found:
            found.insert(0, self.tokenizer.eos_token_id)
        return found

    @cached_property
    def newline(self) -> list[int]:
        """The ids of a line break inside a text."""
        return self.plain("a\n")[len(self.plain("a")):] or self.ends[:1] or [self.pad]

    @cached_property
    def _accepted(self) -> set[str]:
        return set(inspect.signature(self.base.forward).parameters)

    # -- tokens ----------------------------------------------------------------------------------------------------

    def add_tokens(self, tokens: Sequence[str]) -> list[int]:
        """Make each text one token of the vocabulary; its embedding starts as the mean of its name's pieces.

        Raises:
            ModelError: the tokenizer does not keep one of them whole.
        """
        import torch

        known = self.tokenizer.get_vocab()
        new = [token for token in tokens if token not in known]
        if new:
            self.tokenizer.add_tokens(new, special_tokens=True)
            self._note_added()
        ids: list[int] = []
        for token in tokens:
            got = self.tokenizer.encode(f"a {token} b", add_special_tokens=False)
            alone = self.tokenizer.convert_tokens_to_ids(token)
            if got.count(alone) != 1 or alone == getattr(self.tokenizer, "unk_token_id", None):
                raise ModelError(f"{token} as one token", f"ids {got}", "rename the tool or use another model")
            ids.append(alone)
        table = self.model.get_input_embeddings()
        if len(self.tokenizer) > table.weight.shape[0]:
            self.model.resize_token_embeddings(len(self.tokenizer), mean_resizing=False)
            self.model.requires_grad_(False)
        with torch.no_grad():
            for token in new:
                row = self.tokenizer.convert_tokens_to_ids(token)
                pieces = self.plain(token.strip("<|>").replace("_", " "))
                for weight in self._tables():
                    weight[row] = weight[pieces].float().mean(0).to(weight.dtype)
        return ids

    def plain(self, text: str) -> list[int]:
        """The ids of a text as mere words: no piece of it becomes an added token, whatever it spells."""
        broken = True
        while broken:  # a break may bring two other pieces together, so until nothing is left
            broken = [token for token in self._names if token in text]
            for token in broken:
                text = text.replace(token, f"{token[:1]} {token[1:]}")
        ids = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return [i for i in ids if i not in self._forbidden]  # a normaliser may spell a token that the text did not

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()

    def _note_added(self) -> None:
        added = self.tokenizer.get_added_vocab()
        special = set(self.tokenizer.all_special_ids)
        marks = {getattr(self.processor, name, None) for name in ("image_token", "video_token", "fake_image_token",
                                                                  "global_image_token")}
        # runs of blanks and lone letters may be added tokens too; those are words
        every = (*added, *self.tokenizer.all_special_tokens, *marks)
        names = {token for token in every if token and len(token.strip()) > 1}
        unknown = getattr(self.tokenizer, "unk_token_id", None)
        self._names = sorted(names, key=len, reverse=True)
        self._forbidden = {i for token, i in added.items() if token in names or i in special} - {unknown}
        self._added = len(added)

    def _tables(self) -> list[Tensor]:
        """The embedding table and, where it is another one, the output's."""
        weights = [self.model.get_input_embeddings().weight]
        out = self.model.get_output_embeddings()
        if out is not None and out.weight.data_ptr() != weights[0].data_ptr():
            weights.append(out.weight)
        return weights

    # -- prompts ---------------------------------------------------------------------------------------------------

    def prompt(self, text: str, images: Sequence[np.ndarray] = (), before: str = "", after: str = "",
               turns: Turns = ()) -> Prompt:
        """The prompt of a user's words and pictures, up to where the answer begins.

        Args:
            text: the user's words.
            images: (H, W, 3) uint8 RGB arrays; left out where the model does not see.
            before, after: the program's own words round the user's.
            turns: exchanges (request, answer) that come first, to show what is wanted; `before` then opens the first.

        Raises:
            TaskError: the prompt is longer than the model reads, or the processor refuses a picture.
        """
        shown = tuple(images) if self.sees else ()
        head, tail = self._frame(len(shown), before, after, tuple(turns))
        keys = tuple(digest(image) for image in shown)
        ids, kinds, pictures = self._headed(head, shown, keys)
        rest = self.plain(text) + self._encode(tail)
        limit = getattr(self.config, "max_position_embeddings", None) or 1 << 30
        if len(ids) + len(rest) + ROOM > limit:
            raise TaskError(f"a task of at most {limit - ROOM} tokens with its pictures", f"{len(ids) + len(rest)}",
                            "shorten it, give fewer or smaller pictures, or use a core that reads more")
        mark = getattr(self.processor, "image_token_id", None)
        known = mark is not None or not shown
        fixed = next((i for i, token in enumerate(ids) if token == mark), len(ids)) if known else 0
        return Prompt(ids + rest, {key: row + [0] * len(rest) for key, row in kinds.items()}, pictures, keys, fixed)

    def _render(self, pictures: int, before: str, after: str, turns: Turns) -> tuple[str, str]:
        """What stands before and after the user's words."""
        said = [(before + turns[0][0], turns[0][1]), *turns[1:]] if turns else []
        before = "" if turns else before
        source: Any = self.processor if getattr(self.processor, "chat_template", None) else self.tokenizer
        if not getattr(source, "chat_template", None):
            token = getattr(self.processor, "image_token", "") or ""
            text = "".join(f"{asked}\nAnswer:\n{answer}\n\n" for asked, answer in said)
            text += f"{before}{token * pictures}{MARK}{after}\nAnswer:\n"
        else:
            # the program's words come first: they are the same for all tasks, so they are read once
            messages = [self._says(role, words) for turn in said
                        for role, words in zip(("user", "assistant"), turn, strict=True)]
            messages.append(self._says("user", before, MARK + after, pictures))
            text = source.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        pieces = text.split(MARK)
        if len(pieces) != 2:
            raise ModelError("a chat template that writes the user's words once", f"{len(pieces) - 1} times",
                             "mend the model's chat template")
        return pieces[0], pieces[1]

    def _says(self, role: str, before: str, after: str = "", pictures: int = 0) -> dict[str, Any]:
        """A message of words, pictures, words, as the model's template takes it."""
        if not self.sees:
            return {"role": role, "content": before + after}
        first, last = ([{"type": "text", "text": part}] if part else [] for part in (before, after))
        return {"role": role, "content": [*first, *[{"type": "image"}] * pictures, *last]}

    def _headed(self, head: str, images: Sequence[np.ndarray], keys: tuple[str, ...]) -> Head:
        """Ids, token kinds and processed pictures of a prompt's head; the last few are remembered."""
        make = (lambda: self._process(head, images)) if images else (lambda: (self._encode(head, start=True), {}, {}))
        return _kept(self._heads, (head, keys, self._added), HEADS, make)

    def _process(self, head: str, images: Sequence[np.ndarray]) -> Head:
        from PIL import Image

        assert self.processor is not None
        try:
            made = self.processor(text=[head], images=[Image.fromarray(image) for image in images], return_tensors="pt",
                                  add_special_tokens=self._starts(head))
        except (ValueError, TypeError, RuntimeError, ZeroDivisionError, IndexError) as error:
            sizes = ", ".join(f"{image.shape[1]} x {image.shape[0]}" for image in images)
            raise TaskError("pictures that the core's processor takes", f"{sizes} ({str(error)[:120]})",
                            "scale or crop them") from error
        ids = made.pop("input_ids")
        made.pop("attention_mask", None)
        kinds = {key: value[0].tolist() for key, value in made.items() if getattr(value, "shape", None) == ids.shape}
        pictures = {key: value for key, value in made.items() if key not in kinds and hasattr(value, "shape")}
        return ids[0].tolist(), kinds, pictures

    def _starts(self, head: str) -> bool:
        """Whether the tokenizer has to put its start token before this head."""
        source = self.processor if getattr(self.processor, "chat_template", None) else self.tokenizer
        bos = getattr(self.tokenizer, "bos_token", None)
        if bos is not None and head.startswith(bos):
            return False
        return self.sees or not getattr(source, "chat_template", None)

    def _encode(self, text: str, start: bool = False) -> list[int]:
        """Ids of the program's own text, control tokens included."""
        return self.tokenizer.encode(text, add_special_tokens=start and self._starts(text)) if text else []

    # -- batches ---------------------------------------------------------------------------------------------------

    def batch(self, prompts: Sequence[Prompt], tails: Sequence[Sequence[int]] | None = None) -> dict[str, Tensor]:
        """The model's inputs for a mixed batch, filled up on the left.

        Args:
            prompts: with any numbers of pictures, none included.
            tails: ids that follow each prompt.

        Returns:
            input_ids, attention_mask (B, L) int64, position_ids (B, L) or (3, B, L), and the pictures' tensors.
        """
        import torch

        tails = tails if tails is not None else [()] * len(prompts)
        rows = [[*prompt.ids, *tail] for prompt, tail in zip(prompts, tails, strict=True)]
        width = max(len(row) for row in rows)

        def filled(values: Sequence[Sequence[int]], blank: int) -> Tensor:
            return torch.tensor([[blank] * (width - len(v)) + list(v) for v in values], device=self.device)

        inputs = {"input_ids": filled(rows, self.pad), "attention_mask": filled([[1] * len(row) for row in rows], 0)}
        for key in {key for prompt in prompts for key in prompt.kinds}:
            kinds = [[*prompt.kinds.get(key, ())] for prompt in prompts]
            inputs[key] = filled([k + [0] * (len(row) - len(k)) for k, row in zip(kinds, rows, strict=True)], 0)
        joined = self._joined([prompt.pictures for prompt in prompts if prompt.pictures])
        if "pixel_values" in joined:
            setattr(joined["pixel_values"], DIGESTS, tuple(prompt.digests for prompt in prompts if prompt.digests))
        inputs.update(joined)
        inputs["position_ids"] = self._positions(inputs)
        return {key: value for key, value in inputs.items() if key in self._accepted}

    def _joined(self, pictures: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """The tensors of several prompts in one; zeros fill them up where shapes differ beyond the first axis."""
        import torch
        from torch.nn.functional import pad

        joined: dict[str, Tensor] = {}
        for key in {key for one in pictures for key in one}:
            parts = [one[key] for one in pictures if key in one]
            shape = [max(part.shape[axis] for part in parts) for axis in range(parts[0].ndim)]
            for index, part in enumerate(parts):
                axes = range(part.ndim - 1, 0, -1)
                room = [amount for axis in axes for amount in (0, shape[axis] - part.shape[axis])]
                parts[index] = pad(part, room) if any(room) else part
            value = torch.cat(parts).to(self.device)
            joined[key] = value.to(self.model.dtype) if value.is_floating_point() else value
        return joined

    def _positions(self, inputs: Mapping[str, Tensor]) -> Tensor:
        rope = getattr(self.base, "get_rope_index", None)
        if rope is None:
            return (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        import torch

        takes = inspect.signature(rope).parameters
        given = {key: value for key, value in inputs.items() if key in takes}
        if "mm_token_type_ids" in takes and "mm_token_type_ids" not in given:
            given["mm_token_type_ids"] = torch.zeros_like(inputs["input_ids"])
        return rope(**given)[0]

    def _remembering(self) -> Any:
        """`get_image_features` that works once for the same pictures, as long as nothing of the model is being trained.

        The pictures' digests travel as an attribute of their tensor; where a model passes on another tensor, nothing is
        remembered.
        """
        import torch

        original = type(self.base).get_image_features.__get__(self.base)

        def features(*args: Any, **kwargs: Any) -> Any:
            key = getattr(kwargs.get("pixel_values", args[0] if args else None), DIGESTS, None)
            if key is None or (torch.is_grad_enabled() and any(p.requires_grad for p in self.base.parameters())):
                return original(*args, **kwargs)
            return _kept(self._visions, (key, self.version), VISIONS, lambda: original(*args, **kwargs))

        return features

    def common(self, prompts: Sequence[Prompt]) -> int:
        """How many first ids these prompts share before any picture or user's word; 0 where too few to cache."""
        first = prompts[0].ids
        count = min(prompt.fixed for prompt in prompts)
        for prompt in prompts[1:]:
            count = next((i for i, (a, b) in enumerate(zip(first[:count], prompt.ids, strict=False)) if a != b), count)
        return count if self.cachable and count >= WORTH else 0

    def start(self, ids: Sequence[int], rows: int) -> Any:
        """A cache that has read these ids, the same in each of `rows`; read once and remembered."""
        import torch

        def read() -> Any:
            inputs = self.batch([Prompt(list(ids), {}, {})])
            with torch.no_grad():
                return self.base(**inputs, use_cache=True).past_key_values

        cache = copy.deepcopy(_kept(self._starts_read, (tuple(ids), self.version), STARTS, read))
        cache.batch_repeat_interleave(rows)
        return cache

    def resumed(self, inputs: dict[str, Tensor], prompts: Sequence[Prompt]) -> dict[str, Any]:
        """A batch's inputs with what its prompts share at the start in a cache instead, where that is worth it.

        What a shorter row still holds of the start in the columns that are left is masked. Call it where nothing of the
        model is trained: no gradient goes through the cache.
        """
        import torch

        if not (shared := self.common(prompts)):
            return dict(inputs)
        mask = inputs["attention_mask"]
        width, left = mask.shape[1] - shared, mask.sum(1, keepdim=True) - shared
        rest = (torch.arange(width, device=left.device) >= width - left).long()
        rows = {key: value[:, shared:] for key, value in inputs.items() if value.shape == mask.shape}
        return {**inputs, **rows, "position_ids": inputs["position_ids"][..., shared:],
                "attention_mask": torch.cat([torch.ones_like(mask[:, :shared]), rest], 1),
                "past_key_values": self.start(prompts[0].ids[:shared], len(prompts))}

    def forget(self) -> None:
        """Drop what is remembered of pictures and prompts."""
        self._heads.clear()
        self._visions.clear()
        self._starts_read.clear()


def _kept(memory: OrderedDict[Any, Any], key: Any, most: int, make: Callable[[], Any]) -> Any:
    """What is remembered under a key, made where it is not; the `most` used last stay."""
    if key not in memory:
        memory[key] = make()
        while len(memory) > most:
            memory.popitem(last=False)
    memory.move_to_end(key)
    return memory[key]


class Stream:
    """Writing token by token after a batch of prompts, with a cache.

    Args:
        backbone: the model.
        prompts: the batch.
        tails: ids that already follow each prompt.
    """

    def __init__(self, backbone: Backbone, prompts: Sequence[Prompt],
                 tails: Sequence[Sequence[int]] | None = None) -> None:
        import torch

        self.backbone = backbone
        inputs = backbone.batch(prompts, tails)
        positions = inputs["position_ids"]
        self.next = positions.amax(-1, keepdim=True) + 1
        if positions.ndim == 3:  # width and height of a picture may reach further than its time
            self.next = self.next.amax(0, keepdim=True).expand(3, -1, -1)
        inputs = backbone.resumed(inputs, prompts)
        self.mask = inputs["attention_mask"]
        with torch.no_grad():
            out = backbone.model(**inputs, use_cache=True, logits_to_keep=1)
        self.cache = out.past_key_values
        self.logits: Tensor = out.logits[:, -1].float()

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Append one token a row; returns the logits (B, V) float32 of what follows."""
        import torch

        ids = torch.tensor(tokens, device=self.mask.device)[:, None]
        self.mask = torch.cat([self.mask, torch.ones_like(ids)], 1)
        with torch.no_grad():
            out = self.backbone.model(input_ids=ids, attention_mask=self.mask, position_ids=self.next,
                                      past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        self.cache, self.next = out.past_key_values, self.next + 1
        self.logits = out.logits[:, -1].float()
        return self.logits

    def write(self, most: int, never: Sequence[int] = ()) -> list[str]:
        """The likeliest continuation of each row: its words, up to the end the model gives it or `most` tokens.

        Args:
            never: ids that are not written.
        """
        ends, rows = self.backbone.ends, len(self.mask)
        written: list[list[int]] = [[] for _ in range(rows)]
        open_ = [True] * rows
        for count in range(most):
            self.logits[:, list(never)] = -float("inf")
            tokens = self.logits.argmax(-1).tolist()
            for row, token in enumerate(tokens):
                open_[row] = open_[row] and token not in ends
                if open_[row]:
                    written[row].append(token)
            if not any(open_) or count + 1 == most:
                break
            self.step(tokens)
        return [self.backbone.decode(ids) for ids in written]
