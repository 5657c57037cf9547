"""What the trained core finds in a look that it was not trained on, beside its own: the same scenes, asked the same.

Each scene is a frame of the Minecraft world and its twin (`look_twin`), drawn by the renderer of training. Both are
asked for as a person would ask; one truth, the twin's labels, is held against what is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from veclink.agent.measure.look_takes import AGREED, KINDS, LEFT_OUT, MINECRAFT, SIZE, TWIN, Take
from veclink.agent.measure.look_twin import ABOVE, BELOW, FOV, REACH
from veclink.agent.measure.nano.average import MOST, tally
from veclink.agent.measure.nano.draws import DRAWS, SEED, Figure, Pictures, documented
from veclink.agent.measure.nano.figures import Case, boxes, masks, ranked
from veclink.agent.measure.nano.scores import mask_score
from veclink.agent.measure.nano.subject import LOW
from veclink.agent.nano.book import book
from veclink.agent.nano.lesson import CATEGORY, DETECT, SEGMENT
from veclink.agent.nano.referring import plain, plain_block
from veclink.agent.nano.truth import CLEAR_BLOCK
from veclink.envs.errors import InputError
from veclink.tools.results import Boxes, Masks

if TYPE_CHECKING:
    from veclink.agent.agent import Agent
    from veclink.agent.steps import Run

LOOKS = (MINECRAFT, TWIN)
Record = dict[str, Any]  # a scene: "mobs", and under "looks" a row a request
PROTOCOL = {
    "pictures": f"{SIZE[0]} x {SIZE[1]} pixels, {FOV:g} degrees from top to bottom, noon, clear, no mobs but ours",
    "truth": f"labels of the twin: the blocks that the observation tells of ({REACH} sideways, {BELOW} down, {ABOVE} "
             "up) and the creatures near, drawn by the built-in renderer from the same eye",
    "mobs": "asked for and scored where clear (16 pixels and a quarter of its outline) and drawn in Minecraft's look "
            f"where the twin has them (IoU {AGREED:g} of the boxes); the others may be found or not",
    "blocks": f"asked for where {CLEAR_BLOCK} scored pixels show them; not scored: pixels where the twin's blocks end "
              "and Minecraft shows no sky",
    "requests": "of each kind of mob in view and of one that is not: 'find the cows'; of each kind of block in view "
                "and of one that is not: 'outline the grass'; each by itself, tool and phrase chosen by the core",
    "ap50": f"mean over the kinds of mobs, things from a score of {LOW:g} on, {MOST} a request",
    "precision, recall, f1": "things from the tool's own confidence on, IoU 0.5",
    "miou": "mean over requests of the IoU of all pixels found and meant",
    "routed": "share of requests that went to one tool, one that gives boxes for mobs and masks for blocks",
    "difference": "Minecraft's look less the twin's, draw by draw",
    "intervals": "95 % bootstrap over frames, the same draws for all figures",
}


@dataclass(frozen=True)
class Request:
    """A thing to ask of a picture.

    Attributes:
        text: of the request. role: DETECT for mobs, SEGMENT for blocks. kind: of mob or block.
        boxes, ignored: (n, 4) of the mobs meant, and of those that may be found or not.
        mask: (H, W) bool of the blocks meant, None for mobs.
    """

    text: str
    role: str
    kind: str
    boxes: Sequence[Sequence[int]] = ()
    ignored: Sequence[Sequence[int]] = ()
    mask: np.ndarray | None = None

    @property
    def things(self) -> int:
        return len(self.boxes) if self.mask is None else int(self.mask.any())


@dataclass(frozen=True, eq=False)
class Answered:
    """A request with what came of it in one look.

    Attributes:
        request: what was asked. tools: kinds of results of the tools it was routed to, in order.
        boxes, masks: all that was found, None where no tool of that kind was asked.
    """

    request: Request
    tools: tuple[str, ...]
    boxes: Boxes | None = None
    masks: Masks | None = None


# -- asking ------------------------------------------------------------------------------------------------------------


def requests_of(take: Take, rng: random.Random) -> list[Request]:
    """What is asked of a scene, of what is in it and of a mob and a block that are not."""
    asked, truth = [], take.truth
    for kind in dict.fromkeys(mob.kind for mob in truth.mobs):
        sure = [mob.box for mob in truth.mobs if mob.kind == kind and mob.clear and mob.id in take.agreed]
        rest = [mob.box for mob in truth.mobs if mob.kind == kind and not (mob.clear and mob.id in take.agreed)]
        if sure:
            asked.append(Request(_find(kind), DETECT, kind, sure, rest))
    absent = rng.choice([kind for kind in KINDS if kind not in take.near])
    asked.append(Request(_find(absent), DETECT, absent))
    for block in truth.blocks:
        mask = block.mask & ~take.unscored
        if mask.sum() >= CLEAR_BLOCK:
            asked.append(Request(_outline(block.kind), SEGMENT, block.kind, mask=mask))
    absent = rng.choice([kind for kind in book("blocks") if truth.block(kind) is None])
    return [*asked, Request(_outline(absent), SEGMENT, absent, mask=np.zeros(take.unscored.shape, bool))]


def _find(kind: str) -> str:
    return f"find the {plain(kind)[1]}"


def _outline(kind: str) -> str:
    return f"outline the {plain_block(kind)[0]}"


def ask(agent: Agent, picture: np.ndarray, requests: Sequence[Request]) -> list[Answered]:
    """Send requests about one picture, as a person would, each by itself."""
    runs = agent.run_batch([(request.text, [picture]) for request in requests])
    return [_answered(agent, request, run) for request, run in zip(requests, runs, strict=True)]


def _answered(agent: Agent, request: Request, run: Run) -> Answered:
    tools = dict.fromkeys(route.tool for route in run.routes)
    found = [each.result for each in run.results]
    boxed = [result for result in found if isinstance(result, Boxes)]
    masked = [result for result in found if isinstance(result, Masks)]
    return Answered(request, tuple(agent.tools[name].result for name in tools), Boxes.merge(boxed) if boxed else None,
                    Masks.merge(masked) if masked else None)


# -- scoring -----------------------------------------------------------------------------------------------------------


def row_of(answered: Answered, unscored: np.ndarray, sure: float) -> dict[str, Any]:
    """A request and what came of it, as plain data that `cases_of` reads.

    Args:
        unscored: (H, W) bool. sure: score from which a person is shown a box.
    """
    request = answered.request
    row: dict[str, Any] = {"text": request.text, "role": request.role, "kind": request.kind, "things": request.things,
                           "tools": list(answered.tools)}
    if request.mask is None:
        found = answered.boxes
        order = [] if found is None else np.argsort(-found.scores, kind="stable")[:MOST]
        rows = [[*found.xyxy[i].round(2).tolist(), round(float(found.scores[i]), 5)] for i in order] if found else []
        return {**row, "boxes": [list(box) for box in request.boxes], "ignored": [list(box) for box in request.ignored],
                "found": rows, "empty": not any(each[4] >= sure for each in rows)}
    size = request.mask.shape[1], request.mask.shape[0]
    target = Masks(request.mask[None][: request.things], np.ones(request.things), request.kind, request.kind, size)
    found = answered.masks
    scored = None if found is None else Masks(found.masks & ~unscored, found.scores, found.labels, found.phrases, size)
    return {**row, **mask_score(scored, target, np.zeros((0, 4)))}


def cases_of(frames: Sequence[Mapping[str, Any]], look: str, role: str) -> list[Case]:
    """The requests of a role in a look, as the measurement of the embedded core has them."""
    more = {"about": CATEGORY, "entry": None, "unseen": False, "of": "mobs" if role == DETECT else "blocks"}
    return [Case(number, {**row, **more}, row) for number, frame in enumerate(frames)
            for row in frame["looks"][look] if row["role"] == role]


def figures_of(frames: Sequence[Mapping[str, Any]], look: str, pictures: Pictures, sure: float) -> dict[str, Any]:
    """All figures of a look, as a tree."""
    mobs, blocks = cases_of(frames, look, DETECT), cases_of(frames, look, SEGMENT)
    held, drawn = boxes(mobs, pictures, sure), masks(blocks, pictures)
    counts = [(entry.picture, *tally(entry, sure)) for entry in ranked(mobs)["all"]]
    return {
        "boxes": {"ap50": held["ap50"], "ap50_one_ranking": held["ap50_one_ranking"],
                  "precision": pictures.ratio((p, hit, hit + false) for p, hit, false, _ in counts),
                  "recall": pictures.ratio((p, hit, hit + missed) for p, hit, _, missed in counts), "f1": held["f1"],
                  "absent_left_empty": pictures.share((case.picture, case.made["empty"]) for case in mobs
                                                      if not case.call["things"]),
                  "kinds": held["kinds"]},
        "masks": {"miou": drawn["miou"], "absent_left_empty": drawn["absent_left_empty"], "kinds": drawn["kinds"]},
        "routed": {"boxes": _routed(mobs, "boxes", pictures), "masks": _routed(blocks, "masks", pictures)}}


def _routed(cases: Iterable[Case], kind: str, pictures: Pictures) -> Figure:
    return pictures.share((case.picture, case.made["tools"] == [kind]) for case in cases)


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one look less those of the other, where both have them."""
    return {key: _difference(value, other[key]) if isinstance(value, Mapping) else value.minus(other[key])
            for key, value in one.items() if key in other}


