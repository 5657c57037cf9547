"""From plain words to goals: numbers, plurals, spoken names, sets, several goals in a sentence, deadlines, typos.

The vocabulary is `words.json`; the grammar is this file. A request is split into phrases at commas, "and" and "then";
each phrase loses its verb (which says what kind of goal it is), gives up its number, and the rest must be a name.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from veclink.agent.embodied.goals import LARGEST, Goal, Kind, with_deadline
from veclink.agent.embodied.items import Item, item_ids
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import MOBS

CLOSE = 0.8  # how alike a misspelt name must be to be taken for another
NEAR = 0.6  # and to be suggested
SHORTEST_TYPO = 4  # letters; shorter names are too much alike
UNITS = {"tick": 1, "step": 1, "second": 20, "minute": 1200, "hour": 72_000, "day": 24_000, "night": 24_000}
NIGHT = (
    r"night|nightfall|night time|nighttime|dark|darkness|dusk|sunset|sundown|evening"
    r"|it gets dark|it is dark|the sun sets"
)
DAY = r"day|daybreak|morning|dawn|sunrise|noon|tomorrow"
VERBS: tuple[tuple[str, Kind], ...] = (
    (r"kill|hunt|slay|fight|combat|defeat|murder|destroy|beat|attack|shoot", "kill"),
    (r"eat|dine on|snack on", "eat"),
    (r"survive|stay alive|live|last", "survive"),
    (r"go to sleep|go to bed|sleep|take a nap|get some sleep", "sleep"),
    (r"wear|put on|equip yourself with|dress in", "wear"),
    (r"use", "use"),
    (
        r"get|make|craft|build|find|bring|give|collect|gather|obtain|harvest|mine|dig up|dig|smelt"
        r"|cook|bake|fetch|have|acquire|chop down|chop|cut down|cut"
        r"|pick up|pick|catch|fish for|fish|grow|farm|produce|create"
        r"|need|want|come back with|return with"
        r"|search for|look for|hold|own|prepare|forge|shear|milk|fill|provide|take",
        "have",
    ),
)
FILLERS = (
    r"please|i|we|you|would|like|could|can|to|me|us|my|your|for|now|first|firstly|second|finally|lastly|next|let's|lets|kindly|"
    r"help|should|must|will|'d|i'd|i'll|i'm|going|hungry|just|then|also|and|go|out|up|some more|at least|exactly|about|"
    r"so|your goal is|the goal is|try|manage|yourself|them|hey|hi|hello|okay|ok|"
    r"quickly|hurry|eventually|with|himself|of|it|that|is"
)
TAILS = r"\b(?:with|in|from|using|near|on|at|for|so|because|to|if|when|while|within|out of)\b.*$"
ADJECTIVES = (
    "new nice good big little more fresh full whole complete brand raw piece pieces block blocks item items units unit "
    "lump lumps bit bits chunk chunks of set sets placed ripe empty wild living single spare normal regular old simple "
    "plain tasty strong pair"
).split()
TOGETHER = (
    "flint and steel", "book and quill", "carrot on a stick", "minecart with chest", "minecart with furnace",
    "minecart with hopper", "minecart with tnt", "totem of undying", "eye of ender", "jack o lantern",
)  # fmt: skip
MEALS = {
    "food",
    "meal",
    "meals",
    "dinner",
    "lunch",
    "breakfast",
    "supper",
    "snack",
    "something",
    "anything",
    "something edible",
}


@cache
def vocabulary() -> dict[str, Any]:
    """`words.json`."""
    return json.loads(files("veclink.agent.embodied").joinpath("words.json").read_text("utf-8"))


@cache
def spoken() -> dict[str, Item]:
    """Every spoken name of an item in the singular, lower case."""
    words = vocabulary()
    names = {name.replace("_", " "): Item(name) for name in item_ids() if name != "air"}
    colours, woods = words["colours"], words["woods"]
    for shade, colour in enumerate(colours):
        for said, name in words["coloured"].items():
            names[f"{colour} {said}"] = Item(name, shade)
        names[f"{colour} dye"], names[f"{colour} banner"] = Item("dye", 15 - shade), Item("banner", 15 - shade)
    for number, wood in enumerate(woods):
        early, late = number < 4, number - 4
        for said in ("log", "wood"):
            names[f"{wood} {said}"] = Item("log", number) if early else Item("log2", late)
        for said in ("leaves", "leaf"):
            names[f"{wood} {said}"] = Item("leaves", number) if early else Item("leaves2", late)
        for said, name in (("plank", "planks"), ("planks", "planks"), ("sapling", "sapling"), ("slab", "wooden_slab")):
            names[f"{wood} {said}"] = Item(name, number)
    for material, prefix in words["materials"].items():
        for said, part in words["gear"].items():
            if f"{prefix}_{part}" in item_ids():
                names[f"{material} {said}"] = Item(f"{prefix}_{part}")
    names |= {said: Item.of(text) for said, text in words["items"].items()}
    for said in [name for name in names if "gray" in name or "armor" in name or "color" in name]:
        names[said.replace("gray", "grey").replace("armor", "armour").replace("color", "colour")] = names[said]
    return {said: item for said, item in names.items() if item.name in item_ids()}


@cache
def mob_names() -> tuple[str, ...]:
    """MineDojo's names of the mobs there are."""
    return MOBS.names


