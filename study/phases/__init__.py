"""What is done in a cell: sweep, search, confirmation, stability limit, edge of stability, theory."""
