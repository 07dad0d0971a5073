"""Prints the checkouts that the lines stand on; with a folder, those that it lacks.

Covers: what to clone and check out, for people. Exit code 2 where DIR has no host at all.
Does not cover: getting it; some of it is hundreds of megabytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mindspeed_rl_ext.hosts.adapter import Adapter, Checkout
from mindspeed_rl_ext.hosts.catalog import load_adapters


def lines() -> list[Adapter]:
    """The lines that the suite runs."""
    return [one for one in load_adapters() if one.package in ("mindspeed_llm", "mindspeed_rl")]


def command(checkout: Checkout, folder: str) -> str:
    """How to get a checkout into a folder."""
    place = f"{folder}/{checkout.folder}"
    if checkout.kind == "commit":
        return f"git clone {checkout.url} {place} && git -C {place} checkout {checkout.ref}"
    return f"git clone --depth 1 -b {checkout.ref} {checkout.url} {place}"


def main(words: list[str]) -> int:
    """Prints; returns the exit code."""
    folder = words[0] if words else ""
    needed = {one: None for line in lines() for one in line.checkouts}
    rows = []
    if not folder:
        for line in lines():
            beside = ", ".join(one.folder for one in line.checkouts[1:])
            rows.append(f"{line.checkouts[0].folder.upper():<14} {line.name:<28} beside {beside}")
        rows.append("")
    missing = [one for one in needed if not folder or not Path(folder, one.folder).is_dir()]
    rows += [("missing: " if folder else "") + command(one, folder or "DIR") for one in missing]
    sys.stdout.write("".join(row + "\n" for row in rows))
    return 2 if folder and not any(line.checkouts[0] not in missing for line in lines()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
