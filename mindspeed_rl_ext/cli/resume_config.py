"""Writes the configuration that resumes a run: every key that a resume needs, or none.

In MindSpeed-RL: finetune, no_load_optim, no_load_rng false; load is the run's save; the reference
model is loaded from the first run's weights (rl_config.integrated_mode_config.ref_model_load_path).
Comments and order stay. In MindSpeed-LLM's rlxf files the same keys of the actor and the critic.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindspeed_rl_ext.core.errors import EXIT_DONE, InputError
from mindspeed_rl_ext.core.files import write_text_atomic
from mindspeed_rl_ext.doctor.resume import resumed
from mindspeed_rl_ext.doctor.yaml_file import read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext resume-config`."""
    parser.add_argument("config", type=Path, metavar="IN", help="the YAML of the run")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    parser.add_argument(
        "--reference",
        metavar="DIR",
        help="the weights that the first run started from; by default its load",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT where it is there")


def run(args: argparse.Namespace) -> int:
    """Writes OUT and says what is different in it."""
    read(args.config)
    text = args.config.read_bytes().decode("utf-8")
    changed, changes = resumed(text, args.config, args.reference)
    if args.output.exists() and not args.overwrite:
        raise InputError(
            f"{args.output} is there already", remedy="choose another name, or give --overwrite"
        )
    if not args.output.parent.is_dir():
        raise InputError(f"no directory {args.output.parent}", remedy="make it first")
    write_text_atomic(args.output, changed)
    for change in changes:
        print(change)
    print(f"\nwrote {args.output}; check it: msrl-ext doctor --config {args.output}")
    return EXIT_DONE
