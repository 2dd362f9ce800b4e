"""Exercises of lecture 1, perceptual losses."""

from __future__ import annotations

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 1.1


def mean_psnr(a, b):
    import numpy as np

    difference = a.astype(float) - b.astype(float)
    mse = (difference**2).mean(axis=(1, 2, 3))  # one number a photo
    return (10 * np.log10(255**2 / mse)).mean()


def mean_psnr_one_by_one(a, b):
    from skimage.metrics import peak_signal_noise_ratio

    return sum(peak_signal_noise_ratio(x, y, data_range=255) for x, y in zip(a, b, strict=True)) / len(a)


def byte_photos(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    cases = [(np.full((1, 1, 2, 3), 10, np.uint8), np.full((1, 1, 2, 3), 30, np.uint8))]
    for n, height, width in ((2, 3, 4), (3, 5, 2), (4, 4, 4)):
        a = rng.integers(0, 256, (n, height, width, 3))
        size = np.array([2, 10, 60, 150])[:n, None, None, None]
        b = np.clip(a + np.rint(rng.normal(size=a.shape) * size), 0, 255)
        cases.append((a.astype(np.uint8), b.astype(np.uint8)))
    return cases


def _wrong_psnr(*, wraps=False, peak=255.0, factor=10.0, log=np.log10, pooled=False, root=False):
    def wrong(a, b):
        difference = (a - b).astype(float) if wraps else a.astype(float) - b.astype(float)
        mse = (difference**2).mean(axis=None if pooled else (1, 2, 3))
        return np.mean(factor * log(peak**2 / (np.sqrt(mse) if root else mse)))

    return wrong


def _squares_of_bytes(a, b):
    return np.mean(10 * np.log10(255**2 / ((a - b) ** 2).mean((1, 2, 3))))


def _squares_of_short_integers(a, b):
    difference = a.astype(np.int16) - b.astype(np.int16)
    return np.mean(10 * np.log10(255**2 / (difference**2).mean((1, 2, 3))))


def _absolute_error(a, b):
    return np.mean(10 * np.log10(255**2 / np.abs(a.astype(float) - b).mean((1, 2, 3))))


def _no_square_of_peak(a, b):
    mse = ((a.astype(float) - b) ** 2).mean((1, 2, 3))
    return np.mean(10 * np.log10(255 / mse))


def _sum_of_squares(a, b):
    total = ((a.astype(float) - b) ** 2).sum((1, 2, 3))
    return np.mean(10 * np.log10(255**2 / total))


_E11 = Exercise(
    id="1.1",
    name="PSNR of a set of photos",
    function="mean_psnr",
    stub='''def mean_psnr(a, b):
    """Mean over the photos of their PSNR, in dB.

    a, b: uint8 arrays (n, H, W, 3), n photos and their copies, values 0 to 255.
    Returns one number.
    """
    ...''',
    hints=(
        "What does NumPy give for `np.uint8(10) - np.uint8(30)`?",
        "The logarithm and the mean do not commute. Over which axes must the mean be taken *before* the logarithm, and over which after it?",
        "Convert to float, take one mean squared error for each photo, turn each into decibels by (1.1) with $p = 255$, and average last.",
    ),
    solution=mean_psnr,
    reasoning="Bytes wrap around, so convert before you subtract. Each photo has its own mean squared error and its own PSNR; the table's number is the mean of those. "
    "Pooling the errors first would let the worst photo decide.",
    alternatives=(mean_psnr_one_by_one,),
    cases=byte_photos,
    mistakes=(
        Mistake(
            "bytes-wrap",
            "the difference is taken in bytes, where 10 − 30 is 236: convert to float first",
            _wrong_psnr(wraps=True),
        ),
        Mistake(
            "squares-wrap",
            "difference and square are taken in bytes, where both wrap around: convert to float first",
            _squares_of_bytes,
        ),
        Mistake(
            "squares-overflow",
            "16-bit integers hold the difference but not its square, which goes up to 65025: convert to float",
            _squares_of_short_integers,
        ),
        Mistake(
            "peak-of-one",
            "the peak is 1 here; values of bytes go up to 255",
            _wrong_psnr(peak=1.0),
        ),
        Mistake("peak-of-256", "the peak is 256 here; the largest byte is 255", _wrong_psnr(peak=256.0)),
        Mistake(
            "pooled",
            "this is the PSNR of all pixels together; the mean of the photos' PSNRs is asked",
            _wrong_psnr(pooled=True),
        ),
        Mistake(
            "twenty",
            "20 times the logarithm belongs to the ratio of amplitudes; (1.1) has squares already, so 10 times",
            _wrong_psnr(factor=20.0),
        ),
        Mistake("natural-logarithm", "decibels need the logarithm to base 10", _wrong_psnr(log=np.log)),
        Mistake(
            "root",
            "this divides by the root of the mean squared error; (1.1) divides by the mean squared error itself",
            _wrong_psnr(root=True),
        ),
        Mistake("peak-not-squared", "the peak must be squared, as the error is", _no_square_of_peak),
        Mistake(
            "absolute-error",
            "this takes the mean of the absolute differences; (1.1) takes that of their squares",
            _absolute_error,
        ),
        Mistake("sum", "the squares are summed; their mean is needed", _sum_of_squares),
    ),
    deeper="Published tables differ in this convention, in the border that is cut off and in whether colour or brightness is measured; half a decibel is easily made that way.",
)

# ---------------------------------------------------------------------------------------------- 1.2


def to_bytes(h):
    import numpy as np

    h = h + np.array([104.0, 117.0, 123.0])[:, None, None]  # means in the order of the channels
    rgb = h[:, ::-1].transpose(0, 2, 3, 1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def to_bytes_by_torch(h):
    import torch

    x = torch.tensor(np.array(h)).permute(0, 2, 3, 1) + torch.tensor([104.0, 117.0, 123.0])
    return x.flip(-1).round().clamp(0, 255).to(torch.uint8).numpy()


def network_inputs(rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    cases = []
    for shape in ((1, 3, 2, 2), (2, 3, 3, 5), (3, 3, 4, 3)):
        h = rng.uniform(-60, 320, shape) - np.array([104.0, 117.0, 123.0])[:, None, None]
        fraction = h - np.floor(h)
        cases.append((h + np.where(np.abs(fraction - 0.5) < 0.05, 0.2, 0.0),))
    return cases


def _wrong_bytes(*, flip="after", means=(104.0, 117.0, 123.0), sign=1, clip=True, rounds=True, order="NHWC"):
    def wrong(h):
        m = np.array(means)[:, None, None]
        x = h[:, ::-1] + sign * m if flip == "before" else h + sign * m
        if flip == "after":
            x = x[:, ::-1]
        x = np.rint(x) if rounds else x
        x = np.clip(x, 0, 255) if clip else x
        x = x.astype(np.int64).astype(np.uint8)
        if order == "NHWC":
            return x.transpose(0, 2, 3, 1)
        return (
            x
            if order == "NCHW"
            else x.transpose(0, 3, 2, 1)
            if order == "NWHC"
            else x.reshape(len(x), x.shape[2], x.shape[3], 3)
        )

    return wrong


_E12 = Exercise(
    id="1.2",
    name="Back from the network's input",
    function="to_bytes",
    stub='''def to_bytes(h):
    """Photos from the network's input.

    h: float array (n, 3, H, W), channels blue, green, red, in 0..255 minus (104, 117, 123).
    Returns a uint8 array (n, H, W, 3), channels red, green, blue, rounded to the nearest
    integer; values below 0 become 0, values above 255 become 255.
    """
    ...''',
    hints=(
        "`forward` flips the channels and *then* takes the means away. What must come first on the way back?",
        "`reshape` keeps the order of the numbers in memory; `transpose` moves axes. Which of the two brings the channels last?",
        "Add the means along the channel axis, reverse that axis, transpose with (0, 2, 3, 1), round, clip, and only then convert.",
    ),
    solution=to_bytes,
    reasoning="The steps of `forward` in reverse: the means are those of blue, green and red, so they are added while the channels still have that order. "
    "Rounding and clipping come before the conversion, because a byte can neither round nor be clipped: 256 wraps to 0.",
    alternatives=(to_bytes_by_torch,),
    cases=network_inputs,
    tolerance=1e-3,
    mistakes=(
        Mistake(
            "no-flip",
            "the channels are still blue, green, red: reverse them for the viewer",
            _wrong_bytes(flip="no"),
        ),
        Mistake(
            "means-after-flip",
            "the means are added after the flip, so red got blue's mean",
            _wrong_bytes(flip="before"),
        ),
        Mistake(
            "no-means",
            "the means are missing: the picture is too dark",
            _wrong_bytes(means=(0.0, 0.0, 0.0)),
        ),
        Mistake(
            "means-taken-away",
            "the means are taken away a second time; the way back adds them",
            _wrong_bytes(sign=-1),
        ),
        Mistake(
            "wraps",
            "values outside of 0 to 255 wrap around in bytes: clip before you convert",
            _wrong_bytes(clip=False),
        ),
        Mistake(
            "truncates",
            "conversion to bytes cuts the fraction off: round first",
            _wrong_bytes(rounds=False),
        ),
        Mistake(
            "channels-first",
            "the channels are still the second axis; they must be the last",
            _wrong_bytes(order="NCHW"),
        ),
        Mistake(
            "height-and-width-swapped",
            "height and width are swapped: the pictures lie on their sides",
            _wrong_bytes(order="NWHC"),
        ),
        Mistake(
            "upside-down",
            "the flip reverses the rows, so that the pictures stand on their heads; reverse the channels",
            lambda h: _wrong_bytes(flip="no")(h)[:, ::-1],
        ),
        Mistake(
            "reshape",
            "the shape is right, but `reshape` does not move axes: the pixels are scrambled; use `transpose`",
            _wrong_bytes(order="reshape"),
        ),
    ),
    deeper="A network fed with the wrong order of colours or without the means still runs and still answers, a little worse: this mistake is found by looking at inputs, not at losses.",
)

# ---------------------------------------------------------------------------------------------- 1.3


def gram_of_tiles(tiles):
    C = len(tiles[0])
    flat = [tile.reshape(C, -1) for tile in tiles]  # (C, positions of the tile)
    positions = sum(A.shape[1] for A in flat)
    return sum(A @ A.T for A in flat) / (C * positions)


def gram_by_concatenation(tiles):
    A = np.concatenate([np.reshape(tile, (np.shape(tile)[0], -1)) for tile in tiles], axis=1)
    return np.einsum("ik,jk->ij", A, A) / A.size


def tile_cases(rng: np.random.Generator) -> list[tuple[list[np.ndarray]]]:
    cases = [([np.array([[[1.0, 2.0]], [[0.0, 3.0]]]), np.array([[[4.0]], [[1.0]]])],)]
    for C, sizes in ((2, ((3, 3), (6, 2), (4, 1))), (3, ((3, 5), (2, 2))), (4, ((2, 3), (4, 4), (1, 5)))):
        cases.append(([rng.normal(0.8, 1.0, (C, h, w)) * (1 + k) for k, (h, w) in enumerate(sizes)],))
    return cases


def _flat(tiles):
    return [np.reshape(tile, (len(tile), -1)) for tile in tiles]


def _sum_of_tiles(tiles):
    flat = [tile.reshape(len(tile), -1) for tile in tiles]
    return sum(A @ A.T / A.size for A in flat)


def _wrong_gram(*, divide="both", tiles_mean=False, centre=False, scramble=False):
    def wrong(tiles):
        flat = _flat(tiles)
        if scramble:
            flat = [np.transpose(t, (1, 2, 0)).reshape(len(t), -1) for t in tiles]
        C = len(flat[0])
        if centre:
            mean = np.concatenate(flat, 1).mean(1, keepdims=True)
            flat = [A - mean for A in flat]
        if tiles_mean:
            return np.mean([A @ A.T / A.size for A in flat], axis=0)
        N = sum(A.shape[1] for A in flat)
        scale = {"both": C * N, "positions": N, "channels": C, "nothing": 1, "tiles": C * N / len(flat)}[
            divide
        ]
        return sum(A @ A.T for A in flat) / scale

    return wrong


def _over_channels(tiles):
    """Products over the wrong axis: positions against positions, cut to C × C."""
    A = np.concatenate(_flat(tiles), axis=1)
    return (A.T @ A)[: len(A), : len(A)] / A.size


def _correlation(tiles):
    return np.corrcoef(np.concatenate(_flat(tiles), axis=1))


def _gram_of_sums(tiles):
    A = np.concatenate(_flat(tiles), axis=1)
    return np.outer(A.sum(1), A.sum(1)) / A.size


_E13 = Exercise(
    id="1.3",
    name="The Gram matrix of a photo that does not fit",
    function="gram_of_tiles",
    stub='''def gram_of_tiles(tiles):
    """Gram matrix (C, C) of a feature map that comes in tiles.

    tiles: list of arrays (C, H_t, W_t), the same C, different sizes.
    Divided by C times the number of positions of all tiles together.
    """
    ...''',
    hints=(
        "Formula (1.5) sums over positions. What happens to a sum when its terms come in groups?",
        "Tiles differ in size. May you divide each tile's sum by the size of that tile?",
        "Flatten each tile to (C, positions), add up the products `A @ A.T`, and divide once at the end.",
    ),
    solution=gram_of_tiles,
    reasoning="A sum over all positions is the sum over tiles of the sums within each. Only the division needs to know the whole, so it comes last; dividing tile by tile would count "
    "the positions of small tiles for more than those of large ones.",
    alternatives=(gram_by_concatenation,),
    cases=tile_cases,
    mistakes=(
        Mistake(
            "not-normalised",
            "the products are summed but not divided by C times the number of positions",
            _wrong_gram(divide="nothing"),
        ),
        Mistake(
            "positions-only",
            "this divides by the number of positions only; (1.5) divides by the channels as well",
            _wrong_gram(divide="positions"),
        ),
        Mistake(
            "channels-only",
            "this divides by the number of channels only; (1.5) divides by the positions as well",
            _wrong_gram(divide="channels"),
        ),
        Mistake(
            "mean-of-tiles",
            "this averages the Gram matrices of the tiles, so a position in a small tile counts for more",
            _wrong_gram(tiles_mean=True),
        ),
        Mistake(
            "sum-of-tiles",
            "this adds the tiles' Gram matrices, each divided by its own size: add the products, and divide once by the whole",
            _sum_of_tiles,
        ),
        Mistake(
            "over-the-wrong-axis",
            "this multiplies positions and sums over channels; (1.5) multiplies channels and sums over positions",
            _over_channels,
        ),
        Mistake(
            "scrambled",
            "the axes were moved before flattening, so that rows are no longer channels",
            _wrong_gram(scramble=True),
        ),
        Mistake(
            "centred",
            "this takes the channels' means away, a covariance; the Gram matrix is uncentred",
            _wrong_gram(centre=True),
        ),
        Mistake(
            "correlation",
            "this is the matrix of correlations; (1.5) neither centres nor scales",
            _correlation,
        ),
        Mistake(
            "product-of-sums",
            "this multiplies the channels' sums; (1.5) sums the products, position by position",
            _gram_of_sums,
        ),
    ),
    deeper="Sums that may be taken in pieces are what makes style losses on large pictures possible, and statistics over many machines as well.",
)

# ---------------------------------------------------------------------------------------------- 1.4


def adaptive_instance_norm(content, style):
    axes = (2, 3)  # positions only: every photo and every channel by itself
    mu_c, sigma_c = content.mean(axes, keepdims=True), content.std(axes, keepdims=True)
    mu_s, sigma_s = style.mean(axes, keepdims=True), style.std(axes, keepdims=True)
    return sigma_s * (content - mu_c) / sigma_c + mu_s


def adaptive_by_instance_norm(content, style):
    import torch

    x, s = (torch.tensor(np.array(f)) for f in (content, style))
    plain = torch.nn.functional.instance_norm(x, eps=0.0)
    sigma, mu = torch.std_mean(s.flatten(2), dim=2, correction=0)
    return (plain * sigma[..., None, None] + mu[..., None, None]).numpy()


def content_and_style(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    cases = []
    for n, C, here, there in ((1, 2, (2, 3), (1, 4)), (2, 3, (3, 4), (2, 3)), (3, 2, (2, 5), (3, 3))):
        pair = []
        for size in (here, there):
            spread = rng.uniform(0.5, 3.0, (n, C, 1, 1))
            pair.append(rng.normal(size=(n, C, *size)) * spread + rng.normal(size=(n, C, 1, 1)) * 2)
        cases.append((pair[0].round(3), pair[1].round(3)))
    return cases


def _wrong_norm(axes=(2, 3), *, ddof=0, variance=False, shift=True, centre=True, scale=True):
    def wrong(content, style):
        mu_c, mu_s = (f.mean(axes, keepdims=True) for f in (content, style))
        sigma_c, sigma_s = (f.std(axes, ddof=ddof, keepdims=True) for f in (content, style))
        ratio = (sigma_s**2 / sigma_c**2 if variance else sigma_s / sigma_c) if scale else 1.0
        return ratio * (content - mu_c * centre) + mu_s * shift

    return wrong


def _mean_added_too_early(content, style):
    mu_c, mu_s = (f.mean((2, 3), keepdims=True) for f in (content, style))
    sigma_c, sigma_s = (f.std((2, 3), keepdims=True) for f in (content, style))
    return (content - mu_c + mu_s) * sigma_s / sigma_c


def _style_ignored(content, style):
    return (content - content.mean((2, 3), keepdims=True)) / content.std((2, 3), keepdims=True)


def _style_normalised(content, style):
    return adaptive_instance_norm(style, content)


_E14 = Exercise(
    id="1.4",
    name="The style as an input",
    function="adaptive_instance_norm",
    stub='''def adaptive_instance_norm(content, style):
    """Content features with the mean and standard deviation of the style's.

    content: array (n, C, H, W); style: array (n, C, h, w), of any size.
    Both statistics for each channel of each photo, over its positions; the variance
    divides by their number, not by one less. No channel is constant.
    Returns an array of the shape of content.
    """
    ...''',
    hints=(
        "Which axes of (n, C, H, W) are positions? Those alone are averaged over.",
        "First make mean 0 and standard deviation 1 from the content's own numbers, as instance normalisation does. What is left to do?",
        "With `keepdims=True` the statistics have shape (n, C, 1, 1) and fit both arrays. Subtract the content's mean, divide by its standard deviation, multiply by the style's, add the style's mean.",
    ),
    solution=adaptive_instance_norm,
    reasoning="Instance normalisation takes the photo's own mean and contrast out of each channel; the style's are put in their place. Nothing here is trained: what a network learns is to turn "
    "such features back into a picture, once for all styles.",
    alternatives=(adaptive_by_instance_norm,),
    cases=content_and_style,
    tolerance=2e-4,  # a small number under the root, as in instance normalisation, is no mistake
    mistakes=(
        Mistake(
            "all-together",
            "the statistics are those of the whole array; each channel of each photo has its own",
            _wrong_norm(None),
        ),
        Mistake(
            "mean-scaled",
            "the style's mean is added before the division and the multiplication, so it is scaled too",
            _mean_added_too_early,
        ),
        Mistake(
            "over-the-batch",
            "the statistics run over the batch as well, as in batch normalisation: each photo has its own",
            _wrong_norm((0, 2, 3)),
        ),
        Mistake(
            "over-the-channels",
            "the statistics run over the channels as well, as in layer normalisation: each channel has its own",
            _wrong_norm((1, 2, 3)),
        ),
        Mistake(
            "rows-only",
            "the statistics are those of single rows; they run over all positions",
            _wrong_norm(3),
        ),
        Mistake(
            "variances",
            "the ratio of the variances is taken where that of the standard deviations belongs",
            _wrong_norm(variance=True),
        ),
        Mistake(
            "one-less",
            "the variance is divided by the number of positions less one, the default of `torch.std`; here by the number of positions",
            _wrong_norm(ddof=1),
        ),
        Mistake("no-style-mean", "the mean of the style is not added", _wrong_norm(shift=False)),
        Mistake(
            "content-mean-kept", "the mean of the content is not subtracted first", _wrong_norm(centre=False)
        ),
        Mistake(
            "means-only",
            "the means are right, but the standard deviations are still the content's",
            _wrong_norm(scale=False),
        ),
        Mistake(
            "style-ignored",
            "this is instance normalisation; the style's mean and standard deviation are missing",
            _style_ignored,
        ),
        Mistake(
            "swapped",
            "content and style are swapped: the style has got the statistics of the content",
            _style_normalised,
        ),
    ),
    deeper="Mean μ and standard deviation σ of a channel give its entry on the diagonal of the Gram matrix, (μ² + σ²)/C, so the diagonals agree afterwards. "
    "How channels go together is left out: that is the price of one network for all styles.",
)

# ---------------------------------------------------------------------------------------------- 1.5


def unfold_channels(x, r):
    C, h, w = x.shape[0] // r**2, x.shape[1], x.shape[2]
    blocks = x.reshape(C, r, r, h, w)  # c, u, v, i, j
    return blocks.transpose(0, 3, 1, 4, 2).reshape(C, h * r, w * r)


def unfold_by_slices(x, r):
    C = len(x) // r**2
    y = np.zeros((C, r * x.shape[1], r * x.shape[2]), x.dtype)
    for u in range(r):
        for v in range(r):
            y[:, u::r, v::r] = x[u * r + v :: r * r]
    return y


def channel_cases(rng: np.random.Generator) -> list[tuple[np.ndarray, int]]:
    return [
        (rng.normal(size=(C * r * r, h, w)).round(3), r)
        for C, h, w, r in ((3, 1, 2, 2), (2, 2, 3, 2), (2, 2, 2, 3), (3, 3, 4, 2))
    ]


def _wrong_unfold(order, shape=None):
    def wrong(x, r):
        C, h, w = len(x) // r**2, x.shape[1], x.shape[2]
        split = (C, r, r, h, w) if shape is None else (r, r, C, h, w)
        return x.reshape(split).transpose(order).reshape(C, r * h, r * w)

    return wrong


def _repeat(x, r):
    return np.repeat(np.repeat(x[:: r * r], r, axis=1), r, axis=2)


_E15 = Exercise(
    id="1.5",
    name="Unfold channels into pixels",
    function="unfold_channels",
    stub='''def unfold_channels(x, r):
    """Array (C·r², h, w) -> (C, r·h, r·w).

    Output [c, r·i + u, r·j + v] is input [c·r² + u·r + v, i, j].
    """
    ...''',
    hints=(
        "Split the first axis into three, `(C, r, r)`. Which letter of the docstring does each of the five axes then stand for?",
        "An output row is r·i + u: before the last `reshape` the axis of u must stand right behind the axis of i.",
        "`reshape(C, r, r, h, w)`, then `transpose(0, 3, 1, 4, 2)`, then `reshape(C, r * h, r * w)`.",
    ),
    solution=unfold_channels,
    reasoning="`reshape` splits the channel number c·r² + u·r + v into its digits (c, u, v). The transposition brings the axes into the order c, i, u, j, v, "
    "and the last `reshape` joins i with u to a row and j with v to a column. No loop and no arithmetic.",
    alternatives=(unfold_by_slices,),
    cases=channel_cases,
    mistakes=(
        Mistake(
            "reshape-only",
            "the shape is right, but `reshape` alone moves nothing: neighbouring pixels come from one channel",
            lambda x, r: x.reshape(len(x) // r**2, r * x.shape[1], r * x.shape[2]),
        ),
        Mistake(
            "rows-and-columns-swapped",
            "u and v are swapped: every block is transposed",
            _wrong_unfold((0, 3, 2, 4, 1)),
        ),
        Mistake(
            "channels-last-digit",
            "the channel number is read as (u·r + v)·C + c, which is TensorFlow's order; here it is c·r² + u·r + v",
            _wrong_unfold((2, 3, 0, 4, 1), shape="channels last"),
        ),
        Mistake(
            "copies-side-by-side",
            "u and v stand before i and j, so that whole small pictures lie side by side instead of blocks",
            _wrong_unfold((0, 1, 3, 2, 4)),
        ),
        Mistake(
            "repeats",
            "this repeats one channel r × r times; each pixel of a block has a channel of its own",
            _repeat,
        ),
    ),
    deeper="The last convolution before it learns r² small pictures, each a little displaced, and can leave them slightly different: one source of the fine regular pattern in the lecture's enlargements.",
)

# ---------------------------------------------------------------------------------------------- 1.6


def shares_of_three_judges():
    import torch

    import applied_ds as ads

    lecture = ads.lecture("01")
    x = lecture.held_out_crops(side=64, n=12)
    trained, blank = lecture.SqueezeNet(), lecture.SqueezeNet()
    generator = torch.Generator().manual_seed(0)
    for name, w in blank.w.items():
        if name.endswith("weight"):
            noise = torch.randn(w.shape, generator=generator)
            blank.w[name] = noise * (2 / w[0].numel()) ** 0.5
        else:
            blank.w[name] = torch.zeros_like(w)

    def share(net):
        with torch.no_grad():
            return lecture.share_ordered(lambda a, b: lecture.perceptual_distance(net, a, b), x)

    def pixels(a, b):
        return ((a - b) ** 2).mean((1, 2, 3))

    return {"pixels": lecture.share_ordered(pixels, x), "random": share(blank), "trained": share(trained)}


def shares_with_another_seed():
    import torch

    import applied_ds as ads

    lecture = ads.lecture("01")
    x = lecture.held_out_crops(side=64, n=12)
    torch.manual_seed(3)
    nets = {"trained": lecture.SqueezeNet(), "random": lecture.SqueezeNet()}
    for w in nets["random"].w.values():
        if w.dim() == 4:
            torch.nn.init.kaiming_normal_(w, nonlinearity="relu")
        else:
            w.zero_()
    with torch.no_grad():
        found = {
            name: lecture.share_ordered(lambda a, b, net=net: lecture.perceptual_distance(net, a, b), x)
            for name, net in nets.items()
        }
    found["pixels"] = lecture.share_ordered(lambda a, b: (a - b).square().flatten(1).mean(1), x)
    return found


_E16 = Exercise(
    id="1.6",
    name="Is it the training? (open)",
    function="shares_of_pairs",
    kind="measurement",
    stub='shares_of_pairs = {"pixels": ..., "random": ..., "trained": ...}',
    hints=(
        "Before you measure: what does the first layer of an untrained network compute from a photo, and is it worth comparing?",
        "`net = SqueezeNet()` holds its weights in the dict `net.w`; `w[0].numel()` is the fan-in of a weight `w`. Replace the values, then measure with `perceptual_distance(net, a, b)` under `torch.no_grad()`.",
        "Run it for a few seeds of the random weights. How much does the middle number move, and does it reach the third?",
    ),
    solution=shares_of_three_judges,
    alternatives=(shares_with_another_seed,),
    reasoning="""The pixels order nearly four pairs in five, a network with random weights between 80 and 95 per cent depending on its seed, the trained one 98 per cent or more.

*The architecture alone does much.* Random filters still compare small neighbourhoods on several scales; pooling forgives small moves, and the scaling of each position to length one forgives
brightness. That is what the four harmless changes are made of, so even random features forgive them more than noise or blur. How large the random weights are matters little: (1.3) scales it away.

*Training does the rest,* and it makes the answer reliable: the random networks differ from one another by more than ten points, the trained one is nearly always right. Its filters
respond to edges and textures that photos really have, so that losing them (blur, blocks) or adding ones that do not belong (noise) is far away. One cannot conclude that any
network would do: these are four harmless and four harmful changes of our own choice.""",
    mistakes=(
        Mistake(
            "per-cent",
            "these are per cent; shares run from 0 to 1",
            {"pixels": 78.6, "random": 85.0, "trained": 99.5},
            when=lambda numbers: max(numbers.values()) > 1.5,
        ),
        Mistake(
            "reversed",
            "these are the shares of pairs in the *wrong* order: the change that is hardly seen must be the nearer one",
            {"pixels": 0.214, "random": 0.12, "trained": 0.005},
            when=lambda numbers: numbers["trained"] < 0.5 and numbers["pixels"] < 0.5,
        ),
        Mistake(
            "still-trained",
            "the random network gives the same share as the trained one: were its weights replaced, in the dict `w` of a network of its own?",
            {"pixels": 0.786, "random": 0.995, "trained": 0.995},
            when=lambda numbers: (
                abs(numbers["random"] - numbers["trained"]) < 0.004 and numbers["trained"] > 0.9
            ),
        ),
        Mistake(
            "other-crops",
            "this is the share on crops of the default size and number: take `held_out_crops(side=64, n=12)`",
            {"pixels": 0.742, "random": 0.88, "trained": 0.986},
            when=lambda numbers: 0.72 < numbers["pixels"] < 0.76 and numbers["trained"] > 0.9,
        ),
        Mistake(
            "swapped",
            "the trained and the random network are swapped",
            {"pixels": 0.786, "random": 0.995, "trained": 0.85},
            when=lambda numbers: numbers["random"] > 0.97 > numbers["trained"] > 0.5,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 0.76 < numbers["pixels"] < 0.81,
            "on `held_out_crops(side=64, n=12)` the pixels order between 76 and 81 per cent of the pairs",
        ),
        Expectation(
            lambda numbers: numbers["trained"] > 0.97, "the trained network must order more than 97 per cent"
        ),
        Expectation(
            lambda numbers: 0.77 < numbers["random"] < 0.97,
            "a random network must lie between the two, from 77 to 97 per cent",
        ),
    ),
    deeper="Zhang and others (2018) asked many people: features of networks trained on whatever task, even without labels, agree with them better than pixels, SSIM and random features.",
)

EXERCISES = [_E11, _E12, _E13, _E14, _E15, _E16]
