"""What a tree is worth: at random points modulo a prime, exactly, numerically."""
