"""Pages of organisations, notices and the demo's mail."""
