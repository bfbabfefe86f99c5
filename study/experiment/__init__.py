"""What is asked: an experiment file, read and checked as a whole, and the cells that it makes."""
