"""The classes of planted leaks, one module each; `catalogue` lists them."""
