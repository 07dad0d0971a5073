"""What the parts of copying that a library could do are worth: each switched off in turn.

    python benchmarks/checkpoint_choices.py [--size 0.5B] [--rounds 5] [--dir DIR]

Each round converts mg -> hf as it is; with ordinary writes instead of direct ones; and with the
source's CRC-32 read for itself instead of joined from what was copied. The order turns from round
to round. Prints medians of wall and CPU seconds, `sync` included.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmarks_models import write_random_model
from checkpoint_speed import convert, timed, warm

_RUN = "import sys; from mindspeed_rl_ext.cli._dispatch import main; sys.exit(main(sys.argv[1:]))"
CHOICES = {
    "as it is": "",
    "ordinary writes": (
        "import mindspeed_rl_ext.checkpoint.copying.out_file as o; "
        "o._opened_direct = lambda p: None;"
    ),
    "source read twice for its CRC": (
        "import mindspeed_rl_ext.checkpoint.copying.byte_check as b;"
        "b.ByteCheck.saw = lambda *words: None;"
    ),
}


def convert_back(choice: str, source: Path, out: Path) -> None:
    """Converts mg -> hf with a choice in force."""
    words = ["--load-model-type", "mg", "--save-model-type", "hf"]
    words += ["--load-dir", str(source), "--save-dir", str(out)]
    command = [sys.executable, "-c", CHOICES[choice] + _RUN, "convert", *words]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="0.5B")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    rows: dict[str, list[tuple[float, float]]] = {choice: [] for choice in CHOICES}
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        write_random_model(folder / "hf", args.size, np.random.default_rng(0))
        convert(folder / "hf", folder / "mg", "mg", 0)
        for number in range(args.rounds):
            names = list(CHOICES)
            for choice in names[number % 3 :] + names[: number % 3]:
                warm(folder / "mg")
                rows[choice].append(timed(convert_back, choice, folder / "mg", folder / "out"))
                shutil.rmtree(folder / "out")
    print("choice | wall, s | CPU, s\n---|---|---")
    for choice, found in rows.items():
        wall, cpu = (statistics.median(row[n] for row in found) for n in (0, 1))
        print(f"{args.size} mg -> hf, {choice} | {wall:.2f} | {cpu:.2f}")


if __name__ == "__main__":
    main()
