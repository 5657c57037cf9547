"""How a request is put: politeness, what people say before and after, capitals, slips of the finger."""

from __future__ import annotations

import random

from veclink.agent.nano.book import Drawer, book, expand

TYPED_WRONG = 0.15  # share of texts with slips
BLUNT = 0.15  # of imperatives with nothing polite round them, beside those that the book leaves so
PLAIN = 0.25  # of texts with nothing before them, and of those with nothing after, likewise
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
NEAR = {row[i]: row[max(i - 1, 0) : i] + row[i + 1 : i + 2] for row in KEYS for i in range(len(row))}


def imperative(line: str, drawer: Drawer, rng: random.Random) -> str:
    """A frame, with something polite round it where it begins with "!"."""
    if not line.startswith("!"):
        return line
    if rng.random() < BLUNT:
        return line[1:]
    pattern = expand(drawer.one(book("talk")["please"], rng)[0], rng)
    body = line[1:] if pattern == "{x}" else line[1:].rstrip("?")
    return pattern.replace("{x}", body)


def dressed(body: str, drawer: Drawer, rng: random.Random) -> str:
    """The body as a person would type it: with words before and after, capitals or none, slips."""
    before, after = ("" if rng.random() < PLAIN else expand(drawer.one(book("talk")[part], rng)[0], rng)
                     for part in ("before", "after"))
    if body[-1] not in ".?!" and (after or rng.random() < 0.6):
        body += "."
    if before.rstrip().endswith((".", "!")):
        body = body[0].upper() + body[1:]
    text = f"{before}{body}{after}".strip()
    roll = rng.random()
    if roll < 0.62:
        text = text[0].upper() + text[1:]
    elif roll < 0.82:
        text = text.lower()
    elif roll < 0.84:
        text = text.upper()
    return slipped(text, rng) if rng.random() < TYPED_WRONG else text


def slipped(text: str, rng: random.Random) -> str:
    """The text with one to three slips: a letter left out, doubled, swapped with the next, or a neighbouring key.

    Only words of four letters and more are touched, and never their first letter, which people mostly get right.
    """
    words = text.split(" ")
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        long = [i for i, word in enumerate(words) if sum(letter.isalpha() for letter in word) >= 4]
        if not long:
            return text
        i = rng.choice(long)
        word = words[i]
        places = [k for k in range(1, len(word) - 1) if word[k].isalpha() and word[k + 1].isalpha()]
        if not places:
            continue
        k, how = rng.choice(places), rng.random()
        if how < 0.3:
            word = word[:k] + word[k + 1 :]
        elif how < 0.5:
            word = word[:k] + word[k] + word[k:]
        elif how < 0.75:
            word = word[:k] + word[k + 1] + word[k] + word[k + 2 :]
        else:
            near = NEAR.get(word[k].lower(), word[k].lower())
            word = word[:k] + rng.choice(near) + word[k + 1 :]
        words[i] = word
    return " ".join(words)
