"""Profiles: which core, which tools with which weights, which links. A name of a shipped one, or a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veclink.agent.errors import ProfileError
from veclink.agent.pictures import OWN
from veclink.envs.errors import UnknownName
from veclink.tools import registry

FOLDER = Path(__file__).parent / "profiles"
DEFAULT, WORLD = "photo", "nano"  # for pictures of any kind; for those of the built-in world
CORE_KEYS = ("model", "routing", "links", "max_new_tokens")


def default_for(images: Sequence[Any]) -> str:
    """The profile that suits pictures that a request is about: that of the built-in world where all are its scenes."""
    own = [f"example:{name}" for name in OWN]
    return WORLD if images and all(isinstance(image, str) and image in own for image in images) else DEFAULT


@dataclass(frozen=True)
class Profile:
    """What an agent is made of.

    Attributes:
        name, description: for people.
        core: arguments of `HubCore`: model, routing, links.
        tools: tool name -> arguments of its class (weights and options).
        plugins: whether every other registered tool joins with its own defaults.
    """

    name: str
    description: str
    core: Mapping[str, Any]
    tools: Mapping[str, Mapping[str, Any]]
    plugins: bool = True

    def all_tools(self) -> dict[str, dict[str, Any]]:
        """The tools named here, then, unless `plugins` is off, every other one that is registered."""
        named = {name: dict(arguments) for name, arguments in self.tools.items()}
        others = registry.names() if self.plugins else []
        return {**named, **{name: {} for name in others if name not in named}}


def profile_names() -> list[str]:
    """The names of the shipped profiles."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_profile(name: str | Path) -> Profile:
    """A shipped profile by name, or the one in a YAML file.

    Raises:
        UnknownName: no such profile, tool or key.
        ProfileError: the file is not a profile.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise ProfileError(
                "a profile file", f"no file {path}", f"give a YAML file or one of {', '.join(profile_names())}"
            )
    elif str(name) in profile_names():
        path = FOLDER / f"{name}.yaml"
    else:
        raise UnknownName.of("profile", str(name), profile_names(), "or give a YAML file")
    return _parse(path)


def _parse(path: Path) -> Profile:
    import yaml

    try:
        data = yaml.safe_load(path.read_text("utf8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ProfileError(
            "a profile in YAML", f"{path.name}: {str(error).splitlines()[0]}", "mend the file"
        ) from error
    if not isinstance(data, dict):
        raise ProfileError(
            "a profile with core and tools", f"{path.name} holds {type(data).__name__}", "see docs/cli.md"
        )
    _known("key of a profile", data, ("name", "description", "extends", "core", "tools", "plugins"))
    core, tools = data.get("core"), data.get("tools") or {}
    if "extends" in data and isinstance(core, dict) and isinstance(tools, dict):
        if data["extends"] not in profile_names():
            raise UnknownName.of("shipped profile", str(data["extends"]), profile_names())
        base = load_profile(data["extends"])
        core, tools = {**base.core, **core}, {**base.tools, **tools}
    if not isinstance(core, dict) or not isinstance(core.get("model"), str) or not isinstance(tools, dict):
        raise ProfileError(
            "core: {model: NAME} and tools: {NAME: {...}}", f"{path.name} without them", "see docs/cli.md"
        )
    _known("key of a profile's core", core, CORE_KEYS)
    _known("tool", tools, registry.names())
    for tool, arguments in tools.items():
        if arguments is not None and not isinstance(arguments, dict):
            raise ProfileError(f"{tool}: {{weights: ..., option: ...}}", repr(arguments)[:80], "mend the file")
    return Profile(
        str(data.get("name", path.stem)),
        str(data.get("description", "")),
        core,
        {tool: arguments or {} for tool, arguments in tools.items()},
        bool(data.get("plugins", True)),
    )


def _known(kind: str, given: Mapping[str, Any], known: Any) -> None:
    for key in given:
        if key not in known:
            raise UnknownName.of(kind, str(key), known)
