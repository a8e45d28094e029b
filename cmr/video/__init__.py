"""Video formats: H.264, MP4 boxes, and the fragments made of them."""
