"""Measure which rules a kernel follows, by calls with chosen inputs."""
