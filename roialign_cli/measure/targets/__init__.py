"""Kernels outside this process: Python functions in files and packages, ONNX nodes, programs."""
