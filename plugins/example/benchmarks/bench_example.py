"""What each component takes: `pytest plugins/example/benchmarks/bench_example.py`.

`ganbench bench plugins/example/benchmarks/bench_example.py --against main` tells whether one became
slower.
"""

import torch
from ganbench_blobs import Blobs
from ganbench_hue import Hue
from ganbench_softhinge import SoftHinge
from ganbench_tinyupsampler import TinyUpsampler

from ganbench.testing import (
    ArchitectureBenchmarks,
    DatasetBenchmarks,
    LossBenchmarks,
    MetricBenchmarks,
    Work,
    feature_set,
    workload,
)


class TestSoftHingeSpeed(LossBenchmarks):
    component = SoftHinge()


class TestTinyUpsamplerSpeed(ArchitectureBenchmarks):
    component = TinyUpsampler()


class TestBlobsSpeed(DatasetBenchmarks):
    component = Blobs()


class TestHueSpeed(MetricBenchmarks):
    component = Hue()

    @workload("the hues of large images")
    def large_images(self):
        images = torch.randint(256, (20, 3, 128, 128), dtype=torch.uint8)
        samples = feature_set(images=images)
        return Work(lambda: self.component.reference(samples), len(images), "images")
