"""Answer a page in the browser on this computer: numbers of ROI Align while a box is dragged."""
