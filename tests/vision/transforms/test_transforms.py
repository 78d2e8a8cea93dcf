"""Single transforms: what they draw and how often, that the same draw gives the function's result, reprs, refusals."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.vision import transforms as T
from tinygrad_cnn.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
TIMES = 2000
NOISE = 5 * (0.25 / TIMES) ** 0.5  # of a frequency, five standard deviations
NEAREST, BILINEAR = T.InterpolationMode.NEAREST, T.InterpolationMode.BILINEAR
RNG = np.random.default_rng(0)


def picture(*shape: int) -> Any:
    return tg.from_numpy(RNG.integers(1, 256, shape, np.uint8))


def spread_evenly(values: Any, low: float, high: float) -> None:
    """By Kolmogorov and Smirnov: a chance of one in a million to fail by itself (and the seed is fixed)."""
    ordered = (np.sort(values) - low) / (high - low)
    assert ordered.min() >= 0
    assert ordered.max() <= 1
    n = len(ordered)
    gap = np.abs(ordered - (np.arange(n) + 0.5) / n).max()
    assert gap < math.sqrt(-math.log(1e-6 / 2) / 2 / n)


RANDOM = [
    T.RandomCrop(5, 2),
    T.RandomCrop((3, 4), padding=(1, 2), fill=7),
    T.RandomCrop(12, pad_if_needed=True, padding_mode="edge"),
    T.RandomResizedCrop(5),
    T.RandomHorizontalFlip(),
    T.RandomVerticalFlip(),
    T.RandomRotation(30),
    T.RandomRotation((10, 80), BILINEAR, fill=9),
    T.RandomAffine(20, (0.3, 0.2), (0.7, 1.4), (-10, 10, -5, 5), BILINEAR, fill=3),
    T.ColorJitter(0.5, 0.4, 0.3, 0.2),
    T.RandomGrayscale(0.5),
    T.RandomInvert(),
    T.GaussianBlur(3),
    T.RandomApply([T.RandomInvert(1)]),
    T.RandomChoice([T.RandomInvert(1), T.Pad(0)]),
]


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: repr(t).replace("\n", ""))
def test_the_seed_decides_and_the_image_stays(transform: Any) -> None:
    x = picture(3, 8, 9)
    for image in (x, F.to_pil_image(x), F.convert_image_dtype(x)):
        shown = {}
        for seed in (1, 1, 2, 3, 4, 5, 6, 7, 8):
            tg.manual_seed(seed)
            got = transform(image)
            assert type(got) is type(image)
            array = np.asarray(got) if image is not x else got.numpy()
            assert shown.setdefault(seed, array.tobytes()) == array.tobytes()
        assert len(set(shown.values())) > 1
    assert F.pil_to_tensor(F.to_pil_image(x)).numpy().tobytes() == x.numpy().tobytes()


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: repr(t).replace("\n", ""))
def test_nothing_is_drawn_from_elsewhere(transform: Any) -> None:
    import random

    state, theirs = random.getstate(), np.random.get_state()[1].copy()  # type: ignore[union-attr, index]
    transform(picture(3, 8, 9))
    assert random.getstate() == state
    np.testing.assert_array_equal(np.random.get_state()[1], theirs)  # type: ignore[index]


@pytest.mark.parametrize(
    ("kind", "function"),
    [(T.RandomHorizontalFlip, F.hflip), (T.RandomVerticalFlip, F.vflip), (T.RandomInvert, F.invert)],
)
@pytest.mark.parametrize("p", [0, 0.2, 0.5, 1.0])
def test_with_probability_p(kind: Any, function: Any, p: float) -> None:
    tg.manual_seed(0)
    transform, x = kind(p), picture(3, 2, 2)
    changed = function(x).numpy()
    seen = [np.array_equal(transform(x).numpy(), changed) for _ in range(TIMES)]
    assert abs(np.mean(seen) - p) < (NOISE if 0 < p < 1 else 1e-9)


def test_grey_with_probability_p_and_the_channels_stay() -> None:
    tg.manual_seed(0)
    x = picture(3, 2, 2)
    seen = [np.ptp(T.RandomGrayscale(0.3)(x).numpy(), axis=0).max() == 0 for _ in range(TIMES)]
    assert abs(np.mean(seen) - 0.3) < NOISE
    one = picture(1, 2, 2)
    assert T.RandomGrayscale(1)(one).shape == (1, 2, 2)
    assert T.RandomGrayscale(1)(Image.new("L", (2, 2))).mode == "L"
    assert T.RandomGrayscale(1)(Image.new("RGB", (2, 2))).mode == "RGB"


def test_crops_fall_evenly_on_all_places() -> None:
    tg.manual_seed(0)
    x = picture(1, 5, 4)
    seen = Counter(T.RandomCrop.get_params(x, (3, 3)) for _ in range(TIMES))
    assert set(seen) == {(i, j, 3, 3) for i in range(3) for j in range(2)}
    assert all(abs(n / TIMES - 1 / 6) < NOISE for n in seen.values())
    assert T.RandomCrop.get_params(x, (5, 4)) == (0, 0, 5, 4)
    assert {T.RandomCrop.get_params(x, (5, 3))[1] for _ in range(50)} == {0, 1}


@given(st.data())
def test_a_crop_is_a_window_of_the_padded_image(data: st.DataObject) -> None:
    size = (data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
    padding = data.draw(st.sampled_from([None, 1, (1, 2), (0, 1, 2, 3)]))
    mode, fill = data.draw(st.sampled_from(["constant", "edge", "symmetric"])), data.draw(st.integers(0, 255))
    x = picture(2, 4, 5)
    transform = T.RandomCrop(size, padding, True, fill, mode)
    big = x if padding is None else F.pad(x, padding, fill, mode)
    if big.shape[2] < size[1]:
        big = F.pad(big, (size[1] - big.shape[2], 0), fill, mode)
    if big.shape[1] < size[0]:
        big = F.pad(big, (0, size[0] - big.shape[1]), fill, mode)
    got = transform(x).numpy()
    windows = np.lib.stride_tricks.sliding_window_view(big.numpy(), size, (1, 2))
    assert got.shape == (2, *size)
    assert (windows == got[:, None, None]).all((0, 3, 4)).any()


def test_a_crop_that_does_not_fit() -> None:
    for image in (tg.zeros(3, 4, 5), Image.new("L", (5, 4))):
        with pytest.raises(
            ValueError, match="6 high and 5 wide does not fit into an image 4 high and 5 wide; pass pad"
        ):
            T.RandomCrop((6, 5))(image)
        assert F.get_dimensions(T.RandomCrop((6, 5), pad_if_needed=True)(image))[1:] == [6, 5]


def test_areas_and_ratios_of_resized_crops() -> None:
    tg.manual_seed(0)
    x = tg.zeros(1, 400, 400)
    parts = np.array([T.RandomResizedCrop.get_params(x, (0.1, 0.4), (0.5, 2.0)) for _ in range(TIMES)], float)
    top, left, height, width = parts.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 400).all()
    assert (left + width <= 400).all()
    spread_evenly(height * width / 400**2 + RNG.uniform(-1e-4, 1e-4, TIMES), 0.098, 0.402)
    spread_evenly(np.log(width / height), math.log(0.49), math.log(2.04))
    spread_evenly((top + RNG.random(TIMES)) / (401 - height), 0, 1)
    spread_evenly((left + RNG.random(TIMES)) / (401 - width), 0, 1)


@pytest.mark.parametrize(
    ("shape", "ratio", "part"),
    [
        ((10, 40), (0.9, 1.1), (0, 14, 10, 11)),  # too wide: as wide as the ratio allows
        ((40, 10), (0.8, 1.2), (14, 0, 12, 10)),  # too high: as high as it allows
        ((10, 10), (0.9, 1.1), (0, 0, 10, 10)),
    ],
)
def test_the_middle_where_nothing_fits(shape: Any, ratio: Any, part: Any) -> None:
    assert T.RandomResizedCrop.get_params(tg.zeros(1, *shape), (5.0, 6.0), ratio) == part


def test_a_resized_crop_is_the_function_of_what_it_draws() -> None:
    x = picture(3, 20, 30)
    transform = T.RandomResizedCrop((7, 6), (0.2, 0.5), (0.5, 2), NEAREST, antialias=False)
    tg.manual_seed(3)
    part = transform.get_params(x, transform.scale, transform.ratio)
    tg.manual_seed(3)
    np.testing.assert_array_equal(transform(x).numpy(), F.resized_crop(x, *part, (7, 6), NEAREST, False).numpy())


def test_angles() -> None:
    tg.manual_seed(0)
    spread_evenly([T.RandomRotation.get_params((-20, 50)) for _ in range(TIMES)], -20, 50)
    x = picture(3, 9, 8)
    for image in (x, F.to_pil_image(x)):
        transform = T.RandomRotation(40, BILINEAR, True, None, (1, 2, 3))
        tg.manual_seed(3)
        angle = transform.get_params(transform.degrees)
        tg.manual_seed(3)
        got, expected = transform(image), F.rotate(image, angle, BILINEAR, True, None, (1, 2, 3))
        np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))


def test_what_an_affine_map_draws() -> None:
    tg.manual_seed(0)
    drawn = [
        T.RandomAffine.get_params((-30, 60), (0.1, 0.25), (0.5, 2.0), (-10, 10, 5, 20), [100, 40]) for _ in range(TIMES)
    ]
    angles, shifts, scales, shears = (np.array(column, float) for column in zip(*drawn, strict=True))
    spread_evenly(angles, -30, 60)
    spread_evenly(scales, 0.5, 2.0)
    spread_evenly(shears[:, 0], -10, 10)
    spread_evenly(shears[:, 1], 5, 20)
    assert (shifts == np.rint(shifts)).all()
    spread_evenly(shifts[:, 0] + RNG.uniform(-0.5, 0.5, TIMES), -10.5, 10.5)
    spread_evenly(shifts[:, 1] + RNG.uniform(-0.5, 0.5, TIMES), -10.5, 10.5)
    assert T.RandomAffine.get_params((5, 5), None, None, None, [9, 9]) == (5.0, (0, 0), 1.0, (0.0, 0.0))
    assert T.RandomAffine.get_params((5, 5), None, None, (2, 2), [9, 9])[3] == (2.0, 0.0)


def test_an_affine_transform_is_the_function_of_what_it_draws() -> None:
    x = picture(3, 9, 8)
    transform = T.RandomAffine(20, (0.3, 0.2), (0.7, 1.4), 10, BILINEAR, 3, (1, 2))
    for image in (x, F.to_pil_image(x)):
        tg.manual_seed(3)
        drawn = transform.get_params(transform.degrees, transform.translate, transform.scale, transform.shear, [8, 9])
        tg.manual_seed(3)
        expected = F.affine(image, *drawn, BILINEAR, 3, (1, 2))
        np.testing.assert_array_equal(np.asarray(transform(image)), np.asarray(expected))


def test_what_color_jitter_draws() -> None:
    tg.manual_seed(0)
    drawn = [T.ColorJitter.get_params((0.5, 1.5), None, (1.0, 3.0), (-0.1, 0.3)) for _ in range(TIMES)]
    orders, brightness, contrast, saturation, hue = zip(*drawn, strict=True)
    spread_evenly(brightness, 0.5, 1.5)
    spread_evenly(saturation, 1.0, 3.0)
    spread_evenly(hue, -0.1, 0.3)
    assert set(contrast) == {None}
    seen = Counter(map(tuple, orders))
    assert len(seen) == 24
    assert all(abs(n / TIMES - 1 / 24) < NOISE for n in seen.values())


def test_color_jitter_is_the_functions_of_what_it_draws() -> None:
    x = picture(3, 4, 5)
    transform = T.ColorJitter(0.5, (0.5, 2), 0.3, 0.2)
    for seed in range(5):
        tg.manual_seed(seed)
        order, *factors = transform.get_params(
            transform.brightness, transform.contrast, transform.saturation, transform.hue
        )
        functions = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
        expected = x
        for i in order:
            expected = functions[i](expected, factors[i])
        tg.manual_seed(seed)
        np.testing.assert_array_equal(transform(x).numpy(), expected.numpy())
    assert T.ColorJitter()(x) is x


def test_blur_draws_sigma() -> None:
    tg.manual_seed(0)
    spread_evenly([T.GaussianBlur.get_params(0.1, 2.0) for _ in range(TIMES)], 0.1, 2.0)
    x = picture(3, 6, 6)
    np.testing.assert_array_equal(T.GaussianBlur((3, 5), 1.5)(x).numpy(), F.gaussian_blur(x, (3, 5), 1.5).numpy())


def test_erased_rectangles() -> None:
    tg.manual_seed(0)
    x = tg.ones(3, 200, 200)
    parts = np.array([T.RandomErasing.get_params(x, (0.05, 0.2), (0.5, 2.0), [0])[:4] for _ in range(TIMES)], float)
    top, left, height, width = parts.T
    spread_evenly(height * width / 200**2 + RNG.uniform(-1e-4, 1e-4, TIMES), 0.0475, 0.2025)
    spread_evenly(np.log(height / width), math.log(0.49), math.log(2.04))
    spread_evenly((top + RNG.random(TIMES)) / (201 - height), 0, 1)
    spread_evenly((left + RNG.random(TIMES)) / (201 - width), 0, 1)
    changed = [(T.RandomErasing(0.3)(x).numpy() == 0).any() for _ in range(500)]
    assert abs(np.mean(changed) - 0.3) < 0.11


@pytest.mark.parametrize(
    ("value", "seen"), [(0, [0, 0, 0]), (0.25, [0.25] * 3), ((5,), [5] * 3), ([1, 2, 3], [1, 2, 3])]
)
def test_what_erased_rectangles_become(value: Any, seen: list[float]) -> None:
    x = tg.full((3, 9, 9), 7.0)
    y = T.RandomErasing(1, value=value)(x).numpy()
    where = (y != 7).any(0)
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    assert where.sum() == len(rows) * len(columns) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    np.testing.assert_array_equal(y[:, where], np.array(seen)[:, None].repeat(where.sum(), 1))
    assert (x.numpy() == 7).all()


def test_erasing_with_noise_and_in_place() -> None:
    tg.manual_seed(0)
    x = tg.full((3, 100, 100), 77.0)
    y = T.RandomErasing(1, scale=(0.3, 0.33), value="random")(x).numpy()
    noise = y[y != 77]
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05
    transform = T.RandomErasing(1, inplace=True)
    assert transform(x) is x
    assert (x.numpy() == 0).any()
    still = tg.ones(1, 2, 2)
    np.testing.assert_array_equal(T.RandomErasing(1, (1.0, 1.0))(still).numpy(), still.numpy())  # never fits


SHOWN = [
    (T.Resize(10), "Resize(size=10, interpolation=bilinear, max_size=None, antialias=True)"),
    (
        T.Resize((3, 4), Image.BICUBIC, antialias=None),
        "Resize(size=(3, 4), interpolation=bicubic, max_size=None, antialias=None)",
    ),
    (T.CenterCrop(10), "CenterCrop(size=(10, 10))"),
    (T.CenterCrop([5]), "CenterCrop(size=(5, 5))"),
    (T.Pad((1, 2), fill=3), "Pad(padding=(1, 2), fill=3, padding_mode=constant)"),
    (T.Grayscale(3), "Grayscale(num_output_channels=3)"),
    (T.FiveCrop(4), "FiveCrop(size=(4, 4))"),
    (T.TenCrop(4), "TenCrop(size=(4, 4), vertical_flip=False)"),
    (T.RandomCrop(32, padding=4), "RandomCrop(size=(32, 32), padding=4)"),
    (
        T.RandomResizedCrop(224),
        "RandomResizedCrop(size=(224, 224), scale=(0.08, 1.0), ratio=(0.75, 1.3333), interpolation=bilinear, "
        "antialias=True)",
    ),
    (T.RandomHorizontalFlip(), "RandomHorizontalFlip(p=0.5)"),
    (T.RandomVerticalFlip(1), "RandomVerticalFlip(p=1)"),
    (T.RandomRotation(10), "RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)"),
    (
        T.RandomRotation((1, 2), BILINEAR, center=(3, 4)),
        "RandomRotation(degrees=[1.0, 2.0], interpolation=bilinear, expand=False, center=(3, 4), fill=0)",
    ),
    (T.RandomAffine(5), "RandomAffine(degrees=[-5.0, 5.0])"),
    (
        T.RandomAffine(5, (0.1, 0.2), (1, 2), 3, BILINEAR, 4, (5, 6)),
        "RandomAffine(degrees=[-5.0, 5.0], translate=(0.1, 0.2), scale=(1, 2), shear=[-3.0, 3.0], "
        "interpolation=bilinear, fill=4, center=(5, 6))",
    ),
    (
        T.ColorJitter(0.4, 1.5, hue=0.1),
        "ColorJitter(brightness=(0.6, 1.4), contrast=(0.0, 2.5), saturation=None, hue=(-0.1, 0.1))",
    ),
    (T.RandomGrayscale(), "RandomGrayscale(p=0.1)"),
    (T.RandomInvert(), "RandomInvert(p=0.5)"),
    (T.GaussianBlur(3), "GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))"),
    (T.RandomErasing(), "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)"),
    (T.Normalize([0.5], [0.1]), "Normalize(mean=[0.5], std=[0.1])"),
    (T.ConvertImageDtype(tg.float32), "ConvertImageDtype()"),
]


@pytest.mark.parametrize(("transform", "shown"), SHOWN, ids=lambda value: value if isinstance(value, str) else "")
def test_how_they_are_shown(transform: Any, shown: str) -> None:
    assert repr(transform) == shown


SIGNATURES = {  # as torchvision 0.2x has them
    "Compose": "(transforms)",
    "ToTensor": "()",
    "PILToTensor": "()",
    "ToPILImage": "(mode=None)",
    "ConvertImageDtype": "(dtype)",
    "Normalize": "(mean, std, inplace=False)",
    "Lambda": "(lambd)",
    "Resize": "(size, interpolation=bilinear, max_size=None, antialias=True)",
    "CenterCrop": "(size)",
    "Pad": "(padding, fill=0, padding_mode='constant')",
    "FiveCrop": "(size)",
    "TenCrop": "(size, vertical_flip=False)",
    "Grayscale": "(num_output_channels=1)",
    "RandomCrop": "(size, padding=None, pad_if_needed=False, fill=0, padding_mode='constant')",
    "RandomResizedCrop": f"(size, scale=(0.08, 1.0), ratio=(0.75, {4 / 3}), interpolation=bilinear, antialias=True)",
    "RandomHorizontalFlip": "(p=0.5)",
    "RandomVerticalFlip": "(p=0.5)",
    "RandomRotation": "(degrees, interpolation=nearest, expand=False, center=None, fill=0)",
    "RandomAffine": ("(degrees, translate=None, scale=None, shear=None, interpolation=nearest, fill=0, center=None)"),
    "ColorJitter": "(brightness=0, contrast=0, saturation=0, hue=0)",
    "RandomGrayscale": "(p=0.1)",
    "RandomInvert": "(p=0.5)",
    "GaussianBlur": "(kernel_size, sigma=(0.1, 2.0))",
    "RandomErasing": "(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)",
    "RandomApply": "(transforms, p=0.5)",
    "RandomChoice": "(transforms, p=None)",
    "RandomOrder": "(transforms)",
    "RandomTransforms": "(transforms)",
    "to_tensor": "(pic)",
    "pil_to_tensor": "(pic)",
    "to_pil_image": "(pic, mode=None)",
    "convert_image_dtype": "(image, dtype=float32)",
    "normalize": "(tensor, mean, std, inplace=False)",
    "resize": "(img, size, interpolation=bilinear, max_size=None, antialias=True)",
    "center_crop": "(img, output_size)",
    "crop": "(img, top, left, height, width)",
    "resized_crop": "(img, top, left, height, width, size, interpolation=bilinear, antialias=True)",
    "hflip": "(img)",
    "vflip": "(img)",
    "rotate": "(img, angle, interpolation=nearest, expand=False, center=None, fill=None)",
    "affine": "(img, angle, translate, scale, shear, interpolation=nearest, fill=None, center=None)",
    "pad": "(img, padding, fill=0, padding_mode='constant')",
    "adjust_brightness": "(img, brightness_factor)",
    "adjust_contrast": "(img, contrast_factor)",
    "adjust_saturation": "(img, saturation_factor)",
    "adjust_hue": "(img, hue_factor)",
    "adjust_gamma": "(img, gamma, gain=1)",
    "rgb_to_grayscale": "(img, num_output_channels=1)",
    "to_grayscale": "(img, num_output_channels=1)",
    "erase": "(img, i, j, h, w, v, inplace=False)",
    "invert": "(img)",
    "five_crop": "(img, size)",
    "ten_crop": "(img, size, vertical_flip=False)",
    "gaussian_blur": "(img, kernel_size, sigma=None)",
    "get_dimensions": "(img)",
    "get_image_size": "(img)",
    "get_image_num_channels": "(img)",
}


def test_every_name_has_torchvisions_signature() -> None:
    def shown(default: Any) -> str:
        if isinstance(default, T.InterpolationMode):
            return default.value
        return default.__name__ if isinstance(default, type) else repr(default)

    found = {}
    for name in {*T.__all__, *F.__all__} - {"InterpolationMode", "functional"}:
        parameters = inspect.signature(getattr(T, name, None) or getattr(F, name)).parameters.values()
        listed = [p.name + ("" if p.default is p.empty else f"={shown(p.default)}") for p in parameters]
        found[name] = f"({', '.join(listed)})"
    assert found == SIGNATURES


def test_the_module_of_the_classes_has_its_name_there() -> None:
    from tinygrad_cnn.vision.transforms import transforms as module

    assert all(getattr(module, name) is getattr(T, name) for name in T.__all__)


def test_every_public_name_has_a_docstring_and_types() -> None:
    for name in {*T.__all__, *F.__all__} - {"functional"}:
        value = getattr(T, name, None) or getattr(F, name)
        assert value.__doc__, name
        for parameter in inspect.signature(value).parameters.values():
            assert name == "InterpolationMode" or parameter.annotation is not parameter.empty, name


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: T.Resize("7"), TypeError, r"Resize: size must be an int or \(height, width\)"),
        (lambda: T.Resize(7, "bilinear"), TypeError, "Resize: interpolation must be an InterpolationMode"),
        (lambda: T.CenterCrop((1, 2, 3)), TypeError, "CenterCrop: size"),
        (lambda: T.CenterCrop(0), ValueError, "CenterCrop: size must be at least 1"),
        (lambda: T.Pad("1"), TypeError, "Pad: padding must be an int"),
        (lambda: T.Pad(1, fill={}), TypeError, "Pad: fill must be a number"),
        (lambda: T.Pad(1, padding_mode="wrap"), ValueError, "Pad: padding_mode must be one of"),
        (lambda: T.Grayscale(2), ValueError, "must be 1 or 3, got 2"),
        (lambda: T.RandomCrop(3, "2"), TypeError, "RandomCrop: padding must be an int"),
        (lambda: T.RandomHorizontalFlip(2), ValueError, r"p is a probability in \[0, 1\], got 2"),
        (lambda: T.RandomVerticalFlip(float("nan")), ValueError, "p is a probability"),
        (lambda: T.RandomResizedCrop(3, scale=(1, 0.5)), ValueError, r"scale must be \(low, high\)"),
        (lambda: T.RandomResizedCrop(3, scale=0.5), TypeError, "scale must be a sequence of two numbers"),
        (lambda: T.RandomResizedCrop(3, ratio=(0, 1)), ValueError, "must be above 0"),
        (lambda: T.RandomRotation(-5), ValueError, r"stands for \(-d, d\) and must be >= 0, got -5"),
        (lambda: T.RandomRotation("5"), TypeError, "degrees must be a number or a sequence of 2"),
        (lambda: T.RandomRotation((1, 2, 3)), ValueError, "degrees must be a number or 2 numbers"),
        (lambda: T.RandomRotation(5, center=5), TypeError, "center must be a sequence of two numbers"),
        (lambda: T.RandomRotation(5, fill={1}), TypeError, "RandomRotation: fill must be a number"),
        (lambda: T.RandomAffine(5, 0.5), TypeError, "translate must be a sequence of two numbers"),
        (lambda: T.RandomAffine(5, (0.5, 1.5)), ValueError, r"fractions of the sides, in \[0, 1\]"),
        (lambda: T.RandomAffine(5, scale=(0, 1)), ValueError, "scale must be above 0"),
        (lambda: T.RandomAffine(5, shear=(1, 2, 3)), ValueError, "shear must be a number or 2 or 4 numbers"),
        (lambda: T.ColorJitter(-1), ValueError, "brightness, if a single number, must be >= 0"),
        (lambda: T.ColorJitter(hue=0.7), ValueError, r"hue must be a range within \(-0.5, 0.5\), got 0.7"),
        (lambda: T.ColorJitter(contrast=(2, 1)), ValueError, "contrast must be a range within"),
        (lambda: T.ColorJitter(saturation="1"), TypeError, r"saturation must be a number or \(low, high\)"),
        (lambda: T.GaussianBlur(2), ValueError, "kernel_size must be odd"),
        (lambda: T.GaussianBlur(3, (0, 1)), ValueError, "sigma must be above 0"),
        (lambda: T.RandomErasing(value="noise"), ValueError, "or 'random', got 'noise'"),
        (lambda: T.RandomErasing(value=None), TypeError, "value must be a number"),
        (lambda: T.RandomErasing(scale=(0.1, 1.2)), ValueError, r"fractions of the area, in \[0, 1\]"),
        (lambda: T.RandomErasing(1)(Image.new("L", (4, 4))), TypeError, r"put ToTensor\(\) before it"),
        (lambda: T.RandomErasing(1, value=(1, 2))(tg.zeros(3, 4, 4)), ValueError, "value has 2 numbers"),
        (lambda: T.RandomRotation(5, fill=(1, 2))(tg.zeros(3, 4, 4)), ValueError, "fill has 2 numbers"),
    ],
)
def test_what_is_refused(make: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        make()
