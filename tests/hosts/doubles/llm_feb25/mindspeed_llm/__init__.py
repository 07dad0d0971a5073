"""A double: the host parses the command line while it is imported."""

import argparse

from mindspeed_llm.training.arguments import process_args

process_args(argparse.ArgumentParser(allow_abbrev=False)).parse_known_args()
argparse.ArgumentParser(add_help=False).parse_args([])
