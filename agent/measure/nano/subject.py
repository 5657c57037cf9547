"""Who is measured: the embedded core with its links and tools, each call fed in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from veclink.agent.measure.nano.cases import Asked, Block
from veclink.agent.nano.lesson import CATEGORY
from veclink.agent.nano.stream import fillers
from veclink.envs.errors import InputError, VeclinkError
from veclink.router.core import Reading
from veclink.tools.condition import Condition
from veclink.tools.results import Result
from veclink.tools.weights import locate

if TYPE_CHECKING:
    from torch import Tensor

    from veclink.router.nano.core import NanoCore
    from veclink.router.nano.samples import Sample
    from veclink.tools.tool import Tool

LINK, TEXT, BRIDGE, SHUFFLED, ROUTED = "link", "text", "bridge", "shuffled", "routed"
ARMS = (LINK, TEXT, BRIDGE, SHUFFLED, ROUTED)
LOW = 0.01  # score from which things count towards average precision
TOGETHER = 16  # decodes in one call
NO_OTHER = "no other request for this tool in the block"  # then a call is left out of arm SHUFFLED
Found = Result | str | None  # a result; why there is none; None where the core asked for nothing
SHIPPED = "nano/"  # before the names of the files that the shipped profile speaks of


class Subject(Protocol):
    """Somebody who can be measured.

    Attributes:
        models: name -> hash. device: where it runs.
        missing: arm -> tool -> why it is not trained.
        threshold: tool -> score from which a person is shown a thing.
        fill: role -> tool that fills it, where it is another than this project's own.
    """

    device: str

    @property
    def fill(self) -> Mapping[str, str]: ...

    @property
    def models(self) -> Mapping[str, str]: ...

    @property
    def missing(self) -> Mapping[str, Mapping[str, str]]: ...

    @property
    def threshold(self) -> Mapping[str, float]: ...

    def read(self, block: Block) -> list[list[Reading]]:
        """Of each sample the reading of each turn, each read by itself."""
        ...

    def decode(self, arm: str, block: Block, asked: Sequence[Asked], readings: Sequence[Sequence[Reading]]
               ) -> list[Found]:
        """What comes of each of these calls; no tool of them is missing in this arm."""
        ...


class NanoSubject:
    """The embedded core.

    Args:
        core: with all tools attached that it was taught. tools: those trained with the links, ready, by name.
        text_tools: those trained with the phrase alone, ready.
        missing, fill: as `Subject`.
    """

    def __init__(self, core: NanoCore, tools: Mapping[str, Tool], text_tools: Mapping[str, Tool] | None = None,
                 missing: Mapping[str, Mapping[str, str]] | None = None, fill: Mapping[str, str] | None = None) -> None:
        self.fill: Mapping[str, str] = dict(fill or {})
        self.core, self.tools, self.text_tools = core.ready(), dict(tools), dict(text_tools or {})
        self.missing = {arm: dict((missing or {}).get(arm, {})) for arm in ARMS}
        for name in self.tools:
            if name not in core.linked:
                for arm in (LINK, SHUFFLED):
                    self.missing[arm].setdefault(name, "no link was trained for it")
        self.device = str(core.model.device)
        self.models = {f"core/{Path(name).name}": value for name, value in core.models.items()}
        for kind, made in (("", self.tools), ("text ", self.text_tools)):
            self.models |= {f"{kind}{name}/{file}": value for name, tool in made.items()
                            for file, value in tool.models.items()}
        self.threshold = {name: float(tool.options["confidence"]) for name, tool in self.tools.items()
                          if "confidence" in tool.defaults}
        self._links: dict[int, Tensor] = {}  # of the block at hand, by the id of the call
        self._seen: dict[int, Tensor] = {}  # and what the eye sees of each square, by the number of the sample
        self._block: Block | None = None

    def read(self, block: Block) -> list[list[Reading]]:
        tasks = [sample.tasks() for sample in block.samples]
        flat = iter(self.core.read([task for part in tasks for task in part]))
        return [[next(flat) for _ in part] for part in tasks]

    def decode(self, arm: str, block: Block, asked: Sequence[Asked], readings: Sequence[Sequence[Reading]]
               ) -> list[Found]:
        import torch

        self._enter(block)
        tools = self.text_tools if arm == TEXT else self.tools
        out: list[Found] = [None] * len(asked)
        with torch.no_grad():
            for name in dict.fromkeys(one.call.tool for one in asked):
                jobs: list[tuple[int, Any, Condition]] = []
                for i, one in enumerate(asked):
                    if one.call.tool == name:
                        made = self._conditions(arm, block, one, tools[name], readings)
                        if made is None:
                            out[i] = NO_OTHER
                        jobs += [(i, one.picture, condition) for condition in made or ()]
                found: dict[int, list[Result]] = {}
                for start in range(0, len(jobs), TOGETHER):
                    part = jobs[start:start + TOGETHER]
                    for (i, _, _), result in zip(part, _decoded(tools[name], part), strict=True):
                        if isinstance(result, str):
                            out[i] = result
                        else:
                            found.setdefault(i, []).append(result)
                for i, results in found.items():
                    if out[i] is None:
                        out[i] = results[0] if len(results) == 1 else type(results[0]).merge(results)
        return out

    # -- conditions ----------------------------------------------------------------------------------------------------

    def _conditions(self, arm: str, block: Block, one: Asked, tool: Tool, readings: Sequence[Sequence[Reading]]
                    ) -> list[Condition] | None:
        """What a call's decoder is fed: one condition, in arm ROUTED one a route; None where the arm has none."""
        options = self._options(tool, one)
        if arm == ROUTED:
            return self._routed(one, readings[one.sample][one.turn], options)
        bridge = tool.bridge([one.call.phrase])[0]
        if arm in (TEXT, BRIDGE):
            return [Condition(bridge, one.call.phrase, one.call.regions, options)]
        link = self._links[id(one.call)] if arm == LINK else self._other(block, one)
        if link is None:
            return None
        vectors = self.core.linkset.condition(one.call.tool, bridge.to(self.core.model.device), link)
        dense = self.core.where(one.call.tool, link, self._seen.get(one.sample), one.picture)
        return [Condition(vectors, one.call.phrase, one.call.regions, options, dense)]

    def _options(self, tool: Tool, one: Asked) -> dict[str, float]:
        """All of a kind are ranked down to the lowest score; one thing apart is chosen as a person would see it."""
        ranked = one.call.kind == CATEGORY and one.role in ("boxes", "keypoints") and "confidence" in tool.defaults
        return {"confidence": LOW} if ranked else {}

    def _other(self, block: Block, one: Asked) -> Tensor | None:
        """The link of another request for the same tool: the next of the block, if possible of another picture."""
        mine = [a for a in block.asked if a.call.tool == one.call.tool and id(a.call) in self._links]
        at = next(i for i, a in enumerate(mine) if a.call is one.call)
        turned = [*mine[at + 1:], *mine[:at]]
        other = next((a for a in turned if a.sample != one.sample), turned[0] if turned else None)
        return None if other is None else self._links[id(other.call)]

    def _routed(self, one: Asked, reading: Reading, options: Mapping[str, float]) -> list[Condition]:
        """The conditions of the core's own routes to a call's tool, with the regions that the person drew."""
        tool, made = self.tools[one.call.tool], []
        for route in reading.routes:
            if route.tool == one.call.tool:
                bridge = tool.bridge([route.phrase])[0].to(self.core.model.device)
                vectors = self.core.linkset.condition(route.tool, bridge, route.link)
                made.append(Condition(vectors, route.phrase, one.words.regions, options, route.dense))
        return made

    def _enter(self, block: Block) -> None:
        """Read the links of a block's calls, each where its routing token stands in the true answer."""
        if block is self._block:
            return
        self._block, self._seen = block, {}
        self._links = self._read_links(block.samples)

    def _read_links(self, samples: Sequence[Sample]) -> dict[int, Tensor]:
        import torch

        from veclink.router.nano.layout import collate, sample_row
        from veclink.router.nano.model import Ask

        model, linked = self.core.model, set(self.core.linked)
        words = self.core.words.with_tools(self.fill.values())  # those that training did not teach have slots, too
        known = [_known(sample, set(words.config.tools)) for sample in samples]
        rows = [sample_row(words, model.config.vision, one) for one in known if one is not None]
        if not rows:
            return {}
        asked = [(call, Ask(row, at, self.core.linkset.queries(call.tool))) for row, made in enumerate(rows)
                 for call, _, at in made.calls if call.tool in linked]
        with torch.no_grad():
            batch = collate(rows, model.config.vision).to(model.device)
            _, cache, features = model(batch)
            if self.core.linkset.seen:
                shown = [i for i, one in enumerate(known) if one is not None and one.picture is not None]
                self._seen = dict(zip(shown, model.vision.squares(features), strict=True))
            links = model.links(batch, cache, [ask for _, ask in asked])
        return {id(call): link for (call, _), link in zip(asked, links, strict=True)}


