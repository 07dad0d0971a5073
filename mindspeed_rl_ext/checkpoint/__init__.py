"""Checkpoints of HuggingFace, Megatron core and FSDP, any to any, verified, in constant memory.

Covers: planning, converting, verifying and describing checkpoints without Megatron, torch or an
accelerator. A model is a file of data in `models/`; a rule says which box of which HuggingFace
tensor lies where in a rank's tensor, and serves both directions.
Does not cover: optimizer state, LoRA.
"""
