"""nano's language: frames and splits, expressions true of one thing, answers, routes, and the tools' targets."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest

from veclink.agent.nano import answers, edits
from veclink.agent.nano.book import SPLITS, Drawer, book, expand, variants
from veclink.agent.nano.language import QUESTIONS, WEIGHTS, Language
from veclink.agent.nano.lesson import DETECT, EDIT, POSE, PROMPT, ROLES, SEGMENT, SPATIAL, Lesson
from veclink.agent.nano.manners import slipped
from veclink.agent.nano.marks import mark_block, mark_mob
from veclink.agent.nano.referring import Describer, related
from veclink.agent.nano.targets import POINTS, kinds, labels_of, sample_of, target_of
from veclink.agent.nano.truth import BlockTruth, MobTruth, SceneTruth, colour_of
from veclink.envs.errors import UnknownName
from veclink.envs.facts import BLOCKS, MOBS
from veclink.envs.voxel.render import JOINTS
from veclink.tools.results import Boxes, Image, Keypoints, Masks

SIZE = (256, 160)
PLANS = {"cow": "quadruped", "sheep": "quadruped", "pig": "quadruped", "zombie": "humanoid", "creeper": "other",
         "villager": "humanoid", "wolf": "quadruped"}


def mob(number: int, kind: str, x: int, y: int, side: int, distance: float, **fields) -> MobTruth:
    """A square mob with its box's corner at x, y."""
    mask = np.zeros((SIZE[1], SIZE[0]), bool)
    mask[y : y + side, x : x + side] = True
    names = JOINTS[PLANS[kind]]
    joints = np.array([(x + side / 2, y + (n + 0.5) * side / max(len(names), 1), 2) for n in range(len(names))])
    coats = book("mobs")[kind].get("coats")
    base = {"colour": coats[0] if coats else "", "place": (x / 10, 64.0, distance), "facing": "left",
            "joints": joints.reshape(-1, 3).astype(np.float32)}
    return MobTruth(number, kind, PLANS[kind], (x, y, x + side, y + side), mask, int(mask.sum()),
                    fields.pop("share", 1.0), distance, **{**base, **fields})


def scene(*mobs: MobTruth, **fields) -> SceneTruth:
    """A scene of these mobs above a floor of grass and a strip of water."""
    grass, water = np.zeros((SIZE[1], SIZE[0]), bool), np.zeros((SIZE[1], SIZE[0]), bool)
    grass[120:], water[110:120] = True, True
    blocks = (BlockTruth("grass", grass, int(grass.sum()), 3.0), BlockTruth("water", water, int(water.sum()), 9.0))
    return SceneTruth(SIZE, tuple(sorted(mobs, key=lambda one: one.distance)), blocks, **fields)


def farm(**fields) -> SceneTruth:
    """Three cows from left to right, a red and a white sheep, a zombie; the middle cow is a calf."""
    return scene(mob(1, "cow", 10, 60, 30, 5.0), mob(2, "cow", 110, 70, 12, 12.0, baby=True),
                 mob(3, "cow", 200, 60, 22, 8.0, facing="right"),
                 mob(4, "sheep", 60, 80, 16, 7.0, colour="red"), mob(5, "sheep", 160, 80, 16, 6.0, colour="white"),
                 mob(6, "zombie", 230, 40, 14, 15.0), **fields)


def random_scene(rng: random.Random) -> SceneTruth:
    mobs = []
    for number in range(1, rng.randint(1, 7) + 1):
        kind = rng.choice(list(PLANS))
        coats = book("mobs")[kind].get("coats")
        mobs.append(mob(number, kind, rng.randrange(0, 220), rng.randrange(20, 100), rng.randrange(3, 34),
                        rng.uniform(3, 20), baby=rng.random() < 0.2, facing=rng.choice(["left", "right", ""]),
                        colour=rng.choice(coats) if coats else "", in_water=rng.random() < 0.2))
    return scene(*mobs, time=rng.choice([6000, 18000, 12500, 23300]), weather=rng.choice([0, 0, 1, 2]))


