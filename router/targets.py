"""Mending the phrases that a head tags: whole words, no stray articles, lists split and carried on to their end.

A tag may stop in the middle of "every person and the bus". What follows a found target after a comma or an "and" belongs to the
same list where it looks like one more thing (an article, or a word that is no verb) and no other tool was given it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from veclink.tools.phrases import split_list

ARTICLES = "the|a|an|every|each|all|any|both|his|her|their|my|our|your|its|this|that|these|those|some|no|other"
NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten|\\d+"
EMPTY = set("the a an and or of to in on at for with by from is are be that which who every each all my his her".split())
NO_THING = set(
    "then also please show tell give make put take let cut mark find draw trace get turn change remove erase blur add "
    "replace swap crop fade lose count say write read describe explain keep leave send mail post play print email book "
    "order buy call what where who when why how if but not nothing i we you it them they he she can could would will "
    "is are was do does did so just only after before once finally lastly next paint colour color brighten darken box "
    "circle highlight point locate spot identify label outline mask isolate extract separate pick check see look only "
    "rest more everything anything skip ignore drop clean fix straighten sharpen set move open save hand both".split()
)
NEXT = re.compile(
    rf"\s*(?:,\s*(?:and|or|&)?|\band\b|\bor\b|&|\bas well as\b|\bplus\b)\s*"
    rf"(?P<thing>(?:(?:{ARTICLES}|{NUMBERS})\s+)?[a-z][\w'-]*(?:\s+[a-z][\w'-]*){{0,2}}?)"
    r"(?=\s*(?:[,.;:!?)]|$|\band\b|\bor\b|&|\bthen\b|\bin\b|\bon\b|\bfrom\b|\bplease\b|\bfor\b|\bas\b|\bwith\b|\band\b))",
    re.IGNORECASE,
)


def targets(phrases: Sequence[str], text: str, taken: Collection[str] = (), verbs: Collection[str] = ()) -> tuple[str, ...]:
    """What one tool is asked for, from the phrases that were tagged for it.

    Args:
        phrases: parts of `text`.
        taken: phrases of other tools, which a list does not run into.
        verbs: further words that begin no thing: the tools' own names.
    """
    found: list[str] = []
    for phrase in _whole(phrases, text):
        parts = split_list(phrase) or [phrase]
        found += [part for part in parts if not set(part.lower().split()) <= EMPTY]
    for phrase in list(found):
        found += _rest_of_list(phrase, text, [*taken, *found], NO_THING | {v.lower() for v in verbs})
    kept = [p for p in found if not any(p != other and _inside(p, other, text) for other in found)]
    return tuple(sorted(dict.fromkeys(kept), key=text.find))


def _rest_of_list(phrase: str, text: str, taken: Sequence[str], verbs: Collection[str]) -> list[str]:
    """The things that follow `phrase` in the same list."""
    things: list[str] = []
    end = text.find(phrase) + len(phrase)
    while match := NEXT.match(text, end):
        thing = match["thing"]
        bare = re.sub(rf"^(?:{ARTICLES}|{NUMBERS})\s+", "", thing, flags=re.IGNORECASE)
        if bare.split()[0].lower() in verbs or bare.lower() in EMPTY:
            break
        if not any(_touch(match.start("thing"), match.end("thing"), other, text) for other in taken):
            things.append(thing)
        end = match.end()
    return things


def _touch(start: int, end: int, other: str, text: str) -> bool:
    at = text.find(other)
    return at >= 0 and start < at + len(other) and at < end


def _inside(part: str, other: str, text: str) -> bool:
    a, b = text.find(part), text.find(other)
    return b <= a and a + len(part) <= b + len(other)


def _whole(phrases: Sequence[str], text: str) -> list[str]:
    """Phrases stretched to whole words: a tag may start or end inside one."""
    stretched = []
    for phrase in phrases:
        start = text.find(phrase)
        end = start + len(phrase)
        while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
            start -= 1
        while 0 < end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
            end += 1
        stretched.append(text[start:end] if start >= 0 else phrase)
    return stretched
