"""What the words of a phrase ask for: which noun, how many, which of them by place or size, and what to leave out.

Pure work on strings by rules for English, no model. `parse` reads one noun phrase ("the two tall people in red on the
left"), `parse_all` a list of them ("every person, the bus and two dogs").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from veclink.tools.words import (
    BODY_PARTS,
    CONTAINERS,
    DETERMINERS,
    EVERYTHING,
    ING_NOUNS,
    JOINABLE,
    NUMBERS,
    ORDINALS,
    PAIRED,
    PEOPLE,
    PERSON_PRONOUNS,
    REQUEST,
    STOPS,
    TRAILING,
    UNIVERSAL,
    singular,
)

MOST = 300  # a larger count means no limit
LONGEST = 2_000  # characters that are read


@dataclass(frozen=True)
class Phrase:
    """What one noun phrase asks for.

    Attributes:
        text: the words as given.
        noun: the noun with the words before it, without determiner, number, place and size: "tall people".
        head: the noun itself, lower case and singular: "person"; empty where there is none ("the leftmost").
        qualifiers: what else is said: the words before the noun, then what follows it, e.g. ("tall", "in red").
        count: how many are meant, 1 to 300, or None for all of them.
        order: "left", "right", "top", "bottom", "middle", "largest", "smallest": first by what they name.
        skip: how many to pass over first: 1 in "the second from the left" and in "everyone but the leftmost".
        exclude: nouns to leave out, as `noun` is written.
        everything: no kind is named ("everything", "the things on the left").
    """

    text: str
    noun: str = ""
    head: str = ""
    qualifiers: tuple[str, ...] = ()
    count: int | None = None
    order: tuple[str, ...] = ()
    skip: int = 0
    exclude: tuple[str, ...] = ()
    everything: bool = False


# -- places and sizes: regular expressions ----------------------------------------------------------------------------

_PICTURE = r"(?:picture|image|photo|photograph|frame|screen|scene|shot|view|pic)"
_BODY = "|".join(sorted(BODY_PARTS, key=len, reverse=True))
_SIDE = r"left|right|top|bottom|middle|cent(?:er|re)|upper|lower"
_EXTENT = r"(?:[ -]hand side| side| half| part| corner| edge| third| end|[ -]hand(?! \w))?"
_NAMED = {"upper": "top", "lower": "bottom", "center": "middle", "centre": "middle", "central": "middle"}
_OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top", "largest": "smallest",
             "smallest": "largest"}
_ORDINAL = "|".join(ORDINALS)
_CLOSEST = r"(?:closest|nearest) (?:to the|to|the)"
_SUPERLATIVES = {
    "left": r"left[ -]?most|(?:furthest|farthest|most|far|extreme)[ -](?:to the )?left"
           rf"|{_CLOSEST} left(?:[ -]hand)?(?: (?:side|edge|end|border))?",
    "right": r"right[ -]?most|(?:furthest|farthest|most|far|extreme)[ -](?:to the )?right"
            rf"|{_CLOSEST} right(?:[ -]hand)?(?: (?:side|edge|end|border))?",
    "top": r"top[ -]?most|upper[ -]?most|highest",
    "bottom": r"bottom[ -]?most|lower[ -]?most|lowest",
    "largest": r"largest|biggest|tallest|widest|hugest|greatest|fore[ -]?most|front[ -]?most"
               r"|(?:closest|nearest)(?! to)(?: one)?"
               r"|(?:closest|nearest) to (?:the )?(?:camera|viewer|front|us|me|you|photographer)"
               r"|in the foreground|(?:right )?in front(?! of)|up front",
    "smallest": r"smallest|tiniest|littlest|shortest|(?:furthest|farthest|most distant)"
                r"(?: away| back)?(?: from (?:the )?(?:camera|viewer|us|me|you|photographer))?|rear[ -]?most"
                r"|in the background|(?:at|in) the (?:very )?back(?! of)",
    "middle": r"middle[ -]?most|cent(?:er|re)[ -]?most|most central",
}
_SUPERLATIVE = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _SUPERLATIVES.items())
_RANKED = re.compile(rf"\b(?:(?:on|at|to) the )?(?:(?P<nth>{_ORDINAL})[ -])?(?:{_SUPERLATIVE})\b(?: side)?"
                     rf"(?! (?:{_BODY})s?\b)(?P<among> of\b(?= (?:the|these|those|all|my|them)\b))?")
_FROM = re.compile(
    rf"\b(?P<nth>{_ORDINAL}) (?P<noun>(?:[\w'-]+ ){{0,3}}?)(?:from|on|at|to) (?:the )?(?P<side>left|right|top|bottom)\b"
    rf"{_EXTENT}(?: (?:of|in) (?:the |this |that )?{_PICTURE}\b)?")
_PLACE = re.compile(
    rf"\b(?:on|at|to|in|from|along|near|towards?) (?:(?:the|your|my|its|his|her) )?(?:(?P<far>far|very|extreme) )?"
    rf"(?P<one>{_SIDE})(?:[ -](?P<two>{_SIDE}))?{_EXTENT}\b(?![ -](?:{_BODY})s?\b)"
    rf"(?: (?:of|in) (?:the |this |that )?{_PICTURE}\b|(?P<relation> of\b))?")
_ADJECTIVE = re.compile(rf"\b(?P<one>{_SIDE}|central)(?:[ -](?P<two>{_SIDE}))?(?:-hand)?(?= \w|$)"
                        rf"(?! (?:and |or )?(?:(?:left|right) )?(?:{_BODY})s?\b)(?! of\b)")
_NEGATION = re.compile(
    r"\b(?:except(?:ing)?(?: for)?|excluding|but not|but no|and not|other than|apart from|aside from|besides|"
    r"not counting|not including|leaving out|rather than|instead of|minus|(?:but )?ignor(?:e|ing)|not(?! \w+ing\b))\b"
    r"|(?<=\ball )but\b|(?<=thing )but\b|(?<=one )but\b|(?<=body )but\b", re.IGNORECASE)
_SEPARATOR = re.compile(
    r"(\s*(?:[,;+&\n]|\b(?:as well as|along with|plus|and also|and|or)\b)(?:\s*\b(?:and|or)\b)?\s*)", re.IGNORECASE)
_PARTICIPLE = re.compile(r"[a-z]{3,}ed$")
_KEPT_ED = frozenset(("bed", "seed", "reed", "sled", "shed", "weed", "moped", "bobsled", "breed", "steed", "feed",
"flatbed"))


def words(text: str) -> str:
    """Lower case words with single spaces, hyphens kept inside words, a possessive's ending and other signs dropped."""
    lowered = text[:LONGEST].lower().replace("\u2019", "'").replace("\u2011", "-")
    return " ".join(re.findall(r"[^\W_]+(?:['\-][^\W_]+)*", re.sub(r"'s?\b(?=\W|$)", " ", lowered)))


