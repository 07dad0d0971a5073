"""Torch's distributed checkpoint (DCP): `.metadata` and files of chunks."""
