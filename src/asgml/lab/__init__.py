"""The lab: data sets, encoders, the training loop, sweeps, statistics, reports and the command line (extra ``[lab]``)."""
