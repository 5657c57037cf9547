"""The contract of a tool: a decoder that is fed vectors.

A tool is one class in one file. It declares data (its name, what it is for, the shape of its condition, the kind of its
result) and implements `setup`, `bridge` and `decode`; `encode` and `loss` where it has a use for them.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from veclink.envs.errors import UnknownName
from veclink.tools.condition import Condition
from veclink.tools.device import pick_device, pick_dtype
from veclink.tools.errors import ContractError, OptionError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from veclink.tools.results import Result

KINDS = ("boxes", "keypoints", "masks", "image", "text")
CACHE_SIZE = 8  # pictures whose encoding a tool remembers


@dataclass(frozen=True)
class ToolSpec:
    """What the core needs to know of a tool, and a link checkpoint to recognise it.

    Attributes:
        name, token, description, examples, result: as the tool declares them.
        queries: how many link queries it has.
        condition: (N, D), or None before the tool was set up.
        dense: whether a condition may say of each part of the picture how surely it is meant.
    """

    name: str
    token: str
    description: str
    examples: tuple[str, ...]
    result: str
    queries: int = 4
    condition: tuple[int, int] | None = None
    dense: bool = False


class Tool:
    """Base class of every tool.

    Class attributes to declare:
        name: lower-case word, unique; the routing token is made from it.
        description: one sentence that tells the core when this tool is needed and when not.
        examples: at least three requests that need it; a core that was not trained with the tool routes by them.
        result: "boxes", "keypoints", "masks", "image" or "text".
        defaults: options with their values; a value's type is the option's type.
        limits: (low, high) of the options that are numbers.
        queries: number of link queries.
        time_limit: seconds that one decode may take.
        dense: whether it has a use for `Condition.dense`; then its link learns to say where, too.

    Args:
        weights: a name, a path, or None for the tool's own choice.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        queries: 1 to 256, in the place of the class's; a link trained with another number does not fit.
        options: values that replace those in `defaults`.

    Attributes:
        given: names of the options that were given, not the class's.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    examples: ClassVar[tuple[str, ...]]
    result: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}
    dense: bool = False
    queries: int = 4
    time_limit: float = 600.0
    condition: tuple[int, int]

    def __init__(self, weights: str | None = None, device: str = "auto", queries: int | None = None,
                 **options: Any) -> None:
        if queries is not None:
            if isinstance(queries, bool) or not isinstance(queries, int) or not 1 <= queries <= 256:
                raise OptionError("1 to 256 link queries", repr(queries), "choose a whole number in between")
            self.queries = queries
        self.weights = weights
        self.device_name = device
        self.options = {**self.defaults, **self._checked(options)}
        self.given = frozenset(options)
        self.models: dict[str, str] = {}  # file name -> sha256 of what setup() loaded
        self._ready = False
        self._lock = threading.RLock()
        self._encoded: OrderedDict[str, Any] = OrderedDict()

    # -- what a tool implements ------------------------------------------------------------------------------------

    def setup(self) -> None:
        """Load weights onto `self.device` in `self.dtype`; set `self.condition` where the class does not.

        Called once, by `ready`.
        """

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        """Conditions made from words alone with the tool's own text side: one (N, D) float tensor a phrase."""
        raise NotImplementedError

    def encode(self, images: Sequence[np.ndarray]) -> list[Any]:
        """What `decode` needs of each picture and no condition changes; remembered between calls.

        Args:
            images: (H, W, 3) uint8 RGB arrays of any sizes.
        """
        return list(images)

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        """One result a pair of picture and condition, in one batch; the same picture may occur several times.

        Args:
            images: (H, W, 3) uint8 RGB arrays of any sizes.
            conditions: as many, each of shape `self.condition`.
        """
        raise NotImplementedError

    def loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition], targets: Sequence[Result]) -> Tensor:
        """A scalar to minimise; gradients reach the conditions' vectors. Only for tools that can be trained."""
        raise NotImplementedError(f"{self.name} cannot be trained")

    def networks(self) -> Mapping[str, Any]:
        """Name -> torch module of what training may change beside the conditions; empty where nothing may be.

        Only after `ready`. In training mode (`module.train()`) `loss` gives gradients to their parameters that ask.
        """
        return {}

    def begin(self, pictures: Sequence[np.ndarray]) -> None:
        """Make networks that were never trained ready to be trained.

        Args:
            pictures: some of those they will be trained on, (H, W, 3) uint8.
        """

    def save(self, path: Any) -> None:
        """Write `networks` as one safetensors file that the tool takes as its weights."""
        raise NotImplementedError(f"{self.name} has no networks of its own to save")

    @property
    def learned(self) -> int:
        """How many of a condition's first columns `loss` gives gradients to; the others are the bridge's alone."""
        return int(self.condition[1])

    # -- what a tool gets ------------------------------------------------------------------------------------------

    @property
    def token(self) -> str:
        """The routing token that names this tool in the core's vocabulary."""
        return f"<|{self.name}|>"

    @property
    def device(self) -> torch.device:
        return pick_device(self.device_name)

    @property
    def dtype(self) -> torch.dtype:
        return pick_dtype(self.device)

    def ready(self) -> Tool:
        """Set up once, whoever asks first; returns itself."""
        with self._lock:
            if not self._ready:
                self.setup()
                self._ready = True
        return self

    def spec(self) -> ToolSpec:
        return ToolSpec(
            self.name,
            self.token,
            self.description,
            tuple(self.examples),
            self.result,
            self.queries,
            getattr(self, "condition", None),
            self.dense,
        )

    def option(self, name: str, condition: Condition | None = None) -> Any:
        """An option's value: the condition's own, else the tool's."""
        if condition is not None and name in condition.options:
            return self._checked({name: condition.options[name]})[name]
        return self.options[name]

    def encoded(self, images: Sequence[np.ndarray]) -> list[Any]:
        """`encode` with a memory: each distinct picture is encoded once, the last few stay."""
        keys = [digest(image) for image in images]
        with self._lock:
            known = {key: self._encoded[key] for key in keys if key in self._encoded}
            missing = {key: image for key, image in zip(keys, images, strict=True) if key not in known}
            if missing:
                known.update(zip(missing, self.encode(list(missing.values())), strict=True))
            for key in keys:
                self._encoded[key] = known[key]
                self._encoded.move_to_end(key)
            while len(self._encoded) > CACHE_SIZE:
                self._encoded.popitem(last=False)
        return [known[key] for key in keys]

    def forget(self) -> None:
        """Drop what was encoded."""
        with self._lock:
            self._encoded.clear()

    @classmethod
    def _checked(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options of known names, right types and values inside their limits."""
        checked: dict[str, Any] = {}
        for name, value in options.items():
            if name not in cls.defaults:
                raise UnknownName.of(f"option of {cls.name}", name, cls.defaults)
            kind = type(cls.defaults[name])
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if cls.defaults[name] is not None and value is not None and type(value) is not kind:
                raise OptionError(f"{cls.name}.{name} as {kind.__name__}", repr(value), "give a value of that type")
            low, high = cls.limits.get(name, (-float("inf"), float("inf")))
            if isinstance(value, int | float) and not isinstance(value, bool) and not low <= value <= high:
                raise OptionError(
                    f"{cls.name}.{name} from {low:g} to {high:g}", repr(value), "choose a value in between"
                )
            checked[name] = value
        return checked

    def check_conditions(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> None:
        """Raise ContractError unless there is one condition of the declared shape a picture."""
        if len(images) != len(conditions):
            raise ContractError(f"{len(images)} conditions, one a picture", str(len(conditions)), "pair them up")
        for condition in conditions:
            if tuple(condition.vectors.shape) != tuple(self.condition):
                raise ContractError(
                    f"a condition {self.condition} for {self.name}",
                    f"{tuple(condition.vectors.shape)}",
                    "use this tool's own bridge or a projector made for it",
                )


def digest(image: np.ndarray) -> str:
    """A short name for a picture's content and shape."""
    data = np.ascontiguousarray(image)
    return hashlib.blake2b(data.tobytes(), digest_size=16, key=str(data.shape).encode()).hexdigest()
