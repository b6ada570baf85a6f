"""Reading features and boxes, writing results."""
