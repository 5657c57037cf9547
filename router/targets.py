"""Mending the phrases that a head tags: whole words, no stray articles, lists split and carried on to their end.

A tag may stop in the middle of "every person and the bus". What follows a found target after a comma or an "and"
belongs to the same list where it looks like one more thing (an article, or a word that is no verb) and no other tool
was given it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from veclink.tools.phrases import split_list

ARTICLES = "the|a|an|every|each|all|any|both|his|her|their|my|our|your|its|this|that|these|those|some|no|other"
NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten|\\d+"
EMPTY = set(
    "the a an and or of to in on at for with by from is are be that which who every each all my his her".split()
)
LOOSE_ENDS = set("the a an and or of to in on at for with by from is are was you i we they that which who as".split())
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


Span = tuple[int, int]


def targets(
    spans: Sequence[Span], text: str, taken: Sequence[Span] = (), verbs: Collection[str] = ()
) -> tuple[str, ...]:
    """What one tool is asked for, from the (start, end) characters that were tagged for it.

    Args:
        taken: spans of other tools, which a list does not run into.
        verbs: further words that begin no thing: the tools' own names.
    """
    found: list[Span] = []
    for span in _joined([_trimmed(_whole(span, text), text) for span in spans], text):
        found += [part for part in _parts(span, text) if not set(text[slice(*part)].lower().split()) <= EMPTY]
    for span in list(found):
        found += _rest_of_list(span, text, [*taken, *found], NO_THING | {v.lower() for v in verbs})
    kept = [a for a in found if not any(a != b and b[0] <= a[0] and a[1] <= b[1] for b in found)]
    return tuple(dict.fromkeys(text[slice(*span)] for span in sorted(kept)))


def _rest_of_list(span: Span, text: str, taken: Sequence[Span], verbs: Collection[str]) -> list[Span]:
    """The things that follow a target in the same list."""
    things: list[Span] = []
    end = span[1]
    while match := NEXT.match(text, end):
        thing = match["thing"]
        bare = re.sub(rf"^(?:{ARTICLES}|{NUMBERS})\s+", "", thing, flags=re.IGNORECASE)
        if bare.split()[0].lower() in verbs or bare.lower() in EMPTY:
            break
        place = match.span("thing")
        if not any(place[0] < b and a < place[1] for a, b in taken):
            things.append(place)
        end = match.end()
    return things


def _parts(span: Span, text: str) -> list[Span]:
    """A tagged list as its members."""
    parts, at = [], span[0]
    for part in split_list(text[slice(*span)]):
        start = text.find(part, at, span[1])
        if start < 0:  # the members were reworded: keep the list as it is
            return [span]
        parts.append((start, start + len(part)))
        at = start + len(part)
    return parts or [span]


def _whole(span: Span, text: str) -> Span:
    """Stretched to whole words: a tag may start or end inside one."""
    start, end = span
    while 0 < start < len(text) and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while 0 < end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return start, end


def _trimmed(span: Span, text: str) -> Span:
    """Without the little words that a tag ran on to: "all potholes on", "every tractor you"."""
    words = list(re.finditer(r"\S+", text[slice(*span)]))
    while len(words) > 1 and words[-1].group().lower() in LOOSE_ENDS:
        words.pop()
    return (span[0] + words[0].start(), span[0] + words[-1].end()) if words else span


def _joined(spans: Sequence[Span], text: str) -> list[Span]:
    """Spans with only "of" between them are one: "the pose" of "every person"."""
    joined: list[Span] = []
    for span in sorted(set(spans)):
        if joined and text[joined[-1][1] : span[0]].strip().lower() in ("of", "of the"):
            joined[-1] = (joined[-1][0], span[1])
        else:
            joined.append(span)
    return joined
