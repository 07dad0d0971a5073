"""verl's FSDP checkpoints: a torch file of DTensors for each rank."""
