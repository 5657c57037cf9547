"""A small public language model made smaller: some of its layers, and the words that our language needs.

The tokenizer keeps every merge that the words of a corpus need and fills up with the most frequent ones, so those
words are cut as before and any other text is cut into more pieces.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from veclink.router.errors import ModelError
from veclink.router.nano.language import Language, LanguageConfig
from veclink.router.nano.words import MARKS, Words, WordsConfig

# a new id begins as the mean of these words' vectors
BEGINNINGS = {"begin": "Picture:", "answer": "\n", "end": "\n\n", "call": " Find", "reject": " Sorry, I cannot",
              "before": " earlier"}


@dataclass(frozen=True, eq=False)
class Pruned:
    """What is left of a model.

    Attributes:
        config, state: of `Language`. words: its control ids. tokenizer: as JSON text.
    """

    config: LanguageConfig
    state: dict[str, Tensor]
    words: WordsConfig
    tokenizer: str


def prune(folder: Path | str, corpus: Iterable[str], tools: Sequence[str], layers: Sequence[int] | int = 8,
          vocabulary: int = 16_384, slots: int = 26) -> Pruned:
    """The language model in a folder (transformers' layout, Llama family, tied embeddings), made smaller.

    Args:
        corpus: texts whose words must stay whole.
        tools: names that get the first slots.
        layers: indices of the layers to keep; or how many, the first ones and the last two.
        vocabulary: ids in all, control ids included.

    Raises:
        ModelError: a model of another family, or a corpus that needs more words.
    """
    from tokenizers import Tokenizer

    folder = Path(folder)
    shape = json.loads((folder / "config.json").read_text("utf8"))
    state = _state(folder)
    total = int(shape["num_hidden_layers"])
    if shape.get("model_type") != "llama" or not shape.get("tie_word_embeddings") or len(tools) > slots:
        raise ModelError("a Llama model with tied embeddings, and a slot a tool", f"{shape.get('model_type')}",
                         "use smollm2-135m")
    kept = spread(total, layers) if isinstance(layers, int) else list(layers)
    text = (folder / "tokenizer.json").read_text("utf8")
    whole = Tokenizer.from_str(text)
    needed = {i for part in dict.fromkeys(corpus) for i in whole.encode(part, add_special_tokens=False).ids}
    tokenizer, old = smaller_tokenizer(text, needed, vocabulary - len(MARKS) - slots)
    words = WordsConfig(len(old), slots, {name: i for i, name in enumerate(tools)})
    config = LanguageConfig(words.vocabulary, shape["hidden_size"], len(kept), shape["num_attention_heads"],
                            shape["num_key_value_heads"], shape["intermediate_size"],
                            float(shape["rope_parameters"]["rope_theta"] if "rope_parameters" in shape
                                  else shape["rope_theta"]), float(shape["rms_norm_eps"]))
    new = {"embed_tokens.weight": _embeddings(state["embed_tokens.weight"][old], words, tokenizer),
           "norm.weight": state["norm.weight"]}
    for place, layer in enumerate(kept):
        start = f"layers.{layer}."
        new |= {f"layers.{place}.{k[len(start):]}": v for k, v in state.items() if k.startswith(start)}
    return Pruned(config, new, words, tokenizer)


def spread(total: int, count: int) -> list[int]:
    """Which of `total` layers to keep: the first `count` - 2 and the last two; all of them where there are fewer."""
    if count >= total:
        return list(range(total))
    last = min(2, count - 1)
    return [*range(count - last), *range(total - last, total)]


def smaller_tokenizer(text: str, needed: set[int], count: int) -> tuple[str, list[int]]:
    """A byte-level BPE tokenizer with `count` of another's tokens, as JSON text; and the old id of each new one.

    Args:
        text: the other's JSON. needed: ids that must stay, with all they are merged from.

    Raises:
        ModelError: the needed ones are more than `count`.
    """
    data = json.loads(text)
    vocabulary: dict[str, int] = data["model"]["vocab"]
    special = {token["id"] for token in data["added_tokens"]}
    merges = [tuple(m if isinstance(m, list) else m.split(" ")) for m in data["model"]["merges"]]
    made_of: dict[str, tuple[str, str]] = {}
    for a, b in merges:
        made_of.setdefault(a + b, (a, b))
    plain = [token for token, i in sorted(vocabulary.items(), key=lambda item: item[1]) if i not in special]
    by_id = {i: token for token, i in vocabulary.items()}
    kept: set[str] = {token for token in plain if token not in made_of}  # single bytes
    for i in sorted(needed - special):
        kept |= _closure(by_id[i], made_of)
    if len(kept) > count:
        raise ModelError(f"a corpus of at most {count} tokens", f"{len(kept)}", "choose a larger vocabulary")
    for token in plain:  # the most frequent first
        more = _closure(token, made_of) - kept
        if len(kept) + len(more) <= count:
            kept |= more
    tokens = [token for token in plain if token in kept]
    data["model"]["vocab"] = {token: i for i, token in enumerate(tokens)}
    data["model"]["merges"] = [[a, b] for a, b in merges if a in kept and b in kept and a + b in kept]
    data["model"]["unk_token"] = None
    data["added_tokens"], data["post_processor"] = [], None
    return json.dumps(data, ensure_ascii=False), [vocabulary[token] for token in tokens]


def _closure(token: str, made_of: Mapping[str, tuple[str, str]]) -> set[str]:
    """A token and all that it is merged from."""
    found, waiting = set(), [token]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += made_of.get(one, ())
    return found


def _embeddings(table: Tensor, config: WordsConfig, tokenizer: str) -> Tensor:
    """The kept rows and those of the control ids."""
    words = Words(config, tokenizer)
    generator = torch.Generator().manual_seed(0)
    rows = [table[words.ids(BEGINNINGS[mark])].mean(0) for mark in MARKS]
    by_slot = {slot: name for name, slot in config.tools.items()}
    for slot in range(config.slots):
        row = table[words.ids(f" {by_slot[slot]}")].mean(0) if slot in by_slot else table.mean(0)
        rows.append(row + 0.1 * table.std() * torch.randn(table.shape[1], generator=generator))
    return torch.cat([table, torch.stack(rows)])


def _state(folder: Path) -> dict[str, Tensor]:
    """The model's numbers in single precision, without "model." before their names."""
    from safetensors.torch import load_file

    state = {k: v for file in sorted(folder.glob("*.safetensors")) for k, v in load_file(file).items()}
    return {k.removeprefix("model."): v.float() for k, v in state.items() if k != "lm_head.weight"}


@torch.no_grad()
def perplexity(language: Language, words: Words, texts: Sequence[str]) -> float:
    """Of plain English, each text read by itself; chance is the size of the vocabulary."""
    total, count = 0.0, 0
    for text in texts:
        ids = torch.tensor([words.ids(text)])
        states, _ = language(language.embed_tokens(ids), torch.arange(ids.shape[1])[None])
        logits = language.logits(states[0, :-1])[:, : words.config.words].float()
        total += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        count += ids.shape[1] - 1
    return math.exp(total / count)


def built(pruned: Pruned) -> Language:
    """The language model of what `prune` left."""
    language = Language(pruned.config)
    language.load_state_dict(pruned.state)
    return language.eval()


def choose_layers(folder: Path | str, texts: Sequence[str], count: int, corpus: Iterable[str] = ()) -> list[int]:
    """Which layers to keep, by leaving out, one after the other, the one that is missed least on these texts."""
    whole = prune(folder, [*corpus, *texts], (), 10_000)
    language, words = built(whole), Words(whole.words, whole.tokenizer)
    layers: list[Any] = list(enumerate(language.layers))
    while len(layers) > count:
        def without(place: int) -> float:
            language.layers = torch.nn.ModuleList(layer for k, (_, layer) in enumerate(layers) if k != place)
            return perplexity(language, words, texts)

        layers.pop(min(range(len(layers)), key=without))
    return [number for number, _ in layers]
