"""`reportgen demo`: a small convolutional network trained on real handwritten digits, and its report."""
