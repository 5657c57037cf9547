"""The whole measurement: ask, keep, sum up, hold against the floors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from veclink.agent.measure.nano import figures
from veclink.agent.measure.nano.average import BODY, LARGE, MOST, SMALL
from veclink.agent.measure.nano.cases import BLOCK, EDITS, FRESH, HELD_OUT, LESSONS, MAIN, WEIGHTS, Part
from veclink.agent.measure.nano.draws import DRAWS, SEED, Figure, Pictures, documented
from veclink.agent.measure.nano.records import SURE, Record, Store, records_of
from veclink.agent.measure.nano.scores import BEST, REACH, STEP
from veclink.agent.measure.nano.subject import ARMS, BRIDGE, LINK, LOW, SHUFFLED, TEXT, Subject
from veclink.agent.nano.lesson import DETECT, EDIT, POSE, SEGMENT
from veclink.agent.nano.stream import fillers
from veclink.envs.errors import InputError, UnknownName

RECORDS = "nano-records.jsonl"
SPLITS = {"test": "test", "val": "validation"}
VERSION = 1  # of what records hold
# in words -> (figure, of the new scenes unless another part is named; what it should be at least)
FLOORS: Mapping[str, tuple[str, float]] = {
    "routing, single, phrases never trained on": ("routing/single/exact_new", 0.97),
    "routing, several, phrases never trained on": ("routing/several/exact_new", 0.93),
    "routing, reject": ("routing/reject/exact", 0.90),
    "detection AP50": ("boxes/link/ap50", 0.85),
    "detection AP50, boxes under 12 px": ("boxes/link/ap50_under_12", 0.60),
    "detection AP50, phrases never trained on": ("boxes/link/ap50_unseen_phrases", 0.65),
    "referring expressions P@0.5": ("boxes/link/referring", 0.70),
    "masks mIoU": ("masks/link/miou", 0.75),
    "pose PCK@0.1": ("keypoints/link/pck", 0.85),
    "counting": ("answers/counting", 0.85),
    "questions": ("answers/questions", 0.90),
    "edits, dB gained inside": ("image/link/gain_inside", 5.0),
    "edits, PSNR outside": ("image/link/psnr_outside", 30.0),
    "detection AP50, held-out textures": (f"{HELD_OUT}:boxes/link/ap50", 0.60),
    "masks mIoU, held-out textures": (f"{HELD_OUT}:masks/link/miou", 0.50),
}
COMPARED = {DETECT: ("ap50", "ap50_unseen_phrases", "referring_attribute", "referring_spatial", "visual_prompt"),
            SEGMENT: ("miou", "category", "attribute", "spatial", "visual_prompt"),
            POSE: ("pck", "pck_category", "pck_attribute", "pck_spatial", "pck_visual_prompt", "oks_ap"),
            EDIT: ("gain_inside", "psnr_outside")}
PROTOCOL = {
    "calls": "tool and phrase are the true ones in the arms link, text, bridge and shuffled, which differ in the "
             "condition alone; in arm routed they are the core's own, with the regions that the person drew, as "
             "veclink run has it",
    "one_threshold": "each tool's own confidence, for all phrases",
    "ranked_from": LOW, "findings_a_request": MOST, "sizes": {"under_12": SMALL, "over_32": LARGE},
    "size_is": "root of the box's area in pixels",
    "ap50": "mean over the kinds of mobs; one_ranking: all phrases in one ranking",
    "miou": "mean over requests of the IoU of all pixels found and meant",
    "pck": f"joints within {REACH} of the longer side of the body's box, bodies that were not found count as missed",
    "oks": f"sigma 1 / number of joints, area {BODY} of the box",
    "edits": f"inside: what the true re-render changes by more than {STEP} levels; PSNR counts {BEST} dB at most",
    "intervals": "95 % bootstrap over pictures, the same draws for all figures",
    "turns_a_picture": LESSONS, "edits_a_picture": EDITS, "new_words_share": FRESH, "pictures_a_block": BLOCK,
    "kinds_of_turns": WEIGHTS,
}


def check_arms(names: Sequence[str]) -> tuple[str, ...]:
    """The arms in the order of ARMS; UnknownName where one is none."""
    for name in names:
        if name not in ARMS:
            raise UnknownName.of("arm", name, ARMS)
    return tuple(arm for arm in ARMS if arm in names)


def measure(subject: Subject, samples: int = 400, held_out: int | None = None, split: str = "test", seed: int = 0,
            arms: Sequence[str] = ARMS, out: Path | None = None, resume: bool = False,
            progress: Callable[[int, int, str], None] = lambda done, of, part: None,
            make: Callable[[str, int, bool], Part] | None = None) -> dict[str, Any]:
    """Measure a subject; the document of `veclink eval nano --json`.

    Args:
        samples: pictures of new scenes. held_out: pictures with the held-out textures; None for a quarter as many.
        split: "test" or "val". seed: of the scenes.
        out: records are kept here. resume: go on from them.
        progress: called with the pictures done, their number and the part.
        make: of a part; for tests, None for `Part`.

    Raises:
        InputError: an unknown split or arm; records that do not fit; nothing to measure.
    """
    if split not in SPLITS:
        raise UnknownName.of("split", split, SPLITS)
    arms = check_arms(arms)
    if samples < 1:
        raise InputError("at least one sample", str(samples), "give a positive number")
    if resume and out is None:
        raise InputError("a folder to go on from", "--resume without --out", "give the --out of the run to go on with")
    counts = {MAIN: samples, HELD_OUT: (samples + 3) // 4 if held_out is None else held_out}
    make = make or partial(Part, tools=subject.fill)
    header = {"version": VERSION, "split": split, "seed": seed, "arms": list(arms), "models": dict(subject.models),
              "missing": {arm: dict(subject.missing.get(arm, {})) for arm in arms}}
    header |= {"fill": dict(subject.fill)} if subject.fill else {}
    store = Store(None if out is None else out / RECORDS, header, resume)
    done, total = 0, sum(counts.values())
    for name, count in counts.items():
        part = make(SPLITS[split], seed, name == HELD_OUT)
        for first in range(0, count, BLOCK):
            numbers = range(first, min(first + BLOCK, count))
            if not store.has(name, numbers):
                store.add(name, records_of(subject, part.block(first, len(numbers)), arms))
            done += len(numbers)
            progress(done, total, name)
    trees = {name: summed_up(store.of(name, count), subject, arms) for name, count in counts.items() if count}
    document = {
        "suite": "nano", "split": split, "seed": seed, "samples": counts[MAIN], "held_out_samples": counts[HELD_OUT],
        "arms": list(arms), "device": subject.device, "models": dict(subject.models), "draws": DRAWS,
        "bootstrap_seed": SEED, "threshold": dict(subject.threshold), "fill": dict(subject.fill), "protocol": PROTOCOL,
        "not_trained": header["missing"], "parts": documented(trees)}
    document["floors"] = _floors(document["parts"])
    document["not_scored"] = "captions and small talk have no right answer to hold them against"
    return document


def summed_up(records: Sequence[Record], subject: Subject, arms: Sequence[str]) -> dict[str, Any]:
    """All figures of a part, as a tree; where a tool is missing from an arm, why."""
    pictures, tools = Pictures(len(records)), fillers(subject.fill)
    tree: dict[str, Any] = {"pictures": len(records), "turns": sum(len(r["turns"]) for r in records),
                            "routing": figures.routing(records, pictures),
                            "answers": figures.answers(records, pictures)}
    table: dict[str, dict[str, Any]] = {}
    for role in (DETECT, SEGMENT, POSE, EDIT):
        tree[role] = {}
        for arm in arms:
            if (why := subject.missing.get(arm, {}).get(tools[role])) is not None:
                tree[role][arm] = {"not_trained": why}
                continue
            cases = figures.cases_of(records, role, arm)
            sure = subject.threshold.get(tools[role], SURE)
            tree[role][arm] = _of_role(role, cases, pictures, sure)
            tree[role][arm]["cases"] = len(cases)
            tree[role][arm]["failures"] = dict(Counter(c.made["error"] for c in cases if "error" in c.made))
            if role == DETECT:
                for entry, row in figures.phrases(figures.ranked(cases)["all"], pictures).items():
                    held = table.setdefault(entry, {"kind": row["kind"], "unseen": row["unseen"]})
                    held[arm] = row["ap50"]
        tree[role]["differences"] = _differences(tree[role], COMPARED[role])
    tree["phrases"] = table
    return tree


def _of_role(role: str, cases: Sequence[figures.Case], pictures: Pictures, sure: float) -> dict[str, Any]:
    if role == DETECT:
        return figures.boxes(cases, pictures, sure)
    if role == SEGMENT:
        return figures.masks(cases, pictures)
    return figures.bodies(cases, pictures) if role == POSE else figures.edits(cases, pictures)


def _differences(by_arm: Mapping[str, Any], names: Sequence[str]) -> dict[str, dict[str, Figure]]:
    """By how much the link is better than each other way of making the condition, draw by draw."""
    out: dict[str, dict[str, Figure]] = {}
    ours = by_arm.get(LINK, {})
    for arm in (TEXT, BRIDGE, SHUFFLED):
        theirs = by_arm.get(arm, {})
        if names[0] in ours and names[0] in theirs:
            out[f"link_minus_{arm}"] = {name: ours[name].minus(theirs[name]) for name in names}
    return out


def _floors(parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each floor with its figure and whether it is met; None where the figure could not be measured."""
    rows = []
    for words, (path, floor) in FLOORS.items():
        part, _, rest = path.rpartition(":")
        found: Any = parts.get(part or MAIN, {})
        why = ""
        for key in rest.split("/"):
            why = why or (found.get("not_trained", "") if isinstance(found, Mapping) else "")
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
        value = found.get("value") if isinstance(found, Mapping) else None
        row: dict[str, Any] = {"what": words, "figure": path, "floor": floor, "value": value,
                               "met": None if value is None else value >= floor}
        if value is None:
            row["why"] = f"not trained: {why}" if why else "not measured"
        else:
            row |= {"low": found["low"], "high": found["high"], "cases": found["cases"]}
        rows.append(row)
    return rows
