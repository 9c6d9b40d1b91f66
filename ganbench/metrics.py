"""``gb.metrics``: what ganbench's metrics compute, as functions of arrays or tensors."""

from ganbench_metrics.distances import nearest_neighbours as nearest_neighbours
from ganbench_metrics.frechet import frechet_distance
from ganbench_metrics.kernel_distance import kernel_distance
from ganbench_metrics.manifolds import prdc
from ganbench_metrics.mixtures import mixture_statistics

nearest_neighbors = nearest_neighbours

__all__ = ["frechet_distance", "kernel_distance", "prdc", "mixture_statistics", "nearest_neighbors"]
