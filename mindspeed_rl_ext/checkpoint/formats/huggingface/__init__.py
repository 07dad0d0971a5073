"""HuggingFace directories: safetensors shards, their index, config.json, tokenizer."""