def parse(text: str) -> Phrase:
    """What one noun phrase asks for; never raises, whatever the text is.

    A place without a number names a part of the picture ("people on the left"); with a number or a definite singular
    ("the two people on the left", "the dog on the left") it is an order. Sizes are orders too; "tallest" and "closest"
    count as largest, as boxes know no better. What stands in relation to another thing ("left of the bus") is taken
    as an order where one thing is meant, and is else not read.
    """
    main, excluded = split_negation(words(text))
    phrase = _parse_main(text, main)
    for part in split_list(excluded):
        phrase = _without(phrase, _parse_main(part, words(part)))
    return phrase


def parse_all(text: str) -> list[Phrase]:
    """The phrases of a list; at least one. What is left out is left out of each of them.

    A place after the last noun is for all of them where the nouns share a determiner ("the dogs and cats on the left").
    """
    main, excluded = split_negation(text[:LONGEST])
    parts = split_list(main) or [main]
    if len(parts) > 1 and (both := re.match(r"\s*both\s+(.+)", parts[0], re.IGNORECASE | re.DOTALL)):
        parts[0] = both.group(1)
    phrases = [_parse_main(part, words(part)) for part in parts]
    bare = all((words(part).split() or [""])[0] not in DETERMINERS | NUMBERS.keys() for part in parts[1:])
    if len(parts) > 1 and bare and phrases[-1].order and phrases[-1].count is None:
        phrases = [p if p.order else replace(p, order=phrases[-1].order) for p in phrases]
    for part in split_list(excluded):
        phrases = [_without(phrase, _parse_main(part, words(part))) for phrase in phrases]
    return phrases


