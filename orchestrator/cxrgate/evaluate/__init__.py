"""How good a model store is on patients that its models never saw."""
