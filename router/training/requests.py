"""Labelled requests for the routing head: reading them, marking phrases, and varying them as people's typing varies."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from veclink.router.errors import RecipeError

Span = tuple[int, int]


@dataclass(frozen=True)
class Request:
    """One labelled request.

    Attributes:
        text: as typed.
        tools: labels in the order needed.
        spans: for each of `tools` its phrases as (start, end) characters of `text`.
    """

    text: str
    tools: tuple[str, ...]
    spans: tuple[tuple[Span, ...], ...]


def read_requests(path: Path, labels: Sequence[str] | None = None) -> list[Request]:
    """The lines {"text", "tools", "phrases"} of a JSONL file; phrases are optional parts of the text, a list a tool.

    Raises:
        RecipeError: with the line number.
    """
    requests = []
    try:
        lines = path.read_text("utf8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError("a file of labelled requests", f"{path} ({error})", "give a JSONL file") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text, tools = str(row["text"]), tuple(row["tools"])
            phrases = row.get("phrases") or [[] for _ in tools]
            if len(phrases) != len(tools) or not tools:
                raise ValueError("one list of phrases a tool")
            if labels is not None and (unknown := set(tools) - set(labels)):
                raise ValueError(f"unknown label {sorted(unknown)[0]}")
        except (ValueError, KeyError, TypeError) as error:
            raise RecipeError(
                'a line {"text": ..., "tools": [...]}', f"{path.name} line {number}: {error}", "mend that line"
            ) from error
        requests.append(Request(text, tools, mark_phrases(text, phrases)))
    if not requests:
        raise RecipeError("labelled requests", f"{path} is empty", "give a JSONL file with at least one line")
    return requests


def mark_phrases(text: str, phrases: Sequence[Sequence[str]]) -> tuple[tuple[Span, ...], ...]:
    """Where each tool's phrases stand: whole words, each after the one before; a later tool's after the first of the
    earlier one."""
    marked: list[tuple[Span, ...]] = []
    floor = 0
    for group in phrases:
        spans: list[Span] = []
        start = floor
        for phrase in group:
            span = _find(text, phrase, start) or _find(text, phrase, 0)
            if span:
                spans.append(span)
                start = span[1]
        marked.append(tuple(spans))
        if spans and len(group[0].split()) > 1:
            floor = spans[0][1] if spans[0][1] < len(text) else floor
    return tuple(marked)


def _find(text: str, phrase: str, start: int) -> Span | None:
    match = re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)").search(text, start)
    at = match.start() if match else text.find(phrase, start)
    return (at, at + len(phrase)) if at >= 0 and phrase else None


def vary(request: Request, rng: random.Random) -> Request:
    """The same request as another hand would type it: case, a missing full stop, a typo; spans move along."""
    roll = rng.random()
    if roll < 0.15 and len(request.text.lower()) == len(request.text):
        request = Request(request.text.lower(), request.tools, request.spans)
    elif roll < 0.18 and len(request.text.upper()) == len(request.text):
        request = Request(request.text.upper(), request.tools, request.spans)
    if rng.random() < 0.2 and request.text[-1] in ".!?" and len(request.text) > 2:
        request = _replace(request, len(request.text) - 1, 1, "")
    while rng.random() < 0.2 and len(request.text) > 10:
        at = rng.randrange(1, len(request.text) - 2)
        first, second = request.text[at], request.text[at + 1]
        if first.isalpha() and second.isalpha():
            new = rng.choice([second + first, second, first + first + second])
            request = _replace(request, at, 2, new)
    return request


def _replace(request: Request, at: int, length: int, new: str) -> Request:
    """Put `new` in the place of `length` characters; spans after it move, spans around it stretch."""
    shift = len(new) - length

    def move(position: int) -> int:
        return position if position <= at else max(at, position + shift) if position < at + length else position + shift

    text = request.text[:at] + new + request.text[at + length :]
    spans = tuple(tuple((move(a), min(move(b), len(text))) for a, b in group) for group in request.spans)
    return Request(text, request.tools, spans)


def batches(requests: Sequence[Request], size: int, seed: int, epoch: int) -> Iterator[list[Request]]:
    """All requests once, varied, in batches of like length; the same for the same seed and epoch."""
    rng = random.Random(f"{seed}/{epoch}")
    order = list(range(len(requests)))
    rng.shuffle(order)
    chunks: list[list[int]] = []
    for start in range(0, len(order), size * 10):
        block = sorted(order[start : start + size * 10], key=lambda i: len(requests[i].text))
        chunks += [block[k : k + size] for k in range(0, len(block), size)]
    rng.shuffle(chunks)
    for chunk in chunks:
        yield [vary(requests[i], rng) for i in chunk]
