"""What is seen of studies: diagrams, charts, reports, documents, and the words on them."""
