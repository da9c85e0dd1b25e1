"""The signed claim about a released set, and its verification."""
