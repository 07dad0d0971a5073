"""What rules look at: files, environments and clusters, each read into one class."""
