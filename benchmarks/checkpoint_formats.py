"""torch_dist and FSDP conversions against `cp` and `dd` of the bytes that they write.

    python benchmarks/checkpoint_formats.py [--size 1.5B] [--rounds 7] [--ranks 4] [--dir DIR]

Each round runs the conversion, `cp` of the same output and `dd` with direct I/O of as many bytes,
each with a `sync`, in turns, all sources cached. Medians, their ratios, CPU seconds and the peak of
anonymous memory of our processes. The FSDP source needs torch: DTensors in bf16, laid out as verl
saves them.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks_models import write_random_model
from checkpoint_memory import RUN, children, rss_anon
from checkpoint_speed import copy, timed, warm

DIRECTIONS = (("hf", "torch_dist"), ("torch_dist", "hf"), ("fsdp", "hf"))


def convert(source: Path, out: Path, to: str, cfg: Path) -> int:
    """Runs a conversion in a process of its own; returns the peak of RssAnon."""
    words = ["--save-model-type", to, "--load-dir", str(source), "--save-dir", str(out)]
    words += ["--hf-cfg-dir", str(cfg)]
    if to == "torch_dist":
        words += ["--target-tensor-parallel-size", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "convert", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    most = 0
    while process.poll() is None:
        most = max(most, *map(rss_anon, [process.pid, *children(process.pid)]))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"the conversion failed with exit code {process.returncode}")
    return most


def write_direct(count: int, out: Path) -> None:
    """Writes so many bytes past the page cache."""
    blocks = -(-count // (4 << 20))
    words = ["dd", "if=/dev/zero", f"of={out}", "bs=4M", f"count={blocks}", "oflag=direct"]
    subprocess.run(words, check=True, capture_output=True)


def save_fsdp(source: Path, out: Path, ranks: int) -> None:
    """Saves a HuggingFace model as verl's FSDP engine does."""
    out.mkdir()
    words = [sys.executable, "-W", "ignore", __file__, "--save-fsdp", str(source), str(out)]
    subprocess.run([*words, "--ranks", str(ranks)], check=True, capture_output=True)


def fsdp_rank(rank: int, ranks: int, source: str, out: str) -> None:
    """One rank of `save_fsdp`."""
    import torch
    import torch.distributed as dist
    from safetensors import safe_open
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Shard

    dist.init_process_group("gloo", f"file://{out}/.store", rank=rank, world_size=ranks)
    mesh = init_device_mesh("cpu", (ranks,), mesh_dim_names=("fsdp",))
    state = {}
    for path in sorted(Path(source).glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - no dict
                whole = file.get_tensor(name)
                parts = whole.chunk(ranks)
                mine = parts[rank].clone() if rank < len(parts) else whole[:0].clone()
                state[name] = DTensor.from_local(
                    mine, mesh, [Shard(0)], shape=whole.shape, stride=whole.stride()
                )
    torch.save(state, f"{out}/model_world_size_{ranks}_rank_{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def one_direction(folder: Path, load: str, to: str, rounds: int) -> list[dict[str, float]]:
    """Of each round: seconds of ours, cp and dd, our CPU seconds, the peak in bytes.

    What is written stays in the folder as the next source, in place of this one: three copies of a
    model are on the disk at most.
    """
    source, done, twin = folder / load, folder / "done", folder / "twin"
    convert(source, folder / "written", to, folder / "config")
    written = [path for path in (folder / "written").rglob("*") if path.is_file()]
    count = sum(path.stat().st_size for path in written)
    rows = []
    for number in range(rounds):
        row: dict[str, float] = {"bytes": count}
        peaks: list[int] = []
        turns = [
            ("ours", lambda note: note(convert(source, done, to, folder / "config")), source),
            ("cp", lambda _: copy(folder / "written", twin), folder / "written"),
            ("dd", lambda _: write_direct(count, folder / "direct"), source),
        ]
        for name, work, read in turns[number % 3 :] + turns[: number % 3]:
            warm(read)
            row[name], cpu = timed(work, peaks.append)
            if name == "ours":
                row["cpu"] = cpu
            for path in (done, twin):
                shutil.rmtree(path, ignore_errors=True)
            (folder / "direct").unlink(missing_ok=True)
        row["peak"] = peaks[0]
        rows.append(row)
        print(f"  {load} -> {to}: {row}", file=sys.stderr, flush=True)
    shutil.rmtree(source)
    (folder / "written").rename(folder / to)
    return rows


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1.5B")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--save-fsdp", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.save_fsdp:
        import torch.multiprocessing as mp

        mp.start_processes(
            fsdp_rank, (args.ranks, *args.save_fsdp), nprocs=args.ranks, start_method="fork"
        )
        return
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        write_random_model(folder / "hf", args.size, np.random.default_rng(0))
        (folder / "config").mkdir()
        shutil.copy(folder / "hf" / "config.json", folder / "config")
        print("medians | GB | ours, s | CPU s | cp + sync, s | dd, s | x cp | x dd | peak, MB")
        print("---|---|---|---|---|---|---|---|---")
        for load, to in DIRECTIONS:
            if load == "fsdp":
                save_fsdp(folder / "hf", folder / "fsdp", args.ranks)
                shutil.rmtree(folder / "hf")
            rows = one_direction(folder, load, to, args.rounds)
            mid = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
            per_cp = statistics.median(row["ours"] / row["cp"] for row in rows)
            per_dd = statistics.median(row["ours"] / row["dd"] for row in rows)
            print(
                f"{args.size} {load} -> {to} | {mid['bytes'] / 1e9:.2f} | {mid['ours']:.2f} | "
                f"{mid['cpu']:.2f} | {mid['cp']:.2f} | {mid['dd']:.2f} | {per_cp:.2f} | "
                f"{per_dd:.2f} | {max(row['peak'] for row in rows) / 1e6:.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
