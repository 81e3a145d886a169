"""Parts of an experiment: their settings, the catalogues that find them by name, and one's own code."""