def _known(sample: Sample, tools: set[str]) -> Sample | None:
    """The sample without the calls that the core has no routing token for."""
    turns = [replace(turn, calls=tuple(call for call in turn.calls if call.tool in tools)) for turn in sample.turns
             if turn.rejected or turn.words.strip() or any(call.tool in tools for call in turn.calls)]
    return replace(sample, turns=tuple(turns)) if turns else None


def _decoded(tool: Tool, jobs: Sequence[tuple[int, Any, Condition]]) -> list[Result | str]:
    """The result of each job, or why there is none; one that fails does not take the others with it."""
    try:
        return list(tool.decode([picture for _, picture, _ in jobs], [condition for _, _, condition in jobs]))
    except Exception as error:  # a tool may fail in any way; it is counted
        if len(jobs) == 1:
            return [f"{type(error).__name__}: {str(error)[:160]}"]
        return [_decoded(tool, [job])[0] for job in jobs]


# -- making one --------------------------------------------------------------------------------------------------------


def subject_of(profile: str | Path = "nano", core: Path | None = None, text: Path | None = None,
               device: str = "auto", fill: Mapping[str, str] | None = None) -> NanoSubject:
    """The subject of a profile, or of a folder that `veclink train` wrote.

    Args:
        profile: says which arguments each tool has.
        core: folder with core/ (or the core itself), links.safetensors and TOOL.safetensors; None for the profile's.
        text: folder with the TOOL.safetensors of the control that was trained with the phrase alone.
        fill: as `Subject`; tools of these names need no weights.

    Raises:
        InputError: there is no trained core.
    """
    from veclink.agent.profiles import load_profile
    from veclink.router.cores import make_core, nano_folder
    from veclink.router.nano.core import NanoCore

    made = load_profile(profile)
    arguments = dict(made.core)
    if core is not None:
        place = core if (core / "config.json").is_file() else core / "core"
        links = core / "links.safetensors"
        arguments = {"model": str(place), "links": str(links) if links.is_file() else None}
    if nano_folder(str(arguments["model"])) is None:
        raise InputError("a trained nano core", f"none at {arguments['model']}",
                         "train one with veclink train router/recipes/nano-core.yaml, or give its folder by --core")
    if isinstance(arguments.get("links"), str) and locate(str(arguments["links"])) is None:
        arguments["links"] = None
    whole = make_core(**arguments, device=device)
    assert isinstance(whole, NanoCore)
    names, free = tuple(fillers(fill).values()), tuple((fill or {}).values())
    tools, lacking = _tools(_with_queries(made.tools, arguments.get("links")), core, device, names, free)
    controls, without = _tools(made.tools, text, device, names) if text is not None else (
        {}, dict.fromkeys(names, "no folder of the control was given (--text-links)"))
    specs = [tool.spec() for tool in tools.values()]
    whole.attach([*specs, *_specs_of(name for name in names if name not in tools)])
    missing = {arm: without if arm == TEXT else lacking for arm in ARMS}
    return NanoSubject(whole, tools, controls, missing, fill)


