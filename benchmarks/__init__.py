"""What roialign is measured against: `python -m benchmarks`."""