def frames_of(parts: dict, path: str = "") -> dict[str, dict[str, list[str]]]:
    """Every set of parts in a nested book, by its path."""
    if "train" in parts:
        return {path: parts}
    found = {}
    for name, part in parts.items():
        if isinstance(part, dict):
            found.update(frames_of(part, f"{path}/{name}"))
    return found


# -- books -------------------------------------------------------------------------------------------------------------


def test_there_are_sixty_frames_of_every_kind_and_enough_nouns():
    tools, questions, talk = book("tools"), book("questions"), book("talk")
    sets = {DETECT: [tools[DETECT]], POSE: [tools[POSE]], SEGMENT: [tools[SEGMENT]],
            "several": [tools["several"]], EDIT: list(book("edits")["frames"].values()),
            "state": list(questions["state"].values()),
            "follow": list(tools["follow"].values()), "reject": [talk["reject"]], "talk": [talk["talk"]],
            **{kind: [questions[kind]] for kind in ("count", "yesno", "nearer", "describe", "what")}}
    for kind, groups in sets.items():
        frames = [frame for parts in groups for split in SPLITS for frame in parts[split]]
        assert len(frames) >= 60, (kind, len(frames))
    assert len(book("mobs")) >= 14 and set(book("mobs")) <= set(MOBS.names)
    assert len(book("blocks")) >= 24
    for entry in book("blocks").values():
        assert all(BLOCKS.id(name) for name in entry["ids"])


@pytest.mark.parametrize("name", ["mobs", "blocks", "nouns", "attributes", "tools", "edits", "questions", "talk"])
def test_no_phrase_of_validation_or_test_is_trained_on(name: str):
    for path, parts in frames_of(book(name)).items():
        words = {split: {line.lower().rstrip("+") for line in parts.get(split, ())} - {""} for split in SPLITS}
        assert not words["train"] & (words["test"] | words["validation"]), path
        assert not words["test"] & words["validation"], path


def test_nouns_are_told_apart_across_kinds():
    seen: dict[str, str] = {}
    for kind, entry in book("mobs").items():
        for split in SPLITS:
            for noun in {one.split("/")[0] for one in entry[split]}:
                assert seen.setdefault(noun, kind) == kind, noun


def test_drawers_keep_to_their_split():
    parts = {"train": ["a", "b"], "validation": ["v"], "test": ["t"]}
    rng = random.Random(0)
    assert {Drawer("train").one(parts, rng)[0] for _ in range(99)} == {"a", "b"}
    drawn = [Drawer("test", 0.5).one(parts, rng) for _ in range(99)]
    assert {word for word, _ in drawn} == {"a", "b", "t"} and all(new == (word == "t") for word, new in drawn)
    with pytest.raises(UnknownName):
        Drawer("dev")


def test_lines_expand_and_are_counted():
    line = "[find|locate] {t}[ in [the|this] picture|]"
    texts = {expand(line, random.Random(n)) for n in range(200)}
    assert len(texts) == variants(line) == 6 and "find {t} in this picture" in texts


def test_slips_spare_short_words_and_first_letters():
    rng = random.Random(1)
    for _ in range(300):
        text = slipped("find the brown cow over there", rng)
        words = text.split(" ")
        assert [word[0] for word in words] == list("ftbcot") and words[1] == "the" and words[3] == "cow"


# -- expressions -------------------------------------------------------------------------------------------------------

EXTREMES = {"leftmost": (lambda one: one.middle[0], min), "rightmost": (lambda one: one.middle[0], max),
            "nearest": (lambda one: one.distance, min), "farthest": (lambda one: one.distance, max),
            "biggest": (lambda one: one.area, max), "smallest": (lambda one: one.area, min)}


def pool_of(noun: str, truth: SceneTruth) -> list[MobTruth]:
    """Whom a noun of the books covers, worked out from the books alone."""
    for kind, entry in book("mobs").items():
        if any(noun in entry[split] for split in SPLITS):
            return [one for one in truth.mobs if one.kind == kind]
    for entry in book("nouns")["groups"].values():
        if any(noun in entry[split] for split in SPLITS):
            return [one for one in truth.mobs if one.kind in entry["kinds"]]
    for kind, entry in book("nouns")["young"].items():
        if any(noun in entry[split] for split in SPLITS):
            return [one for one in truth.mobs if one.kind == kind and one.baby]
    raise AssertionError(noun)