@cache
def spoken_mobs() -> dict[str, str]:
    """Every spoken name of a mob in the singular."""
    return {name.replace("_", " "): name for name in mob_names()} | vocabulary()["mobs"]


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name nobody knows, with the nearest, and without the long list of all."""
    near = difflib.get_close_matches(name.replace("_", " "), [each.replace("_", " ") for each in known], 1, NEAR)
    do = f"did you mean {near[0]!r}?" if near else f"use a name of Minecraft 1.11's {kind}s"
    return UnknownName(f"the name of {'an' if kind == 'item' else 'a'} {kind}", repr(name[:80]), do)


def singulars(name: str) -> list[str]:
    """The name itself and what it may be the plural of."""
    forms = [name]
    if name.endswith("ies"):
        forms.append(f"{name[:-3]}y")
    if name.endswith("ves"):
        forms += [f"{name[:-3]}f", f"{name[:-3]}fe"]
    if name.endswith("es"):
        forms.append(name[:-2])
    if name.endswith("s"):
        forms.append(name[:-1])
    if name.endswith("men"):
        forms.append(f"{name[:-3]}man")
    first, _, last = name.partition(" of ")
    return forms + ([f"{form} of {last}" for form in singulars(first)[1:]] if last else [])


def item_of(name: str) -> Item:
    """An item from its spoken or its own name; small misspellings are forgiven.

    Raises:
        UnknownName: with the nearest name.
    """
    text = name.strip().lower()
    if text.partition(":")[0] in item_ids() and re.fullmatch(r"\w+(:\d{1,3})?", text):
        return Item.of(text)
    item = _look_up(text.replace("_", " "), spoken())
    if item is None:
        raise unknown("item", name, spoken())
    return item


def mob_of(name: str) -> str:
    """A mob from its spoken or its own name.

    Raises:
        UnknownName: with the nearest name.
    """
    mob = _look_up(name.strip().lower().replace("_", " "), spoken_mobs())
    if mob is None:
        raise unknown("mob", name, spoken_mobs())
    return mob


def _look_up(name: str, known: dict[str, Any]) -> Any:
    """Exactly, in the singular, with "X of Y" turned round, without adjectives; then the nearest."""
    words = name.split()
    while True:
        text = " ".join(words)
        for form in (*singulars(text), *_turned(text)):
            if form in known:
                return known[form]
        if len(words) > 1 and words[0] in ADJECTIVES:
            words = words[1:]
            continue
        break
    if len(text) < SHORTEST_TYPO:
        return None
    near = difflib.get_close_matches(text, known, 1, CLOSE)
    return known[near[0]] if near else None


def _turned(text: str) -> list[str]:
    """ "pickaxe of iron" -> "iron pickaxe"; "pieces of string" -> "string"; "bucket of water" -> "water bucket"."""
    match = re.fullmatch(r"(.+?) (?:made (?:out )?of|made from|out of|of) (.+)", text)
    if not match:
        return []
    thing, stuff = match.groups()
    turned = [form for one in singulars(thing) for form in singulars(f"{stuff} {one}")]
    return turned + (singulars(stuff) if singulars(thing)[-1] in ADJECTIVES else [])


def parse(text: str, phrases: list[str] | None = None) -> list[Goal]:
    """The goals of a request, in order; not yet checked against what the world gives.

    Args:
        phrases: one a goal, where somebody else has split the text.
    """
    text = re.sub(r"\s+", " ", text.lower().replace("\u2019", "'").replace("jack-o-", "jack o ").replace("'o'", "o"))
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    for whole in TOGETHER:
        text = text.replace(whole, whole.replace(" ", "_"))
    text, before, within = _deadline(text)
    parts = [p.lower() for p in phrases] if phrases is not None else _split(text)
    found: list[Goal] = []
    kind: Kind = "have"
    armed = False  # "kill a zombie with a sword, a shield and a helmet": what follows is what one has
    for part in parts:
        rest, verb = _verb(re.sub(r"\s*\b(?:please|thanks|thank you|too|asap|now)\b\s*", " ", part).strip())
        if armed and verb is None:
            continue
        kind = verb or kind
        armed = kind == "kill" and " with " in part
        found += _phrase(rest, kind, part)
        kind = "have" if kind in ("survive", "sleep") else kind
    if not found:
        raise InputError("a goal, as in 'get me a diamond'", repr(text[:60]), "name what to get, kill or survive")
    return [with_deadline(goal, before, within) for goal in found]


def _split(text: str) -> list[str]:
    return [
        p.strip()
        for p in re.split(r"[,;.!?\n&+]|\b(?:and then|and|then|plus|as well as|after that|before that)\b", text)
        if p.strip()
    ]


def _deadline(text: str) -> tuple[str, str, int | None]:
    """The text without its deadline, "night" or "day" or "", ticks or None."""
    before, within = "", None
    if match := re.search(rf"\b(?:before|by|until|till) (?:the )?(?:({NIGHT})|({DAY}))\b", text):
        before = "night" if match[1] else "day"
        text = text.replace(match[0], " ")
    if match := re.search(rf"\b(?:with)?in (?:the next |less than |under )?([\w ]+?) ({'|'.join(UNITS)})s?\b", text):
        number, rest = _number(match[1].split())
        if not rest:
            within = (number or 1) * UNITS[match[2]]
            text = text.replace(match[0], " ")
    return text, before, within


def _verb(part: str) -> tuple[str, Kind | None]:
    """A phrase without its fillers and verbs, and the kind that its last verb means."""
    kind: Kind | None = None
    changed = True
    while changed:
        changed = False
        if match := re.match(rf"(?:{FILLERS})(?:\s+|$)", part):
            part, changed = part[match.end() :], True
            continue
        for verbs, meaning in VERBS:
            if match := re.match(rf"(?:{verbs})(?:ing)?(?:\s+|$)", part):
                name = part.strip()
                if meaning == "have" and _look_up_exact(name):
                    break  # "fish", "milk": the thing, not the deed
                part, kind, changed = part[match.end() :], meaning if kind in (None, "have") else kind, True
                break
    return part.strip(), kind


def _look_up_exact(name: str) -> bool:
    return any(form in spoken() for form in singulars(name))


def _phrase(rest: str, kind: Kind, part: str) -> list[Goal]:
    """The goals of one phrase that has lost its verb."""
    if kind == "survive":
        number, _ = _number([word for word in rest.split() if word != "for"])
        return [Goal("", number or 1, "survive")]
    if kind == "sleep":
        return [Goal("", 1, "sleep")]
    if (
        re.search(r"\b(?:hungry|starving)\b|\b(?:something|anything|things?) (?:\w+ )?to eat\b|\bto eat\b", part)
        or rest in MEALS
    ):
        return [Goal("food", 1, "eat")]
    if not rest:
        return [Goal("food", 1, "eat")] if kind == "eat" else []
    rest = rest.replace("_", " ") if "_" in rest else re.sub(TAILS, "", rest).strip()
    number, words = _number(rest.split())
    name = " ".join(words)
    if not name:
        return []
    count = number if number is not None else 1
    if not 1 <= count <= LARGEST:
        raise InputError(f"a count of 1 to {LARGEST}", str(count), "ask for less at a time")
    if kind == "kill":
        return [Goal(mob_of(name), count, "kill")]
    if several := _set(name):
        return [Goal(each, count, kind) for each in several]
    if kind == "have" and not _look_up_exact(name) and any(form in spoken_mobs() for form in singulars(name)):
        return [Goal(mob_of(name), count, "kill")]
    return [Goal(str(item_of(name)), count, kind)]


def _set(name: str) -> list[str]:
    """ "full set of iron armour", "iron tools" -> the items of the set."""
    words = vocabulary()
    pattern = (
        rf"(?:(?:full|complete|whole|entire|suit|suite|set|kit|of|a) )*({'|'.join(words['materials'])}) "
        rf"({'|'.join(sorted(words['sets'], key=len, reverse=True))})s?(?: set| kit| suit)?"
    )
    turned = re.sub(r"^(.*?)\b(armou?r|tools) (?:made )?(?:of|from) (\w+)$", r"\1\3 \2", name)
    if not (match := re.fullmatch(pattern, turned)):
        return []
    names = [f"{words['materials'][match[1]]}_{part}" for part in words["sets"][match[2]]]
    return [each for each in names if each in item_ids()]


def _number(words: list[str]) -> tuple[int | None, list[str]]:
    """A number at the start ("3", "two dozen", "half a dozen", "a stack of", "5x"), and the words after it."""
    table = vocabulary()["numbers"]
    total: int | None = None
    i = 0
    if words[:3] == ["half", "a", "dozen"]:
        total, i = 6, 3
    while i < len(words):
        word = words[i]
        digits = re.fullmatch(r"(\d{1,9})x?", word)
        single = word if word in table else word[:-1] if word.endswith("s") and word[:-1] in table else ""
        if digits:
            total = int(digits[1]) * (total or 1)
        elif word == "full" and i + 1 < len(words) and words[i + 1].startswith("stack"):
            pass
        elif single:
            value = table[single]
            total = _joined(total, value, single)
        elif word in ("of", "x", "and") and total is not None:
            pass
        else:
            break
        i += 1
    return total, words[i:]


def _joined(total: int | None, value: int, word: str) -> int:
    if total is None:
        return value
    if word in ("hundred", "dozen", "stack", "pair", "couple"):
        return total * value
    return (
        total + value
        if total >= 20 and value < 10 and word not in ("a", "an", "the", "some", "any")
        else max(total, value)
    )
