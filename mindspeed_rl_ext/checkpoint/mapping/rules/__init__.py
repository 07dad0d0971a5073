"""Rules: which box of which HuggingFace tensor lies where in a rank's Megatron-core tensor."""
