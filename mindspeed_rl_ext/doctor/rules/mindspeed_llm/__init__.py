"""Rules on rlxf configurations of MindSpeed-LLM."""
