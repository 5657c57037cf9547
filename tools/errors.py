"""What can go wrong between a picture, a tool and its weights."""

from __future__ import annotations

from veclink.envs.errors import InputError, VeclinkError


class ImageError(InputError):
    """A file or array is not a picture that can be used."""


class RegionError(InputError):
    """A box, point, scribble or mask does not fit its picture."""


class OptionError(InputError):
    """An option of a tool has a wrong type or value."""


class WeightsError(VeclinkError):
    """Weights are missing, unreadable, of an unknown origin, or not what their name says."""


class ToolError(VeclinkError):
    """A tool failed on a task; the other tools' results stand."""


class ToolTimeout(ToolError):
    """A tool ran past its time limit."""


class ContractError(VeclinkError):
    """A tool, a result or a condition breaks the contract."""
