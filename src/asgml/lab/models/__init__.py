"""Encoders, fusions and the late-fusion model."""
