"""Putting results into words: what was found, by the kind of the result, and what was not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from veclink.agent.steps import Found, RouteRecord
from veclink.tools.phrases import parse
from veclink.tools.results import Boxes, Keypoints, Masks, Result, Text
from veclink.tools.tool import ToolSpec

IRREGULAR = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "foot": "feet",
    "tooth": "teeth",
    "mouse": "mice",
    "knife": "knives",
    "wolf": "wolves",
    "sheep": "sheep",
    "scissors": "scissors",
    "skis": "skis",
    "fish": "fish",
}
LONGEST = 12  # kinds of things named one by one


def answer_of(
    routes: Sequence[RouteRecord], results: Sequence[Found], counts: Mapping[int, int], failed: Collection[int]
) -> str:
    """A sentence a tool, in the order of the routes.

    Args:
        results: one a tool and picture.
        counts: index of each route that was decoded -> how many things it found.
        failed: indices of those whose tool failed; nothing is known of what they are about.
    """
    sentences = []
    for tool in dict.fromkeys(route.tool for route in routes):
        mine = {i: route.phrase for i, route in enumerate(routes) if route.tool == tool}
        broken = list(dict.fromkeys(phrase for i, phrase in mine.items() if i in failed))
        if found := [each for each in results if each.tool == tool]:
            done = list(dict.fromkeys(phrase for i, phrase in mine.items() if counts.get(i)))
            empty = dict.fromkeys(phrase for i, phrase in mine.items() if counts.get(i) == 0)
            missing = [phrase for phrase in empty if phrase not in done]  # found in one of several pictures is found
            sentences += _sentences(found, done, missing)
            sentences += [f"{tool} failed for {phrase!r}." for phrase in broken]
        elif broken:
            sentences.append(f"{tool} failed.")
    return " ".join(dict.fromkeys(sentences))


def rejection(specs: Sequence[ToolSpec]) -> str:
    """What to say of a task that no tool can do."""
    able = "; ".join(f"{spec.name}: {spec.description.rstrip('.')}" for spec in specs)
    return f"None of my tools can do this. What they do: {able}."


def join(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def count_of(number: int, noun: str) -> str:
    """ "1 bus", "4 people", "2 buses"; "the grass" of what is named by its phrase."""
    bare = noun.removeprefix("the ")
    return f"{number} {plural(bare)}" if number != 1 else noun if noun != bare else f"1 {noun}"


def plural(noun: str) -> str:
    """The plural of a noun or of the last word of several."""
    first, _, last = noun.rpartition(" ")
    if last in IRREGULAR or last in IRREGULAR.values():
        ending = IRREGULAR.get(last, last)
    elif last.endswith(("s", "x", "ch", "sh", "z")):
        ending = f"{last}es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        ending = f"{last[:-1]}ies"
    else:
        ending = f"{last}s"
    return f"{first} {ending}".strip()


def _sentences(found: Sequence[Found], phrases: Sequence[str], missing: Sequence[str]) -> list[str]:
    """What one tool found over all pictures for these phrases, and the phrases that it found nothing for."""
    kind = found[0].result.kind
    if kind == "text":
        return [text for f in found if isinstance(f.result, Text) for text in f.result.texts]
    if kind == "image":
        deeds = [re.sub(r"^(?:and|then|also)\s+", "", p.strip().rstrip("."), flags=re.IGNORECASE) for p in phrases]
        return [f"Edited: {join(list(dict.fromkeys(deeds)))}."]
    items = [label for f in found for label in _labels(f.result)]
    sentences = []
    if items:
        counts = Counter(items).most_common()
        names = join([count_of(n, label) for label, n in counts[:LONGEST]])
        more = f" and {len(counts) - LONGEST} other kinds" if len(counts) > LONGEST else ""
        if kind == "keypoints":
            points = sorted({len(f.result.names) for f in found if isinstance(f.result, Keypoints) and len(f.result)})
            each = join([str(n) for n in points])
            bodies = "1 pose" if len(items) == 1 else f"{len(items)} poses"
            sentences.append(f"{bodies} of {each} {'keypoint' if points == [1] else 'keypoints'}.")
        else:
            sentences.append(f"{'Outlined' if kind == 'masks' else 'Found'} {names}{more}.")
    sentences += [_none(phrase) for phrase in missing]
    return sentences


def _labels(result: Result) -> list[str]:
    """The label of each thing found; `items` would also write every mask in run lengths."""
    if isinstance(result, Boxes | Masks | Keypoints):
        return result.labels
    return [item["label"] for item in result.items()]


def _none(phrase: str) -> str:
    """Said of a phrase that nothing was found for."""
    head = parse(phrase).head or phrase
    return f"No {head} was found."