# -- the whole ---------------------------------------------------------------------------------------------------------


def look_agent(profile: str | Path = "nano", device: str = "auto") -> tuple[Agent, float]:
    """Who is asked, and the score from which its boxes are shown; it tells of less sure ones too, for the ranking.

    Raises:
        InputError: the profile has nothing that finds boxes and masks. VeclinkError: weights are not there.
    """
    from veclink.agent.agent import Agent

    agent = Agent(profile, device)
    tools = {tool.result: name for name, tool in reversed(list(agent.tools.items()))}
    if not {"boxes", "masks"} <= set(tools):
        raise InputError("a profile with tools for boxes and masks", ", ".join(agent.tools) or "none", "choose another")
    sure = float(agent.tools[tools["boxes"]].options["confidence"])
    agent = Agent(profile, device, options={tools["boxes"]: {"confidence": LOW}})
    for kind in ("boxes", "masks"):
        agent.tools[tools[kind]].ready()
    return agent, sure


def hashes_of(agent: Agent) -> dict[str, str]:
    """Name -> hash of the core and of the tools that find boxes and masks."""
    made = {f"core/{Path(name).name}": value for name, value in agent.core.models.items()}
    tools = [(name, tool) for name, tool in agent.tools.items() if tool.result in ("boxes", "masks")]
    return made | {f"{name}/{file}": value for name, tool in tools for file, value in tool.models.items()}


