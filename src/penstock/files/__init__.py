"""Files as sources. The entry point is :func:`penstock.files.source.open_files`."""
