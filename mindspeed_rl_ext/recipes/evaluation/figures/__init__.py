"""What graded responses come to: figures, intervals, votes, tables."""
