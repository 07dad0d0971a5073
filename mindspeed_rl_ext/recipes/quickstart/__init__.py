"""The whole loop on a CPU: data, warm start, conversion, reinforcement learning, report."""
