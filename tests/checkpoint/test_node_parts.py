"""One node's part of a checkpoint: the parts of all nodes are one whole run, byte for byte."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats import open_checkpoint
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import MegatronReader
from mindspeed_rl_ext.checkpoint.job import plan_job
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.parts.ranks import ranks_of_node
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

# Tests are no package, so that a module beside them is loaded by its path.
_spec = importlib.util.spec_from_file_location(
    "grid_expectation", Path(__file__).with_name("grid_expectation.py")
)
grid = sys.modules["grid_expectation"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(grid)

# Every moment of a run with MSRL_EXT_SLOW=1, some of them otherwise.
EVERY = 1 if os.environ.get("MSRL_EXT_SLOW") == "1" else 6
TRACKER = "latest_checkpointed_iteration.txt"
ITERATION = "iter_0000001"
# Model, layout, number of nodes.
CASES = [
    ("qwen2-tied", grid.DENSE_CUTS["TP2-PP2"], 2),
    ("llama", grid.DENSE_CUTS["VPP"], 4),
    ("qwen3", grid.DENSE_CUTS["list"], 3),
    ("qwen2", grid.DENSE_CUTS["noop"], 2),
    ("qwen3_moe", grid.MOE_CUTS["TP2-PP2-EP2-grouped-0.12"], 4),
    ("qwen2_moe", grid.MOE_CUTS["TP2-EP2-extended"], 2),
    ("mixtral", grid.MOE_CUTS["TP2-PP2-EP4-ETP1-TE"], 4),
    ("deepseek3", grid.MOE_CUTS["dualpipe-EP2"], 2),
    ("deepseek3-mtp", grid.PREDICTION_CUTS["VPP-ETP1-grouped"], 2),
]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rank_files(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in snapshot(folder).items() if name.endswith(".pt")}


def model_in(kit, folder: Path, name: str) -> dict:
    """Writes a model; returns the options that it needs."""
    folder.mkdir()
    model = grid.MODELS[name]
    (folder / "config.json").write_text(json.dumps(grid.config_of(model)))
    kit.write_safetensors(folder / "model.safetensors", grid.tensors_of(model))
    return {"mtp_num_layers": model.mtp} if model.mtp else {}


def options(source: Path, out: Path, **more) -> ConvertOptions:
    sizes = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2, **more}
    return ConvertOptions("auto", "mg", source, out, **sizes)


@pytest.fixture
def whole(hf_dir, tmp_path) -> dict[str, bytes]:
    convert(options(hf_dir, tmp_path / "whole"))
    return snapshot(tmp_path / "whole")


@pytest.mark.parametrize(("name", "cut", "nodes"), CASES, ids=lambda value: str(value)[:14])
def test_the_parts_of_all_nodes_are_a_whole_run(kit, tmp_path, name, cut, nodes):
    hf, more = tmp_path / "hf", model_in(kit, tmp_path / "hf", name)
    flags = {**cut.options(), **more}
    convert(options(hf, tmp_path / "whole", **flags))
    expected = rank_files(tmp_path / "whole")
    found: dict[str, bytes] = {}
    for node in range(nodes):
        out = tmp_path / f"node{node}"
        convert(options(hf, out, node=f"{node}/{nodes}", verify=True, **flags))
        mine = rank_files(out)
        assert len(mine) == len(expected) // nodes
        assert not found.keys() & mine.keys()
        found |= mine
        assert (out / TRACKER).read_text() == "1"
        report = verify(hf, out)
        assert report.ok, report.problems
        assert f"{len(mine)} of {len(expected)} ranks" in report.part
        # Last first: the order in which parts come does not matter.
        last = nodes - 1 - node
        convert(options(hf, tmp_path / "shared", node=f"{last}/{nodes}", **flags))
    assert found == expected
    assert snapshot(tmp_path / "shared") == snapshot(tmp_path / "whole")


def test_parts_of_a_resharded_checkpoint_are_a_whole_run(hf_dir, tmp_path):
    convert(options(hf_dir, tmp_path / "mg", tensor_parallel_size=1, pipeline_parallel_size=4))
    rank = tmp_path / "mg" / ITERATION / "mp_rank_00_001"
    assert rank.is_dir()
    for out, choices in (("whole", [{}]), ("shared", [{"ranks": "tp=1"}, {"ranks": "tp=0"}])):
        for choice in choices:
            convert(options(tmp_path / "mg", tmp_path / out, **choice))
    assert snapshot(tmp_path / "shared") == snapshot(tmp_path / "whole")


def test_parts_copied_into_one_directory_with_their_manifests_are_a_checkpoint(
    hf_dir, tmp_path, whole
):
    for node in (0, 1):
        convert(options(hf_dir, tmp_path / f"node{node}", node=f"{node}/2"))
        shutil.copytree(tmp_path / f"node{node}", tmp_path / "all", dirs_exist_ok=True)
    report = verify(hf_dir, tmp_path / "all")
    assert report.ok
    assert report.part == ""
    convert(ConvertOptions("auto", "hf", tmp_path / "all", tmp_path / "back"))
    assert verify(hf_dir, tmp_path / "back").ok


@pytest.mark.parametrize(
    ("tp", "pp", "ep", "etp1", "data"),
    [
        (2, 2, 1, False, 1), (4, 2, 1, False, 4), (2, 2, 4, False, 4), (2, 2, 2, False, 8),
        (2, 2, 4, True, 4), (4, 1, 2, True, 1), (2, 4, 8, True, 8), (1, 2, 4, False, 8),
    ],
)  # fmt: skip
def test_a_node_gets_the_files_that_megatron_loads_there(tp, pp, ep, etp1, data):
    state = pytest.importorskip("megatron.core.parallel_state")
    world = tp * data * pp
    etp = 1 if etp1 else tp
    dense = state.RankGenerator(tp=tp, ep=1, dp=data, pp=pp, cp=1, order="tp-cp-ep-dp-pp")
    experts = state.RankGenerator(
        tp=etp, ep=ep, dp=world // (etp * ep * pp), pp=pp, cp=1, order="tp-cp-ep-dp-pp"
    )

    def numbers(generator, axis: str) -> dict[int, int]:
        groups = generator.get_ranks(axis)
        return {rank: number for group in groups for number, rank in enumerate(group)}

    tp_rank, pp_rank, ep_rank = (
        numbers(dense, "tp"), numbers(dense, "pp"), numbers(experts, "ep"),
    )  # fmt: skip
    layout = Layout(tp=tp, pp=pp, ep=ep, whole_experts=etp1 and tp > 1)
    for npus in (n for n in range(1, world + 1) if world % n == 0):
        for node in range(world // npus):
            expected = [
                (tp_rank[rank], pp_rank[rank], ep_rank[rank])
                for rank in range(node * npus, (node + 1) * npus)
            ]
            assert ranks_of_node(layout, node, world // npus, npus) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--ranks", "tp=0-2"], "tp=0-1"),
        (["--ranks", "pp=2"], "pp=0-1"),
        (["--ranks", "ep=1"], "ep=0"),
        (["--ranks", "dp=1"], "tp, pp, ep"),
        (["--ranks", "tp=1-0"], "tp=0-7,pp=2"),
        (["--ranks", "tp"], "tp=0-7,pp=2"),
        (["--ranks", "tp=0,,"], "tp=0-7,pp=2"),
        (["--node", "2/2"], "from 0"),
        (["--node", "1"], "I/N"),
        (["--node", "0/0"], "from 0"),
        (["--node", "0/3"], "[1, 2, 4]"),
        (["--node", "0/2", "--npus-per-node", "3"], "--npus-per-node"),
        (["--npus-per-node", "8"], "--node"),
        (["--node", "0/2", "--ranks", "tp=0"], "leave one of them out"),
        (["--node", "0/2", "--save-model-type", "torch_dist"], "--save-model-type mg"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_ranks_that_cannot_be_are_refused_before_a_byte_is_written(
    cli, hf_dir, tmp_path, words, expected
):
    sizes = ["--target-tensor-parallel-size", 2, "--target-pipeline-parallel-size", 2]
    code, _, err = cli(
        "convert", "--load-dir", hf_dir, "--save-dir", tmp_path / "out", *sizes,
        *([] if "--save-model-type" in words else ["--save-model-type", "mg"]), *words,
    )  # fmt: skip
    assert code == 2
    assert expected in err
    assert not (tmp_path / "out").exists()


def test_pairs_of_ranks_that_no_run_has_are_refused(kit, tmp_path):
    more = model_in(kit, tmp_path / "hf", "mixtral")
    flags = {**grid.MOE_CUTS["TP2-EP2-ETP1"].options(), **more}
    with pytest.raises(InputError, match=r"tp=0,ep=0, tp=1,ep=1"):
        convert(options(tmp_path / "hf", tmp_path / "out", ranks="tp=0,ep=1", **flags))


def test_an_axis_that_is_named_again_adds_to_it(hf_dir, tmp_path):
    flags = {"tensor_parallel_size": 1, "pipeline_parallel_size": 4}
    convert(options(hf_dir, tmp_path / "out", ranks="pp=3,pp=0-1", **flags))
    assert sorted(Path(name).parent.name for name in rank_files(tmp_path / "out")) == [
        "mp_rank_00_000", "mp_rank_00_001", "mp_rank_00_003",
    ]  # fmt: skip


def test_a_part_is_named_everywhere(cli, hf_dir, tmp_path):
    out = tmp_path / "part"
    words = ["--load-dir", hf_dir, "--save-dir", out, "--save-model-type", "mg", "--node", "1/2"]
    words += ["--target-tensor-parallel-size", 2, "--target-pipeline-parallel-size", 2]
    text = "tp 0-1, pp 1, ep 0: 2 of 4 ranks (TP 2 x PP 2 x EP 1)"
    code, plan, _ = cli("convert", *words, "--dry-run")
    assert code == 0
    assert f"part: node 1 of 2: {text}" in plan
    assert "mp_rank_00_000" not in plan
    data = json.loads(cli("convert", *words, "--dry-run", "--json")[1])
    assert data["part"]["ranks"] == ["mp_rank_00_001", "mp_rank_01_001"]
    assert not out.exists()
    code, report, _ = cli("convert", *words)
    assert code == 0
    assert text in report
    assert text in cli("inspect", out)[1]
    assert json.loads(cli("inspect", out, "--json")[1])["part"]["missing"] == [
        "mp_rank_00_000", "mp_rank_01_000",
    ]  # fmt: skip
    code, report, _ = cli("verify", hf_dir, out)
    assert code == 0
    assert text in report
    code, _, err = cli(
        "convert", "--load-dir", out, "--save-dir", tmp_path / "hf2", "--save-model-type", "hf"
    )
    assert code == 2
    assert "mp_rank_00_000, mp_rank_01_000" in err


def test_a_part_that_differs_fails_verification(kit, hf_dir, tmp_path):
    convert(options(hf_dir, tmp_path / "part", ranks="pp=0"))
    kit.write_hf(tmp_path / "other", kit.tiny(seed=5))
    report = verify(tmp_path / "other", tmp_path / "part")
    assert not report.ok
    assert any("mp_rank_01_000" in problem for problem in report.problems)


def test_a_part_is_compared_with_the_same_ranks_of_a_whole(hf_dir, tmp_path, whole):
    convert(options(hf_dir, tmp_path / "part", ranks="pp=1"))
    convert(options(hf_dir, tmp_path / "other", ranks="pp=0"))
    for pair in (("whole", "part"), ("part", "whole")):
        report = verify(*(tmp_path / name for name in pair))
        assert report.ok
        assert "2 of 4 ranks" in report.part
    with pytest.raises(InputError, match="no rank in common"):
        verify(tmp_path / "part", tmp_path / "other")


def test_a_missing_rank_of_a_part_is_named(hf_dir, tmp_path):
    convert(options(hf_dir, tmp_path / "part", ranks="pp=1"))
    shutil.rmtree(tmp_path / "part" / ITERATION / "mp_rank_01_001")
    with pytest.raises(InputError, match="missing mp_rank_01_001"):
        open_checkpoint(tmp_path / "part")


def test_only_parts_of_the_same_conversion_share_a_directory(kit, hf_dir, tmp_path):
    convert(options(hf_dir, tmp_path / "out", ranks="pp=0"))
    before = snapshot(tmp_path / "out")
    kit.write_hf(tmp_path / "other", kit.tiny(seed=5))
    for source, more in ((tmp_path / "other", {}), (hf_dir, {"params_dtype": "fp32"})):
        with pytest.raises(InputError, match="another source or other options"):
            convert(options(source, tmp_path / "out", ranks="pp=1", **more))
        with pytest.raises(InputError, match="another source or other options"):
            convert(options(source, tmp_path / "out", ranks="pp=1", resume=True, **more))
    with pytest.raises(InputError, match="holds these ranks already"):
        convert(options(hf_dir, tmp_path / "out", ranks="tp=0"))
    with pytest.raises(InputError, match="holds a checkpoint already"):
        convert(options(hf_dir, tmp_path / "out"))
    assert {k: v for k, v in snapshot(tmp_path / "out").items() if "staging" not in k} == before


def test_parts_of_two_conversions_in_one_directory_are_no_checkpoint(kit, hf_dir, tmp_path):
    kit.write_hf(tmp_path / "other", kit.tiny(seed=5))
    for source, ranks in ((hf_dir, "pp=0"), (tmp_path / "other", "pp=1")):
        convert(options(source, tmp_path / ranks, ranks=ranks))
        shutil.copytree(tmp_path / ranks, tmp_path / "all", dirs_exist_ok=True)
    with pytest.raises(InputError, match="parts of different conversions"):
        open_checkpoint(tmp_path / "all")


def test_overwrite_replaces_another_checkpoint_and_keeps_the_other_parts(
    kit, hf_dir, tmp_path, whole
):
    out = tmp_path / "out"
    kit.write_hf(tmp_path / "old", kit.tiny(seed=5))
    convert(options(tmp_path / "old", out, tensor_parallel_size=1))
    convert(options(hf_dir, out, ranks="pp=0", overwrite=True))
    assert len(rank_files(out)) == 2
    convert(options(hf_dir, out, ranks="pp=1", overwrite=True))
    assert snapshot(out) == whole
    convert(options(hf_dir, out, ranks="tp=1", overwrite=True))
    assert snapshot(out) == whole
    convert(options(hf_dir, tmp_path / "part", ranks="pp=0"))
    convert(options(hf_dir, tmp_path / "part", overwrite=True))
    assert snapshot(tmp_path / "part") == whole


def test_a_finished_part_is_left_as_it_is_by_resume(hf_dir, tmp_path, whole):
    for ranks in ("pp=0", "pp=1", "pp=0"):
        before = snapshot(tmp_path / "out") if (tmp_path / "out").exists() else {}
        report = convert(options(hf_dir, tmp_path / "out", ranks=ranks, resume=True))
        assert report.files == 2
    assert before == whole == snapshot(tmp_path / "out")


def test_copies_that_differ_and_nan_are_recorded_as_by_a_whole_run(kit, tmp_path):
    kit.write_hf(tmp_path / "hf", kit.tiny(dtype="F32"))
    convert(options(tmp_path / "hf", tmp_path / "mg"))
    for rank in ("mp_rank_01_000", "mp_rank_01_001"):
        path = tmp_path / "mg" / ITERATION / rank / "model_optim_rng.pt"
        content = kit.torch_load(path)
        for name, tensor in content["model"].items():
            if name.endswith("layernorm.weight"):
                tensor[0] += 1
            if name.endswith("linear_fc2.weight"):
                tensor[0] = float("nan")
        import torch

        torch.save(content, path)
    (tmp_path / "mg" / "manifest.json").unlink()
    more = {"hf_cfg_dir": tmp_path / "hf", "pipeline_parallel_size": 4, "tensor_parallel_size": 1}
    convert(options(tmp_path / "mg", tmp_path / "whole", **more))
    for node in (3, 0, 2, 1):
        convert(options(tmp_path / "mg", tmp_path / "out", node=f"{node}/4", **more))
    expected = snapshot(tmp_path / "whole")
    recorded = json.loads(expected["manifest.json"])
    assert recorded["drifted"]
    assert recorded["with_nan"]
    assert snapshot(tmp_path / "out") == expected


def test_a_part_reads_and_checks_only_what_it_is_made_of(hf_dir, tmp_path, monkeypatch):
    flags = {"tensor_parallel_size": 1, "pipeline_parallel_size": 4}
    convert(options(hf_dir, tmp_path / "mg", **flags))
    seen: set[str] = set()
    view = MegatronReader.view

    def seeing(self, ref):
        seen.add(ref.shard)
        return view(self, ref)

    monkeypatch.setattr(MegatronReader, "view", seeing)
    other = tmp_path / "mg" / ITERATION / "mp_rank_00_003" / "model_optim_rng.pt"
    good = other.read_bytes()
    for record in ("archive/data/5", "archive/data/8", "archive/data.pkl"):
        flip(other, record)
        seen.clear()
        convert(options(tmp_path / "mg", tmp_path / f"first-{record[-1]}", ranks="pp=0"))
        assert seen == {"mp_rank_00_000", "mp_rank_00_001"}
        with pytest.raises(InputError, match=r"was changed after it was written"):
            convert(options(tmp_path / "mg", tmp_path / "second", ranks="pp=1"))
        other.write_bytes(good)


def test_a_file_without_checksums_gives_a_part(hf_dir, tmp_path):
    import torch

    if not hasattr(torch.serialization, "set_crc32_options"):
        pytest.skip("this torch writes checksums always")
    convert(options(hf_dir, tmp_path / "mg", tensor_parallel_size=1))
    torch.serialization.set_crc32_options(False)
    try:
        for path in (tmp_path / "mg").rglob("*.pt"):
            torch.save(torch.load(path, weights_only=False), path)
    finally:
        torch.serialization.set_crc32_options(True)
    (tmp_path / "mg" / "manifest.json").unlink()
    convert(options(tmp_path / "mg", tmp_path / "part", ranks="pp=1", hf_cfg_dir=hf_dir))
    assert verify(hf_dir, tmp_path / "part").ok


def flip(path: Path, record: str) -> None:
    """Changes a bit in the middle of a record."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        start, size = archive.getinfo(record).header_offset, archive.getinfo(record).file_size
    data = bytearray(path.read_bytes())
    name, extra = (int.from_bytes(data[start + at : start + at + 2], "little") for at in (26, 28))
    at = start + 30 + name + extra + size // 2
    if record.endswith(".pkl"):  # a letter of a name, so that it still loads
        at = data.index(b"num_floating_point_operations_so_far")
    data[at] ^= 1
    path.write_bytes(data)


