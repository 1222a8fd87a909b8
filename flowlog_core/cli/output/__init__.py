"""What commands write: tables, rows, flows, progress and messages."""
