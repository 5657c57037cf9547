"""What is kept of each sample that was measured: plain rows in a file that a stopped run goes on from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from veclink.agent.measure.nano.average import MOST
from veclink.agent.measure.nano.cases import Asked, Block, labels_wanted, name_in
from veclink.agent.measure.nano.scores import edit_score, joint_table, joints_right, mask_score
from veclink.agent.measure.nano.subject import NO_OTHER, Found, Subject
from veclink.agent.nano.book import book
from veclink.agent.nano.targets import POINTS
from veclink.envs.errors import InputError
from veclink.router.core import ANSWER, REJECT, Reading
from veclink.tools.results import Boxes, Image, Keypoints, Masks

BODIES = 20  # of those found in a picture that are kept
SURE = 0.25  # score from which a thing counts where a tool has no threshold of its own
Record = dict[str, Any]
LIGHT = {"day": "time of day", "sunset": "time of day", "night": "time of day", "sunrise": "time of day",
         "rain": "weather", "thunder": "weather", "snowfall": "weather", "clear": "weather", "snow": "snow",
         "thaw": "snow", "remove": "remove", "recolour": "recolour", "swap": "swap blocks"}


def records_of(subject: Subject, block: Block, arms: Sequence[str]) -> list[Record]:
    """One record a sample of the block."""
    readings = subject.read(block)
    records = [_record(block, s, readings[s]) for s in range(len(block.samples))]
    made: dict[tuple[int, int, int], dict[str, Any]] = {}
    for one in block.asked:
        entry = records[one.sample]["turns"][one.turn]
        made[one.sample, one.turn, one.place] = call = _call(one)
        entry["calls"].append(call)
    for arm in arms:
        asked = [one for one in block.asked if one.call.tool not in subject.missing.get(arm, {})]
        for one, found in zip(asked, subject.decode(arm, block, asked, readings), strict=True):
            if isinstance(found, str) and found == NO_OTHER:
                continue
            made[one.sample, one.turn, one.place]["arms"][arm] = _result(
                one, found, subject.threshold.get(one.call.tool, SURE))
    return records


def _record(block: Block, place: int, readings: Sequence[Reading]) -> Record:
    sample = block.samples[place]
    turns = []
    for turn, notes, reading in zip(sample.turns, sample.notes["turns"], readings, strict=True):
        got = (REJECT,) if reading.rejected else tuple(dict.fromkeys(r.tool for r in reading.routes)) or (ANSWER,)
        turns.append({"kind": turn.kind, "text": turn.text, "wanted": list(labels_wanted(turn)), "got": list(got),
                      "value": notes["value"], "answer": "" if reading.rejected else reading.answer,
                      "new": bool(notes["new_frame"] or notes["new_words"]), "calls": []})
    return {"index": block.first + place, "name": sample.name, "turns": turns}


def _rounded(values: Any) -> list[Any]:
    return np.asarray(values, float).round(3).tolist()


def _call(one: Asked) -> dict[str, Any]:
    """The truth of a call, as far as the figures need it."""
    target, phrase = one.call.target, one.call.phrase
    name = name_in(phrase, one.notes["words"])
    call: dict[str, Any] = {
        "tool": one.call.tool, "role": one.role, "about": one.call.kind, "phrase": phrase, "arms": {},
        "entry": name.entry if name else None, "kind": name.kind if name else None,
        "unseen": bool(name and name.part != "train"), "ignored": _rounded(one.notes["ignored"][one.place])}
    if isinstance(target, Boxes):
        call["boxes"] = _rounded(target.xyxy)
    elif isinstance(target, Keypoints):
        call |= {"boxes": _rounded(target.boxes),
                 "joints": _rounded(joint_table(target, POINTS))}
    elif isinstance(target, Masks):
        call |= {"things": len(target), "of": _of(target, name.kind if name else "")}
    elif isinstance(target, Image):
        kind = one.notes["edits"][one.place]
        call |= {"change": LIGHT.get(kind, kind), "unchanged": edit_score(one.picture, one.picture, target.pixels)}
    return call


def _of(target: Masks, kind: str) -> str:
    """"mobs", "blocks" or "patches"."""
    label = target.labels[0] if len(target) else kind
    return "patches" if label == "patch" else "blocks" if label in book("blocks") and label not in book("mobs") \
        else "mobs"


def _result(one: Asked, found: Found, sure: float) -> dict[str, Any]:
    """What an arm made of a call; nothing found where it failed or was not asked."""
    out: dict[str, Any] = {"error": found} if isinstance(found, str) else {} if found is not None else {"absent": True}
    target = one.call.target
    if isinstance(target, Boxes):
        out["found"] = _best(found.xyxy, found.scores) if isinstance(found, Boxes) else []
    elif isinstance(target, Masks):
        out |= mask_score(found if isinstance(found, Masks) else None, target, one.notes["ignored"][one.place])
        if isinstance(found, str):  # a failure is no empty answer
            out |= {"iou": 0.0, "empty": False}
    elif isinstance(target, Keypoints):
        bodies = found if isinstance(found, Keypoints) else None
        boxes = bodies.boxes if bodies is not None else np.zeros((0, 4))
        scores = bodies.box_scores if bodies is not None else np.zeros(0)
        joints = joint_table(bodies, POINTS) if bodies is not None else np.zeros((0, len(POINTS), 3))
        order = np.argsort(-scores, kind="stable")[:BODIES]
        out |= {"found": _best(boxes, scores)[:BODIES], "found_joints": _rounded(joints[order])}
        out["joints"] = joints_right(boxes[scores >= sure], joints[scores >= sure], target)
    else:
        assert isinstance(target, Image)
        picture = found.pixels if isinstance(found, Image) else one.picture
        if picture.shape != target.pixels.shape:
            picture, out["error"] = one.picture, f"a picture of shape {picture.shape}"
        out |= edit_score(picture, one.picture, target.pixels)
    return out


def _best(boxes: np.ndarray, scores: np.ndarray) -> list[list[float]]:
    order = np.argsort(-scores, kind="stable")[:MOST]
    return [[*(round(float(v), 2) for v in boxes[i]), round(float(scores[i]), 5)] for i in order]


# -- the file ----------------------------------------------------------------------------------------------------------


class Store:
    """Records by part and number, in a JSONL file or nowhere.

    Args:
        file: None keeps nothing.
        header: what was measured (hashes, split, seed, arms); records of anything else are refused.
        resume: go on from the file's records; else there must be none.

    Raises:
        InputError: there are records and `resume` is off, or they are of another measurement.
    """

    def __init__(self, file: Path | None, header: Mapping[str, Any], resume: bool = False) -> None:
        self.file, self.rows = file, {}
        self.header = json.loads(json.dumps(dict(header)))
        if file is None:
            return
        lines = self._lines(file)
        if lines and not resume:
            raise InputError(f"no records of an earlier run in {file.parent}", f"{len(lines) - 1} in {file.name}",
                             "add --resume to go on from them, or choose another --out")
        if lines and lines[0] != {"header": self.header}:
            told = lines[0].get("header", {})
            other = [key for key in self.header if told.get(key) != self.header[key]] or ["header"]
            raise InputError("records of the same measurement", f"{file.name} with other {', '.join(other)}",
                             "choose another --out")
        for row in lines[1:]:
            self.rows[row["part"], row["index"]] = row
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            scratch = file.with_suffix(".tmp")  # without a line that was cut off
            kept = [{"header": self.header}, *lines[1:]]
            scratch.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf8")
            scratch.replace(file)
        except OSError as error:
            raise InputError(f"a folder to write to at {file.parent}", f"{type(error).__name__}: {error.strerror}",
                             "choose another --out") from error

    @staticmethod
    def _lines(file: Path) -> list[dict[str, Any]]:
        """The file's whole lines; one that was cut off, and what follows it, does not count."""
        lines = []
        for line in file.read_text("utf8").splitlines() if file.is_file() else ():
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
        return lines

    def has(self, part: str, indices: Sequence[int]) -> bool:
        return all((part, index) in self.rows for index in indices)

    def add(self, part: str, records: Sequence[Record]) -> None:
        """Keep records, on disk at once."""
        rows = [{"part": part, **record} for record in records]
        self.rows |= {(part, row["index"]): row for row in rows}
        if self.file is not None:
            with open(self.file, "a", encoding="utf8") as stream:
                stream.write("".join(json.dumps(row) + "\n" for row in rows))

    def of(self, part: str, count: int) -> list[Record]:
        """The first `count` records of a part, in order."""
        return [self.rows[part, index] for index in range(count)]