def test_expressions_of_one_thing_are_true_of_it_alone():
    checked = Counter()
    for seed in range(500):
        rng = random.Random(seed)
        truth = random_scene(rng)
        said = Describer(truth, Drawer("test"), rng).single()
        if said is None:
            continue
        assert len(said.mobs) == 1 and not said.unsure and not said.plural and said.text.startswith("the ")
        meant, pool = truth.mob(said.mobs[0]), pool_of(said.words[0], truth)
        grown = any(word in said.words for part in book("nouns")["grown"].values() for word in part)
        pool = [one for one in pool if not (grown and one.baby)]
        if any("{c}" in word for word in said.words):
            pool = [one for one in pool if one.colour == meant.colour]
            assert meant.colour in said.text
        assert meant in pool
        name = next((word for word in said.words[1:] if word in book("attributes") and word != "colour"), "")
        checked[name] += 1
        if name in EXTREMES:
            key, pick = EXTREMES[name]
            best = pick(pool, key=key)
            assert best is meant and sum(key(one) == key(best) for one in pool) == 1
        elif name in ("left", "right"):
            others = [one for one in pool if one is not meant]
            assert all((one.middle[0] > meant.middle[0]) == (name == "left") for one in others)
        elif name == "in_water":
            assert [one for one in pool if one.in_water] == [meant]
        elif name.startswith("facing"):
            assert [one for one in pool if one.facing == meant.facing] == [meant]
        elif not name:
            assert pool == [meant]
    assert checked["leftmost"] > 3 and checked["nearest"] > 3 and checked[""] > 50 and len(checked) >= 10


def test_no_expression_where_two_are_alike():
    twins = scene(mob(1, "cow", 60, 60, 20, 8.0), mob(2, "cow", 62, 90, 20, 8.2))
    for seed in range(60):
        rng = random.Random(seed)
        said = Describer(twins, Drawer("train"), rng).single(twins.mobs[0])
        assert said is None


def test_relations():
    front, back = mob(1, "cow", 50, 60, 30, 5.0), mob(2, "pig", 55, 50, 20, 9.0)
    away = mob(3, "pig", 180, 50, 20, 9.0)
    assert related("behind", back, front) is True and related("behind", away, front) is False
    assert related("before", front, back) is True and related("before", back, front) is False
    assert related("left_of", front, away) is True and related("right_of", front, away) is False


def test_what_is_hardly_visible_makes_counting_and_single_expressions_wait():
    truth = scene(mob(1, "cow", 60, 60, 20, 8.0), mob(2, "cow", 150, 60, 4, 19.0, share=0.1))
    for seed in range(40):
        rng = random.Random(seed)
        describer = Describer(truth, Drawer("train"), rng)
        said = describer.category()
        assert said is not None and said.mobs == (1,) and said.unsure == (2,)
        assert answers.countable(said) is None
        single = describer.single()
        assert single is None or single.text != "the cow"


def test_colours_come_from_coats_and_dyes():
    assert colour_of("sheep", 14) == "red" and colour_of("cow", 3) == ""
    assert colour_of("pig", 0, tuple(book("edits")["factors"]["blue"])) == "blue"


# -- lessons -----------------------------------------------------------------------------------------------------------


def lessons_of(kind: str, count: int, split: str = "train", truth: SceneTruth | None = None) -> list[Lesson]:
    language, found = Language(split), []
    for seed in range(count):
        lesson = language.try_lesson(truth or farm(), random.Random(f"{kind}{seed}"), kind)
        if lesson is not None:
            found.append(lesson)
    return found


