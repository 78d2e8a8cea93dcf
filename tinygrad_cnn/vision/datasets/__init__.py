"""Datasets of single samples, a picture of Pillow's and an int, under torchvision's names.

The same files as those of `tinygrad_cnn.data`, which hands out whole batches as arrays.
"""

from .fakedata import FakeData
from .folder import DatasetFolder, ImageFolder
from .mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from .vision import VisionDataset

__all__ = [
    "EMNIST",
    "KMNIST",
    "MNIST",
    "DatasetFolder",
    "FakeData",
    "FashionMNIST",
    "ImageFolder",
    "VisionDataset",
]
