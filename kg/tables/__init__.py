"""Tables of any format to columns, batch by batch, with line numbers."""
