"""Low-rank adapters (LoRA): read, merged into a model on the way, written as PEFT has them."""