@pytest.mark.parametrize("kind", sorted(WEIGHTS))
def test_every_kind_of_lesson_is_whole(kind: str):
    found = lessons_of(kind, 60) + lessons_of(kind, 20, "test")
    assert len(found) >= 55
    for lesson in found:
        assert lesson.kind == kind and lesson.text.strip() and not re.search(r"[{}\[\]|]", lesson.text + lesson.answer)
        assert all(not re.search(r"[{}\[\]|]", wanted.phrase) and wanted.phrase for wanted in lesson.routes)
        assert lesson.rejected == (kind == "reject") and (lesson.rejected or lesson.answer or lesson.routes)
        assert bool(lesson.routes) == (kind in ROLES or kind == "several")
        if kind in ROLES:
            assert [wanted.role for wanted in lesson.routes] == [kind]
    assert len({lesson.text for lesson in found}) >= (0.5 if kind in ("talk", "state") else 0.9) * len(found)


def test_training_lessons_use_no_phrase_of_the_other_parts():
    language, rng = Language("train"), random.Random(5)
    for _ in range(400):
        lesson = language.lesson(farm(), rng)
        assert "/train/" in lesson.frame and not lesson.new_frame and not lesson.new_words
    fresh = Language("test")
    drawn = [fresh.lesson(farm(), rng) for _ in range(300)]
    assert any(lesson.new_frame for lesson in drawn) and any(lesson.new_words for lesson in drawn)


def test_lessons_are_the_same_for_the_same_draw_and_hardly_repeat():
    language = Language("train")

    def run() -> list[str]:
        rng = random.Random(9)
        return [language.lesson(farm(), rng).text for _ in range(1500)]

    texts = run()
    assert texts == run()
    assert len(set(texts)) >= 0.95 * len(texts)


def test_counts_are_right_and_in_words():
    truth = farm()
    for lesson in lessons_of("count", 60) + lessons_of("refused", 40):
        said = pool_of(lesson.words[0], truth) if len(lesson.words) == 1 else None
        if said is not None:
            assert lesson.value == str(len(said)), lesson.text
        assert f" {lesson.value} " in lesson.answer or (lesson.value == "0" and " no " in lesson.answer)


def test_yes_and_no_both_come_and_fit():
    truth, values = farm(), Counter()
    for lesson in lessons_of("yesno", 120):
        values[lesson.value] += 1
        assert lesson.answer.lower().startswith(lesson.value)
        if len(lesson.words) == 1 and "/" in lesson.words[0]:
            assert (lesson.value == "yes") == bool(pool_of(lesson.words[0], truth)), lesson.text
    assert min(values["yes"], values["no"]) > 30


def test_hour_and_weather():
    for time, name in ((6000, "day"), (18000, "night"), (12500, "sunset"), (23300, "sunrise")):
        assert scene(time=time).hour == name
    assert scene(time=11000).hour == ""
    night = scene(time=18000, weather=1)
    found = {lesson.frame.split("/")[1]: lesson.value for lesson in lessons_of("state", 60, truth=night)}
    assert found["night"] == "yes" and found["day"] == "no" and found["rain"] == "yes" and found["weather"] == "rain"
    assert "snow" not in found or found["snow"] == "no"


def test_nearer_names_the_nearer_one():
    for lesson in lessons_of("nearer", 40):
        assert lesson.answer.lower().rstrip(".") == lesson.value.lower()
        assert not {"nearest", "farthest"} & set(lesson.words)
    two, named = scene(mob(1, "pig", 20, 60, 20, 4.0), mob(2, "zombie", 200, 60, 20, 12.0)), Counter()
    for lesson in lessons_of("nearer", 40, truth=two):
        for kind in ("pig", "zombie"):
            nouns = {noun.split("/")[0] for split in SPLITS for noun in book("mobs")[kind][split]}
            named[kind] += any(lesson.value.startswith(f"the {noun}") for noun in nouns)
    assert named["pig"] >= 10 and not named["zombie"]


def test_captions_count_what_is_there():
    truth = farm(weather=1)
    assert answers.caption(truth) == ("It is day. It is raining. There are 3 cows, 2 sheep and 1 zombie. "
                                      "I see grass and water.")
    assert answers.caption(truth, "short") == "3 cows, 2 sheep and 1 zombie with grass and water by day."
    assert answers.caption(truth, "list") == "3 cows, 2 sheep, 1 zombie; grass, water."


