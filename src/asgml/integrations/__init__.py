"""The Balancer inside other people's training loops: one module per host, each with one callback, imported on demand.

`asgml.integrations.lightning.BalancerCallback` for Lightning, `asgml.integrations.transformers.BalancerCallback` for Hugging
Face's Trainer. Importing this package imports neither host.
"""
