"""The packed files of the hosts: written, joined, stripped, shown."""
