"""DICOM objects: reading one, and the grey levels that its attributes ask for."""
