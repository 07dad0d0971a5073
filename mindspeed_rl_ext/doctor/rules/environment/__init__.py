"""Rules on a Python, its libraries, the activation, the nodes of a cluster."""
