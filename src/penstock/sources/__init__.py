"""Where rows come from: files. The public door is :func:`penstock.sources.files.open_files`."""
