"""Charts as inline SVG, shared by all pages."""