def test_a_dry_run_needs_the_disk_of_the_part_only(hf_dir, tmp_path):
    needed = {
        ranks: plan_job(options(hf_dir, tmp_path / "out", dry_run=True, ranks=ranks)).totals.nbytes
        for ranks in ("", "pp=0", "pp=1")
    }
    assert needed["pp=0"] + needed["pp=1"] == needed[""]


@pytest.mark.parametrize("last", [False, True], ids=["first part", "last part"])
def test_a_part_that_is_killed_resumes_without_touching_the_others(
    in_child, hf_dir, tmp_path, whole, last
):
    out = tmp_path / "out"

    def part(ranks: str, **more) -> Callable[[], object]:
        return lambda: convert(options(hf_dir, out, ranks=ranks, **more))

    if last:
        part("pp=0")()
    others = rank_files(out) if last else {}
    kills = 0
    for moment in itertools.count(1, EVERY):
        work = out.with_name("work")
        if out.exists():
            shutil.copytree(out, work, symlinks=True)
        status, _ = in_child(part("pp=1", resume=True), moment)
        if status == 0:
            break
        assert status == signal.SIGKILL
        kills += 1
        now = rank_files(out)
        assert others.items() <= now.items()
        if not last:
            part("pp=0")()  # another node is not kept from its work
            assert (
                rank_files(out).items()
                >= {
                    name: data
                    for name, data in whole.items()
                    if name.endswith("_000/model_optim_rng.pt")
                }.items()
            )
        part("pp=1", resume=True)()
        assert snapshot(out) == whole
        shutil.rmtree(out)
        if work.exists():
            work.rename(out)
    assert kills * EVERY > 20


def test_parts_that_end_at_the_same_time_make_one_checkpoint(hf_dir, tmp_path, whole):
    for attempt in range(5):
        out = tmp_path / f"out{attempt}"
        children = []
        for node in range(4):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - the child ends here
                    convert(options(hf_dir, out, node=f"{node}/4"))
                    status = 0
                finally:
                    os._exit(status)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        assert snapshot(out) == whole
