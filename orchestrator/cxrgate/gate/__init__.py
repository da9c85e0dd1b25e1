"""The gate: what decides on one image after another, here or over remote services."""
