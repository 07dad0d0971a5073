"""Responses kept on disk while they are made, so that an interrupted evaluation goes on.

Covers: `responses.jsonl`, one line per problem, written batch by batch; `settings.json`, what the
responses depend on; a half-written last line; files of an earlier evaluation.
Does not cover: verdicts: they are taken anew from the responses each time, so `--resume` with other
verifiers grades again without generating.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic
from mindspeed_rl_ext.recipes.evaluation.backends.response import Response

SETTINGS_FILE, RESPONSES_FILE = "settings.json", "responses.jsonl"
ROLLOUTS_FILE, SUMMARY_FILE, METRICS_FILE = "rollouts.jsonl", "summary.json", "metrics.jsonl"
FILES = (SETTINGS_FILE, RESPONSES_FILE, ROLLOUTS_FILE, SUMMARY_FILE, METRICS_FILE)


class Journal:
    """The responses of one evaluation in its output directory.

    Args:
        folder: made where it is missing.
        settings: all that the responses depend on.
        resume: go on with what is there.
        overwrite: replace the files of an earlier evaluation.

    Raises:
        InputError: an earlier evaluation is there and neither was asked for; it was made with
            other settings; its files are not readable.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], *, resume: bool, overwrite: bool
    ) -> None:
        self.path = folder / RESPONSES_FILE
        self._settings = folder / SETTINGS_FILE
        # Settings alone are of a run that was refused before it made anything.
        earlier = [name for name in FILES if name != SETTINGS_FILE and (folder / name).exists()]
        if earlier and not (resume or overwrite):
            raise InputError(
                f"{folder} holds an earlier evaluation",
                found=", ".join(earlier),
                remedy="--resume goes on with it, --overwrite replaces it; or another --output",
            )
        if overwrite and not resume:
            for name in earlier:
                (folder / name).unlink()
        # As JSON has it: tuples are lists there.
        self._wanted = json.loads(json.dumps(dict(settings)))
        self.done: dict[str, list[Response]] = {}
        if self.path.is_file():
            _check_same(self._settings, self._wanted)
            self.done = _read(self.path)

    def begin(self) -> None:
        """Writes the settings, which also shows whether the directory can be written to."""
        write_text_atomic(self._settings, json.dumps(self._wanted, indent=2) + "\n")

    def add(self, ids: Sequence[str], responses: Sequence[Sequence[Response]]) -> None:
        """Keeps the responses to some problems; they are on the disk when this returns."""
        rows = zip(ids, responses, strict=True)
        lines = [
            json.dumps({"id": key, "responses": [asdict(one) for one in made]})
            for key, made in rows
        ]
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        self.done.update({key: list(made) for key, made in zip(ids, responses, strict=True)})


def _check_same(path: Path, wanted: Mapping[str, Any]) -> None:
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, FileNotFoundError) as error:
        raise InputError(
            f"{path} is not readable, so what the responses beside it depend on is not known",
            found=str(error),
            remedy="--overwrite begins anew",
        ) from error
    differ = [key for key in {**earlier, **wanted} if earlier.get(key) != wanted.get(key)]
    if differ:
        key = differ[0]
        raise InputError(
            f"the evaluation in {path.parent} was made with other settings: {', '.join(differ)}",
            found=f"{key} {earlier.get(key)!r}",
            expected=f"{key} {wanted.get(key)!r}",
            remedy="give the same flags, or --overwrite, or another --output",
        )


def _read(path: Path) -> dict[str, list[Response]]:
    if not path.is_file():
        return {}
    done: dict[str, list[Response]] = {}
    whole = 0
    data = path.read_bytes()
    for line in data.splitlines(keepends=True):
        # A kill may leave half a line at the end; what follows it is written again.
        if not line.endswith(b"\n"):
            break
        try:
            row = json.loads(line)
            done[row["id"]] = [Response(**one) for one in row["responses"]]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} has a line that is not ours",
                found=line[:80].decode("utf-8", "replace"),
                remedy="--overwrite begins anew",
            ) from error
        whole += len(line)
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
    return done
