"""Radiographs over DICOM: a storage SCP with a durable spool, checked by the gate, released as new objects."""
