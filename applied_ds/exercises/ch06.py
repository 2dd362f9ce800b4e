"""Exercises of lecture 6, sound and spectrograms."""

from __future__ import annotations

import math

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 6.1


def heard_as(f, sample_rate):
    import numpy as np

    turns = f / sample_rate
    seen = turns - np.round(turns)  # whole turns between two samples leave no trace
    return np.abs(seen) * sample_rate, np.sign(seen)


def heard_by_angle(f, sample_rate):
    angle = np.angle(np.exp(2j * np.pi * f / sample_rate))
    return np.abs(angle) / (2 * np.pi) * sample_rate, np.where(angle > 0, 1, -1)


def tone_cases(rng: np.random.Generator) -> list[tuple[np.ndarray, float]]:
    return [
        (np.array([5000.0]), 8000),
        (np.array([1000.0, 5000.0, 9000.0, 13000.0]), 8000),
        (rng.uniform(0.0, 60_000.0, 7), 11_025),
        (rng.uniform(0.0, 30_000.0, 20), 4000),
    ]


def _wrong_tone(g, sign=None):
    def wrong(f, sample_rate):
        right = heard_as(f, sample_rate)
        return g(f, sample_rate), right[1] if sign is None else sign(f, sample_rate)

    return wrong


_E61 = Exercise(
    id="6.1",
    name="Where a tone lands",
    function="heard_as",
    stub='''def heard_as(f, sample_rate):
    """The tones that are heard when tones are sampled without a low-pass filter.

    f: (n,) Hz, above 0, none of them a multiple of sample_rate / 2.
    The samples of sin(2π f t) are also those of sign · sin(2π g t), with
    0 < g < sample_rate / 2 and sign +1 or −1.
    Returns (g, sign): g (n,) in Hz and sign (n,).
    """
    ...''',
    hints=(
        "From one sample to the next the tone goes through $f / f_s$ turns. What can the samples say about the *whole* turns?",
        "Take whole turns away until less than half a turn is left. What is left lies between −½ and ½, and may be negative.",
        "A tone of −g Hz is $\\sin(-2\\pi g t) = -\\sin(2\\pi g t)$: its frequency is the size of what is left, and its sign is the sign of what is left.",
    ),
    solution=heard_as,
    reasoning="Between two samples the phase moves by $f/f_s$ turns, and whole turns cannot be seen. Without the nearest whole number, what is left lies within ±½ turn. "
    "Its size times $f_s$ is the frequency that is heard; where it is negative, the sine runs backwards, which turns its sign.",
    alternatives=(heard_by_angle,),
    cases=tone_cases,
    mistakes=(
        Mistake(
            "remainder",
            "this is the remainder f mod f_s, which may lie above half of the rate; such a tone is heard at f_s minus it",
            _wrong_tone(lambda f, s: f % s, lambda f, s: np.ones_like(f)),
        ),
        Mistake(
            "no-sign",
            "the frequencies are right; some of the sines have their sign turned",
            _wrong_tone(lambda f, s: heard_as(f, s)[0], lambda f, s: np.ones_like(f)),
        ),
        Mistake(
            "sign-turned",
            "the frequencies are right and each sign is the wrong way round: a tone below half of the rate is heard as it is",
            _wrong_tone(lambda f, s: heard_as(f, s)[0], lambda f, s: -heard_as(f, s)[1]),
        ),
        Mistake(
            "negative-frequency",
            "g is negative here: its size is the frequency, and its sign belongs into `sign`",
            _wrong_tone(lambda f, s: f - s * np.round(f / s), lambda f, s: np.ones_like(f)),
        ),
        Mistake(
            "negative-frequency-and-sign",
            "g is negative here: its size is the frequency; the sign stands in `sign` already",
            _wrong_tone(lambda f, s: f - s * np.round(f / s)),
        ),
        Mistake(
            "folds-once",
            "right up to f_s; a tone above it lies more than one whole turn a sample away",
            _wrong_tone(lambda f, s: np.where(f > s / 2, np.abs(s - f), f)),
        ),
        Mistake(
            "remainder-by-half",
            "this is the remainder by half of the rate: a tone just above it comes back just below it, running backwards",
            _wrong_tone(lambda f, s: f % (s / 2), lambda f, s: np.ones_like(f)),
        ),
        Mistake(
            "all-backwards",
            "the frequencies are right; not every tone above half of the rate runs backwards: look at one just above the rate",
            _wrong_tone(lambda f, s: heard_as(f, s)[0], lambda f, s: np.where(f > s / 2, -1, 1)),
        ),
        Mistake(
            "folds-at-the-rate",
            "this folds at the sampling rate; samples can tell tones apart only below half of it",
            _wrong_tone(lambda f, s: np.abs(f - 2 * s * np.round(f / (2 * s)))),
        ),
        Mistake(
            "clipped",
            "a tone above half of the rate is not heard at half of the rate: it comes back lower down",
            _wrong_tone(lambda f, s: np.minimum(f, s / 2)),
        ),
    ),
    deeper="This is why the low-pass filter comes before the sampling: once it is folded, a tone cannot be told from one that was there.",
)

