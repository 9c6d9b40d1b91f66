"""What every room may use: files, text, errors, paths, images."""
