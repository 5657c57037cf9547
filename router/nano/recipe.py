"""What a training run of nano depends on: the recipe in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from veclink.router.errors import RecipeError
from veclink.router.nano.samples import Source
from veclink.tools.weights import locate

KIND = "nano"
STAGES = ("eye", "core", "links")
CANVAS = ("height", "width", "sums")
NAMES = ("kinds", "tags", "states")  # lists of names in `vision`


@dataclass(frozen=True)
class NanoRecipe:
    """Everything a run depends on.

    Attributes:
        stage: "eye": the eye learns to say what is in pictures. "core": the core learns to answer and to route.
            "links": queries, projectors, gates and the tools' networks learn together, the core frozen or updated by
            `rank`.
        source: "module:function", called with `data` as keyword arguments, gives a `samples.Source`.
        data: what the source takes (split, seed, ...).
        output: folder of the model (stages eye and core); of links and networks (the others).
        start: folder of the model to go on from, or the name of a shipped one ("nano/core"); None (stages eye and core
            alone) prunes `base`.
        small: whether the model is written in 6 bits; a stage that others go on from is better kept in 16.
        base, layers, vocabulary, corpus: see `prune.prune`; `layers` a number or a list, `corpus` how many samples'
            words must stay whole.
        vision: numbers that replace those of `VisionConfig`; its kinds, tags and states are names, or "module:function"
            that gives them. In a stage with a start it makes a new eye.
        canvas: what `NanoModel.on_canvas` makes of the start's own eye: height, width, sums.
        tools: names with a routing token (stage core); tool name -> arguments of its class (stage links).
        frozen: those of the tools whose networks stay as they are.
        origin: a published network whose numbers the trunk of a new eye begins with.
        begin: links checkpoint to go on from (stage links).
        like: tool -> another whose link on this core is known (in the output folder or beside the core); the tool's
            queries and dense part begin as its.
        gate: where a gate that is 0 begins; above 0 where the tools' networks start from nothing.
        condition: "link", or "text" for the bridge alone, which no picture and no context reach.
        alone: first steps that teach the tools' networks alone, by conditions of phrases; both conditions share them.
        told: share of the calls of those steps that are told by the truth where what is meant is, for tools that have a
            use for it.
        where: steps after those that teach the dense parts of links alone, for tools that have a use for them.
        unheard: share of the linked calls whose bridge is that of no words: the link alone must do.
        rank: of low-rank updates of the language model in stage links; 0 keeps the core frozen.
        steps, batch, rate, slow, warmup, decay: of AdamW with a cosine; the language model, and a trunk that
            began with published numbers, learn at rate * slow.
        looks: the eye learns at rate * looks in stage core.
        eye: weight of the losses that teach the eye directly in stage core.
        precision: "bf16" (autocast) or "f32". threads: of the CPU; 0 leaves them as they are.
        workers: processes that make data. seed: of everything random. save_every: steps between checkpoints.
    """

    stage: str
    source: str
    output: Path
    data: Mapping[str, Any] = field(default_factory=dict)
    start: Path | None = None
    small: bool = True
    base: str = "smollm2-135m"
    layers: int | tuple[int, ...] = 8
    vocabulary: int = 16_384
    corpus: int = 2_000
    vision: Mapping[str, Any] = field(default_factory=dict)
    canvas: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    origin: str = ""
    begin: Path | None = None
    like: Mapping[str, str] = field(default_factory=dict)
    gate: float = 1.0
    condition: str = "link"
    alone: int = 0
    told: float = 0.0
    where: int = 0
    unheard: float = 0.0
    rank: int = 0
    steps: int = 5_000
    batch: int = 8
    rate: float = 1e-3
    slow: float = 0.3
    warmup: int = 100
    decay: float = 0.05
    looks: float = 1.0
    eye: float = 1.0
    precision: str = "bf16"
    threads: int = 0
    workers: int = 0
    seed: int = 0
    save_every: int = 200

    def samples(self) -> Source:
        """The source of the run's samples.

        Raises:
            RecipeError: no such module or function.
        """
        return _called(self.source, self.data)

    def eyed(self) -> dict[str, Any]:
        """`vision` with its names in place of functions that give them."""
        return {key: tuple(_called(value, {}) if isinstance(value, str) else value) if key in NAMES else value
                for key, value in self.vision.items()}


def _called(place: str, arguments: Mapping[str, Any]) -> Any:
    """What the function at "module:function" gives for these arguments."""
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)(**arguments)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise RecipeError("module:function that takes the recipe's arguments", f"{place} ({str(error)[:160]})",
                          "mend the recipe") from error


def is_nano(path: Path) -> bool:
    """Whether a YAML file says that it is a recipe of this kind."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text("utf8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(data, dict) and data.get("kind") == KIND


def read_recipe(path: Path) -> NanoRecipe:
    """The recipe in a YAML file; its paths are relative to the file.

    Raises:
        RecipeError: not a nano recipe, an unknown or missing key, a value that is none.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text("utf8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise RecipeError("a recipe in YAML", f"{path} ({reason})", "give a readable file") from error
    if not isinstance(data, dict) or data.pop("kind", None) != KIND:
        raise RecipeError(f"a recipe with kind: {KIND}", str(path), "see router/recipes for one")
    known = {f.name: f for f in fields(NanoRecipe)}
    needed = {name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if wrong := sorted((set(data) - set(known)) | (needed - set(data))):
        raise RecipeError(f"the keys {', '.join(known)}", f"{wrong[0]} unknown or missing", "mend the recipe")
    for name in ("output", "start", "begin"):
        if data.get(name) is not None:
            data[name] = _placed(str(data[name]), path.parent, shipped=name == "start")
    if isinstance(data.get("layers"), list):
        data["layers"] = tuple(data["layers"])
    if isinstance(data.get("tools"), list):
        data["tools"] = {name: {} for name in data["tools"]}
    data["tools"] = {name: arguments or {} for name, arguments in data.get("tools", {}).items()}
    recipe = NanoRecipe(**data)
    _check(recipe, path)
    return recipe


def _placed(name: str, folder: Path, shipped: bool) -> Path:
    """A path relative to the recipe's folder; where nothing is there it may be the name of something shipped."""
    own = (folder / name).resolve()
    return own if own.exists() or not shipped else locate(name) or own


def _check(recipe: NanoRecipe, path: Path) -> None:
    choices = (("stage", recipe.stage, STAGES), ("condition", recipe.condition, ("link", "text")),
               ("precision", recipe.precision, ("bf16", "f32")))
    for name, value, allowed in choices:
        if value not in allowed:
            raise RecipeError(f"{name}: one of {', '.join(allowed)}", repr(value), f"mend {path.name}")
    if min(recipe.steps, recipe.batch, recipe.save_every) < 1 or recipe.rate <= 0 or not recipe.tools:
        raise RecipeError("steps, batch and save_every from 1, a positive rate, tools", path.name, "mend the recipe")
    if wrong := sorted(set(recipe.canvas) - set(CANVAS)):
        raise RecipeError(f"canvas: {', '.join(CANVAS)}", repr(wrong[0]), f"mend {path.name}")
    if recipe.canvas and (recipe.start is None or recipe.vision or recipe.stage not in ("eye", "core")):
        raise RecipeError("a canvas in stage eye or core, with a start and no vision of its own", path.name,
                          "leave it out, or put height and width under vision")
    if recipe.stage not in ("eye", "core") and recipe.start is None:
        raise RecipeError(f"start: the trained core's folder, for stage {recipe.stage}", "none", "mend the recipe")
