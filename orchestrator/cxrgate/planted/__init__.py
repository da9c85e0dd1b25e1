"""Planted leaks: their classes and strengths, the patients they are made from, and what a gate said of them."""
