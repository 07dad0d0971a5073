"""Kill conversions with SIGKILL at random moments; each must leave nothing, or all.

    python benchmarks/checkpoint_kills.py [--kills 60] [--dir DIR]

After each kill: either no checkpoint loads, or the whole one does, bit for bit; `--resume` at the
end gives the same bytes as a run that nobody touched. Prints a table; asserts nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks_models import write_random_model

from mindspeed_rl_ext.core.files.staging import STAGING_NAME

DIRECTIONS = {
    "hf -> mg": ["--load-model-type", "hf", "--save-model-type", "mg",
                 "--target-tensor-parallel-size", "2", "--target-pipeline-parallel-size", "2"],
    "mg -> hf": ["--load-model-type", "mg", "--save-model-type", "hf",
                 "--max-shard-size", "20MB"],
    "mg -> mg, 4 workers": ["--load-model-type", "mg", "--save-model-type", "mg",
                            "--target-pipeline-parallel-size", "4", "--workers", "4"],
}  # fmt: skip


def command(flags: list[str], source: Path, out: Path, *more: str) -> list[str]:
    """The command line of a conversion."""
    run = (
        "import sys; from mindspeed_rl_ext.cli._dispatch import main; sys.exit(main(sys.argv[1:]))"
    )
    where = ["--load-dir", str(source), "--save-dir", str(out)]
    return [sys.executable, "-c", run, "convert", *flags, *where, *more]


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, without what is staged."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and STAGING_NAME not in path.parts
    }


def is_loadable(folder: Path) -> bool:
    """Whether a loader would find a checkpoint there."""
    return any((folder / name).exists() for name in ("latest_checkpointed_iteration.txt",)) or (
        (folder / "config.json").exists() and any(folder.glob("*.safetensors"))
    )


def resume(words: list[str]) -> int:
    """Runs it; workers of a killed run may hold the directory for a moment longer."""
    for _ in range(100):
        done = subprocess.run(words, capture_output=True, text=True)
        if "another conversion" not in done.stderr:
            break
        time.sleep(0.05)
    if done.returncode:
        print(done.stderr)
    return done.returncode


def one_direction(name: str, source: Path, folder: Path, kills: int, rng: random.Random) -> str:
    """Kills one kind of conversion; returns its row of the table."""
    flags = DIRECTIONS[name]
    reference, out = folder / "reference", folder / "out"
    start = time.monotonic()
    subprocess.run(command(flags, source, reference), check=True, capture_output=True)
    whole_s = time.monotonic() - start
    expected = digest(reference)
    killed = finished = whole = partial_loads = 0
    equal = True
    while killed < kills:
        process = subprocess.Popen(
            command(flags, source, out, "--resume"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(rng.uniform(0.3, 1.0) * whole_s)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if is_loadable(out):
            whole += digest(out) == expected
            partial_loads += digest(out) != expected
        if is_loadable(out) or rng.random() < 0.3:
            finished += 1
            code = resume(command(flags, source, out, "--resume", "--verify"))
            equal = equal and code == 0 and digest(out) == expected
            shutil.rmtree(out)
    code = resume(command(flags, source, out, "--resume", "--verify"))
    equal = equal and code == 0 and digest(out) == expected
    shutil.rmtree(out)
    shutil.rmtree(reference)
    return (
        f"| {name} | {killed} | {whole} | {partial_loads} | {finished + 1} | "
        f"{'yes' if equal else 'NO'} |"
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    rng = random.Random(0)
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        write_random_model(folder / "hf", "kills", np.random.default_rng(0))
        subprocess.run(
            command(DIRECTIONS["hf -> mg"], folder / "hf", folder / "mg"),
            check=True, capture_output=True,
        )  # fmt: skip
        print("| direction | killed | whole after a kill | partly loadable | resumed to the end |"
              " bit-equal |\n|---|---|---|---|---|---|")  # fmt: skip
        for direction in DIRECTIONS:
            source = folder / direction.split()[0]
            line = one_direction(direction, source, folder, -(-args.kills // 3), rng)
            print(line, flush=True)


if __name__ == "__main__":
    main()
