"""NanoCore: the embedded core. It reads words, pictures and regions, writes routes and words, and reads its links."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from veclink.envs.errors import UnknownName
from veclink.router.core import Reading, Route, Task, Written
from veclink.tools.device import pick_device
from veclink.tools.tool import ToolSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from veclink.router.checkpoint import CoreId
    from veclink.router.links import LinkSet
    from veclink.router.nano.answering import Answering
    from veclink.router.nano.model import NanoModel
    from veclink.router.nano.words import Words
    from veclink.router.nano.writing import Writer

NOTHING = "None of the tools at hand can do this."


class NanoCore:
    """A core of one folder. Nothing is loaded before `ready` or the first use.

    Args:
        model: the folder (see `files.load_nano`).
        links: a link checkpoint; its tools whose gate is not 0 are linked without being asked for. None means
            links.safetensors of the folder, where there is one; False means fresh ones.
        device: as for tools.
        dtype: number format; None means bfloat16 on a GPU that has it, single elsewhere.
        max_new_tokens: longest answer in words, in tokens.
        batch: tasks read at once.
        name: what results and checkpoints call it.
        beams: answers in words that are weighed against each other; 1 takes the likeliest next token each time.

    Attributes:
        name: as given, else the folder's.
    """

    sees = True

    def __init__(self, model: str | Path, links: str | Path | Literal[False] | None = None,
                 device: str = "auto", dtype: torch.dtype | None = None, max_new_tokens: int = 64, batch: int = 16,
                 name: str = "", beams: int = 4) -> None:
        self.folder = Path(model)
        self.name = name or self.folder.name
        self.max_new_tokens, self.batch, self.beams = max_new_tokens, batch, beams
        self._links_file, self._device_name, self._dtype = links, device, dtype
        self._model: NanoModel | None = None
        self._words: Words | None = None
        self._hashes: dict[str, str] = {}
        self._linkset: LinkSet | None = None
        self._specs: dict[str, ToolSpec] = {}
        self._asked: tuple[str, ...] = ()
        self._bound = False
        self._lock = threading.RLock()

    @classmethod
    def from_parts(cls, model: NanoModel, words: Words, name: str = "in memory", **arguments: Any) -> NanoCore:
        """A core of a network in memory; `arguments` as for the class."""
        core = cls("in memory", name=name, **arguments)
        core._model, core._words = model, words
        return core

    # -- set-up ----------------------------------------------------------------------------------------------------

    def ready(self) -> NanoCore:
        """Load once, whoever asks first; returns itself.

        Raises:
            CheckpointError: the folder is not a whole nano model, or the links were made for another.
        """
        from veclink.router.nano.files import load_nano

        with self._lock:
            if self._model is None:
                device = pick_device(self._device_name)
                model, self._words, self._hashes = load_nano(self.folder, device, self._dtype or _pick_dtype(device))
                self._model = model
            if not self._bound:
                self._bind()
        return self

    prepare = ready

    @property
    def model(self) -> NanoModel:
        """The loaded network."""
        self.ready()
        assert self._model is not None
        return self._model

    @property
    def words(self) -> Words:
        """Its vocabulary."""
        self.ready()
        assert self._words is not None
        return self._words

    @property
    def hidden(self) -> int:
        return self.model.config.language.hidden

    @property
    def models(self) -> Mapping[str, str]:
        """File name -> sha256 of the weights in use, once loaded."""
        return {f"{self.name}/{file}": value for file, value in self._hashes.items() if file.endswith(".safetensors")}

    @property
    def id(self) -> CoreId:
        """What a link checkpoint recognises this core by: the hash of its files."""
        from veclink.router.checkpoint import CoreId

        self.ready()
        one = hashlib.sha256("".join(sorted(self._hashes.values())).encode()).hexdigest() if self._hashes else "unknown"
        return CoreId(self.name, one, self.hidden)

    @property
    def linkset(self) -> LinkSet:
        """Queries, projectors and gates of the attached tools."""
        self.ready()
        assert self._linkset is not None
        return self._linkset

    def save_links(self, path: str | Path, notes: Mapping[str, Any] | None = None) -> Path:
        """Write the links of the attached tools as a checkpoint; `notes` say how they were trained."""
        from veclink.router import checkpoint

        return checkpoint.save(path, self.linkset, self.id, notes)

    def _checkpoint(self) -> Path | None:
        own = self.folder / "links.safetensors"
        if self._links_file is None:
            return own if own.is_file() else None
        return None if isinstance(self._links_file, bool) else Path(self._links_file)

    # -- the Core protocol -----------------------------------------------------------------------------------------

    def attach(self, tools: Sequence[ToolSpec], linked: Sequence[str] = ()) -> None:
        """Make these tools routable; links are read for those in `linked` and those whose checkpoint opened their gate.

        A tool that training did not teach gets a free slot: it is called where the request names it.

        Raises:
            UnknownName: `linked` names a tool that is not among them.
            ModelError, CheckpointError: where the model is loaded already, as `ready` would.
        """
        specs = {spec.name: spec for spec in tools}
        for name in linked:
            if name not in specs:
                raise UnknownName.of("tool", name, specs, "attach it too")
        with self._lock:
            self._specs, self._asked, self._bound = specs, tuple(linked), False
            if self._model is not None:
                self.ready()

    @property
    def linked(self) -> tuple[str, ...]:
        """The tools for which links are read."""
        opened = self.linkset.linked
        return tuple(name for name in self._specs if name in self._asked or name in opened)

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        """One reading a task, in one mixed batch: different tools, different numbers of pictures."""
        import torch

        self.ready()
        readings: list[Reading] = []
        for start in range(0, len(tasks), self.batch):
            with self._lock, torch.no_grad():
                readings += self._read(tasks[start:start + self.batch])
        return readings

    def _read(self, tasks: Sequence[Task]) -> list[Reading]:
        from veclink.router.nano.answering import Answering
        from veclink.router.nano.layout import collate, prompt_row

        model, words = self.model, self.words
        batch = collate([prompt_row(words, model.config.vision, task) for task in tasks], model.config.vision)
        stream = Answering(model, batch.to(model.device))
        writers = stream.write([self._writer(task) for task in tasks], self.beams)
        first = [0, *accumulate(len(task.images) for task in tasks)]
        readings = []
        for row, (task, writer) in enumerate(zip(tasks, writers, strict=True)):
            if writer.rejected:
                readings.append(Reading(NOTHING, (), True))
                continue
            routes, owners = self._routes(task, writer)
            links = self._links(stream, row, routes, [writer.calls[i][2] for i in owners])
            routes = tuple(replace(route, link=link, dense=self._dense(stream, first[row], task, route, link))
                           for route, link in zip(routes, links, strict=True))
            readings.append(Reading(writer.answer, routes))
        return readings

    def _writer(self, task: Task) -> Writer:
        from veclink.router.nano.writing import Writer

        tools = {i: name for name, i in self._tokens.items()}
        untaught = [i for i, name in tools.items() if name not in self.words.tools]
        return Writer(self.words, tools, self.max_new_tokens, task.text, untaught)

    def _routes(self, task: Task, writer: Writer) -> tuple[tuple[Route, ...], list[int]]:
        """The routes, and the call that each came from."""
        from veclink.router.requests import routes_of

        kinds = {name: spec.result for name, spec in self._specs.items()}
        by_tool: dict[str, list[str]] = {}
        for tool, phrase, _ in writer.calls:
            by_tool.setdefault(tool, []).append(phrase)
        written = Written(tuple((tool, tuple(phrases)) for tool, phrases in by_tool.items()))
        routes = routes_of(task.text, written, len(task.images), kinds, task.before)
        owners = [next((i for i, (tool, phrase, _) in enumerate(writer.calls)
                        if tool == route.tool and phrase.lower() == route.phrase.lower()),
                       next(i for i, (tool, _, _) in enumerate(writer.calls) if tool == route.tool))
                  for route in routes]
        return routes, owners

    def _links(self, stream: Answering, row: int, routes: Sequence[Route], at: Sequence[int]) -> list[Tensor | None]:
        """The link of each route of one task, read where its call's routing token stands."""
        linked = set(self.linked)
        asked = [i for i, route in enumerate(routes) if route.tool in linked]
        found: list[Tensor | None] = [None] * len(routes)
        queries = [self.linkset.queries(routes[i].tool) for i in asked]
        for i, link in zip(asked, stream.links(row, [at[i] for i in asked], queries), strict=True):
            found[i] = link
        return found

    def _dense(self, stream: Answering, first: int, task: Task, route: Route, link: Tensor | None) -> Tensor | None:
        """`where` of a route; `first` is the number of the task's first picture."""
        if link is None or not task.images or self.linkset.of(route.tool).dense is None:
            return None
        return self.where(route.tool, link, stream.squares(first + route.image), task.images[route.image])

    def where(self, tool: str, link: Tensor | None, squares: Tensor | None, picture: np.ndarray) -> Tensor | None:
        """How surely each part of a picture is what a link means, see `Route.dense`; None where the link cannot tell.

        Args:
            squares: what is seen of the picture, see `Vision.squares`.
        """
        from veclink.router.nano.vision import on_picture

        found = self.linkset.dense(tool, link, squares)
        return None if found is None else on_picture(found, picture, self.model.config.vision)

    # -- loading ---------------------------------------------------------------------------------------------------

    def _bind(self) -> None:
        """Give the attached tools their tokens and links."""
        from veclink.router import checkpoint
        from veclink.router.links import LinkSet

        assert self._model is not None and self._words is not None
        words, specs = self._words, tuple(self._specs.values())
        seated = words.with_tools(self._specs).tools
        tokens = {name: seated[name] for name in self._specs}
        hidden = self._model.config.language.hidden
        spread = float(self._model.language.embed_tokens.weight.detach().float().std())
        seen = self._model.config.vision.seen
        links = self._linkset or LinkSet(hidden, (), spread, seen)
        file = self._checkpoint()
        # a tool that is not set up yet is taken at the file's word; its bridge will show whether it fits
        new = [spec for spec in specs if spec.name not in links.specs]
        if new and file is not None:
            self._bound = True  # `id` needs the hashes alone
            try:
                loaded = checkpoint.load(file, self.id, new, strict=False, seen=seen)
            finally:
                self._bound = False
            for spec in new:
                links.put(spec.name, loaded.of(spec.name))
        for spec in specs:
            links.add(spec)
        self._tokens, self._linkset, self._bound = tokens, links.to(self._model.device), True


def _pick_dtype(device: torch.device) -> torch.dtype:
    import torch

    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
