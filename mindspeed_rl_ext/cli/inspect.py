"""What a checkpoint contains: format, layout, number formats, tensors; how to convert it."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from mindspeed_rl_ext.checkpoint.options import InspectOptions
from mindspeed_rl_ext.checkpoint.wording import in_bytes
from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.options import add_options, build_options, given_options

DESCRIPTION_ZH = "显示检查点的内容：格式、切分、数值类型、张量。"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_options(parser, InspectOptions)


def run(args: argparse.Namespace) -> int:
    """Prints a checkpoint's contents; returns the exit code."""
    from mindspeed_rl_ext.checkpoint.describe import describe

    given = given_options(InspectOptions, args)
    options = build_options(InspectOptions, ("the command line", given))
    found = describe(options.path)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        _print(found)
    return 0


def _print(found: dict[str, Any]) -> None:
    formats = Counter(row["dtype"] for row in found["tensors"])
    size, counts = in_bytes(found["bytes"]), ", ".join(f"{n} {f}" for f, n in formats.items())
    show(f"{found['path']}: {found['kind']}, {len(found['tensors'])} tensors, {size}, {counts}")
    if "layout" in found:
        set_items = {key: value for key, value in found["layout"].items() if value}
        show("layout: " + ", ".join(f"{key}={value}" for key, value in set_items.items()))
    if "part" in found:
        show(f"part of a checkpoint: {found['part']['text']}")
    width = max((len(f"{row['part']}/{row['name']}") for row in found["tensors"]), default=0)
    for row in found["tensors"]:
        name = f"{row['part']}/{row['name']}".lstrip("/")
        print(f"  {name:<{width}}  {row['dtype']:<9} {row['shape']}")
    if "part" in found:
        show("to convert it: put the parts of all nodes into one directory first")
    print(f"to convert it: {found['convert']}")
