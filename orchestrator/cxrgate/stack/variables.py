"""The variables of stack.env, by which compose.yaml is told what a stack is to be."""

from __future__ import annotations

PROJECT, LISTEN, MODELS, GPU = "CXRGATE_PROJECT", "CXRGATE_LISTEN", "CXRGATE_MODELS", "CXRGATE_GPU"
PROFILES, CONFIG, REGISTRY = "CXRGATE_PROFILES", "CXRGATE_CONFIG", "CXRGATE_REGISTRY"
HTTPS = "CXRGATE_HTTPS_LISTEN"
CERTIFICATION_KEY, SENDERS, RUN = "CXRGATE_CERTIFICATION_KEY", "CXRGATE_DICOM_SENDERS", "CXRGATE_RUN"
"""What stack.env remembers of a start, for the next one."""
INPUTS = "CXRGATE_INPUTS"
"""A label of every service: where it is another one, Compose starts it anew."""
WATCHED = "observability"
PROFILE_SERVICES = {WATCHED: ("prometheus", "grafana"), "dicom": ("receiver",), "review": ("review",)}
"""What is started only where it is asked for, by profile of compose.yaml."""
STORAGE_KEY = "CXRGATE_STORAGE_KEY"
"""What snapshots are sealed with, where somebody keeps it elsewhere."""
