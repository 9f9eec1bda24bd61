"""What is seen of studies: diagrams, charts and words. It reads and never writes."""