def split_list(text: str) -> list[str]:
    """The parts of a list: "person, bus and car" gives three; "a black and white cat" and "all but the bus" are one."""
    main, excluded = split_negation(text[:LONGEST])
    pieces = _SEPARATOR.split(main)
    parts: list[str] = []
    for index in range(0, len(pieces), 2):
        piece = pieces[index]
        if not words(piece):
            continue
        if parts and _belongs(words(parts[-1]), words(piece)):
            parts[-1] += pieces[index - 1] + piece
        else:
            parts.append(piece)
    if excluded:
        tail = text[:LONGEST][len(main) :]
        parts = [*parts[:-1], f"{parts[-1].strip() if parts else ''} {tail}"]
    return [part.strip() for part in parts if part.strip()]


def _belongs(left: str, right: str) -> bool:
    """Whether the words right of a comma or "and" go on with what is left of it rather than name a new thing."""
    before, after = left.split(), right.split()
    determined = after[0] in DETERMINERS or after[0] in NUMBERS
    if before[-1] in JOINABLE and not determined:
        return True
    if after[0].endswith("ing") and after[0] not in ING_NOUNS and len(before) > 1:
        return True
    if "between" in before and "and" not in before:
        return True
    held = {"with", "wearing", "holding", "carrying"} & set(before)
    return bool(held) and (not determined or after[0] in ("a", "an", "his", "her", "their"))


def split_negation(text: str) -> tuple[str, str]:
    """(what is asked for, what is left out): "people, not the dogs" gives "people, " and " the dogs"."""
    if (found := _NEGATION.search(text)) is None:
        return text, ""
    return text[: found.start()], text[found.end() :]


def _without(phrase: Phrase, other: Phrase) -> Phrase:
    """The phrase less another: a noun to leave out, or, for the same kind in a place, the first to pass over."""
    if phrase.noun == "all" and other.order and not other.everything:
        phrase = replace(phrase, noun=other.noun, head=other.head, everything=False)
    same = other.everything or other.head == phrase.head or (other.head in PEOPLE and phrase.head in PEOPLE)
    if other.order and other.count and same and not phrase.order:
        return replace(phrase, order=other.order, skip=other.count, count=None)
    if other.everything or not other.noun:
        return phrase
    everything = phrase.everything or not phrase.noun
    return replace(phrase, exclude=(*phrase.exclude, other.noun), everything=everything)


def _parse_main(text: str, main: str) -> Phrase:
    """The phrase in words that leave nothing out."""
    main, order, skip, how = _places(main)
    count, definite, universal, group, after = _noun_group(main)
    head = singular(group[-1]) if group else ""
    plural = bool(group) and head != group[-1]
    if head in PERSON_PRONOUNS:
        head, universal = "person", True
    everything = head in EVERYTHING or not head
    one = not plural and not universal and (group[-1:] != ["ones"])
    if count is None and one and (how in ("superlative", "ordinal") or (order and definite) or how == "adjective"):
        count = 1
    if how == "ordinal":
        count = count or 1
    if how == "relation" and count is None:
        order = ()
    qualifiers = (*group[:-1], *((after,) if after else ()))
    return Phrase(text, " ".join(group), "" if everything else head, qualifiers, count, order, skip, (), everything)


