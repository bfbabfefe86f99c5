"""Data and network, ready to train: datasets, their splits, starts, orders and best known losses."""
