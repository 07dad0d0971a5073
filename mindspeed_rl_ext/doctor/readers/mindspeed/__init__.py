"""Configurations of MindSpeed-RL and MindSpeed-LLM: their parts, keys, types and precedence."""
