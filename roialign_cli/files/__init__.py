"""Read features and boxes; write results."""