def measure(agent: Agent, sure: float, takes: Callable[[int], Take], frames: int = 24, seed: int = 0,
            progress: Callable[[int, int], None] = lambda done, of: None,
            keep: Callable[[Take, Mapping[str, list[Answered]], Record], None] = lambda take, answered, record: None
            ) -> dict[str, Any]:
    """The document of `veclink eval look --json`.

    Args:
        agent, sure: as `look_agent` gives them. takes: a scene by its number.
        keep: called with each scene, what was found in each of its looks, and both as plain data.
    """
    if frames < 1:
        raise InputError("at least one frame", str(frames), "give a positive number")
    records: list[Record] = []
    for number in range(frames):
        take = takes(number)
        requests = requests_of(take, random.Random(f"absent/{seed}/{number}"))
        answered = {look: ask(agent, take.pictures[look], requests) for look in LOOKS}
        mobs = [{"kind": mob.kind, "box": list(mob.box), "agreed": mob.id in take.agreed}
                for mob in take.truth.mobs if mob.clear]
        records.append({"number": number, "world": take.seed, "biome": take.biome, "mobs": mobs, "looks": {
            look: [row_of(one, take.unscored, sure) for one in answered[look]] for look in LOOKS}})
        keep(take, answered, records[-1])
        progress(number + 1, frames)
    pictures = Pictures(frames)
    trees = {look: figures_of(records, look, pictures, sure) for look in LOOKS}
    told = pictures.share((number, mob["agreed"]) for number, one in enumerate(records) for mob in one["mobs"])
    return {"suite": "look", "frames": frames, "seed": seed, "profile": agent.profile.name, "device": agent.device,
            "models": hashes_of(agent), "threshold": sure, "draws": DRAWS, "bootstrap_seed": SEED, "protocol": PROTOCOL,
            "kinds": list(KINDS), "left_out": LEFT_OUT, "looks": documented(trees),
            "difference": documented(_difference(trees[MINECRAFT], trees[TWIN])), "mobs_agreed": documented(told)}


