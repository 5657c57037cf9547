"""Link checkpoints: the trained parts of a core's links in one safetensors file, with what they were made for.

Nothing of a file is used before all of it was checked; a file that fails leaves everything as it was.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from veclink.router.dense import Seen
from veclink.router.errors import CheckpointError
from veclink.router.links import LinkSet, Projector, ToolLink
from veclink.tools.blank import blank
from veclink.tools.tool import KINDS, ToolSpec

FORMAT = "veclink-links"
VERSION = 1
LARGEST_FILE = 1 << 32
PROJECTOR = "projector."
LARGE = 1 << 16  # numbers of a matrix from which half precision is worth it
LARGEST_NOTE = 1 << 20  # characters of metadata
LIMITS = {"hidden": 65_536, "queries": 256, "rows": 4_096, "depth": 65_536, "tools": 256, "seen": 65_536,
          "silent": 1 << 20}


@dataclass(frozen=True)
class CoreId:
    """Which core a checkpoint belongs to.

    Attributes:
        name: of the model.
        hash: of its weights; "unknown" where it cannot be told, then the name decides.
        hidden: H.
    """

    name: str
    hash: str
    hidden: int


@dataclass(frozen=True)
class Header:
    """What a checkpoint says of itself: its core, its tools and notes of the training (seed, recipe, figures).

    Attributes:
        seen: tool -> what the core says of each part of a picture; only tools whose link has a dense part.
        silent: tools whose projector adds nothing to any bridge; it is not stored.
    """

    core: CoreId
    tools: Mapping[str, ToolSpec]
    notes: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()


def save(path: str | Path, links: LinkSet, core: CoreId, notes: Mapping[str, Any] | None = None) -> Path:
    """Write queries, projector and gate of every tool that has a projector; the file appears whole or not at all.

    Raises:
        CheckpointError: nothing to save, numbers that are not finite, or a folder that cannot be written.
    """
    from safetensors.torch import save_file

    path = Path(path)
    specs = {name: spec for name, spec in links.specs.items() if links.of(name).projector is not None}
    if not specs:
        raise CheckpointError("links with projectors", "none", "attach tools that are set up, and train them")
    silent = {name for name in specs if not _speaks(links.of(name))}
    tensors = {f"{name}.{key}": _stored(value) for name in specs for key, value in links.of(name).state_dict().items()
               if name not in silent or not key.startswith(PROJECTOR)}
    _finite(tensors, path)
    head = {"format": FORMAT, "version": VERSION, "core": vars(core), "notes": dict(notes or {}),
            "tools": {name: _spec_to(spec) for name, spec in specs.items()},
            "seen": {name: links.seen for name in specs if links.of(name).dense is not None},
            "silent": sorted(silent)}
    scratch = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        save_file(tensors, scratch, metadata={"veclink": json.dumps(head)})
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except OSError as error:
        if scratch:
            Path(scratch).unlink(missing_ok=True)
        raise CheckpointError(f"a folder that can be written for {path.name}", str(error)[:200],
                              "choose another place") from error
    return path


def _speaks(link: ToolLink) -> bool:
    """Whether a projector adds anything to a bridge."""
    last = () if link.projector is None else (link.projector.outer.weight, link.projector.offset)
    return any(bool(value.detach().any()) for value in last)


def _stored(value: torch.Tensor) -> torch.Tensor:
    """Large matrices in half precision, all else in single."""
    large = value.ndim == 2 and value.numel() > LARGE
    return value.detach().cpu().to(torch.float16 if large else torch.float32).contiguous()


def read_header(path: str | Path) -> Header:
    """What a checkpoint was made for; its tensors are not read.

    Raises:
        CheckpointError: no such file, or not a link checkpoint of this version.
    """
    path = Path(path)
    with _opened(path) as file:
        return _header(file, path)


def load(path: str | Path, core: CoreId, specs: Iterable[ToolSpec], strict: bool = True,
         seen: Seen | None = None) -> LinkSet:
    """The links of a checkpoint for these tools.

    Args:
        core: the one in use.
        specs: of the tools in use; one that the checkpoint does not hold gets a fresh link.
        strict: refuse a checkpoint that holds a tool which is not among them; else that tool is left out.
        seen: what the core in use says of each part of a picture.

    Raises:
        CheckpointError: made for another core or another shape of a tool, an unknown tool, damaged, incomplete, not
            finite.
    """
    path = Path(path)
    wanted = {spec.name: spec for spec in specs}
    with _opened(path) as file:
        header = _header(file, path)
        _same_core(header.core, core, path)
        names = []
        for name, spec in header.tools.items():
            if name in wanted:
                _same_tool(spec, wanted[name], path)
                _same_eye(name, header.seen.get(name), seen, path)
                names.append(name)
            elif strict:
                raise CheckpointError(f"tools among {', '.join(sorted(wanted)) or 'none'}", f"{name} in {path.name}",
                                      "attach that tool, or load with strict=False")
        parts = {name: _tool_link(file, header, name, path, set(file.keys())) for name in names}
    links = LinkSet(core.hidden, [spec for name, spec in wanted.items() if name not in parts], seen=seen)
    for name, part in parts.items():
        links.put(name, part)
    return links


def _opened(path: Path) -> Any:
    """The open file, its sizes checked; a context manager."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError("a link checkpoint", f"no file {path}", "give the path of a .safetensors file")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise CheckpointError(f"a checkpoint of at most {LARGEST_FILE:,} bytes", f"{size:,}",
                              "this is not a link checkpoint")
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _header(file: Any, path: Path) -> Header:
    text = (file.metadata() or {}).get("veclink", "")
    if not text or len(text) > LARGEST_NOTE:
        raise CheckpointError("a link checkpoint", f"{path.name} without veclink's metadata",
                              "give a file that a training run wrote")
    try:
        data = json.loads(text)
        if data["format"] != FORMAT or data["version"] != VERSION:
            got = f"{data['format']} version {data['version']} in {path.name}"
            raise CheckpointError(f"{FORMAT} version {VERSION}", got,
                                  "use the version of veclink that wrote it, or train it again")
        core = CoreId(str(data["core"]["name"]), str(data["core"]["hash"]), int(data["core"]["hidden"]))
        tools = {str(name): _spec_from(name, values) for name, values in data["tools"].items()}
        notes = dict(data.get("notes", {}))
        told = dict(data.get("seen", {}))
        seen = {str(name): (_whole(whole), _whole(kinds)) for name, (whole, kinds) in told.items()}
        if not all(name in tools and 0 < kinds <= whole <= LIMITS["seen"] for name, (whole, kinds) in seen.items()):
            raise ValueError(f"seen {seen}")
        silent = frozenset(str(name) for name in data.get("silent", ()))
        if any(math.prod(tools[name].condition or ()) > LIMITS["silent"] for name in silent):
            raise ValueError(f"a condition of more than {LIMITS['silent']} numbers that says nothing")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"metadata: {type(error).__name__} {error}") from error
    if not 0 < core.hidden <= LIMITS["hidden"] or len(tools) > LIMITS["tools"]:
        raise _damaged(path, f"hidden {core.hidden}, {len(tools)} tools")
    return Header(core, tools, notes, seen, silent)


