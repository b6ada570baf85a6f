"""Record the ROI Aligns that a Python program calls."""
