"""What the tables show, in sentences: findings, captions and the evidence behind each."""
