"""A look at a data set before a model sees it: what its samples are, what its splits share, and whether labels fit inputs."""
