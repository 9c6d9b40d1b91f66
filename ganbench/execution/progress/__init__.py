"""What a person sees while a grid runs, and how long the rest takes."""
