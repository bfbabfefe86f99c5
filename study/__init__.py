"""The study: experiments in, evidence out. `core` does the training and knows nothing of it."""
