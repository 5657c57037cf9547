"""What several commands share: a clean stdout, one JSON document, settings, and consoles for people."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from veclink.envs.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

json_option = click.option("--json", "as_json", is_flag=True,
                           help="Print one JSON document on stdout and nothing else.")


def print_json(document: Any) -> None:
    """The document on stdout, with plain ASCII escapes so that every terminal and pipe takes it."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def parsed(settings: tuple[str, ...]) -> dict[str, Any]:
    """{"start_time": 14000} of "start_time=14000"; a value is read as JSON, else it is text.

    Raises:
        InputError: one of them is not NAME=VALUE.
    """
    made: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip().isidentifier():
            raise InputError("NAME=VALUE", repr(setting), "write it so, e.g. --set start_time=14000")
        made[name.strip()] = value
        with contextlib.suppress(ValueError):
            made[name.strip()] = json.loads(value)
    return made


def console(*, stderr: bool = False) -> Console:
    """A rich console that takes text as it is: no markup, no guessed highlights."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


@contextlib.contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """Whatever libraries print while this holds, from Python or from C, goes to stderr."""
    quiet_libraries()
    with contextlib.redirect_stdout(sys.stderr):
        if sys.__stdout__ is None or sys.__stderr__ is None:
            yield
            return
        try:
            out, err = sys.__stdout__.fileno(), sys.__stderr__.fileno()
        except (OSError, ValueError):  # not real files: nothing below Python can write to them
            yield
            return
        sys.__stdout__.flush()
        kept = os.dup(out)
        os.dup2(err, out)
        try:
            yield
        finally:
            sys.__stdout__.flush()
            os.dup2(kept, out)
            os.close(kept)


def quiet_libraries() -> None:
    """Keep libraries' remarks off stderr, and their bars where it is no terminal; to be called before their import."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("YOLO_VERBOSE", "False")
    os.environ.setdefault("YOLO_AUTOINSTALL", "False")  # ultralytics would run pip for what it misses
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def clean(text: str) -> str:
    """The text with control characters shown as spaces, so that no picture's name steers the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
