"""Rules on configurations of MindSpeed-RL."""
