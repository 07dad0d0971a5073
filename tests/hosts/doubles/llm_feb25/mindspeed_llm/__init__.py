"""A double: the host parses the command line while it is imported."""

import argparse

argparse.ArgumentParser(add_help=False).parse_args([])
