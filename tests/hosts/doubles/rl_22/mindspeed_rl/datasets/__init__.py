"""A double of the host: as much of it as the adapters look at."""
