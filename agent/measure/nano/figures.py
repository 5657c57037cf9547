"""From records to figures: routing, answers, and what each tool finds in each arm. Trees of `draws.Figure`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from veclink.agent.measure.nano.average import Matched, best_threshold, grouped, matched, tally
from veclink.agent.measure.nano.draws import Figure, Pictures, mean_of
from veclink.agent.measure.nano.records import Record
from veclink.agent.measure.nano.scores import overlaps, right
from veclink.agent.nano.answers import MOST as MOST_COUNTED
from veclink.agent.nano.book import book
from veclink.agent.nano.lesson import ATTRIBUTE, CATEGORY, DENSE, PROMPT, SPATIAL
from veclink.router.core import ANSWER, REJECT

QUESTIONS = ("yesno", "state", "nearer", "what", "attribute")
MEET = 0.5  # IoU from which a box found is the thing meant
WHOLE, FIRST = slice(None), slice(0, 1)  # of the IoU thresholds
Tree = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Case:
    """A call of a record: the number of its picture, the call, and what the arm at hand made of it."""

    picture: int
    call: Mapping[str, Any]
    made: Mapping[str, Any]


def cases_of(records: Sequence[Record], role: str, arm: str) -> list[Case]:
    """The calls for a kind of result that an arm was tried on."""
    return [Case(p, call, call["arms"][arm]) for p, record in enumerate(records) for turn in record["turns"]
            for call in turn["calls"] if call["role"] == role and arm in call["arms"]]


# -- the core ----------------------------------------------------------------------------------------------------------


def routing(records: Sequence[Record], pictures: Pictures) -> Tree:
    """Of each number of tools the share of turns whose tools are exactly right, in order and as a set."""

    def group(turn: Mapping[str, Any]) -> str:
        wanted = turn["wanted"]
        if wanted in ([REJECT], [ANSWER]):
            return str(wanted[0])
        return "single" if len(wanted) == 1 else "several"

    turns = [(p, turn) for p, record in enumerate(records) for turn in record["turns"]]
    out: Tree = {}
    for name in ("all", "single", "several", REJECT, ANSWER):
        part = [(p, turn) for p, turn in turns if name in ("all", group(turn))]
        out[name] = {
            "exact": pictures.share((p, turn["got"] == turn["wanted"]) for p, turn in part),
            "exact_set": pictures.share((p, set(turn["got"]) == set(turn["wanted"])) for p, turn in part),
            "exact_new": pictures.share((p, turn["got"] == turn["wanted"]) for p, turn in part if turn["new"])}
    return out


def answers(records: Sequence[Record], pictures: Pictures) -> Tree:
    """Counting, by the true number too, and questions, by kind too; "new": of phrases never trained on."""
    counts, questions = [], []
    for p, record in enumerate(records):
        for turn in record["turns"]:
            if turn["value"]:
                outcome = (p, right(turn["kind"], turn["value"], turn["answer"]), turn)
                if turn["value"].isdigit() and int(turn["value"]) <= MOST_COUNTED:
                    counts.append(outcome)
                elif turn["kind"] in QUESTIONS:
                    questions.append(outcome)

    def share(rows: Sequence[tuple[int, bool, Mapping[str, Any]]], keep: Callable[[Mapping[str, Any]], bool]) -> Figure:
        return pictures.share((p, hit) for p, hit, turn in rows if keep(turn))

    return {
        "counting": share(counts, lambda turn: True), "counting_new": share(counts, lambda turn: turn["new"]),
        "counting_of": {str(n): share(counts, lambda turn, n=n: turn["value"] == str(n))
                        for n in range(MOST_COUNTED + 1)},
        "questions": share(questions, lambda turn: True), "questions_new": share(questions, lambda turn: turn["new"]),
        "questions_of": {kind: share(questions, lambda turn, kind=kind: turn["kind"] == kind) for kind in QUESTIONS}}


# -- boxes -------------------------------------------------------------------------------------------------------------


def ranked(cases: Sequence[Case], kind: str = "boxes") -> dict[str, list[Matched]]:
    """The requests for all of a kind, held against their things."""
    rows = []
    for case in cases:
        call = case.call
        if call["about"] != CATEGORY:
            continue
        row = {"picture": case.picture, "boxes": call["boxes"], "ignored": call["ignored"],
               "found": case.made["found"], "group": {key: call[key] for key in ("entry", "kind", "unseen")}}
        if kind == "keypoints":
            row |= {"joints": call["joints"], "found_joints": case.made["found_joints"]}
        rows.append(row)
    return matched(rows, kind)


def boxes(cases: Sequence[Case], pictures: Pictures, sure: float) -> Tree:
    """All of a kind: average precision. One thing apart, and visual prompts: whether the first box is the right one.

    Args:
        sure: the tool's own threshold.
    """
    by_area = ranked(cases)
    whole = by_area["all"]
    kinds = {kind: pictures.average(part) for kind, part in sorted(grouped(whole, _mob_kind).items())}
    f1 = _calibration(whole, pictures, sure)
    by_phrase = phrases(whole, pictures)
    return {
        "ap50": mean_of(kinds.values()), "ap": pictures.average(whole, WHOLE), "ap50_one_ranking":
        pictures.average(whole), **{f"ap50_{area}": pictures.average(by_area[area]) for area in list(by_area)[1:]},
        "ap50_unseen_phrases": mean_of(row["ap50"] for row in by_phrase.values() if row["unseen"]),
        "ap50_known_phrases": mean_of(row["ap50"] for row in by_phrase.values() if not row["unseen"]), **f1,
        "referring": pictures.share(_first_right(cases, (ATTRIBUTE, SPATIAL))),
        "referring_attribute": pictures.share(_first_right(cases, (ATTRIBUTE,))),
        "referring_spatial": pictures.share(_first_right(cases, (SPATIAL,))),
        "visual_prompt": pictures.share(_first_right(cases, (PROMPT,))),
        "sets_f1": pictures.ratio(_sets(cases, (ATTRIBUTE, SPATIAL), sure)),
        "visual_prompt_sets_f1": pictures.ratio(_sets(cases, (PROMPT,), sure)),
        "kinds": kinds}


def phrases(entries: Sequence[Matched], pictures: Pictures) -> dict[str, Tree]:
    """Of each name AP50, what it names, and whether training never saw it; names with nothing to find are left out."""
    out = {}
    for entry, part in sorted(grouped(entries, lambda e: e.group["entry"]).items()):
        figure = pictures.average(part)
        if figure.cases:
            out[entry] = {"kind": part[0].group["kind"], "unseen": part[0].group["unseen"], "ap50": figure}
    return out


def _mob_kind(entry: Matched) -> str | None:
    kind = entry.group["kind"]
    return kind if kind in book("mobs") else None


def _calibration(entries: Sequence[Matched], pictures: Pictures, sure: float) -> Tree:
    """F1 with the tool's threshold, with the best one for all phrases, and with the best one for each phrase.

    Thresholds are chosen on these very pictures: the gap between the last two is what one threshold for all costs.
    """
    def f1(limit: Callable[[Matched], float]) -> Figure:
        terms = []
        for entry in entries:
            hit, false, missed = tally(entry, limit(entry))
            terms.append((entry.picture, 2.0 * hit, float(2 * hit + false + missed)))
        return pictures.ratio(terms)

    one = best_threshold(entries)
    best = f1(lambda entry: one)
    parts = grouped(entries, lambda e: e.group["entry"] or "").items()
    each = {name: best_threshold(part, best.value) for name, part in parts}
    return {"f1": f1(lambda entry: sure), "f1_best_threshold": best,
            "f1_threshold_each": f1(lambda entry: each[entry.group["entry"] or ""]),
            "threshold": sure, "best_threshold": round(one, 4)}


def _first_right(cases: Sequence[Case], about: Sequence[str]) -> list[tuple[int, bool]]:
    """(picture, whether the surest box is the one meant) where words or a mark mean one thing."""
    out = []
    for case in cases:
        if case.call["about"] in about and len(case.call["boxes"]) == 1 and not case.call["ignored"]:
            found = case.made["found"]
            best = max(found, key=lambda row: row[4])[:4] if found else None
            out.append((case.picture, best is not None and
                        bool(overlaps(np.array([best]), np.array(case.call["boxes"]))[0, 0] >= MEET)))
    return out


def _sets(cases: Sequence[Case], about: Sequence[str], sure: float) -> list[tuple[int, float, float]]:
    """Terms of F1 where words or a mark mean several things."""
    rows = [{"picture": case.picture, "boxes": case.call["boxes"], "ignored": case.call["ignored"],
             "found": case.made["found"], "group": {}} for case in cases
            if case.call["about"] in about and len(case.call["boxes"]) > 1]
    terms = []
    for entry in matched(rows)["all"]:
        hit, false, missed = tally(entry, sure)
        terms.append((entry.picture, 2.0 * hit, float(2 * hit + false + missed)))
    return terms


# -- masks, bodies, changed pictures -----------------------------------------------------------------------------------


def masks(cases: Sequence[Case], pictures: Pictures) -> Tree:
    """Mean IoU of the pixels meant and found, where there is something to find; and what is left empty where not."""
    full = [case for case in cases if case.call["things"]]

    def miou(keep: Callable[[Mapping[str, Any]], bool]) -> Figure:
        return pictures.share((case.picture, case.made["iou"]) for case in full if keep(case.call))

    kinds = sorted({case.call["kind"] for case in full if case.call["kind"] and case.call["about"] == CATEGORY})
    return {
        "miou": miou(lambda call: True), "mobs": miou(lambda call: call["of"] == "mobs"),
        "blocks": miou(lambda call: call["of"] == "blocks"), "patches": miou(lambda call: call["of"] == "patches"),
        "category": miou(lambda call: call["about"] == CATEGORY),
        "attribute": miou(lambda call: call["about"] == ATTRIBUTE),
        "spatial": miou(lambda call: call["about"] == SPATIAL),
        "visual_prompt": miou(lambda call: call["about"] == PROMPT),
        "unseen_phrases": miou(lambda call: call["unseen"]),
        "absent_left_empty": pictures.share((case.picture, bool(case.made["empty"])) for case in cases
                                            if not case.call["things"]),
        "kinds": {kind: miou(lambda call, kind=kind: call["kind"] == kind and call["about"] == CATEGORY)
                  for kind in kinds}}


def bodies(cases: Sequence[Case], pictures: Pictures) -> Tree:
    """PCK@0.1 of the joints asked for, seen and hidden ones, and OKS average precision of all of a kind."""

    def pck(which: str, about: Sequence[str] | None = None) -> Figure:
        return pictures.ratio((case.picture, *case.made["joints"][which]) for case in cases
                              if about is None or case.call["about"] in about)

    entries = ranked(cases, "keypoints")["all"]
    return {"pck": pck("seen"), "pck_hidden": pck("hidden"), "pck_category": pck("seen", (CATEGORY,)),
            "pck_attribute": pck("seen", (ATTRIBUTE,)), "pck_spatial": pck("seen", (SPATIAL,)),
            "pck_visual_prompt": pck("seen", (PROMPT,)), "oks_ap": pictures.average(entries, WHOLE),
            "oks_ap50": pictures.average(entries, FIRST)}


def edits(cases: Sequence[Case], pictures: Pictures) -> Tree:
    """PSNR and SSIM against the true re-render inside and outside what it changed, beside the unchanged picture's."""

    def mean(part: Sequence[Case], key: str, of: str = "made") -> Figure:
        held = [(case.picture, case.made[key] if of == "made" else case.call["unchanged"][key]) for case in part]
        return pictures.share((p, value) for p, value in held if value is not None)

    def gain(part: Sequence[Case]) -> Figure:
        return pictures.share((case.picture, case.made["psnr_inside"] - case.call["unchanged"]["psnr_inside"])
                              for case in part if case.made["psnr_inside"] is not None)

    def row(part: Sequence[Case]) -> Tree:
        return {"gain_inside": gain(part), **{key: mean(part, key) for key in (
            "psnr_inside", "psnr_outside", "ssim_inside", "ssim_outside")},
            "unchanged_psnr_inside": mean(part, "psnr_inside", "call"),
            "unchanged_ssim_inside": mean(part, "ssim_inside", "call")}

    kinds = sorted({case.call["change"] for case in cases})
    return {**row(cases), "dense": row([case for case in cases if case.call["about"] == DENSE]),
            "visual_prompt": row([case for case in cases if case.call["about"] == PROMPT]),
            "kinds": {kind: row([case for case in cases if case.call["change"] == kind]) for kind in kinds}}
