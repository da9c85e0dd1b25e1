"""The Open Inference Protocol (KServe v2), which Triton, KServe, MLServer and OpenVINO Model Server speak."""
