"""Converting on the nodes of a Ray cluster: each node writes the ranks that it loads.

Covers: every node plans before any writes; a process of its own on each node, ended with its task;
replies as data, by node; nodes in the order of their addresses, or as they are named.
Does not cover: copying the source: it must lie at the same path on each node. Two nodes with the
same ranks need a destination each.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.options import LOCAL, ConvertOptions
from mindspeed_rl_ext.core.errors import (
    EXIT_MACHINE_FAILED,
    ExtError,
    InputError,
    MachineError,
)
from mindspeed_rl_ext.core.interrupts import terminable
from mindspeed_rl_ext.core.options import declared_options, from_json, to_json
from mindspeed_rl_ext.core.python_process import error_from_json, error_to_json, start_python
from mindspeed_rl_ext.integrations.ray_nodes import Node, alive_nodes, connect, import_ray

CONVERT_HERE = "mindspeed_rl_ext.integrations.ray_conversion:convert_here"
POLL_S = 0.1
ENDING_S = 60


@dataclass(frozen=True, eq=False)
class NodeReply:
    """What became of one node's part.

    Args:
        number: the node's number, as `--node` counts.
        node: its address and the beginning of Ray's name for it.
        report: what was planned, or written, with the warnings that were logged; empty where it
            failed.
        error: why it failed.
    """

    number: int
    node: str
    report: dict[str, Any]
    error: ExtError | OSError | None = None


def convert_on_nodes(
    options: ConvertOptions,
    planned: Callable[[Sequence[NodeReply]], None],
    done: Callable[[NodeReply], None],
) -> list[NodeReply]:
    """Converts on every node of a cluster; none writes unless all could plan.

    Args:
        options: of the whole conversion; with `dry_run` nodes only plan.
        planned: called with what each node would write, before any does.
        done: called with each node's reply as it comes.

    Returns:
        The replies in the order of the nodes; of planning, where that failed or was all.

    Raises:
        MissingExtraError: ray is not installed.
        InputError: no cluster, or no such nodes.
    """
    _check(options)
    ray = import_ray("--engine ray")
    started = connect(ray, options.ray_address, "run ray start --head, or give --ray-address")
    try:
        with terminable():  # Ray has put its own answer to SIGTERM in place
            nodes = _chosen(alive_nodes(ray), options.nodes)
            parts = list(_parts(options, len(nodes)))
            plans = _run(ray, nodes, parts, plan_only=True, done=lambda reply: None)
            planned(plans)
            if options.dry_run or any(reply.error for reply in plans):
                return plans
            return _run(ray, nodes, parts, plan_only=False, done=done)
    finally:
        if started:
            ray.shutdown()


def _check(options: ConvertOptions) -> None:
    if options.ranks or options.node:
        raise InputError(
            "--engine ray gives every node its part",
            found=f"--ranks {options.ranks}" if options.ranks else f"--node {options.node}",
            remedy="leave that flag out",
        )


def _chosen(alive: Sequence[Node], wanted: Sequence[str]) -> list[Node]:
    """The nodes in the order that the user named, by address; all where none is named."""
    if not wanted:
        return list(alive)
    by_ip = {node.ip: node for node in alive}
    missing = [ip for ip in wanted if ip not in by_ip]
    if missing or len(set(wanted)) < len(wanted) or len(by_ip) < len(alive):
        raise InputError(
            "--nodes does not name nodes of the cluster, each once",
            found=",".join(wanted),
            expected=f"addresses among {', '.join(map(str, alive))}",
        )
    return [by_ip[ip] for ip in wanted]


def _parts(options: ConvertOptions, count: int) -> Iterator[ConvertOptions]:
    """The options of each node; paths as the driver means them."""
    known = declared_options(ConvertOptions)
    values = {name: getattr(options, name) for name in known}
    paths: dict[str, Any] = {
        name: value.absolute() for name, value in values.items() if isinstance(value, Path)
    }
    for number in range(count):
        local = replace(options, engine=LOCAL, nodes=(), ray_address="auto")
        yield replace(local, **paths, node=f"{number}/{count}")


def _run(
    ray: Any,
    nodes: Sequence[Node],
    parts: Sequence[ConvertOptions],
    plan_only: bool,
    done: Callable[[NodeReply], None],
) -> list[NodeReply]:
    task = ray.remote(num_cpus=0, max_retries=0)(run_on_node)
    asked = {}
    for number, (node, part) in enumerate(zip(nodes, parts, strict=True)):
        options = task.options(scheduling_strategy=node.strategy())
        asked[options.remote(to_json(part), plan_only)] = number
    replies: dict[int, NodeReply] = {}
    waiting = list(asked)
    try:
        while waiting:
            # Between two looks, so that a signal meets Python: Ray's own waiting forgets which.
            time.sleep(POLL_S)
            ready, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=0)
            for reference in ready:
                number = asked[reference]
                replies[number] = _reply(ray, number, nodes[number], reference)
                done(replies[number])
    except BaseException:
        for reference in waiting:
            ray.cancel(reference)
        if waiting:
            ray.wait(waiting, num_returns=len(waiting), timeout=ENDING_S)
        raise
    return [replies[number] for number in sorted(replies)]


def _reply(ray: Any, number: int, node: Node, reference: Any) -> NodeReply:
    try:
        found = json.loads(ray.get(reference))
    except ray.exceptions.RayError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return NodeReply(
            number, str(node), {}, MachineError("nothing can be run on this node", found=lines[-1])
        )
    if "error" in found:
        return NodeReply(number, str(node), {}, error_from_json(json.dumps(found["error"])))
    return NodeReply(number, str(node), found)


def run_on_node(options: str, plan_only: bool) -> str:
    """Runs on a node, in Ray's worker: starts the process that converts, and ends it with the task.

    Args:
        options: of the node's part, as JSON.
        plan_only: nothing is written.

    Returns:
        The report as JSON, or the error.
    """
    with tempfile.TemporaryDirectory() as folder:
        reply, log = Path(folder, "reply"), Path(folder, "log")
        with log.open("wb") as file:
            process = start_python(
                *(CONVERT_HERE, options, str(int(plan_only)), str(reply)),
                purpose="the process that converts a node's part",
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        try:
            while process.poll() is None:  # a cancelled task is interrupted between two looks
                time.sleep(POLL_S)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(ENDING_S)
        if reply.is_file():
            return reply.read_text("utf-8")
        lines = log.read_text("utf-8", errors="replace").strip().splitlines()
        what = f"the process that converts a node's part ended with code {process.returncode}"
        error = MachineError(what, found=lines[-1] if lines else "")
        return json.dumps({"error": json.loads(error_to_json(error))})


def convert_here(options: str, plan_only: str, reply: str) -> None:
    """Runs in a process of its own.

    Args:
        options: of the node's part, as JSON.
        plan_only: "1" where nothing is written.
        reply: the file that the report or the error goes to.
    """
    from mindspeed_rl_ext.checkpoint.convert import run_job
    from mindspeed_rl_ext.checkpoint.job import plan_job
    from mindspeed_rl_ext.checkpoint.tables import node_plan, report_data

    warnings = _Warnings()
    logging.getLogger("mindspeed_rl_ext").addHandler(warnings)
    try:
        with terminable():
            made = from_json(ConvertOptions, options)
            job = plan_job(made)
            found = node_plan(job) if plan_only == "1" else report_data(run_job(job), made)
    except (ExtError, OSError, MemoryError) as error:
        text = json.dumps({"error": json.loads(error_to_json(error))})
        Path(reply).write_text(text, encoding="utf-8")
        sys.exit(getattr(error, "exit_code", EXIT_MACHINE_FAILED))
    Path(reply).write_text(json.dumps({**found, "warnings": warnings.found}), encoding="utf-8")


class _Warnings(logging.Handler):
    """Keeps the warnings that are logged: a node's standard error is not the driver's."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a warning."""
        self.found.append(record.getMessage())
