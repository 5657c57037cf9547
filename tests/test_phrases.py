"""What the words of a phrase ask for."""

from __future__ import annotations

import pytest
from counted import calls
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.tools.phrases import Phrase, parse, parse_all, split_list, words
from veclink.tools.words import singular

HEADS = [
    ("the two tall people in red on the left", "person"), ("every person", "person"), ("a black and white cat", "cat"),
    ("all the people wearing hats", "person"), ("how the people are standing", "person"), ("cars parked on the road",
    "car"),
    ("a group of people standing on the street", "person"), ("find all the wine glasses please", "glass"),
    ("the dining table", "table"), ("one of the dogs", "dog"), ("who is wearing a hat", "person"), ("everyone",
    "person"),
    ("red, green and blue cars", "car"), ("a pair of scissors", "scissors"), ("the people not wearing helmets",
    "person"),
    ("where are my keys", "key"), ("the 2nd bus from the right side of the image", "bus"), ("glass of wine", "glass"),
    ("buildings with flags", "building"), ("the man who is standing by the door", "man"), ("hot dogs", "dog"),
]
SELECTIONS = [
    # text, count, order, skip
    ("the two tall people in red on the left", 2, ("left",), 0), ("people on the left", None, ("left",), 0),
    ("the person on the left", 1, ("left",), 0), ("every person on the left", None, ("left",), 0),
    ("the leftmost dog", 1, ("left",), 0), ("the biggest bus", 1, ("largest",), 0), ("the left-hand bus", 1,
    ("left",), 0),
    ("second from the left", 1, ("left",), 1), ("the second person from the left", 1, ("left",), 1),
    ("the third biggest car in the picture", 1, ("largest",), 2), ("both dogs", 2, (), 0), ("three dogs", 3, (), 0),
    ("a dog", None, (), 0), ("the dog", None, (), 0), ("the dogs", None, (), 0), ("the man in the middle", 1,
    ("middle",), 0),
    ("the first two people from the left", 2, ("left",), 0), ("the one on the far right", 1, ("right",), 0),
    ("cars in the top left corner", None, ("top", "left"), 0), ("the smallest of the dogs", 1, ("smallest",), 0),
    ("the 3 dogs closest to the camera", 3, ("largest",), 0), ("the red cars at the bottom", None, ("bottom",), 0),
    ("people in the middle of the street", None, (), 0), ("the cup on top of the table", None, (), 0),
    ("the person to the left of the bus", 1, ("left",), 0), ("people to the left of the bus", None, (), 0),
    ("the cow closest to the left edge", 1, ("left",), 0), ("the dog nearest the right-hand side", 1, ("right",), 0),
    ("the bus in the foreground", 1, ("largest",), 0), ("the man right in front", 1, ("largest",), 0),
    ("the dog in the background", 1, ("smallest",), 0), ("the man at the very back", 1, ("smallest",), 0),
    ("the man in front of the bus", None, (), 0), ("the seat at the back of the bus", None, (), 0),
    ("everyone except the leftmost", None, ("left",), 1), ("everybody but the man on the left", None, ("left",), 1),
    ("all but the leftmost person", None, ("left",), 1), ("a pair of scissors", None, (), 0), ("a pair of dogs", 2,
    (), 0),
    ("the left elbow", None, (), 0), ("the right hand", None, (), 0), ("the left and right dogs", None, (), 0),
]


@pytest.mark.parametrize(("text", "head"), HEADS)
def test_the_noun_head_is_found_and_made_singular(text: str, head: str) -> None:
    assert parse(text).head == head


@pytest.mark.parametrize(("text", "count", "order", "skip"), SELECTIONS)
def test_count_order_and_ordinals(text: str, count: int | None, order: tuple[str, ...], skip: int) -> None:
    phrase = parse(text)
    assert (phrase.count, phrase.order, phrase.skip) == (count, order, skip)


@pytest.mark.parametrize(("text", "excluded"), [
    ("everything except the bus", ("bus",)), ("everything but the bus and the car", ("bus", "car")),
    ("people, not the dogs", ("dogs",)), ("all animals apart from cats", ("cats",)), ("the people not wearing hats",
    ()),
])
def test_what_is_left_out(text: str, excluded: tuple[str, ...]) -> None:
    assert parse(text).exclude == excluded


