"""Whether each rank's file is the one that belongs there.

Covers: manifest.json beside the ranks, compared by names, shapes and CRCs; a rank's file copied
over another's, also where there is no manifest (a trained checkpoint) or a stale one. The CRCs are
those that the files' directories say; copying compares these with the bytes.
Does not cover: a rank taken from another checkpoint where there is no manifest; replicated tensors
that differ then are reported by `convert`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.manifest import MANIFEST, manifests
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.tensors import Ref, Shape
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

log = logging.getLogger(__name__)

# Key of the model chunk and name -> shape and CRC-32.
_Content = dict[tuple[str, str], tuple[Shape, int]]


def check_ranks(
    folder: Path, recorded: Mapping[Ref, tuple[Shape, int]], parts: Sequence[Part]
) -> None:
    """Compares the rank files with manifest.json and with each other.

    Args:
        folder: the iteration's directory.
        recorded: each tensor's shape and the CRC-32 that its file has of it.
        parts: what its ranks must hold.

    Raises:
        InputError: a rank's file is another rank's, or only some are those of the manifest.
    """
    found = _found(recorded)
    _check_duplicates(folder, found, parts)
    listed = _listed(folder)
    if listed is not None:
        _check_manifest(folder, found, listed)


def _found(recorded: Mapping[Ref, tuple[Shape, int]]) -> dict[str, _Content]:
    """What the files hold; files whose writer left the CRCs out say nothing."""
    found: dict[str, _Content] = {}
    for ref, content in recorded.items():
        found.setdefault(ref.shard, {})[ref.chunk, ref.name] = content
    return {
        directory: tensors
        for directory, tensors in found.items()
        if len({crc for _, crc in tensors.values()}) > 1
    }


def _check_duplicates(folder: Path, found: Mapping[str, _Content], parts: Sequence[Part]) -> None:
    """No two ranks have the same bytes where they must hold different parts of the model."""
    wanted: dict[str, list[Hashable]] = {}
    for part in parts:
        boxes = ((slot.name, slot.hf, tuple(slot.copies)) for slot in part.slots)
        wanted.setdefault(part.shard, []).append((part.chunk, *boxes))
    first: dict[frozenset[Any], str] = {}
    for directory, content in found.items():
        other = first.setdefault(frozenset(content.items()), directory)
        if wanted[other] != wanted[directory]:
            raise InputError(
                f"{folder / directory} holds the weights of {other}",
                found="the same bytes in all tensors",
                expected="another part of the model",
                remedy=f"copy {directory} again; it was overwritten",
            )


def _listed(folder: Path) -> dict[str, _Content] | None:
    """What the manifests say of the ranks of this iteration; None where they say nothing."""
    paths = manifests(folder.parent)
    recorded: dict[str, _Content] = {}
    for path in paths:
        try:
            content = json.loads(path.read_text("utf-8"))
            for row in content["tensors"] if content["kind"] == "mg" else ():
                iteration, _, rest = row["file"].partition("/")
                if iteration == folder.name:
                    tensors = recorded.setdefault(rest.partition("/")[0], {})
                    tensors[row["key"], row["name"]] = (tuple(row["shape"]), int(row["crc32"], 16))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path} is broken", found=repr(error), remedy="remove it, if the ranks are right"
            ) from error
    if paths and not recorded:
        log.info("%s is about another iteration than %s", paths[0], folder.name)
    return recorded or None


def _check_manifest(
    folder: Path, found: Mapping[str, _Content], recorded: Mapping[str, _Content]
) -> None:
    """All ranks are those of the manifest, or none is: then training wrote them anew."""
    other = [directory for directory in found if found[directory] != recorded.get(directory)]
    for directory in other:
        owner = next((rank for rank in recorded if recorded[rank] == found[directory]), None)
        if owner is not None:
            raise InputError(
                f"{folder / directory} holds the weights of {owner}",
                found=f"the CRCs that {MANIFEST} has for {owner}",
                remedy="put each rank's file back into its own directory",
            )
    if not other:
        return
    if len(other) == len(found):
        log.warning(
            "%s does not describe the ranks of %s, which were written after it; "
            "it is not compared with them",
            folder.parent / MANIFEST,
            folder.name,
        )
        return
    names = _differing(found[other[0]], recorded.get(other[0], {}))
    raise InputError(
        f"not all ranks of {folder} are of one checkpoint",
        found=f"{some(other)} differ from {folder.parent / MANIFEST}, such as in {some(names, 3)}",
        expected=f"the tensors that it lists; {some(d for d in found if d not in other)} have them",
        remedy=f"copy the rank again; if all ranks are right, remove {MANIFEST}",
    )


def _differing(found: _Content, recorded: _Content) -> list[str]:
    keys = [*found, *(key for key in recorded if key not in found)]
    return [key[1] for key in keys if found.get(key) != recorded.get(key)]
