"""What a label is: a class, a set of labels, a number. A task says how that is learnt, scored and probed."""