@pytest.mark.parametrize("text", ["everything", "things on the left", "the leftmost", "the two", "", "the",
"all objects"])
def test_phrases_that_name_no_kind_mean_everything(text: str) -> None:
    phrase = parse(text)
    assert phrase.everything and phrase.head == ""


def test_qualifiers_are_kept() -> None:
    phrase = parse("the two tall people in red on the left")
    assert phrase.noun == "tall people" and phrase.qualifiers == ("tall", "in red")


@pytest.mark.parametrize(("text", "parts"), [
    ("person, bus and car", ["person", "bus", "car"]), ("every person and the bus", ["every person", "the bus"]),
    ("a black and white cat and a dog", ["a black and white cat", "a dog"]), ("red, green and blue cars",) * 2,
    ("everything except the bus and the car",) * 2, ("man with a hat and a bag",) * 2, ("left and right elbows",) * 2,
    ("the person on the left and the dog", ["the person on the left", "the dog"]), ("dogs & cats", ["dogs", "cats"]),
    ("cats as well as dogs", ["cats", "dogs"]), ("people and cars except the red one", ["people",
    "cars except the red one"]),
    ("", []), (" , and ", []),
])
def test_lists_are_split_at_their_joints(text: str, parts: list[str] | str) -> None:
    assert split_list(text) == ([parts] if isinstance(parts, str) else parts)


def test_a_list_shares_what_stands_for_all_of_it() -> None:
    dogs, cats = parse_all("the dogs and cats on the left")
    assert dogs.order == cats.order == ("left",)
    person, dog = parse_all("the person on the left and the dog")
    assert person.order == ("left",) and dog.order == ()
    assert [p.exclude for p in parse_all("people and cars except buses")] == [("buses",), ("buses",)]
    assert [p.count for p in parse_all("both the dog and the cat")] == [None, None]


@pytest.mark.parametrize(("plural", "one"), [
    ("buses", "bus"), ("people", "person"), ("knives", "knife"), ("children", "child"), ("benches", "bench"),
    ("sheep", "sheep"),
    ("puppies", "puppy"), ("ties", "tie"), ("potatoes", "potato"), ("horses", "horse"), ("glasses", "glass"),
    ("geese", "goose"),
    ("bus", "bus"), ("tennis", "tennis"), ("grass", "grass"), ("policemen", "policeman"), ("scissors", "scissors"),
    ("skis", "ski"), ("mice", "mouse"), ("vases", "vase"), ("boxes", "box"), ("cookies", "cookie"),
])
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


SOME_WORDS = (
    "the a two three both every person people dogs bus left right leftmost largest second from on of in with and or , "
    "not except everything one all but middle top corner hand elbow 's red standing group wearing 12 first"
)
ENGLISH = st.lists(st.sampled_from(SOME_WORDS.split()), max_size=14).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=80), ENGLISH))
def test_nothing_makes_it_raise_and_its_values_are_in_range(text: str) -> None:
    for phrase in (parse(text), *parse_all(text)):
        assert isinstance(phrase, Phrase)
        assert phrase.count is None or 1 <= phrase.count <= 300
        assert 0 <= phrase.skip <= 300
        assert set(phrase.order) <= {"left", "right", "top", "bottom", "middle", "largest", "smallest"}
        assert not {"left", "right"} <= set(phrase.order)
        assert phrase.everything or phrase.head


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=80), ENGLISH))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert words(words(text)) == words(text)
    for word in words(text).split():
        assert singular(singular(word)) == singular(word)


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=80), ENGLISH))
def test_parts_of_a_list_hold_its_words_in_order(text: str) -> None:
    parts = split_list(text)
    assert all(part.strip() for part in parts)
    left = iter(words(text).split())
    assert all(word in left for part in parts for word in words(part).split())


def test_long_texts_are_no_more_work_than_their_first_words() -> None:
    for read, text in ((parse, "the left "), (parse_all, "and dogs, ")):
        assert calls(lambda read=read, text=text: read(text * 20_000)) < 2 * calls(
            lambda read=read, text=text: read(text * 1_000)
        )
