"""What can be read off a sampling plan: traces, footprints, comparisons, pitfalls."""
