"""The power-flow engine: networks, arrays and limits in, results out. No Django."""
