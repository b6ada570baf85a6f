"""Recorded calls: what went in and out of an ROI Align that ran somewhere."""
