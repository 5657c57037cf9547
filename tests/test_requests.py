"""References in requests: pronouns, pictures, earlier results."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from veclink.router.core import Written
from veclink.router.requests import routes_of

KINDS = {"see": "boxes", "shape": "masks", "paint": "image"}


def test_a_chain_names_its_target_once() -> None:
    text = "find the dogs, cut them out and put them in snow"
    written = Written((("see", ("the dogs",)), ("shape", ("them",)), ("paint", ("put them in snow",))))
    found, cut, put = routes_of(text, written, 1, KINDS)
    assert (found.phrase, found.uses) == ("the dogs", ())
    assert (cut.phrase, cut.uses) == ("the dogs", (0,))
    assert (put.phrase, put.uses) == ("put them in snow", (1,))


def test_a_singular_pronoun_means_the_last_target_and_a_plural_one_all() -> None:
    calls = (("see", ("every person", "the bus")), ("shape", ("it",)))
    assert routes_of("find every person and the bus and outline it", Written(calls), 1, KINDS)[-1].phrase == "the bus"
    calls = (("see", ("every person", "the bus")), ("shape", ("them",)))
    last = routes_of("find every person and the bus and outline them", Written(calls), 1, KINDS)[-2:]
    assert [(r.phrase, r.uses) for r in last] == [("every person", (0,)), ("the bus", (1,))]


def test_an_edit_finds_its_target_by_name() -> None:
    calls = (("see", ("the faces", "the dog")), ("paint", ("blur the faces",)))
    assert routes_of("mark the faces and the dog, blur the faces", Written(calls), 1, KINDS)[-1].uses == (0,)


def test_a_changed_picture_is_handed_on() -> None:
    calls = (("paint", ("make it night",)), ("see", ("the cars",)))
    assert routes_of("make it night, then find the cars", Written(calls), 1, KINDS)[-1].uses == (0,)


def test_pictures_by_ordinal_and_number() -> None:
    calls = (("see", ("the cat", "the dog")),)
    text = "find the cat in the first photo and the dog in picture 3"
    assert [(r.phrase, r.image) for r in routes_of(text, Written(calls), 3)] == [("the cat", 0), ("the dog", 2)]
    assert [r.image for r in routes_of("find the cat", Written((("see", ("the cat",)),)), 3)] == [0, 1, 2]
    assert [r.image for r in routes_of("the cat in the last picture", Written((("see", ("the cat",)),)), 3)] == [2]


def test_each_picture_uses_its_own_earlier_result() -> None:
    calls = (("see", ("the dogs",)), ("shape", ("them",)))
    routes = routes_of("find the dogs and cut them out", Written(calls), 2, KINDS)
    assert [(r.tool, r.image, r.uses) for r in routes] == [
        ("see", 0, ()),
        ("see", 1, ()),
        ("shape", 0, (0,)),
        ("shape", 1, (1,)),
    ]


def test_a_follow_up_takes_its_target_from_the_turn_before() -> None:
    routes = routes_of("now outline them", Written((("shape", ("them",)),)), 1, KINDS, ("the dogs",))
    assert [(r.phrase, r.uses) for r in routes] == [("the dogs", ())]


@given(
    st.text(min_size=1, max_size=60),
    st.lists(st.sampled_from(["them", "it", "the cat", "x", "", "'em"]), max_size=3),
    st.integers(0, 4),
)
def test_routes_are_always_well_formed(text: str, phrases: list[str], images: int) -> None:
    written = Written((("see", tuple(phrases)), ("shape", ("them",)), ("paint", tuple(phrases))))
    routes = routes_of(text, written, images, KINDS)
    assert {r.tool for r in routes} == {"see", "shape", "paint"}
    for index, route in enumerate(routes):
        assert all(0 <= use < index for use in route.uses)
        assert 0 <= route.image < max(images, 1)
        assert all(routes[use].image == route.image for use in route.uses)
