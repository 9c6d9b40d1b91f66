"""What figures show, as plain data: one module for each kind, drawn elsewhere by whichever tool."""