# ---------------------------------------------------------------------------------------------- 6.2


def shape_noise(x, step):
    import numpy as np

    total = step * np.round(np.cumsum(x) / step)
    return np.diff(total, prepend=0.0)


def shape_noise_by_loop(x, step):
    y, error = np.zeros(len(x)), 0.0
    for n in range(len(x)):
        wanted = x[n] - error
        y[n] = step * np.rint(wanted / step)
        error = y[n] - wanted
    return y


def quiet_sounds(rng: np.random.Generator) -> list[tuple[np.ndarray, float]]:
    t = np.arange(40)
    return [
        (np.array([0.3, 0.3, 0.3]), 1.0),
        (np.array([0.7, -0.2, 1.1, 0.4, -0.9]), 0.5),
        (0.05 * np.sin(0.3 * t) + rng.normal(0.0, 0.01, 40), 0.125),
        (rng.uniform(-1.0, 1.0, 200), 2 / 2**4),
    ]


def _feedback(gain=-1.0, error_of="wanted", nearest=np.round):
    def wrong(x, step):
        y, error = np.zeros(len(x)), 0.0
        for n in range(len(x)):
            wanted = x[n] + gain * error
            y[n] = step * nearest(wanted / step)
            error = y[n] - (wanted if error_of == "wanted" else x[n])
        return y

    return wrong


_E62 = Exercise(
    id="6.2",
    name="Push the noise out of the way",
    function="shape_noise",
    stub='''def shape_noise(x, step):
    """Quantise x, taking the error at each sample away from the next one.

    x: (n,) float. step: distance of the levels, which are the multiples of step.
    The quantiser gets v[n] = x[n] − e[n−1], puts out y[n], the level nearest to v[n]
    (no clipping), and so makes the error e[n] = y[n] − v[n]. Before the start e = 0.
    Returns y, (n,) float.
    """
    ...''',
    hints=(
        "A loop over the samples does it: what must it remember from one sample to the next?",
        "Without a loop: add up $y_n = v_n + e_n = x_n - e_{n-1} + e_n$ over all samples so far. What is left of the errors?",
        "The running sum of $y$ is the running sum of $x$ plus the last error, so it is the level nearest to the running sum of $x$. Take differences to get $y$ back.",
    ),
    solution=shape_noise,
    reasoning="Summed up to sample $n$, the errors cancel but for the last one: $\\sum_{m \\le n} y_m = \\sum_{m \\le n} x_m + e_n$. The left side is a multiple of the step and $|e_n|$ is at most half a step, "
    "so the running sum of $y$ is the running sum of $x$, *quantised*. The noise in $y$ is $e_n - e_{n-1}$: a difference, which is small where frequencies are low. "
    "A loop with one remembered error is as right, and slower.",
    alternatives=(shape_noise_by_loop,),
    cases=quiet_sounds,
    mistakes=(
        Mistake(
            "no-feedback",
            "each sample is quantised by itself: what is smaller than half a step vanishes, and the errors are not passed on",
            _feedback(gain=0.0),
        ),
        Mistake(
            "error-added",
            "the error of the sample before is added where it must be taken away: the noise grows at low frequencies",
            _feedback(gain=1.0),
        ),
        Mistake(
            "error-of-x",
            "the error is y[n] − x[n]; it must be y[n] − v[n], against what the quantiser was given",
            _feedback(error_of="x"),
        ),
        Mistake(
            "rounds-down",
            "this takes the level below; the nearest one is asked",
            _feedback(nearest=np.floor),
        ),
        Mistake(
            "truncates",
            "this cuts towards zero; the nearest level is asked",
            _feedback(nearest=np.trunc),
        ),
        Mistake(
            "running-sum",
            "this is the running sum of the answer: take the difference of neighbours",
            lambda x, step: step * np.round(np.cumsum(x) / step),
        ),
        Mistake(
            "numbers-of-levels",
            "these are the numbers of the levels; multiply them by the step",
            lambda x, step: shape_noise(x, step) / step,
        ),
    ),
    deeper="The noise has twice the power and little of it at low frequencies: converters with a single bit at some megahertz work this way.",
)

