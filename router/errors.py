"""What can go wrong with a core, its models and its checkpoints."""

from __future__ import annotations

from veclink.envs.errors import InputError, VeclinkError


class TaskError(InputError):
    """A task is empty, too long, or names a picture that was not given."""


class CheckpointError(InputError):
    """A link or routing checkpoint was made for another core or another tool, or is damaged."""


class ModelError(VeclinkError):
    """A core's model cannot be used as a core."""


class RecipeError(InputError):
    """A training recipe is incomplete or wrong."""