def test_several_tools_keep_their_order_and_a_change_comes_last():
    pairs = set()
    for lesson in lessons_of("several", 150):
        roles = [wanted.role for wanted in lesson.routes]
        assert len(roles) == len(set(roles)) and EDIT not in roles[:-1]
        assert len(roles) + bool(lesson.answer) in (2, 3)
        pairs.add(tuple(roles))
    assert len(pairs) >= 8


class OneFrame(Drawer):
    """Draws this frame for several tools, and of their clauses the plainest."""

    lines: ClassVar = {"several": "{2}, but first {1}", DETECT: "box {t}", SEGMENT: "outline {t}"}

    def numbered(self, name: str, parts: dict, rng: random.Random) -> tuple[str, str, bool]:
        return (self.lines[name], f"{name}/0", False) if name in self.lines else super().numbered(name, parts, rng)


def test_before_and_after_win_over_the_order_of_mention():
    language = Language("train", (DETECT, SEGMENT))
    language.drawer = OneFrame("train")
    orders = set()
    for seed in range(60):
        lesson = language.try_lesson(farm(), random.Random(seed), "several")
        assert lesson is not None
        if "but first" not in lesson.text.lower():
            continue  # a slip of the finger
        later, first = lesson.text.lower().split("but first")
        if "box" in first and "outline" in later:
            orders.add(tuple(wanted.role for wanted in lesson.routes))
    assert orders == {(DETECT, SEGMENT)}


def test_boxes_are_asked_for_where_there_are_none():
    language, texts = Language("train", (DETECT,), weights={"nothing": 1}), set()
    for seed in range(40):
        lesson = language.lesson(farm(), random.Random(seed))
        (wanted,) = lesson.routes
        boxes, ignored = target_of(wanted, farm())
        assert wanted.role == DETECT and len(boxes) == len(ignored) == 0
        texts.add(bool(wanted.blocks))
    assert texts == {True, False}


def test_all_bodies_in_view_are_asked_for_at_once():
    language = Language("train", (POSE,), weights={"everyone": 1})
    for seed in range(20):
        (wanted,) = language.lesson(farm(), random.Random(seed)).routes
        bodies, _ = target_of(wanted, farm())
        assert wanted.role == POSE and len(bodies) == sum(mob.clear for mob in farm().mobs if mob.plan != "other") > 2


def test_later_turns_carry_what_they_are_about():
    language, roles = Language("train"), set()
    for seed in range(80):
        turns = language.dialogue(farm(), random.Random(seed))
        assert len(turns) >= 2
        for turn in turns[1:]:
            assert turn.before == (turns[0].routes[0].phrase,)
            roles |= {wanted.role for wanted in turn.routes}
            assert all(set(wanted.mobs) == set(turns[0].routes[0].mobs) for wanted in turn.routes if wanted.mobs)
    assert roles == set(ROLES)


def test_only_roles_that_have_a_tool_are_asked_for():
    language, rng = Language("train", (DETECT,)), random.Random(3)
    for _ in range(200):
        assert {wanted.role for wanted in language.lesson(farm(), rng).routes} <= {DETECT}


def test_there_is_always_a_lesson_even_where_nothing_is_to_be_seen():
    empty, rng = SceneTruth(SIZE), random.Random(2)
    assert all(Language("train").lesson(empty, rng).text for _ in range(60))
    assert set(QUESTIONS) < set(WEIGHTS)


# -- regions, edits, targets -------------------------------------------------------------------------------------------


def test_regions_lie_on_what_they_mean():
    truth, kinds_seen = farm(), set()
    for seed in range(80):
        rng = random.Random(seed)
        one = rng.choice(truth.mobs)
        region = mark_mob(one, truth.mobs, rng)
        assert region is not None
        region.check(*SIZE)
        kinds_seen.add(region.kind)
        drawn = region.as_mask(*SIZE, radius=0.5)
        share = {other.id: (drawn & other.mask).sum() for other in truth.mobs}
        assert max(share, key=lambda number: share[number]) == one.id
        water = truth.block("water")
        assert water is not None
        spot, patch = mark_block(water, rng)
        assert spot is not None and (patch == water.mask).all() and (spot.as_mask(*SIZE, 0.5) & patch).any()
    assert kinds_seen == {"box", "point", "scribble", "mask"}


