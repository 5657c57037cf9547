"""HubCore: any causal or image-text-to-text model of Hugging Face as a core."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veclink.envs.errors import UnknownName, VeclinkError
from veclink.router.core import Reading, Route, Task, Written
from veclink.router.errors import ModelError
from veclink.router.families import Backbone, Prompt, Turns
from veclink.router.routing import Routing
from veclink.tools.device import pick_device
from veclink.tools.models import convert_gguf, find_model, model_hash, quiet
from veclink.tools.tool import ToolSpec
from veclink.tools.weights import cache_folder, remembered_sha256

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from veclink.router.checkpoint import CoreId
    from veclink.router.links import LinkSet

BLIND = "I read words only and cannot look at the picture. From the words alone: "
BLIND_ONLY = "I read words only and cannot look at the picture."
NOTHING = "None of the tools at hand can do this."


class HubCore:
    """A core made of a pretrained model. Nothing is loaded before `ready` or the first use.

    Args:
        model: a local folder, a GGUF file, a hub id, or a carried name ("smollm2-135m").
        routing: a strategy, the name or path of a trained routing head, or None for constrained decoding, which needs
            no training.
        links: a link checkpoint; its tools whose gate is not 0 are linked without being asked for.
        device: as for tools.
        dtype: number format; None means bfloat16 on a GPU that has it, half precision on other GPUs, single elsewhere.
        max_new_tokens: longest answer in words, in tokens.
        batch: tasks read at once.

    Attributes:
        name: `model`.
    """

    def __init__(self, model: str = "smollm2-135m", routing: Routing | str | Path | None = None,
                 links: str | Path | None = None, device: str = "auto", dtype: torch.dtype | None = None,
                 max_new_tokens: int = 96, batch: int = 32) -> None:
        self.name = model
        self.max_new_tokens, self.batch = max_new_tokens, batch
        self._routing, self._links_file = routing, links
        self._device_name, self._dtype = device, dtype
        self._parts: tuple[Any, Any] | None = None
        self._source: Path | str | None = None
        self._backbone: Backbone | None = None
        self._linkset: LinkSet | None = None
        self._specs: dict[str, ToolSpec] = {}
        self._asked: tuple[str, ...] = ()
        self._tokens: dict[str, int] = {}
        self._bound = False
        self._lock = threading.RLock()

    @classmethod
    def from_parts(cls, model: Any, processor: Any, name: str = "in memory", **arguments: Any) -> HubCore:
        """A core of a model that is already loaded, with its processor or tokenizer; `arguments` as for the class."""
        core = cls(name, **arguments)
        core._parts = (model, processor)
        return core

    # -- set-up ----------------------------------------------------------------------------------------------------

    def setup(self) -> None:
        """Load the model onto the device. Called once, by `ready`.

        Raises:
            ModelError: it is not of a kind that can be a core, or cannot be loaded.
            WeightsError: a carried model cannot be fetched.
        """
        model, processor = self._parts or self._load()
        device = pick_device(self._device_name) if self._parts is None or self._device_name != "auto" else None
        if device is not None:
            model = model.to(device=device, dtype=self._dtype or _pick_dtype(device))
        self._backbone = Backbone(model, processor)
        self._vocabulary = len(self._backbone.tokenizer)

    def ready(self) -> HubCore:
        """Load and set up once, whoever asks first; returns itself."""
        with self._lock:
            if self._backbone is None:
                self.setup()
            if not self._bound:
                self._bind()
        return self

    def prepare(self) -> None:
        """Load what reading a task needs, so that the first task takes no longer than the next: the routing's own
        model where it has one and no tool is linked, else the core's."""
        prepare = getattr(self.routing, "prepare", None)
        if prepare is None or self._asked or self._links_file is not None:
            self.ready()
        if prepare is not None:
            prepare()

    @property
    def backbone(self) -> Backbone:
        """The loaded model."""
        self.ready()
        assert self._backbone is not None
        return self._backbone

    @property
    def hidden(self) -> int:
        return self.backbone.hidden

    @property
    def sees(self) -> bool:
        return self.backbone.sees

    @cached_property
    def routing(self) -> Routing:
        """The routing strategy in use."""
        routing = self._routing
        if routing is None:
            from veclink.router.constrained import ConstrainedRouting

            routing = ConstrainedRouting()
        elif isinstance(routing, str | Path):
            from veclink.router.head_routing import HeadRouting

            routing = HeadRouting(routing, self._device_name)
        if bind := getattr(routing, "bind", None):
            bind(self)
        return routing

    @property
    def linkset(self) -> LinkSet:
        """Queries, projectors and gates of the attached tools."""
        self.ready()
        assert self._linkset is not None
        return self._linkset

    @property
    def models(self) -> Mapping[str, str]:
        """File name -> sha256 of the weights in use, a hub model's id -> its commit; the model's own once loaded."""
        own = self._models if self._backbone is not None else {}
        return {**own, **getattr(self.routing, "models", {})}

    @cached_property
    def _models(self) -> Mapping[str, str]:
        assert self._backbone is not None
        if isinstance(self._source, Path):
            files = sorted(self._source.glob("*.safetensors")) if self._source.is_dir() else [self._source]
            return {file.name: remembered_sha256(file) for file in files}
        if isinstance(self._source, str):
            return {self._source: model_hash(self._source, self._backbone.model)}
        return {self.name: _hash_in_memory(self._backbone.model, self._vocabulary)}

    @property
    def id(self) -> CoreId:
        """What a link checkpoint recognises this core by."""
        self.ready()
        return self._id()

    def _id(self) -> CoreId:
        from veclink.router.checkpoint import CoreId

        assert self._backbone is not None
        hashes = sorted(self._models.values())
        one = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
        return CoreId(self.name, one, self._backbone.hidden)

    def save_links(self, path: str | Path, notes: Mapping[str, Any] | None = None) -> Path:
        """Write the links of the attached tools as a checkpoint; `notes` say how they were trained."""
        from veclink.router import checkpoint

        return checkpoint.save(path, self.linkset, self.id, notes)

    # -- the Core protocol -----------------------------------------------------------------------------------------

    def attach(self, tools: Sequence[ToolSpec], linked: Sequence[str] = ()) -> None:
        """Make these tools routable; links are read for those in `linked` and those whose checkpoint opened their gate.

        Raises:
            UnknownName: `linked` names a tool that is not among them.
            ModelError, CheckpointError: where the model is loaded already, as `ready` would.
        """
        specs = {spec.name: spec for spec in tools}
        for name in linked:
            if name not in specs:
                raise UnknownName.of("tool", name, specs, "attach it too")
        with self._lock:
            self._specs, self._asked = specs, tuple(linked)
            self.routing.attach(tuple(tools))
            self._bound = False
            if self._backbone is not None:
                self._bind()

    @property
    def linked(self) -> tuple[str, ...]:
        """The tools for which links are read."""
        # without a checkpoint a model that is not loaded has closed gates alone: it need not be loaded to say so
        opened = self.linkset.linked if self._bound or self._links_file is not None else ()
        return tuple(name for name in self._specs if name in self._asked or name in opened)

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        """One reading a task, in one mixed batch: different tools, different numbers of pictures.

        The model is loaded when it has something to do: to route, to read a link, or to answer.

        Raises:
            TaskError: a task with its pictures is longer than the model reads.
        """
        import torch

        readings: list[Reading] = []
        for start in range(0, len(tasks), self.batch):
            with self._lock, torch.no_grad():
                readings += self._read(tasks[start:start + self.batch])
        return readings

    def _read(self, tasks: Sequence[Task]) -> list[Reading]:
        written = self.routing.write(tasks)
        routes = [self._routes(task, one) for task, one in zip(tasks, written, strict=True)]
        links = self.links(tasks, routes)
        spoken = [i for i, one in enumerate(written) if not routes[i] and not one.rejected and not one.answer]
        answers = dict(zip(spoken, self.answer([tasks[i] for i in spoken]), strict=True))
        readings: list[Reading] = []
        for i, one in enumerate(written):
            words = NOTHING if one.rejected and not one.answer else one.answer or answers.get(i, "")
            linked = tuple(replace(route, link=link) for route, link in zip(routes[i], links[i], strict=True))
            readings.append(Reading(words, linked, one.rejected))
        return readings

    def _routes(self, task: Task, written: Written) -> tuple[Route, ...]:
        from veclink.router.requests import routes_of

        strangers = [name for name, _ in written.calls if name not in self._specs]
        if strangers:
            raise ModelError(f"routes to {', '.join(self._specs) or 'no tools'}", ", ".join(strangers),
                             "attach the routing's tools to the core")
        kinds = {name: spec.result for name, spec in self._specs.items()}
        return () if written.rejected else routes_of(task.text, written, len(task.images), kinds, task.before)

    # -- links -----------------------------------------------------------------------------------------------------

    def links(self, tasks: Sequence[Task], routes: Sequence[Sequence[Route]], tools: Sequence[str] | None = None
              ) -> list[list[Tensor | None]]:
        """The links of all routes of all tasks, in one batch; with gradients to the queries where they are enabled.

        This is what a training recipe calls: the model itself is frozen, thaw what else is to be trained
        (`core.backbone.model`), and feed `core.linkset.condition(tool, bridge, link)` to the tool's loss.

        Args:
            routes: of each task.
            tools: those to read links for; None means `linked`.

        Returns:
            For each task and route (N, H) float32, the hidden states after the final norm; None for other tools.
        """
        wanted = set(self.linked if tools is None else tools)
        found: list[list[Tensor | None]] = [[None] * len(one) for one in routes]
        if not any(route.tool in wanted for one in routes for route in one):
            return found
        from veclink.router.queries import Asked, read_links

        with self._lock:
            asked, places = [], []
            tails: list[list[int]] = []
            for row, one in enumerate(routes):
                tail, ends = self._tail(one)
                tails.append(tail)
                for index, route in enumerate(one):
                    if route.tool in wanted:
                        asked.append(Asked(row, ends[index], self.linkset.queries(route.tool)))
                        places.append((row, index))
            used = {ask.row for ask in asked}
            blank = Prompt([], {}, {})
            prompts = [self.prompt(task) if row in used else blank for row, task in enumerate(tasks)]
            for (row, index), link in zip(places, read_links(self.backbone, prompts, tails, asked), strict=True):
                found[row][index] = link
        return found

    def _tail(self, routes: Sequence[Route]) -> tuple[list[int], list[int]]:
        """The written answer: a line a route, its phrase and its tool's routing token; and where each token ends."""
        backbone = self.backbone
        several = len({route.image for route in routes}) > 1
        ids: list[int] = []
        ends: list[int] = []
        for route in routes:
            words = f"picture {route.image + 1}: {route.phrase}" if several else route.phrase
            ids += [*(backbone.newline if ids else ()), *backbone.plain(words), self._tokens[route.tool]]
            ends.append(len(ids))
        return ids, ends

    def prompt(self, task: Task, before: str = "", turns: Turns = ()) -> Prompt:
        """A task as the model takes it: the program's words and turns, pictures, the user's words, marked regions."""
        return self.backbone.prompt(task.text, task.images, before, _marks(task), turns)

    # -- answers ---------------------------------------------------------------------------------------------------

    def answer(self, tasks: Sequence[Task]) -> list[str]:
        """The model's own replies in words, greedy; a core that does not see says so where pictures were given."""
        if not tasks:
            return []
        from veclink.router.families import Stream

        with self._lock:
            stream = Stream(self.backbone, [self.prompt(task) for task in tasks])
            words = stream.write(self.max_new_tokens, tuple(self._tokens.values()))
        return [self._honest(task, reply) for task, reply in zip(tasks, words, strict=True)]

    def _honest(self, task: Task, reply: str) -> str:
        if self.sees or not task.images:
            return reply
        return f"{BLIND}{reply}" if reply else BLIND_ONLY

    # -- loading ---------------------------------------------------------------------------------------------------

    def _bind(self) -> None:
        """Give the attached tools their routing tokens and links."""
        from veclink.router import checkpoint
        from veclink.router.links import LinkSet

        backbone = self._backbone
        assert backbone is not None
        specs = tuple(self._specs.values())
        self._tokens = dict(zip(self._specs, backbone.add_tokens([spec.token for spec in specs]), strict=True))
        backbone.forget()
        links = self._linkset
        if links is None:
            spread = float(backbone.model.get_input_embeddings().weight.detach().float().std())
            links = LinkSet(backbone.hidden, (), spread)
        new = [spec for spec in specs if spec.name not in links.specs]
        if self._links_file is not None and new:
            loaded = checkpoint.load(self._links_file, self._id(), new, strict=False)
            for spec in new:
                links.put(spec.name, loaded.of(spec.name))
        for spec in specs:
            links.add(spec)
        self._linkset, self._bound = links.to(backbone.device), True

    def _load(self) -> tuple[Any, Any]:
        found = find_model(self.name)
        source = found
        if isinstance(found, Path) and found.suffix == ".gguf":
            source = _converted(found)
        elif isinstance(found, Path) and not (found / "config.json").exists():
            raise ModelError("a model folder with config.json, or a .gguf file", str(found), "name the model's folder")
        self._source = found
        try:
            return _pretrained(str(source))
        except VeclinkError:
            raise
        except ImportError as error:
            reason = str(error).strip()[:200]
            raise ModelError(f"the packages that {self.name} needs", reason, "install them") from error
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            reason = (str(error).strip().splitlines() or ["no reason given"])[0][:200]
            raise ModelError(f"a model with safetensors at {self.name}", f"{type(error).__name__}: {reason}",
                             "give a local folder, or connect to the internet once") from error


