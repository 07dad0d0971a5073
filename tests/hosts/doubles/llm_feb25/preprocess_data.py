"""A double of the host's script: its list of handlers is closed, and in `__main__`."""

import argparse

from mindspeed_llm.tasks.preprocess.data_handler import _get_handler_cls


def get_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--handler-name")
    parser.add_argument("--prompt-type", choices=["qwen"])
    parser.add_argument("--output-prefix", default="")
    return parser.parse_args()


def validate_args(args):
    allowed = ["AlpacaStyleInstructionHandler"]
    if args.prompt_type is not None and args.handler_name not in allowed:
        raise AssertionError(f"handler name must be in {allowed}")
    if not args.output_prefix:
        raise AssertionError("no output prefix")


if __name__ == "__main__":
    args = get_args()
    validate_args(args)
    print(_get_handler_cls(args.handler_name).__name__, args.handler_name)  # noqa: T201
