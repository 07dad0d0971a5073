"""Megatron core's distributed checkpoint: DCP with Megatron's names, and `common.pt`."""
