"""Datasets, samplers, the loader, image transforms, IDX files, MNIST and its kin. Plain NumPy until a batch is made."""

from .centering import center_digit
from .collate import default_collate, default_convert
from .dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from .drawn import DrawnDigits, load_drawn_csv, save_drawn_csv
from .idx import read_idx, write_idx
from .loader import DataLoader
from .mnist import KMNIST, MNIST, Digits, FashionMNIST, ImageDataset, embedded_digits, load_mnist
from .reading import WorkerInfo, get_worker_info
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .sheets import SheetLayout, make_template, split_sheet
from .transforms import Compose, Normalize, RandomErasing, RandomHorizontalFlip, RandomShift, Transform
from .warp import ElasticTransform, RandomAffine

__all__ = [
    "KMNIST",
    "MNIST",
    "BatchSampler",
    "Compose",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "Digits",
    "DrawnDigits",
    "ElasticTransform",
    "FashionMNIST",
    "ImageDataset",
    "IterableDataset",
    "Normalize",
    "RandomAffine",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomSampler",
    "RandomShift",
    "Sampler",
    "SequentialSampler",
    "SheetLayout",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "Transform",
    "WeightedRandomSampler",
    "WorkerInfo",
    "center_digit",
    "default_collate",
    "default_convert",
    "embedded_digits",
    "get_worker_info",
    "load_drawn_csv",
    "load_mnist",
    "make_template",
    "random_split",
    "read_idx",
    "save_drawn_csv",
    "split_sheet",
    "write_idx",
]
