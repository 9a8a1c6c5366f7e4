"""What talks to Ballast from outside, over the wire only."""