def test_pointing_requests_bring_their_region():
    found = [lesson for lesson in lessons_of(DETECT, 200) if lesson.about == PROMPT]
    assert found
    for lesson in found:
        assert len(lesson.regions) == 1 and lesson.routes[0].mobs
    assert any(lesson.about == SPATIAL for lesson in lessons_of(DETECT, 60))


def test_changes_differ_from_what_is_there():
    assert "night" not in edits.feasible(farm(time=18000)) and "night" in edits.feasible(farm())
    assert "clear" in edits.feasible(farm(weather=1)) and "rain" not in edits.feasible(farm(weather=1))
    assert "thaw" in edits.feasible(farm(snow=True)) and "snow" not in edits.feasible(farm(snow=True))
    kinds_seen = set()
    for lesson in lessons_of(EDIT, 200):
        change = lesson.routes[0].change
        assert change is not None and change.fields
        kinds_seen.add(change.kind)
        if change.kind == "remove":
            assert change.fields["hidden"] == lesson.routes[0].mobs and change.where is not None and change.where.any()
        if change.kind == "swap":
            (old, new), *_ = change.fields["blocks"].items()
            assert old != new and change.where is not None
    assert {"remove", "recolour", "swap", "night", "rain", "snow"} <= kinds_seen


def test_targets_have_the_form_of_the_tools_results():
    truth = farm()
    boxes = next(one for one in lessons_of(DETECT, 60) if len(one.routes[0].mobs) == 3)
    target, _ = target_of(boxes.routes[0], truth)
    assert isinstance(target, Boxes) and len(target) == 3 and target.size == SIZE
    assert sorted(map(tuple, target.xyxy.astype(int).tolist())) == sorted(
        truth.mob(number).box for number in boxes.routes[0].mobs)
    masks = next(one for one in lessons_of(SEGMENT, 60) if one.routes[0].blocks == ("water",))
    target, _ = target_of(masks.routes[0], truth)
    assert isinstance(target, Masks) and target.masks.sum() == 10 * SIZE[0]
    pose = next(one for one in lessons_of(POSE, 60) if len(one.routes[0].mobs) == 1 and not one.routes[0].points)
    target, _ = target_of(pose.routes[0], truth)
    assert isinstance(target, Keypoints) and target.names == POINTS
    assert target.keypoints.keypoint_confidence is not None and target.keypoints.keypoint_confidence.sum() == 14


def test_samples_hold_pictures_lessons_labels_and_notes():
    truth, picture = farm(), np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    language, rng = Language("train"), random.Random(4)
    lessons = language.lessons(truth, rng, 12)
    changed = [{n: picture + 7 for n, wanted in enumerate(one.routes) if wanted.change} for one in lessons]
    names = {DETECT: "finder", SEGMENT: "cutter", POSE: "poser", EDIT: "painter"}
    sample = sample_of(picture, truth, lessons, names, changed, "x")
    assert len(sample.turns) == len(sample.notes["turns"]) == 12
    for turn, lesson, notes in zip(sample.turns, lessons, sample.notes["turns"], strict=True):
        assert [call.tool for call in turn.calls] == [names[wanted.role] for wanted in lesson.routes]
        assert all(call.target is not None for call in turn.calls) and notes["value"] == lesson.value
        for call, wanted in zip(turn.calls, lesson.routes, strict=True):
            assert isinstance(call.target, Image) == (wanted.role == EDIT)
            about = {truth.mob(number).kind for number in wanted.mobs} | set(wanted.blocks)
            assert set(call.names) == (about if wanted.role == EDIT else set()), "other targets name their things"
    labels = labels_of(truth)
    assert sample.labels is not None and (sample.labels == labels).all()
    assert kinds()[labels[65, 15]] == "cow" and kinds()[labels[150, 100]] == "grass" and labels[0, 0] == 0
