"""From a model's table to the tensors of every rank: specs, rules, sizes, layouts, plans."""
