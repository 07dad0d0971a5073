"""Running verifiers: in this process, in workers that can be killed, over a whole batch."""
