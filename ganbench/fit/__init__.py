"""``ganbench fit``: from a folder of images to the best GAN that a time allows."""
