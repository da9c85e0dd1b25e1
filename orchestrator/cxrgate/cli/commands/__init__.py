"""The commands, one file per command group; `cxrgate.cli.lazy` lists them."""
