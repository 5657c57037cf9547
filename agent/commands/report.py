"""What the commands that measure share: progress on stderr, figures as words, a document and its plot as files."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from veclink.envs.errors import InputError


class Progress:
    """A count on stderr: one line of a terminal written over, or nothing but the end elsewhere."""

    def __init__(self, what: str) -> None:
        self.what, self.last = what, ""

    def at(self, done: int, of: int | None = None, part: str = "") -> None:
        self.last = " ".join(word for word in (part, f"{done}{f'/{of}' if of else ''}", self.what) if word)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{self.last}")
            sys.stderr.flush()
        elif done == of:
            click.echo(self.last, err=True)

    def end(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


def percent(figure: Mapping[str, Any] | None) -> str:
    """ "95.2 % (93.0 to 96.7)" """
    if not figure or not figure["cases"]:
        return "-"
    return "{:.1f} % ({:.1f} to {:.1f})".format(*(100 * figure[key] for key in ("value", "low", "high")))


def points(figure: Mapping[str, Any] | None) -> str:
    """ "39.12 (35.00 to 42.10)" """
    if not figure or figure["value"] is None:
        return "-"
    return "{:.2f} ({:.2f} to {:.2f})".format(*(figure[key] for key in ("value", "low", "high")))


def write(out: Path | None, name: str, document: Mapping[str, Any], plot: str = "",
          *arguments: Any) -> Sequence[Path]:
    """The document and its plot in the folder, where one was given; their paths.

    Args:
        plot: name of a function of `veclink.agent.measure.plots`, "" for none; `arguments` are what it draws.

    Raises:
        InputError: the folder cannot be written to.
    """
    if out is None:
        return ()
    file, picture = out / f"{name}.json", out / f"{name}.png"
    try:
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=2, allow_nan=False), "utf8")
        if not plot:
            return (file,)
        from veclink.agent.measure import plots

        getattr(plots, plot)(*arguments, picture)
    except OSError as error:
        raise InputError(f"a folder to write to at {out}", f"{type(error).__name__}: {error.strerror}",
                         "choose another --out") from error
    return file, picture


def say(written: Sequence[Path]) -> None:
    for path in written:
        click.echo(f"written: {path}", err=True)