# ---------------------------------------------------------------------------------------------- 6.3


def share_in_band(X, n, sample_rate, low, high):
    import numpy as np

    k = np.arange(n // 2 + 1)
    copies = np.where((k == 0) | (2 * k == n), 1, 2)  # a coefficient and its mirror image n − k
    energy = copies * np.abs(X) ** 2
    inside = (low <= k * sample_rate / n) & (k * sample_rate / n < high)
    return energy[:, inside].sum(axis=1) / energy.sum(axis=1)


def share_by_whole_spectrum(X, n, sample_rate, low, high):
    frequency = np.abs(np.fft.fftfreq(n) * sample_rate)
    whole = np.fft.fft(np.fft.irfft(X, n))
    outside = (frequency < low) | (frequency >= high)
    return 1 - np.sum(abs(whole * outside) ** 2, axis=-1) / np.sum(abs(whole) ** 2, axis=-1)


def half_spectra(rng: np.random.Generator) -> list[tuple]:
    def spectra(T, n):
        frames = rng.normal(size=(T, n)) + 0.7 + 0.8 * np.cos(np.pi * np.arange(n))
        return np.fft.rfft(frames)

    return [
        (spectra(1, 4), 4, 8000, 2000.0, 4000.0),
        (spectra(2, 5), 5, 8000, 1000.0, 4000.0),
        (spectra(3, 8), 8, 8000, 0.0, 2000.0),
        (spectra(3, 16), 16, 8000, 2500.0, 5000.0),
        (spectra(4, 25), 25, 16_000, 300.0, 3400.0),
        (spectra(5, 64), 64, 16_000, 300.0, 3500.0),
    ]


def _wrong_share(*, copies=None, power=2.0, frequency=None, closed=False, open_below=False, root=False):
    def wrong(X, n, sample_rate, low, high):
        K = X.shape[1]
        k = np.arange(K)
        count = np.where((k == 0) | (2 * k == n), 1, 2) if copies is None else copies(k, K)
        energy = count * np.abs(X) ** power
        f = k * sample_rate / n if frequency is None else frequency(K, n, sample_rate)
        inside = ((low < f) if open_below else (low <= f)) & ((f <= high) if closed else (f < high))
        share = energy[:, inside].sum(1) / energy.sum(1)
        return np.sqrt(share) if root else share

    return wrong


_E63 = Exercise(
    id="6.3",
    name="The telephone's share",
    function="share_in_band",
    stub='''def share_in_band(X, n, sample_rate, low, high):
    """Share of the energy of each frame between two frequencies, from half the spectrum.

    X: (T, n // 2 + 1) complex, coefficients 0 … n // 2 of the DFT of T frames of n real
    samples; n is even or odd. low, high: Hz; the band is low <= frequency < high, and
    a coefficient that was left out has the frequency of the one that it mirrors.
    Returns (T,) from 0 to 1: energy of the band over energy of the frame, where energy
    is the sum of |coefficient|² over the *whole* spectrum of n coefficients.
    """
    ...''',
    hints=(
        "The coefficients $n/2 + 1 \\dots n - 1$ were left out because each is the complex conjugate of one that was kept. Of which?",
        "Coefficient $n - k$ mirrors coefficient $k$. Which $k$ have no partner but themselves, when $n$ is even, and when $n$ is odd?",
        "Count every $|X_k|^2$ twice but those of $k = 0$ and, if $n$ is even, of $k = n/2$. Coefficient $k$ lies at $k f_s / n$ Hz, and for odd $n$ the last one lies below $f_s / 2$.",
    ),
    solution=share_in_band,
    reasoning="Each kept coefficient stands for two, itself and its mirror image $n - k$, except where the two are one: $k = 0$, and $k = n/2$ if $n$ is even. By Parseval's theorem the sum of $|X_k|^2$ over the whole "
    "spectrum is $n \\sum x^2$, so shares of it are shares of the energy, and no factor is needed.",
    alternatives=(share_by_whole_spectrum,),
    cases=half_spectra,
    mistakes=(
        Mistake(
            "all-alike",
            "all coefficients count alike here; most of them stand for two, themselves and their mirror image",
            _wrong_share(copies=lambda k, K: np.ones(K)),
        ),
        Mistake(
            "last-always-twice",
            "only coefficient 0 is counted once; if n is even, coefficient n/2 mirrors itself as well",
            _wrong_share(copies=lambda k, K: np.where(k == 0, 1, 2)),
        ),
        Mistake(
            "last-always-once",
            "right for even n; if n is odd, the last coefficient has a mirror image",
            _wrong_share(copies=lambda k, K: np.where((k == 0) | (k == K - 1), 1, 2)),
        ),
        Mistake("amplitude", "this adds up |X|; energy is |X|²", _wrong_share(power=1.0)),
        Mistake(
            "root",
            "this is the square root of the share: energy is the squared norm, without a root",
            _wrong_share(root=True),
        ),
        Mistake(
            "frequencies",
            "right for even n; if n is odd, the last coefficient does not lie at half of the sampling rate: coefficient k is at k · sample_rate / n",
            _wrong_share(frequency=lambda K, n, s: np.linspace(0, s / 2, K)),
        ),
        Mistake(
            "lower-end",
            "a coefficient at exactly `low` belongs to the band",
            _wrong_share(open_below=True),
        ),
        Mistake(
            "upper-end",
            "a coefficient at exactly `high` does not belong to the band",
            _wrong_share(closed=True),
        ),
    ),
    deeper="Try it on the clips `austen_1` to `austen_5`: about half of the energy lies below 300 Hz, and on the telephone a voice is understood without it.",
)

# ---------------------------------------------------------------------------------------------- 6.4


def coefficients_a_band(n_fft, n_mels, sample_rate, low, high):
    import numpy as np

    ends = 2595 * np.log10(1 + np.array([low, high]) / 700)
    points = 700 * (10 ** (np.linspace(*ends, n_mels + 2) / 2595) - 1)
    points[[0, -1]] = low, high  # there and back again rounds
    f = np.arange(n_fft // 2 + 1)[:, None] * sample_rate / n_fft
    return ((points[:-2] < f) & (f < points[2:])).sum(0)


def coefficients_by_triangles(n_fft, n_mels, sample_rate, low, high):
    mels = [1127 * math.log1p(f / 700) for f in (low, high)]
    points = 700 * np.expm1(np.linspace(*mels, n_mels + 2) / 1127)
    points[0], points[-1] = low, high
    frequency = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    rising = (frequency - points[:-2]) / (points[1:-1] - points[:-2])
    falling = (points[2:] - frequency) / (points[2:] - points[1:-1])
    return (np.minimum(rising, falling) > 0).sum(0)


def filter_banks(rng: np.random.Generator) -> list[tuple]:
    return [
        (64, 3, 8000, 70.0, 3900.0),
        (256, 20, 8000, 70.0, 3900.0),
        (256, 64, 8000, 20.0, 3970.0),
        (256, 80, 16_000, 50.0, 7600.0),
        (512, 128, 44_100, 30.0, 21_000.0),
        (64, 6, 8000, 0.0, 3900.0),  # a coefficient at `low`; none at `high`, where rounding would decide
        (256, 40, 8000, 0.0, 3950.0),
    ]


def _wrong_bank(points_of=None, upper=2, lower=0, in_bins=None, above=np.greater):
    def mel_points(n_mels, low, high):
        ends = 2595 * np.log10(1 + np.array([low, high]) / 700)
        return 700 * (10 ** (np.linspace(*ends, n_mels + 2) / 2595) - 1)

    def wrong(n_fft, n_mels, sample_rate, low, high):
        points = (points_of or mel_points)(n_mels, low, high)
        points[np.isclose(points, low)], points[np.isclose(points, high)] = low, high
        if in_bins is not None:
            bins = in_bins(points * n_fft / sample_rate).astype(int)
            return np.maximum(bins[2:] - bins[:-2] - 1, 0)
        f = np.arange(n_fft // 2 + 1)[:, None] * sample_rate / n_fft
        inside = above(f, points[lower : lower + n_mels]) & (f < points[upper : upper + n_mels])
        return inside.sum(0)

    return wrong


def _slaney(n_mels, low, high):
    def to_mel(f):
        return np.where(f < 1000, 3 * f / 200, 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / np.log(6.4))

    m = np.linspace(to_mel(low), to_mel(high), n_mels + 2)
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp(np.log(6.4) * (m - 15) / 27))


def _ignores_ends(n_fft, n_mels, sample_rate, low, high):
    return coefficients_a_band(n_fft, n_mels, sample_rate, 0.0, sample_rate / 2)


def _too_few_points(n_mels, low, high):
    ends = 2595 * np.log10(1 + np.array([low, high]) / 700)
    points = 700 * (10 ** (np.linspace(*ends, n_mels + 1) / 2595) - 1)
    return np.append(points, np.inf)


_E64 = Exercise(
    id="6.4",
    name="Bands that hear nothing",
    function="coefficients_a_band",
    stub='''def coefficients_a_band(n_fft, n_mels, sample_rate, low, high):
    """How many DFT coefficients each band of a mel filter bank hears.

    n_mels + 2 points lie from low to high (Hz), both included, at equal distances on the
    mel scale 2595 log10(1 + f / 700). Band b = 0 … n_mels − 1 is a triangle that rises
    from 0 at point b to point b + 1, falls to 0 at point b + 2, and is 0 elsewhere.
    Coefficient k = 0 … n_fft // 2 lies at k · sample_rate / n_fft Hz.
    Returns (n_mels,) int: at how many coefficients the band's weight is above 0.
    """
    ...''',
    hints=(
        "Between which two of the points is the weight of band $b$ above 0?",
        "Make the points in Hz first: equal steps between the mels of `low` and `high`, then back. No triangle is needed, only its two feet.",
        "Put the frequencies of all coefficients in a column and the points in a row: one comparison tells what lies above each left foot, another what lies below each right foot. A coefficient exactly at a foot has the weight 0.",
    ),
    solution=coefficients_a_band,
    reasoning="The weight of band $b$ is above 0 strictly between the points $b$ and $b + 2$, and nowhere else, so no triangle is needed: compare all frequencies with all feet at once and count. The two outermost points are set to `low` and `high` themselves, "
    "because the way to mels and back rounds, and a bank from 0 to half of the rate has coefficients exactly there. Low bands are narrow in Hz: where they are narrower than the distance of two coefficients, some fall in between.",
    alternatives=(coefficients_by_triangles,),
    cases=filter_banks,
    mistakes=(
        Mistake(
            "equal-in-hertz",
            "the points are at equal distances in Hz; they must be so in mel",
            _wrong_bank(lambda n_mels, low, high: np.linspace(low, high, n_mels + 2)),
        ),
        Mistake(
            "half-a-triangle",
            "this counts between points b and b + 1, where the band rises; it falls to point b + 2",
            _wrong_bank(upper=1),
        ),
        Mistake(
            "one-point-short",
            "n_mels bands need n_mels + 2 points, because the last triangle falls to 0 as well; here are n_mels + 1",
            _wrong_bank(_too_few_points),
        ),
        Mistake(
            "whole-range",
            "the bank reaches from 0 to half of the sampling rate here; it must begin at `low` and end at `high`",
            _ignores_ends,
        ),
        Mistake(
            "points-moved-to-coefficients",
            "the points are rounded to coefficients before the count; the feet of the triangles may lie between two coefficients",
            _wrong_bank(in_bins=np.round),
        ),
        Mistake(
            "foot-counted",
            "a coefficient exactly at the left foot of a band has the weight 0: it is not heard",
            _wrong_bank(above=np.greater_equal),
        ),
        Mistake(
            "other-mel-scale",
            "this is another mel scale, straight below 1,000 Hz (Slaney's); the stub gives 2595 log10(1 + f / 700)",
            _wrong_bank(_slaney),
        ),
    ),
    deeper="From 20 to 3,970 Hz a DFT of 256 samples at 8 kHz bears 94 bands; with 95 one of them is the floor in every frame, and torchaudio would warn of it.",
)

# ---------------------------------------------------------------------------------------------- 6.5


def what_the_mean_takes_away():
    import torch
    import torchaudio

    import applied_ds as ads

    lecture = ads.lecture("06")
    clips = [clip for name, clip in ads.data.recorded_speech().items() if name.startswith("austen")]
    sounds = [torchaudio.functional.resample(torch.tensor(clip.samples), clip.rate, 8_000) for clip in clips]
    generator = torch.Generator().manual_seed(6)

    def late(x, n):
        return torch.cat([torch.zeros(n), x[:-n]])

    changes = {
        "gain": lambda x: x / 4,
        "filter": lambda x: x - 0.9 * late(x, 1),
        "echo": lambda x: x + 0.6 * late(x, 1_600),
        "noise": lambda x: lecture.add_noise(x, 20, generator),
    }
    rms = {}
    for name, change in changes.items():
        differences = [lecture.log_mel(change(x)) - lecture.log_mel(x) for x in sounds]
        centred = [d - d.mean(0) for d in differences]  # a difference of two `features`
        rms[f"{name}, log-mel"] = float(torch.cat(differences).square().mean().sqrt())
        rms[f"{name}, features"] = float(torch.cat(centred).square().mean().sqrt())
    return rms


def the_same_by_torchaudio():
    import scipy.signal
    import torch
    from torchaudio.transforms import MelSpectrogram

    import applied_ds as ads

    rng = np.random.default_rng(1)
    recorded = ads.data.recorded_speech()
    sounds = [scipy.signal.resample_poly(recorded[f"austen_{i}"].samples, 1, 2) for i in range(1, 6)]
    made = {
        "gain": [0.25 * x for x in sounds],
        "filter": [scipy.signal.lfilter([1, -0.9], [1], x) for x in sounds],
        "echo": [x + np.concatenate([np.zeros(1600), 0.6 * x])[: len(x)] for x in sounds],
        "noise": [x + rng.normal(0, np.sqrt((x**2).mean() / 100), len(x)) for x in sounds],
    }
    mel = MelSpectrogram(8000, n_fft=256, win_length=200, hop_length=80, n_mels=40)
    moved = {}
    for name, changed in made.items():
        sums = np.zeros(3)
        for x, y in zip(sounds, changed, strict=True):
            a, b = (np.log(np.maximum(mel(torch.tensor(v).float()).numpy(), 1e-5)) for v in (x, y))
            centred = (b - b.mean(1, keepdims=True)) - (a - a.mean(1, keepdims=True))
            sums += ((b - a) ** 2).sum(), (centred**2).sum(), a.size
        moved[f"{name}, log-mel"], moved[f"{name}, features"] = np.sqrt(sums[:2] / sums[2])
    return moved


def _moved(*values: float) -> dict[str, float]:
    names = [
        f"{name}, {kind}" for name in ("gain", "filter", "echo", "noise") for kind in ("log-mel", "features")
    ]
    return dict(zip(names, values, strict=True))


_MOVED = (2.630, 0.571, 1.935, 0.223, 2.468, 2.084, 2.507, 1.831)

_E65 = Exercise(
    id="6.5",
    name="What the mean takes away (open)",
    function="moved",
    kind="measurement",
    stub="""moved = {
    "gain, log-mel": ...,
    "gain, features": ...,
    "filter, log-mel": ...,
    "filter, features": ...,
    "echo, log-mel": ...,
    "echo, features": ...,
    "noise, log-mel": ...,
    "noise, features": ...,
}""",
    hints=(
        "Before you measure: which of the four changes *multiply* the power of each band by a number that is the same in every frame? What does a logarithm make of a factor?",
        "The difference of two `features` is the difference `d` of two log-mels, minus `d.mean(0)`. Collect the `d` of the five clips, and take the root of the mean of all squares.",
        "To explain the noise, look at the loudest tenth of the cells and at the quieter half apart: by how much does each of them move?",
    ),
    solution=what_the_mean_takes_away,
    alternatives=(the_same_by_torchaudio,),
    reasoning="""In natural logarithms: gain 2.63 → 0.57, filter 1.93 → 0.22, echo 2.47 → 2.08, noise 2.51 → 1.83. The mean takes most of the first two away, and little of the last two.

*Gain.* A quarter of the amplitude is a sixteenth of the power: every cell moves by $-\\log 16 = -2.77$, the mean over time moves by the same, and their difference does not move. The 0.57 that is left comes from the floor: a cell in a pause cannot fall below
$\\log 10^{-5}$, so it moves by less than the others.

*Filter.* It multiplies the spectrum by a response $H(f)$. It is much shorter than the window, and nearly constant within a band, so each band moves by its own constant $\\log|H|^2$: up for the high bands, down for the low ones. Another microphone is such a filter, and this is why the lectures' features are without their mean.

*Echo.* An echo is a filter too, but it lasts 200 ms and the window 25 ms. A frame of the sum holds what is said now and what was said eight windows ago. That is no product of a frame and a response, and no constant can undo it.

*Noise.* Noise *adds* power, and $\\log(P + N)$ is near $\\log P$ where $P$ is large and near $\\log N$ where it is small. The loudest tenth of the cells moves by 0.04 only, while the quieter half rises by 2.9 on average: the valleys are filled. What moves depends on the sound itself, hence on time. Taking the mean away
removes the average rise of about 1.5 and now moves the loud cells, which were right, down by as much.

So a gain and a microphone need no training data, and echoes and noise do: lectures [6b](06b_listen_attend_spell.ipynb) and [7](07_ctc_and_jasper.ipynb) measure what noise does to a recogniser.""",
    mistakes=(
        Mistake(
            "decibels",
            "these are decibels; the log-mel is a natural logarithm, and the difference of two needs no factor",
            _moved(*(round(4.343 * value, 3) for value in _MOVED)),
            when=lambda numbers: 9 < numbers["gain, log-mel"] < 14,
        ),
        Mistake(
            "norm",
            "these are roots of sums of squares: take the mean over all frames and bands before the root",
            _moved(827.99, 179.81, 609.07, 70.33, 777.01, 656.20, 789.94, 576.69),
            when=lambda numbers: numbers["gain, log-mel"] > 200,
        ),
        Mistake(
            "no-root",
            "these are means of squares: the root is missing",
            _moved(6.916, 0.326, 3.743, 0.050, 6.091, 4.344, 6.283, 3.353),
            when=lambda numbers: 6 < numbers["gain, log-mel"] < 8,
        ),
        Mistake(
            "no-logarithm",
            "these are distances of powers, without the logarithm: a few loud cells decide",
            _moved(3.922, 3.633, 3.754, 3.452, 2.014, 1.924, 0.082, 0.081),
            when=lambda numbers: numbers["noise, log-mel"] < 0.5,
        ),
        Mistake(
            "mean-over-bands",
            "the mean is taken over the bands of each frame; take it over time (axis 0), one mean for each band",
            _moved(2.630, 0.420, 1.935, 1.748, 2.468, 1.526, 2.507, 1.445),
            when=lambda numbers: numbers["filter, features"] > 1.5 and 0.3 < numbers["gain, features"] < 0.5,
        ),
        Mistake(
            "one-mean-for-all",
            "one mean of all cells is taken away; each band has a mean of its own",
            _moved(2.630, 0.586, 1.935, 1.750, 2.468, 2.096, 2.507, 1.995),
            when=lambda numbers: numbers["filter, features"] > 1.5 and 0.5 < numbers["gain, features"] < 0.7,
        ),
        Mistake(
            "swapped",
            "log-mel and features are the wrong way round: taking the mean away cannot make the distance larger",
            _moved(0.571, 2.630, 0.223, 1.935, 2.084, 2.468, 1.831, 2.507),
            when=lambda numbers: all(
                numbers[f"{name}, log-mel"] < numbers[f"{name}, features"]
                for name in ("gain", "filter", "noise")
            ),
        ),
        Mistake(
            "absolute",
            "these are means of absolute differences; root mean squares are asked",
            _moved(2.563, 0.334, 1.486, 0.090, 1.394, 1.566, 1.589, 1.437),
            when=lambda numbers: 1.3 < numbers["noise, log-mel"] < 1.8 and numbers["gain, log-mel"] > 2,
        ),
        Mistake(
            "made-louder",
            "these clips were made louder first; take them as they are: in a louder clip fewer cells lie at the floor",
            _moved(2.728, 0.273, 1.958, 0.144, 2.476, 2.091, 2.525, 1.849),
            when=lambda numbers: 2.7 < numbers["gain, log-mel"] < 2.8 and numbers["gain, features"] < 0.5,
        ),
        Mistake(
            "not-resampled",
            "these sounds have 16,000 samples a second; resample them to 8,000 first",
            _moved(2.434, 0.708, 1.918, 0.289, 2.202, 1.879, 3.571, 1.825),
            when=lambda numbers: numbers["noise, log-mel"] > 3.2 and 2 < numbers["echo, log-mel"] < 2.35,
        ),
        Mistake(
            "louder-noise",
            "the noise is too loud: its power must lie 20 dB below that of each clip, a hundredth of it",
            _moved(2.630, 0.571, 1.935, 0.223, 2.468, 2.084, 3.959, 2.462),
            when=lambda numbers: (
                3.2 < numbers["noise, log-mel"] < 6 and 2.35 < numbers["echo, log-mel"] < 2.6
            ),
        ),
        Mistake(
            "no-low-pass",
            "every second sample was dropped without a low-pass filter: the hiss above 4,000 Hz is folded into the valleys",
            _moved(2.643, 0.531, 1.936, 0.218, 2.467, 2.083, 2.417, 1.800),
            when=lambda numbers: (
                0.51 < numbers["gain, features"] < 0.545 and numbers["noise, log-mel"] < 2.45
            ),
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: 2.56 < numbers["gain, log-mel"] < 2.70,
            "the quarter of the amplitude must move the log-mel by between 2.56 and 2.70, a little less than log 16",
        ),
        Expectation(
            lambda numbers: 0.55 < numbers["gain, features"] < 0.62,
            "of the gain, between 0.55 and 0.62 must be left in the features",
        ),
        Expectation(
            lambda numbers: 1.88 < numbers["filter, log-mel"] < 1.99,
            "the filter must move the log-mel by between 1.88 and 1.99",
        ),
        Expectation(
            lambda numbers: 0.19 < numbers["filter, features"] < 0.26,
            "of the filter, between 0.19 and 0.26 must be left in the features",
        ),
        Expectation(
            lambda numbers: 2.38 < numbers["echo, log-mel"] < 2.56,
            "the echo must move the log-mel by between 2.38 and 2.56",
        ),
        Expectation(
            lambda numbers: 2.00 < numbers["echo, features"] < 2.17,
            "of the echo, between 2.0 and 2.17 must be left in the features",
        ),
        Expectation(
            lambda numbers: 2.45 < numbers["noise, log-mel"] < 2.60,
            "the noise must move the log-mel by between 2.45 and 2.6",
        ),
        Expectation(
            lambda numbers: 1.78 < numbers["noise, features"] < 1.89,
            "of the noise, between 1.78 and 1.89 must be left in the features",
        ),
    ),
    deeper="Known since the 1970s as cepstral mean subtraction: it removes a channel, as long as the channel is shorter than the window and does not change.",
)

EXERCISES = [_E61, _E62, _E63, _E64, _E65]
