"""The CPU runtime: each network as an OpenVINO graph, built from the same weights as the PyTorch network."""