def _spec_to(spec: ToolSpec) -> dict[str, Any]:
    return {**vars(spec), "examples": list(spec.examples), "condition": list(spec.condition or ())}


def _spec_from(name: str, data: Mapping[str, Any]) -> ToolSpec:
    rows, depth = (_whole(n) for n in data["condition"])
    queries = _whole(data["queries"])
    if data["name"] != name or data["result"] not in KINDS:
        raise ValueError(f"tool {name!r}")
    if not (0 < queries <= LIMITS["queries"] and 0 < rows <= LIMITS["rows"] and 0 < depth <= LIMITS["depth"]):
        raise ValueError(f"{name}: {queries} queries, condition {rows} x {depth}")
    return ToolSpec(name, str(data["token"]), str(data["description"]), tuple(str(e) for e in data["examples"]),
                    data["result"], queries, (rows, depth), data.get("dense", False) is True)


def _whole(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{number!r} is not a whole number")
    return number


def _same_core(made_for: CoreId, core: CoreId, path: Path) -> None:
    known = "unknown" not in (made_for.hash, core.hash)
    same = made_for.hash == core.hash if known else made_for.name == core.name
    if not same or made_for.hidden != core.hidden:
        raise CheckpointError(f"links for {core.name} (H = {core.hidden}, {core.hash[:12]})",
                              f"{path.name} for {made_for.name} (H = {made_for.hidden}, {made_for.hash[:12]})",
                              "use the core they were made for, or train them for this one")


def _same_tool(made_for: ToolSpec, spec: ToolSpec, path: Path) -> None:
    pairs = [("token", made_for.token, spec.token), ("queries", made_for.queries, spec.queries),
             ("result", made_for.result, spec.result)]
    if spec.condition is not None:
        pairs.append(("condition", made_for.condition, spec.condition))
    for what, theirs, ours in pairs:
        if theirs != ours:
            raise CheckpointError(f"{spec.name} with {what} {ours}", f"{theirs} in {path.name}",
                                  "use the tool and weights it was made for, or train it again")


def _same_eye(name: str, made_for: Seen | None, seen: Seen | None, path: Path) -> None:
    if made_for is not None and made_for != seen:
        raise CheckpointError(f"{name}'s dense link for a core whose eye says {seen or 'nothing'} of a picture's parts",
                              f"one for {made_for} in {path.name}", "use the core it was made for, or train it again")


def _tool_link(file: Any, header: Header, name: str, path: Path, keys: set[str]) -> ToolLink:
    """One tool's link; shapes are compared before anything is read."""
    from safetensors import SafetensorError

    spec = header.tools[name]
    try:
        with blank():
            link = ToolLink(spec, header.core.hidden, seen=header.seen.get(name))
        state = _silent(spec, header.core.hidden) if name in header.silent else {}
        for key, expected in link.state_dict().items():
            if key in state:
                continue
            full = f"{spec.name}.{key}"
            if full not in keys:
                raise CheckpointError(f"{full} in {path.name}", "no such numbers",
                                      "the file is incomplete: get it again")
            shape = tuple(file.get_slice(full).get_shape())
            if shape != tuple(expected.shape):
                raise CheckpointError(f"{full} of shape {tuple(expected.shape)}", f"{shape} in {path.name}",
                                      "the file does not fit its own description: get it again")
            state[key] = file.get_tensor(full).float()
    except SafetensorError as error:
        raise _damaged(path, str(error)) from error
    _finite({f"{spec.name}.{key}": value for key, value in state.items()}, path)
    link.load_state_dict(state, assign=True)
    return link.requires_grad_(True)


def _silent(spec: ToolSpec, hidden: int) -> dict[str, torch.Tensor]:
    """A projector that adds nothing, and can be trained."""
    assert spec.condition is not None
    fresh = Projector(spec.queries, hidden, spec.condition)
    torch.nn.init.zeros_(fresh.outer.weight)
    return {PROJECTOR + key: value.detach() for key, value in fresh.state_dict().items()}


def _finite(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    for key, value in tensors.items():
        if not math.isfinite(float(value.abs().sum())) and not bool(torch.isfinite(value).all()):
            raise CheckpointError("finite numbers", f"{key} of {path.name} with some that are not",
                                  "train it again with a smaller step, or get the file again")


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError("a whole link checkpoint", f"{path.name}: {reason[:200]}",
                           "the file is damaged: get it again")
