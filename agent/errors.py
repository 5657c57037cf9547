"""What can go wrong around a run: its profile, its folder, its history."""

from __future__ import annotations

from veclink.envs.errors import InputError


class ProfileError(InputError):
    """A profile is incomplete or wrong."""


class FolderError(InputError):
    """A run folder cannot be written, read or resumed."""
