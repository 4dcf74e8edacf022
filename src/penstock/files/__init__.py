"""Where rows come from: files. The public door is :func:`penstock.files.source.open_files`."""
