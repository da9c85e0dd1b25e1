"""How identity holds as the number of references grows: measured in galleries of exact sizes, then extrapolated."""
