"""What each stage of nano's training trains, what it minimises, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from veclink.router import checkpoint
from veclink.router.dense import hint, kind_loss, where_loss
from veclink.router.errors import RecipeError
from veclink.router.nano.core import NanoCore
from veclink.router.nano.files import load_nano, save_nano
from veclink.router.nano.findings import SQUARE, UNKNOWN, Labels, labels_of
from veclink.router.nano.layout import Batch, Row, collate, sample_row
from veclink.router.nano.model import Ask, NanoConfig, NanoModel
from veclink.router.nano.prune import prune
from veclink.router.nano.recipe import NanoRecipe
from veclink.router.nano.samples import Call, Sample, Source
from veclink.router.nano.tally import Fit, meant_loss, number_loss, surest
from veclink.router.nano.vision import VisionConfig, letterbox, scale_of
from veclink.router.nano.words import Words
from veclink.tools.condition import Condition
from veclink.tools.models import find_model
from veclink.tools.origin import TrunkMap, begin_with
from veclink.tools.tool import Tool

PICTURES = 24  # that norm what was begun with published numbers
COUNTING = 3.0  # times the rate for the layer that counts: it begins with nothing where all else goes on
WHERE = 3.0  # and for dense links
NUMBER = 0.3  # weight of how many things a turn means beside which
NEAR = 2  # squares from a thing's middle within which it is found
KINDS = 0.3  # weight of the kinds that a link means beside where they are


class Lesson:
    """A batch with what the losses need beside it.

    Args:
        samples: of the batch. words, vision: of the model.
    """

    def __init__(self, samples: Sequence[Sample], words: Words, vision: VisionConfig) -> None:
        self.samples = samples
        self.rows: list[Row] = [sample_row(words, vision, sample) for sample in samples]
        self.batch: Batch = collate(self.rows, vision)
        shown = [sample for sample in samples if sample.picture is not None]
        self.labels: Labels | None = None
        if any(sample.labels is not None for sample in shown):
            maps = [np.full((vision.height, vision.width), UNKNOWN, np.uint8) if s.labels is None
                    else letterbox(s.labels, vision, UNKNOWN, smooth=False) for s in shown]
            scales = [scale_of(sample.picture, vision) for sample in shown if sample.picture is not None]
            self.labels = labels_of(shown, np.stack(maps), scales, vision.tags, vision.states)

    def to(self, device: torch.device) -> Lesson:
        """Itself, its tensors there."""
        self.batch = self.batch.to(device)
        self.labels = None if self.labels is None else self.labels.to(device)
        return self


class Stage(Protocol):
    """One stage.

    Attributes:
        model, words: of the core in use.
    """

    model: NanoModel
    words: Words

    def groups(self) -> list[dict[str, Any]]:
        """AdamW's parameter groups: `scale` times the recipe's rate is a group's own; `part` says whose it is."""
        ...

    def begin(self, source: Source) -> None:
        """Numbers that a run starts from; not called where one is gone on with."""
        ...

    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint holds: all that a step changes."""
        ...

    def losses(self, lesson: Lesson, step: int) -> dict[str, Tensor]:
        """Name -> scalar; their sum is minimised. Empty where the batch teaches nothing.

        Args:
            step: of the run, from 1.
        """
        ...

    def save(self, output: Path, notes: Mapping[str, Any]) -> None:
        """Write what was learned."""
        ...


class EyeStage:
    """The eye alone: what it finds, from labels."""

    def __init__(self, recipe: NanoRecipe, source: Source, device: torch.device) -> None:
        self.recipe = recipe
        self.model, self.words = beginning(recipe, source)
        self.model.to(device).eval().requires_grad_(False)
        self.model.vision.train().requires_grad_(True)
        stem = self.model.vision.stem
        self.trunk = stem.layers if recipe.origin and isinstance(stem, TrunkMap) else nn.ModuleList()

    def begin(self, source: Source) -> None:
        if len(self.trunk):
            pictures = np.stack([letterbox(one, self.model.vision.config) for one in shown(source)])
            begin_with(self.trunk, self.recipe.origin, torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255)

    def groups(self) -> list[dict[str, Any]]:
        begun = list(self.trunk.parameters())
        held = {id(p) for p in begun}
        fresh = [p for p in self.model.vision.parameters() if id(p) not in held]
        groups = [{"params": begun, "scale": self.recipe.slow, "part": "trunk"},
                  {"params": fresh, "scale": 1.0, "part": "eye"}]
        return [group for group in groups if group["params"]]

    def modules(self) -> dict[str, nn.Module]:
        return {"vision": self.model.vision}

    def losses(self, lesson: Lesson, step: int) -> dict[str, Tensor]:
        if lesson.labels is None:
            return {}
        return self.model.vision.losses(self.model.vision.see(lesson.batch.pictures.float() / 255), lesson.labels)

    def save(self, output: Path, notes: Mapping[str, Any]) -> None:
        save_nano(output, self.model, self.words, notes, self.recipe.small)


class CoreStage:
    """The core alone: next tokens of the answers, and what the eye finds."""

    def __init__(self, recipe: NanoRecipe, source: Source, device: torch.device) -> None:
        self.recipe = recipe
        self.model, self.words = beginning(recipe, source)
        self.model.to(device).train().requires_grad_(True)

    def begin(self, source: Source) -> None:
        """Nothing: it has begun as the stage before ended."""

    def groups(self) -> list[dict[str, Any]]:
        language = list(self.model.language.parameters())
        eye = self.model.vision
        joints = [part for part in (eye.project, eye.whole, eye.telling, self.model.regions) if part is not None]
        between = [p for part in joints for p in part.parameters()]
        held = {id(p) for p in between}
        seeing = [p for p in eye.parameters() if id(p) not in held]
        counting = list(self.model.tally.parameters()) if self.model.tally else []
        groups = [{"params": language, "scale": self.recipe.slow, "part": "core"},
                  {"params": seeing, "scale": self.recipe.looks, "part": "core"},
                  {"params": between, "scale": 1.0, "part": "core"},
                  {"params": counting, "scale": COUNTING, "part": "tally"}]
        return [group for group in groups if group["params"]]

    def modules(self) -> dict[str, nn.Module]:
        return {"model": self.model}

    def losses(self, lesson: Lesson, step: int) -> dict[str, Tensor]:
        fits: list[Fit] = []
        states, _, features = self.model(lesson.batch, fits)
        losses = answer_losses(self.model, states, features, lesson, self.recipe.eye)
        return losses | tally_losses(self.model, features, fits[0], lesson) if fits else losses

    def save(self, output: Path, notes: Mapping[str, Any]) -> None:
        save_nano(output, self.model, self.words, notes, self.recipe.small)


class LinkStage:
    """Links and the tools' networks on a core that is frozen, or updated by low-rank matrices.

    The first `alone` steps do without the core, the next `where` ones without networks of tools that are told where.

    Args:
        tools: name -> tool, set up for training by whoever made them; losses are the tools' own.
    """

    def __init__(self, recipe: NanoRecipe, tools: Mapping[str, Tool], device: torch.device) -> None:
        assert recipe.start is not None
        self.recipe, self.tools = recipe, {name: tool.ready() for name, tool in tools.items()}
        self.core = NanoCore(recipe.start, recipe.begin or False, str(device), torch.float32)
        self.core.attach([tool.spec() for tool in self.tools.values()], tuple(self.tools))
        self.model, self.links = self.core.model, self.core.linkset
        self.words = self.core.words.with_tools(self.tools)  # a tool that is new to the core gets a free slot
        self.updates = self.model.low_rank(recipe.rank) if recipe.rank else {}
        for name, tool in self.tools.items():
            part = self.links.of(name)
            if recipe.begin is None:
                part.gate.value.data.fill_(recipe.gate)
                if part.projector is not None:  # columns that no loss reaches stay the bridge's
                    # and networks that know their phrases are fed just those at first
                    part.projector.outer.weight.data[0 if recipe.alone or recipe.where else tool.learned:] = 0
        if recipe.condition == "link" and recipe.begin is None:
            for name, other in recipe.like.items():
                self._begin_like(name, other)
        self.links.requires_grad_(recipe.condition == "link")
        for network in self.networks().values():
            network.requires_grad_(True).train()

    def _begin_like(self, name: str, other: str) -> None:
        """A tool's queries and dense part begin as another's.

        Raises:
            RecipeError: no such link is known, or one of another shape.
        """
        path = self._known()
        known = checkpoint.read_header(path).tools if path.is_file() else {}
        if other not in known or name not in self.tools:
            raise RecipeError(f"the link of {other} in the output folder or beside the core, for {name}",
                              f"links of {', '.join(known) or 'nothing'}", f"train {other} first")
        told = checkpoint.load(path, self.core.id, [known[other]], strict=False, seen=self.links.seen).of(other)
        part = self.links.of(name)
        try:
            part.queries.load_state_dict(told.queries.state_dict())
            if part.dense is not None and told.dense is not None:
                part.dense.load_state_dict(told.dense.state_dict())
        except RuntimeError as error:
            raise RecipeError(f"{name} with as many queries as {other}", str(error)[:160], "mend the recipe") from error

    def begin(self, source: Source) -> None:
        fresh = [tool for tool in self.tools.values() if "untrained" in tool.models.values()]
        pictures = shown(source) if fresh and self.recipe.begin is None else []
        for tool in fresh if pictures else ():
            tool.begin(pictures)

    def networks(self) -> dict[str, nn.Module]:
        """"tool.part" -> network, of the tools that say what of theirs can be trained."""
        return {f"{name}.{part}": network for name, tool in self.tools.items()
                if name not in self.recipe.frozen for part, network in tool.networks().items()}

    def groups(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"params": list(network.parameters()), "scale": 1.0, "part": name.partition(".")[0]}
            for name, network in self.networks().items()]
        for name in self.tools:
            part = self.links.of(name)
            where = [] if part.dense is None else list(part.dense.parameters())
            held = {id(p) for p in where}
            rest = [p for p in part.parameters() if p.requires_grad and id(p) not in held]
            found += [{"params": rest, "scale": 1.0, "part": name},
                      {"params": [p for p in where if p.requires_grad], "scale": WHERE, "part": f"{name} where"}]
        found.append({"params": list(self.updates.values()), "scale": self.recipe.slow, "part": "core"})
        return [group for group in found if group["params"]]

    def modules(self) -> dict[str, nn.Module]:
        updates = {"updates": nn.ParameterDict({k.replace(".", "_"): v for k, v in self.updates.items()})}
        return {"links": self.links, **self.networks(), **(updates if self.updates else {})}

    def losses(self, lesson: Lesson, step: int) -> dict[str, Tensor]:
        asked = [(row, call, at) for row, made in enumerate(lesson.rows) for call, _, at in made.calls
                 if call.target is not None and call.tool in self.tools]
        losses: dict[str, Tensor] = {}
        links: list[Tensor | None] = [None] * len(asked)
        dense: list[Tensor | None] = [None] * len(asked)
        together = step > self.recipe.alone
        if together and (self.recipe.condition == "link" or self.updates):
            with torch.set_grad_enabled(bool(self.updates)):
                states, cache, features = self.model(lesson.batch)
                if self.updates:  # what was learned before must stay
                    losses |= answer_losses(self.model, states, features, lesson, 0.0)
            if self.recipe.condition == "link":
                links = list(self.model.links(lesson.batch, cache, [
                    Ask(row, at, self.links.queries(call.tool)) for row, call, at in asked]))
                dense = self._dense(lesson, features, asked, links)
        for name, tool in self.tools.items():
            mine = [i for i, (_, call, _) in enumerate(asked) if call.tool == name]
            if mine:
                pictures = [lesson.rows[asked[i][0]].pictures[0] for i in mine]
                calls = [asked[i][1] for i in mine]
                told = self._where(name, calls, pictures, [links[i] for i in mine], [dense[i] for i in mine])
                losses |= told
                if told and step <= self.recipe.alone + self.recipe.where:
                    continue
                hints = [dense[i] if together else self._hint(call, picture)
                         for i, call, picture in zip(mine, calls, pictures, strict=True)]
                conditions = [self._condition(call, links[i], where)
                              for i, call, where in zip(mine, calls, hints, strict=True)]
                losses[name] = tool.loss(pictures, conditions, [call.target for call in calls])
        return losses

    def _hint(self, call: Call, picture: np.ndarray) -> Tensor | None:
        """Where a share of the calls of the steps without the core are: the truth, told as roughly as a link would."""
        if self.links.of(call.tool).dense is None or float(torch.rand(())) >= self.recipe.told:
            return None
        scale = scale_of(picture, self.model.config.vision) / SQUARE
        return hint(call.target, picture, (max(1, round(picture.shape[0] * scale)),
                                           max(1, round(picture.shape[1] * scale)))).to(self.model.device)

    def _where(self, name: str, calls: Sequence[Call], pictures: Sequence[np.ndarray], links: Sequence[Tensor | None],
               dense: Sequence[Tensor | None]) -> dict[str, Tensor]:
        """How far a tool's links are from saying where what its calls mean is, and of which kinds; none if blind."""
        part = self.links.of(name).dense
        told = [(call, picture, link, where)
                for call, picture, link, where in zip(calls, pictures, links, dense, strict=True)
                if call.target is not None and link is not None and where is not None]
        if part is None or not told:
            return {}
        kinds = self.model.config.vision.kinds
        return {f"{name} where": torch.stack([where_loss(where, call.target, picture)
                                               for call, picture, _, where in told]).mean(),
                f"{name} kinds": KINDS * torch.stack([
                    kind_loss(part.meant(link), call.names or getattr(call.target, "labels", ()), kinds)
                    for call, _, link, _ in told]).mean()}

    def _dense(self, lesson: Lesson, features: Tensor, asked: Sequence[tuple[int, Call, int]],
               links: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Where what each call means is, of the tools that have a use for it."""
        if all(self.links.of(name).dense is None for name in self.tools):
            return [None] * len(asked)
        shown = [row for row, made in enumerate(lesson.rows) if made.pictures]
        seen = dict(zip(shown, self.model.vision.squares(features), strict=True))
        return [self.core.where(call.tool, link, seen[row], lesson.rows[row].pictures[0])
                for (row, call, _), link in zip(asked, links, strict=True)]

    def _condition(self, call: Call, link: Tensor | None, dense: Tensor | None = None) -> Condition:
        """The condition of a call; a share of the linked ones has words that the bridge does not know."""
        unheard = link is not None and float(torch.rand(())) < self.recipe.unheard
        bridge = self.tools[call.tool].bridge(["" if unheard else call.phrase])[0].to(self.model.device)
        vectors = bridge if link is None else self.links.condition(call.tool, bridge, link)
        return Condition(vectors, call.phrase, call.regions, dense=dense)

    def save(self, output: Path, notes: Mapping[str, Any]) -> None:
        """links.safetensors (with the core, where it was updated) and each tool's own file."""
        output.mkdir(parents=True, exist_ok=True)
        if self.updates:
            self.model.merge()
            save_nano(output, self.model, self.core.words, notes)
            self.core = NanoCore(output, False, "cpu")
            self.core.attach([tool.spec() for tool in self.tools.values()])
            for name in self.tools:
                self.core.linkset.put(name, self.links.of(name))
        if self.recipe.condition == "link":
            self._save_links(output / "links.safetensors", notes)
        for name, tool in self.tools.items():
            if tool.networks() and name not in self.recipe.frozen:
                tool.save(output / f"{name}.safetensors")


    def _known(self) -> Path:
        """The file of the links that are known: in the output folder, or else beside the core."""
        own, beside = (folder / "links.safetensors" for folder in (self.recipe.output, self.core.folder.parent))
        return own if own.is_file() else beside

    def _save_links(self, path: Path, notes: Mapping[str, Any]) -> None:
        """All links that are known of this core and of other tools join those learned; notes are kept a tool."""
        told: dict[str, Any] = {}
        known = self._known()
        if known.is_file() and (header := checkpoint.read_header(known)).core == self.core.id:
            others = [spec for name, spec in header.tools.items() if name not in self.tools]
            kept = checkpoint.load(known, self.core.id, others, strict=False, seen=self.links.seen)
            for spec in others:
                self.links.put(spec.name, kept.of(spec.name))
            told = {name: note for name, note in header.notes.items() if name not in self.tools}
        self.core.save_links(path, {**told, **{name: dict(notes) for name in self.tools}})


def shown(source: Source) -> list[np.ndarray]:
    """Some of the pictures that a run is about to see."""
    return list(islice((s.picture for s in source(0) if s.picture is not None), PICTURES))


def answer_losses(model: NanoModel, states: Tensor, features: Tensor, lesson: Lesson, eye: float) -> dict[str, Tensor]:
    """The core's own losses of a batch."""
    losses = {"answer": model.answer_loss(states, lesson.batch)}
    if eye and lesson.labels is not None:
        losses |= {name: eye * loss for name, loss in model.vision.losses(features, lesson.labels).items()}
    return losses


def tally_losses(model: NanoModel, features: Tensor, fit: Fit, lesson: Lesson) -> dict[str, Tensor]:
    """How far the tally is from what turns mean, where their answers begin and at their routing tokens."""
    assert model.vision.findings is not None
    found = model.vision.findings.told(features[..., : model.vision.config.size])[2]
    sure, index = surest(found, model.vision.config.sums)
    at, wanted, numbers, picture = [], [], [], -1
    for number, (row, sample) in enumerate(zip(lesson.rows, lesson.samples, strict=True)):
        if sample.picture is None:
            continue
        picture += 1
        scale = scale_of(sample.picture, model.vision.config) / SQUARE
        for turn, one in enumerate(sample.turns, 1):
            if one.meant is not None:
                near = torch.zeros_like(index[picture], dtype=torch.bool)
                for x, y in one.meant:
                    near |= ((index[picture] // found.shape[2] - int(y * scale)).abs() <= NEAR) & (
                        (index[picture] % found.shape[2] - int(x * scale)).abs() <= NEAR)
                columns = row.answering(turn)
                at += [(number, column, picture) for column in columns]
                wanted += [near.float()] * len(columns)
                numbers += [float(len(one.meant))] * len(columns)
    if not at:
        return {}
    rows, columns, pictures = torch.tensor(at, device=fit.device).T
    told, surely = fit[rows, columns, : index.shape[1]], sure[pictures]
    return {"meant": meant_loss(told, surely, torch.stack(wanted)),
            "number": NUMBER * number_loss(told, surely, torch.tensor(numbers, device=fit.device))}


def beginning(recipe: NanoRecipe, source: Source) -> tuple[NanoModel, Words]:
    """What a stage goes on from: a pruned language model or another stage's; its eye, or one that saw nothing."""
    if recipe.start is not None:
        model, words, _ = load_nano(recipe.start)
        if not recipe.vision:
            return model.on_canvas(**recipe.canvas) if recipe.canvas else model, words
        fresh = NanoModel(NanoConfig(model.config.language, VisionConfig(**recipe.eyed())))
        fresh.language.load_state_dict(model.language.state_dict())
        name_things(fresh, words)
        return fresh, words
    texts: list[str] = []
    for sample in islice(source(0), recipe.corpus):
        for turn in sample.turns:
            texts += [turn.text, turn.words, *(call.phrase for call in turn.calls)]
    layers = recipe.layers if isinstance(recipe.layers, int) else list(recipe.layers)
    pruned = prune(find_model(recipe.base), texts, list(recipe.tools), layers, recipe.vocabulary)
    model = NanoModel(NanoConfig(pruned.config, VisionConfig(**recipe.eyed())))
    model.language.load_state_dict(pruned.state)
    words = Words(pruned.words, pruned.tokenizer)
    name_things(model, words)
    return model, words


def name_things(model: NanoModel, words: Words) -> None:
    """Tokens of what the eye finds begin as the language model's own words."""
    table = model.language.embed_tokens.weight.data
    if model.vision.telling is not None:
        model.vision.telling.name(lambda name: table[words.ids(f" {name.replace('_', ' ')}")].mean(0))
