"""Where images come from: folders, tables, and the layouts of published data sets."""
