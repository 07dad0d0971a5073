"""Megatron-core's legacy format: one torch file a rank."""