def _with_queries(tools: Mapping[str, Mapping[str, Any]], links: Any) -> dict[str, dict[str, Any]]:
    """The tools' arguments with the number of queries that their links were trained with."""
    from veclink.router import checkpoint

    path = locate(str(links)) if isinstance(links, str) else None
    trained = {} if path is None else checkpoint.read_header(path).tools
    return {name: {**given, **({"queries": trained[name].queries} if name in trained else {})}
            for name, given in tools.items()}


def _specs_of(names: Any) -> list[Any]:
    """What the core needs to route to tools that have no weights yet."""
    from veclink.tools import registry

    made = [registry.load(name)() for name in names]
    return [replace(tool.spec(), condition=None) for tool in made]


def _placed(given: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """A tool's arguments with files of the shipped tools replaced by those of the same names in a folder."""
    def other(value: Any) -> Any:
        shipped = folder is not None and isinstance(value, str) and value.startswith(SHIPPED)
        return str(Path(folder or "") / value.removeprefix(SHIPPED)) if shipped else value

    return {key: other(value) for key, value in given.items()}


def _tools(arguments: Mapping[str, Mapping[str, Any]], folder: Path | None, device: str, names: Sequence[str],
           free: Sequence[str] = ()) -> tuple[dict[str, Tool], dict[str, str]]:
    """Those of the tools that have trained weights, or are `free` to have none, ready; and why the others have none."""
    from veclink.tools import registry

    found, lacking = {}, {}
    for name in names:
        given = _placed(arguments.get(name) or {}, folder)
        if name in free:
            found[name] = registry.load(name)(device=device, **given).ready()
            continue
        weights = str(folder / f"{name}.safetensors") if folder is not None else str(given.get("weights", ""))
        if not given and folder is None:
            lacking[name] = "the profile has no weights for it"
        elif locate(weights) is None:
            lacking[name] = f"no file {Path(weights).name}"
        else:
            try:
                tool = registry.load(name)(device=device, **{**given, "weights": weights}).ready()
            except (VeclinkError, TypeError) as error:
                lacking[name] = str(error)[:200]
                continue
            if "untrained" in tool.models.values():
                lacking[name] = "its weights are untrained"
            else:
                found[name] = tool
    return found, lacking
