"""The order in which a file's tensors are written, and the file's blocks."""

from __future__ import annotations

import gc
import os

from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan, Item
from mindspeed_rl_ext.checkpoint.copying.out_file import OutFile
from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.mapping.plan import TensorPlan
from mindspeed_rl_ext.checkpoint.tensors import whole
from mindspeed_rl_ext.core.garbage import few_collections

MEGABYTE = 1 << 20


def plan_of(*megabytes: int) -> FilePlan:
    items, at = [], 0
    for number, size in enumerate(megabytes):
        plan = TensorPlan(whole(str(number)), (size * MEGABYTE,), by_name("uint8"), ())
        items.append(Item(plan, at))
        at += plan.nbytes
    return FilePlan(b"", tuple(items), at)


def test_a_much_longer_run_comes_first_and_the_others_in_file_order():
    runs = plan_of(64, 70, 65, 900, 66).runs()
    assert runs == [range(3, 4), range(0, 1), range(1, 2), range(2, 3), range(4, 5)]


def test_the_runs_hold_every_tensor_once():
    runs = plan_of(1, 2, 300, 64, 3, 63, 1, 5).runs()
    assert sorted(number for run in runs for number in run) == list(range(8))


def test_a_new_file_has_its_size_and_no_bytes_of_others(tmp_path):
    file = OutFile(tmp_path / "new", 3 * MEGABYTE + 5)
    file.finish()
    file.close()
    assert os.path.getsize(tmp_path / "new") == 3 * MEGABYTE + 5
    assert not any((tmp_path / "new").read_bytes())


def test_the_setting_of_the_collector_is_restored_after_an_error():
    before = gc.get_threshold()
    try:
        with few_collections():
            assert gc.get_threshold() != before
            raise ValueError
    except ValueError:
        pass
    assert gc.get_threshold() == before
