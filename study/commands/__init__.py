"""What else a user asks: advice on a dataset, lists of what there is."""