def _pretrained(source: str) -> tuple[Any, Any]:
    """Model and processor or tokenizer of a folder or hub id: safetensors alone, none of the repository's own code."""
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        AutoProcessor,
        AutoTokenizer,
    )
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    )

    quiet()
    kind = AutoConfig.from_pretrained(source, trust_remote_code=False).model_type
    if kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        loader, processing = AutoModelForImageTextToText, AutoProcessor
    elif kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        loader, processing = AutoModelForCausalLM, AutoTokenizer
    else:
        raise ModelError("a causal or image-text-to-text model", f"{source} of kind {kind}", "choose another model")
    processor = processing.from_pretrained(source, trust_remote_code=False)
    return loader.from_pretrained(source, use_safetensors=True, trust_remote_code=False), processor


def _converted(file: Path) -> Path:
    """The folder that a GGUF file was converted to, once."""
    stat = file.stat()
    key = hashlib.sha256(f"{file.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = cache_folder() / "models" / f"gguf-{file.stem}-{key}"
    if not (folder / "config.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "made"
            convert_gguf(file, made)
            if not folder.exists():  # another process may have been faster
                made.rename(folder)
    return folder


def _pick_dtype(device: torch.device) -> torch.dtype:
    import torch

    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _marks(task: Task) -> str:
    """The regions in words, in thousandths of the picture's width and height from its top left corner."""
    lines = []
    for region in task.regions:
        height, width = task.images[region.image].shape[:2]
        x1, y1, x2, y2 = region.bounds()
        corners = [round(1000 * v) for v in (x1 / width, y1 / height, x2 / width, y2 / height)]
        where = f"at {corners[0]},{corners[1]}" if region.kind == "point" else "from {},{} to {},{}".format(*corners)
        lines.append(f"\nmarked in picture {region.image + 1}: {region.kind} {where}")
    return "".join(lines)


def _hash_in_memory(model: Any, vocabulary: int) -> str:
    """sha256 of a model's numbers without the rows that routing tokens added to its tables."""
    import torch

    digest = hashlib.sha256()
    modules = (model.get_input_embeddings(), model.get_output_embeddings())
    tables = {module.weight.data_ptr() for module in modules if module}
    for name, value in sorted(model.state_dict().items()):
        value = value[:vocabulary] if value.data_ptr() in tables else value
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if value.ndim else
                      str(value.item()).encode())
    return digest.hexdigest()
