"""ROI Aligns in ONNX models: list them, and record what goes in and out of them."""
