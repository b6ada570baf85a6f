"""Which convention made an output."""
