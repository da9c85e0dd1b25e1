"""TorchServe: the only place that knows it. Starting and watching it, and asking it for predictions.

Nothing is re-exported: `launch` is run as a file, and must not wait for torch.
"""
