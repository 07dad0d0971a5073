"""Rows that arrive one by one are scored together; who awaits one always gets a result."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mindspeed_rl_ext.hosts.verl import row_queue
from mindspeed_rl_ext.hosts.verl.row_queue import RowQueue


def queue(score, timeout_s=30.0):
    return RowQueue(score, lambda row, reason, late: ("failed", row, late), timeout_s)


async def all_of(rows_queue, rows):
    return await asyncio.gather(*[rows_queue.submit(row) for row in rows])


def test_rows_that_arrive_together_are_one_batch_in_order():
    batches = []

    def score(rows):
        batches.append(list(rows))
        return [row * 2 for row in rows]

    assert asyncio.run(all_of(queue(score), range(50))) == [row * 2 for row in range(50)]
    assert batches == [list(range(50))]


def test_a_long_batch_is_split(monkeypatch):
    monkeypatch.setattr(row_queue, "MAX_ROWS", 8)
    sizes = []

    def score(rows):
        sizes.append(len(rows))
        return list(rows)

    assert asyncio.run(all_of(queue(score), range(20))) == list(range(20))
    assert sorted(sizes) == [4, 8, 8]


@pytest.mark.parametrize("error", [ValueError("three"), SystemExit(3)])
def test_one_row_that_raises_spoils_no_other(error):
    def score(rows):
        if 3 in rows:
            raise error
        return list(rows)

    found = asyncio.run(all_of(queue(score), [1, 2, 3, 4]))
    assert found == [1, 2, ("failed", 3, False), 4]


@pytest.mark.parametrize("result", [lambda rows: rows[1:], lambda rows: None])
def test_results_of_another_number_are_failures_and_not_a_hang(result):
    found = asyncio.run(all_of(queue(result), [1, 2]))
    assert found == [("failed", 1, False), ("failed", 2, False)]


def test_a_batch_that_hangs_fails_at_its_limit_and_later_ones_do_not():
    hangs = threading.Event()

    def score(rows):
        if "hang" in rows:
            hangs.wait()
        return list(rows)

    async def both():
        rows_queue = queue(score, timeout_s=0.1)
        first = await all_of(rows_queue, ["hang", "beside it"])
        return first, await all_of(rows_queue, ["later"])

    first, later = asyncio.run(both())
    hangs.set()
    assert first == [("failed", "hang", True), ("failed", "beside it", True)]
    assert later == ["later"]


def test_an_event_loop_that_ended_while_rows_waited_does_not_block_the_next_one():
    rows_queue = queue(list)

    async def abandons():
        task = asyncio.ensure_future(rows_queue.submit("left behind"))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(abandons())
    assert asyncio.run(all_of(rows_queue, ["a", "b"])) == ["a", "b"]


def test_two_event_loops_in_two_threads_do_not_mix_their_rows():
    rows_queue, found = queue(list), {}

    def run(name):
        found[name] = asyncio.run(all_of(rows_queue, [f"{name}{i}" for i in range(20)]))

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == {name: [f"{name}{i}" for i in range(20)] for name in "ab"}
