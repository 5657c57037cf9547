"""Questions that words answer, and what is right to say."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from veclink.agent.nano.book import Drawer, book
from veclink.agent.nano.lesson import Lesson
from veclink.agent.nano.manners import dressed, imperative
from veclink.agent.nano.marks import mark_block, mark_mob
from veclink.agent.nano.referring import MANY, ONE, ORDERS, Describer, Said, article, holds, plain, plain_block
from veclink.agent.nano.truth import DAWN, DAY, DUSK, NIGHT, SceneTruth

MOST = 6  # more than this many are not asked to be counted
SKIES = {"clear": "The sky is clear.", "rain": "It is raining.", "thunder": "There is a thunderstorm.",
         "snowfall": "It is snowing."}
HOURS = {DAY: "day", DUSK: "sunset", NIGHT: "night", DAWN: "sunrise"}


def asked(line: str, label: str, new: bool, drawer: Drawer, rng: random.Random, said: Sequence[Said] = (), **fields
          ) -> Lesson:
    """The lesson of a frame whose slots are filled."""
    text = dressed(imperative(line, drawer, rng), drawer, rng)
    words = tuple(word for one in said for word in one.words)
    sets = {one.mobs for one in said}
    plain = len(sets) == 1 and not any(one.unsure or one.blocks for one in said)
    return Lesson(text=text, frame=label, words=words, new_frame=new, new_words=any(one.new for one in said),
                  meant=sets.pop() if plain else None, **fields)


def number_sentence(count: int, said: Said) -> str:
    """ "There are 3 cows.", "There is 1 cow.", "There are no cows." """
    if count == 1:
        return f"There is 1 {said.one}."
    return f"There are {count or 'no'} {said.many}."


def countable(said: Said | None) -> Said | None:
    """The expression where anybody would count the same number, at most MOST."""
    return said if said and not said.unsure and len(said.mobs) <= MOST and not said.blocks else None


def things(describer: Describer, rng: random.Random) -> Said | None:
    """Something to count, or of which there is none."""
    roll = rng.random()
    if not describer.clear:
        return describer.absent() if roll < 0.3 else None
    if roll < 0.1:
        return describer.absent()
    if roll < 0.3:
        return describer.subset()
    kinds = Counter(mob.kind for mob in describer.truth.mobs)
    if roll < 0.65 and max(kinds.values()) > 2:  # large numbers are rare: seek them out
        most = max(sorted(kinds), key=lambda kind: kinds[kind])
        noun = describer.kind_noun(most) if most in book("mobs") else describer.group_noun("mobs")
        return describer.said(noun, noun.pool) if any(mob.clear for mob in noun.pool) else None
    if roll < 0.75:
        noun = describer.group_noun("mobs")
        return describer.said(noun, noun.pool)
    return describer.category()


def count(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson | None:
    """How many."""
    said = countable(things(describer, rng))
    if said is None:
        return None
    line, label, new = drawer.numbered("count", book("questions")["count"], rng)
    number = len(said.mobs)
    return asked(line.replace("{n}", said.many), label, new, drawer, rng, [said], kind="count", value=str(number),
                 answer=number_sentence(number, said))


def refused(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson | None:
    """How many, and no tool, please."""
    said = countable(things(describer, rng))
    if said is None:
        return None
    line, label, new = drawer.numbered("refused", book("tools")["refused"], rng)
    number = len(said.mobs)
    line = line.replace("{n}", said.many).replace("{t}", f"the {said.many}")
    return asked(line, label, new, drawer, rng, [said], kind="refused", value=str(number),
                 answer=number_sentence(number, said))


def yesno(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson | None:
    """Is there one."""
    roll = rng.random()
    if roll < 0.38:
        said = describer.absent()
    elif roll < 0.6:
        said = _false_colour(describer, rng) if rng.random() < 0.5 else _false_side(describer, drawer, rng)
    else:
        said = describer.block() if roll > 0.85 else describer.subset() if roll > 0.75 else describer.category()
    if said is None or (said.unsure and not said.mobs):
        return None
    yes = bool(said.mobs or said.blocks)
    line, label, new = drawer.numbered("yesno", book("questions")["yesno"], rng)
    one = article(said.one)
    if said.blocks:
        one = f"any {said.many}"
        while "is {one}" in line or "does {one}" in line or "can {one}" in line or line.startswith("{one}"):
            line, label, new = drawer.numbered("yesno", book("questions")["yesno"], rng)
        if said.forms["is"] == "is":
            line = line.replace("are there", "is there").replace("there are", "there is")
    line = line.replace("{one}", one).replace("{n}", said.many)
    answer = f"{'Yes, there' if yes else 'No, there'} {_have(said, yes)}."
    return asked(line, label, new, drawer, rng, [said], kind="yesno", value="yes" if yes else "no", answer=answer)


def _have(said: Said, yes: bool) -> str:
    if said.blocks:
        return f"{said.forms['is']} {said.many}"
    if not yes:
        return f"is no {said.one}"
    return f"is {article(said.one)}" if len(said.mobs) == 1 and not said.unsure else f"are {said.many}"


def _false_colour(describer: Describer, rng: random.Random) -> Said | None:
    """A kind that is there in a colour that it is not there in."""
    kinds = [mob.kind for mob in describer.clear if mob.colour and book("mobs")[mob.kind].get("coats")]
    if not kinds:
        return describer.absent()
    noun = describer.kind_noun(rng.choice(kinds))
    colours = sorted(set(book("mobs")[noun.pool[0].kind]["coats"]) - {""})
    colour = rng.choice(colours)
    if any(holds("colour", mob, noun.pool, describer.truth, colour) is not False for mob in noun.pool):
        return None
    one, many = f"{colour} {noun.one}", f"{colour} {noun.many}"
    return Said(f"the {many}", one, many, True, words=(*noun.words, colour), new=noun.new)


def _false_side(describer: Describer, drawer: Drawer, rng: random.Random) -> Said | None:
    """A kind that is there on a side on which it is not."""
    if not describer.clear:
        return None
    noun, side = describer.kind_noun(rng.choice(describer.clear).kind), rng.choice(("left", "right"))
    if any(holds(side, mob, noun.pool, describer.truth) is not False for mob in noun.pool):
        return None
    pattern, new = drawer.one(book("attributes")[side], rng)
    one, many = pattern.format(n=noun.one, **ONE), pattern.format(n=noun.many, **MANY)
    return Said(f"the {many}", one, many, True, words=(*noun.words, side), new=noun.new or new)


def state(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson | None:
    """Hour, weather and snow."""
    if describer.truth.covered:
        return None
    truth, name = describer.truth, rng.choice(("night", "night", "day", "hour", "rain", "rain", "weather", "snow"))
    if name in ("night", "day", "hour"):
        if not truth.hour:
            return None
        if name == "hour":
            value, answer = HOURS[truth.hour], f"It is {HOURS[truth.hour]}."
        else:
            value = "yes" if truth.hour == name else "no"
            answer = f"{value.capitalize()}, it is {HOURS[truth.hour]}."
    elif name == "rain":
        value = "yes" if truth.sky in ("rain", "thunder") else "no"
        answer = f"{value.capitalize()}. {SKIES[truth.sky]}"
    elif name == "weather":
        value, answer = truth.sky, SKIES[truth.sky]
    else:
        lying = truth.block("snow")
        if not truth.snow and lying is not None and lying.pixels < 0.02 * truth.size[0] * truth.size[1]:
            return None
        value = "yes" if truth.snow or lying is not None else "no"
        answer = f"{value.capitalize()}, there is {'' if value == 'yes' else 'no '}snow."
    line, label, new = drawer.numbered(f"state/{name}", book("questions")["state"][name], rng)
    return asked(line, label, new, drawer, rng, kind="state", value=value, answer=answer)


def nearer(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson | None:
    """Which of two is nearer."""
    if len(describer.clear) < 2:
        return None
    first, second = rng.sample(describer.clear, 2)
    if abs(first.distance - second.distance) < 0.2 * max(first.distance, second.distance):
        return None
    a, b = describer.single(first), describer.single(second)
    taken = ("nearest", "farthest")  # they would give the answer away
    if a is None or b is None or a.text == b.text or any(word in (*a.words, *b.words) for word in taken):
        return None
    line, label, new = drawer.numbered("nearer", book("questions")["nearer"], rng)
    nearest = a if first.distance < second.distance else b
    line = line.replace("{1}", a.text).replace("{2}", b.text)
    return asked(line, label, new, drawer, rng, [a, b], kind="nearer", value=nearest.text,
                 answer=f"{nearest.text[0].upper()}{nearest.text[1:]}.")


def what(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson | None:
    """What a region shows."""
    blocks = [block for block in describer.truth.blocks if block.pixels >= 150]
    mobs = [mob for mob in describer.clear if mob.pixels >= 24]
    line, label, new = drawer.numbered("what", book("questions")["what"], rng)
    if mobs and (not blocks or rng.random() < 0.6):
        mob = rng.choice(mobs)
        name, region = plain(mob.kind)[0], mark_mob(mob, describer.truth.mobs, rng)
        answer = f"{article(name).capitalize()}."
    elif blocks:
        block = rng.choice(blocks)
        (name, _), region = plain_block(block.kind), mark_block(block, rng)[0]
        answer = f"{name[0].upper()}{name[1:]}."
    else:
        return None
    if region is None:
        return None
    return asked(line, label, new, drawer, rng, kind="what", value=name, answer=answer, regions=(region,))


def attribute(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson | None:
    """Colour, side, facing or kind of one mob."""
    if not describer.clear:
        return None
    mob = rng.choice(describer.clear)
    name = rng.choice(("colour", "side", "facing", "kind"))
    noun = describer.group_noun("mobs") if name == "kind" else describer.kind_noun(mob.kind)
    said = describer.single(mob, noun)
    if said is None or (name == "kind" and len(noun.pool) > 1 and said.text == f"the {noun.one}"):
        return None
    spoilt = {"colour": ("colour",), "side": ("left", "right", "middle", *ORDERS, "left_of", "right_of"),
              "facing": ("facing_left", "facing_right"), "kind": ()}[name]
    patterns = {pattern for part in book("attributes")["colour"].values() for pattern in part}
    if any(word in spoilt or (name == "colour" and word in patterns) for word in said.words):
        return None
    if name == "colour":
        value = mob.colour if holds("colour", mob, (mob,), describer.truth, mob.colour) else ""
    elif name == "side":
        value = next((side for side in ("left", "right") if holds(side, mob, (mob,), describer.truth)), "")
    elif name == "facing":
        value = mob.facing if mob.facing in ("left", "right") and mob.pixels >= 80 else ""
    else:
        value = plain(mob.kind)[0]
    if not value:
        return None
    line, label, new = drawer.numbered(name, book("questions")[name], rng)
    answer = {"colour": f"It is {value}.", "side": f"On the {value}.", "facing": f"To the {value}.",
              "kind": f"{article(value).capitalize()}."}[name]
    return asked(line.replace("{t}", said.text), label, new, drawer, rng, [said], kind="attribute", value=value,
                 answer=answer)


def describe(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson | None:
    """A caption: short, a list, or whole sentences, as the words ask for it."""
    truth = describer.truth
    if any(not mob.clear for mob in truth.mobs) and rng.random() < 0.7:
        return None  # a caption that passes over what is hardly visible is right, but teaches little
    line, label, new = drawer.numbered("describe", book("questions")["describe"], rng)
    return asked(line, label, new, drawer, rng, kind="describe", answer=caption(truth, style_of(line)))


def style_of(line: str) -> str:
    """ "short", "list" or "full": what a request for a description asks for."""
    if any(word in line for word in ("caption", "one sentence", "a sentence", "few words", "short", "alt text")):
        return "short"
    return "list" if "list" in line else "full"


def caption(truth: SceneTruth, style: str = "full") -> str:
    """What a scene shows, in words: hour, weather, mobs by kind, the most first, and the commonest blocks."""
    counts = Counter(mob.kind for mob in truth.mobs if mob.clear)
    mobs = [f"{number} {plain(kind)[number > 1]}" for kind, number in
            sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    area = truth.size[0] * truth.size[1]
    ground = [plain_block(block.kind)[0] for block in truth.blocks if block.pixels > 0.04 * area][:3]
    if style == "list":
        return f"{'; '.join(part for part in (', '.join(mobs), ', '.join(ground)) if part)}." if mobs or ground else \
            "Nothing but sky."
    if style == "short":
        where = f" with {listed(ground[:2])}" if ground else ""
        light = f" at {truth.hour}" if truth.hour in (NIGHT, DUSK, DAWN) else " by day" if truth.hour else ""
        return f"{listed(mobs) if mobs else 'An empty place'}{where}{light}."
    parts = [f"It is {HOURS[truth.hour]}." if truth.hour else "", SKIES[truth.sky] if truth.sky != "clear" else ""]
    first = next(iter(sorted(counts.items(), key=lambda item: (-item[1], item[0]))), ("", 0))[1]
    parts.append(f"There {'is' if first == 1 else 'are'} {listed(mobs)}." if mobs else "There is nobody.")
    parts.append("Snow covers everything." if truth.snow else "")
    parts.append(f"I see {listed(ground)}." if ground else "")
    return " ".join(part for part in parts if part)


def listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def reject(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson:
    """What nothing here can do."""
    line, label, new = drawer.numbered("reject", book("talk")["reject"], rng)
    if line[-1] != "?" and not line.startswith("what"):
        line = f"!{line}"
    return asked(line, label, new, drawer, rng, kind="reject", rejected=True)


def talk(describer: Describer, drawer: Drawer, rng: random.Random) -> Lesson:
    """Small talk."""
    line, label, new = drawer.numbered("talk", book("talk")["talk"], rng)
    text, answer = line.split(" = ")
    roll = rng.random()
    text = text[0].upper() + text[1:] if roll < 0.5 else text
    text += rng.choice(["", "", "!", "."]) if text[-1].isalpha() else ""
    return Lesson(text=text, answer=answer, kind="talk", frame=label, new_frame=new)