def _places(main: str) -> tuple[str, tuple[str, ...], int, str]:
    """(words without places and sizes, order, skip, what gave it: ordinal, superlative, relation, place, adjective)."""
    order: list[str] = []
    skip, how = 0, ""
    if found := _FROM.search(main):
        skip, how = ORDINALS[found["nth"]] - 1, "ordinal"
        order.append(found["side"])
        main = f"{main[: found.start()]}{found['noun'].strip()} {main[found.end():]}"
    while found := _RANKED.search(main):
        order.append(next(name for name in _SUPERLATIVES if found[name]))
        if found["nth"]:
            skip = ORDINALS[found["nth"]] - 1
        how = how or ("ordinal" if found["among"] else "superlative")
        main = f"{main[: found.start()]} {main[found.end():]}"
    while found := _PLACE.search(main):
        related = found["relation"] is not None
        if not related or found["one"] in ("left", "right"):
            order += [found["one"], *([found["two"]] if found["two"] else [])]
            how = how or ("relation" if related else "superlative" if found["far"] else "place")
        rest = "of " if related else ""
        main = f"{main[: found.start()]} {rest}{main[found.end():]}"
    while found := _ADJECTIVE.search(main):
        order += [found["one"], *([found["two"]] if found["two"] else [])]
        how = how or "adjective"
        main = f"{main[: found.start()]} {main[found.end():]}"
    named = list(dict.fromkeys(_NAMED.get(name, name) for name in order))
    clear = tuple(name for name in named if _OPPOSITE.get(name) not in named)
    return " ".join(main.split()), clear, skip, how if clear else ""


def _noun_group(main: str) -> tuple[int | None, bool, bool, list[str], str]:
    """(count, definite, universal, the noun with the words before it, what follows) of words without places."""
    tokens = main.split()
    while len(tokens) > 1 and tokens[0] in REQUEST:
        tokens.pop(0)
    count, definite, universal = None, False, False
    while tokens:
        word = tokens[0]
        if word in ("and", "or"):
            pass
        elif word in NUMBERS or word.isdecimal():
            number = NUMBERS.get(word) or int(word[:6])
            count = number if 0 < number <= MOST else None
        elif word in CONTAINERS and len(tokens) > 2 and tokens[1] == "of":
            if CONTAINERS[word] and tokens[-1] not in PAIRED:
                count = CONTAINERS[word]
            tokens.pop(0)
        elif word in UNIVERSAL and len(tokens) > 1:
            universal = True
        elif word in DETERMINERS and len(tokens) > 1:
            definite = definite or word in ("the", "that", "this", "my", "your", "his", "her", "their", "our")
        elif word in DETERMINERS and word not in EVERYTHING:
            tokens = []
            definite = True
            break
        else:
            break
        tokens.pop(0)
    end = next((i for i in range(len(tokens)) if _ends_noun(tokens, i)), len(tokens))
    if tokens[end : end + 1] == ["of"] and end and tokens[end - 1] in CONTAINERS and end + 1 < len(tokens):
        return _merged(count, definite, universal, tokens[end + 1 :])
    group, after = tokens[:end], " ".join(tokens[end:])
    while len(group) > 1 and (group[-1] in TRAILING or (_PARTICIPLE.match(group[-1]) and group[-1] not in _KEPT_ED)):
        after = f"{group.pop()} {after}".strip()
    return count, definite, universal, group, after


def _merged(count: int | None, definite: bool, universal: bool, tokens: list[str]
            ) -> tuple[int | None, bool, bool, list[str], str]:
    """As `_noun_group` for what follows "a small group of", with what stood before it."""
    inner = _noun_group(" ".join(tokens))
    return count or inner[0], definite or inner[1], universal or inner[2], inner[3], inner[4]


def _ends_noun(tokens: list[str], index: int) -> bool:
    word = tokens[index]
    if word in ("and", "or") and index and tokens[index - 1] in JOINABLE:
        return index + 1 == len(tokens)
    if word in STOPS:
        return index > 0 or word not in PERSON_PRONOUNS
    return index > 0 and len(word) > 4 and word.endswith("ing") and word not in ING_NOUNS
