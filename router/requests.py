"""From what a routing strategy wrote to routes: pronouns, pictures and the results that a later tool works on.

"Find the dogs, cut them out and put them in snow" names its target once; the later tools work on the earlier
results. This file reads such references from the words alone and knows no tool.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from veclink.router.core import Route, Written

SINGULAR = {"it", "him", "her", "this", "that", "this one", "that one", "the result", "its"}
PLURAL = {
    "them",
    "they",
    "these",
    "those",
    "each",
    "all of them",
    "both of them",
    "each of them",
    "each one",
    "all",
    "both",
    "their",
    "the same",
    "the same ones",
    "every one of them",
    "the lot",
    "em",
    "'em",
    "one another",
}
PRONOUN = re.compile(
    r"\b(it|them|him|her|these|those|they|its|their|'em|each one|each of them|all of them)\b", re.IGNORECASE
)
ORDINALS = {
    "first": 0,
    "1st": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
    "fifth": 4,
    "5th": 4,
}
PICTURE = r"(?:photo|picture|pic|image|shot|frame|photograph|scan|screenshot|snap)"
BY_ORDINAL = re.compile(rf"\b({'|'.join(ORDINALS)}|last|final)\s+(?:of\s+the\s+)?{PICTURE}\b", re.IGNORECASE)
BY_NUMBER = re.compile(rf"\b{PICTURE}\s*(?:number|no\.?|nr\.?|#)?\s*(\d{{1,2}})\b", re.IGNORECASE)


def routes_of(
    text: str, written: Written, images: int, kinds: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> tuple[Route, ...]:
    """Routes in the order needed, one a phrase and picture.

    Args:
        text: the request.
        written: the tools and their phrases; phrases are parts of `text`.
        images: how many pictures came with it; with none, routes name picture 0 and the caller reports what is missing.
        kinds: tool name -> kind of its result; a tool that changes the picture hands it on to all later ones.
        before: what the turn before was about, for a pronoun that nothing in this turn explains.
    """
    kinds = kinds or {}
    routes: list[Route] = []
    for name, phrases in written.calls:
        earlier = tuple(routes)
        for phrase in phrases or (_whole(text, earlier, before),):
            targets = _resolve(phrase, earlier, before, changes_picture=kinds.get(name) == "image")
            for image in _pictures(text, phrase, images):
                for words, sources in targets:
                    uses = tuple(i for i in sources if earlier[i].image == image)
                    changed = tuple(
                        i for i, r in enumerate(earlier) if kinds.get(r.tool) == "image" and r.image == image
                    )
                    route = Route(name, words, image, None, tuple(sorted({*uses, *changed})))
                    if not any(_same(route, other) for other in routes):
                        routes.append(route)
    return tuple(routes)


def _same(a: Route, b: Route) -> bool:
    return (a.tool, a.phrase.lower(), a.image) == (b.tool, b.phrase.lower(), b.image)


def _whole(text: str, earlier: Sequence[Route], before: Sequence[str]) -> str:
    """Words for a tool that was given none: the targets found before, else the request itself."""
    return "them" if earlier or before else text.strip()


def _resolve(
    phrase: str, earlier: Sequence[Route], before: Sequence[str], changes_picture: bool
) -> list[tuple[str, tuple[int, ...]]]:
    """(words, indices of earlier routes it works on) for one phrase; a bare pronoun becomes what it stands for."""
    words = phrase.strip().lower().strip(".,;:!?")
    last = _last_call(earlier)
    if words in SINGULAR | PLURAL:
        if last:
            chosen = last[-1:] if words in SINGULAR and len({earlier[i].phrase for i in last}) > 1 else last
            by_phrase: dict[str, list[int]] = {}
            for i in chosen:
                by_phrase.setdefault(earlier[i].phrase, []).append(i)
            return [(words_, tuple(indices)) for words_, indices in by_phrase.items()]
        if before:
            return [(words_, ()) for words_ in before]
        return [(phrase, ())]
    if changes_picture and last:
        named = tuple(
            i for i, r in enumerate(earlier) if _head(r.phrase) and re.search(rf"\b{re.escape(_head(r.phrase))}", words)
        )
        if named:
            return [(phrase, named)]
        if PRONOUN.search(words):
            return [(phrase, last)]
    return [(phrase, ())]


def _last_call(earlier: Sequence[Route]) -> tuple[int, ...]:
    """Indices of the routes of the most recent tool."""
    return tuple(i for i, route in enumerate(earlier) if route.tool == earlier[-1].tool) if earlier else ()


def _head(phrase: str) -> str:
    """The last word before a preposition, without a plural s: a rough head noun."""
    words = re.split(r"\b(?:on|in|at|of|with|from|under|behind|near|by|to|who|that|which)\b", phrase.lower())[0]
    found = re.findall(r"[a-z][a-z'-]+", words)
    return found[-1].removesuffix("s") if found else ""


def _pictures(text: str, phrase: str, images: int) -> list[int]:
    """The pictures that a phrase is about: those it or its clause names, else those the whole text names, else all."""
    if images <= 1:
        return [0]
    start = text.find(phrase)
    clause = re.split(r"[;.,]|\band\b|\bthen\b", text[start + len(phrase) :])[0] if start >= 0 else ""
    for words in (phrase, clause, text):
        if named := _named(words, images):
            return named
    return list(range(images))


def _named(words: str, images: int) -> list[int]:
    """Indices of the pictures named in `words`, in order, those that exist."""
    found = {ORDINALS.get(match.lower(), images - 1) for match in BY_ORDINAL.findall(words)}
    found |= {int(number) - 1 for number in BY_NUMBER.findall(words)}
    return sorted(i for i in found if 0 <= i < images)
