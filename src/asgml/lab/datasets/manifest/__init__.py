"""One's own data: a CSV or JSON Lines file with a row per sample, and a column per modality."""
