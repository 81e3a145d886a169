"""What a cell's process does: a plain training loop with a Balancer in it, and everything that it leaves behind."""
