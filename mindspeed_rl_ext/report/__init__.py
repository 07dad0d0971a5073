"""What happened in a run: curves and one page that opens offline."""
