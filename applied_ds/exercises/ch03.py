"""Exercises of lecture 3, generative adversarial networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from applied_ds.exercises import Exercise, Expectation, Mistake

# ---------------------------------------------------------------------------------------------- 3.1


def best_discriminator(p, q, s):
    return s * p / (s * p + (1 - s) * q)


def best_by_logits(p, q, s):
    import numpy as np

    a = np.log(p) - np.log(q) + np.log(s) - np.log1p(-s)
    return 0.5 * (1 + np.tanh(a / 2))


def density_cases(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    cases: list[tuple[Any, ...]] = [(np.array([0.2]), np.array([0.6]), 0.75)]
    for shape, s in (((3,), 0.2), ((5,), 0.35), ((2, 4), 0.9)):
        cases.append((rng.uniform(0.05, 2.0, shape), rng.uniform(0.05, 2.0, shape), s))
    return cases


_E31 = Exercise(
    id="3.1",
    name="The best discriminator of an unequal mixture",
    function="best_discriminator",
    stub='''def best_discriminator(p, q, s):
    """Best probability of "real" when a share s of all objects is real.

    p, q: arrays of one shape, real and generated density at the same places, positive.
    s: number in (0, 1). Returns an array of that shape, values in (0, 1).
    """
    ...''',
    hints=(
        "Averaged over all objects, by how much does the loss weigh $-\\log D(x)$ at a place, and by how much $-\\log(1 - D(x))$?",
        "The weights are $s\\,p(x)$ and $(1 - s)\\,q(x)$. For which $D$ is the derivative of the weighted sum zero?",
        "$-\\frac{s p}{D} + \\frac{(1 - s) q}{1 - D} = 0$; solve for $D$. For $s = \\frac12$ the result must be (3.2).",
    ),
    solution=best_discriminator,
    reasoning="The loss at a place is $-s\\,p\\log D - (1 - s)\\,q\\log(1 - D)$, and its derivative is zero where $D$ is the share of the first weight in both. "
    "This is Bayes' rule with the prior $s$; its logit is $\\log\\frac{p}{q} + \\log\\frac{s}{1 - s}$.",
    alternatives=(best_by_logits,),
    cases=density_cases,
    mistakes=(
        Mistake(
            "no-share",
            "this is (3.2), for as many real objects as generated ones: s does not enter",
            lambda p, q, s: p / (p + q),
        ),
        Mistake(
            "share-of-generated",
            "the shares are swapped: s belongs to the real objects",
            lambda p, q, s: (1 - s) * p / ((1 - s) * p + s * q),
        ),
        Mistake(
            "generated",
            "this is the probability that the object is *generated*",
            lambda p, q, s: (1 - s) * q / (s * p + (1 - s) * q),
        ),
        Mistake(
            "odds",
            "these are odds, real to generated; a probability is asked",
            lambda p, q, s: s * p / ((1 - s) * q),
        ),
        Mistake(
            "logit",
            "this is the logit; put it through the sigmoid",
            lambda p, q, s: np.log(s * p) - np.log((1 - s) * q),
        ),
        Mistake(
            "shrunk",
            "this multiplies (3.2) by s, which leaves the denominator as it was for equal shares",
            lambda p, q, s: s * p / (p + q),
        ),
        Mistake(
            "generated-not-weighed",
            "the generated objects are a share too, 1 − s: their density needs that weight",
            lambda p, q, s: s * p / (s * p + q),
        ),
    ),
    deeper="A wrong mixture moves every logit by the same number, log(s/(1 − s)): the discriminator still ranks objects rightly, but its probabilities are off.",
)

# ---------------------------------------------------------------------------------------------- 3.2


def least_squares_round(generator, discriminator, optimizers, x, z_d, z_g):
    optimizer_g, optimizer_d = optimizers
    fake = generator(z_d).detach()
    loss_d = 0.5 * ((discriminator(x) - 1) ** 2).mean() + 0.5 * (discriminator(fake) ** 2).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()

    loss_g = 0.5 * ((discriminator(generator(z_g)) - 1) ** 2).mean()
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    return loss_d.item(), loss_g.item()


def least_squares_by_autograd(generator, discriminator, optimizers, x, z_d, z_g):
    optimizer_g, optimizer_d = optimizers
    import torch

    def move(loss, network, optimizer):
        parameters = list(network.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
        return float(loss)

    mse = torch.nn.functional.mse_loss
    d_real, d_fake = discriminator(x), discriminator(generator(z_d))
    loss_d = 0.5 * (mse(d_real, torch.ones_like(d_real)) + mse(d_fake, torch.zeros_like(d_fake)))
    value = move(loss_d, discriminator, optimizer_d)
    d_fake = discriminator(generator(z_g))
    return value, move(0.5 * mse(d_fake, torch.ones_like(d_fake)), generator, optimizer_g)


def observe_two_rounds(attempt: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Losses and weights of two tiny networks after each of two rounds with momentum."""
    import torch
    from torch import nn

    generator, discriminator = nn.Linear(2, 2).double(), nn.Linear(2, 1).double()
    with torch.no_grad():
        for network, name in ((generator, "G"), (discriminator, "D")):
            network.weight.copy_(torch.tensor(case[f"weight of {name}"]))
            network.bias.copy_(torch.tensor(case[f"bias of {name}"]))
    optimizer_g = torch.optim.SGD(generator.parameters(), lr=0.1, momentum=0.5)
    optimizer_d = torch.optim.SGD(discriminator.parameters(), lr=0.1, momentum=0.5)
    seen: dict[str, Any] = {}
    for number in (1, 2):
        tensors = [torch.tensor(part) for part in case["x, z_d, z_g"]]
        losses = attempt(generator, discriminator, (optimizer_g, optimizer_d), *tensors)
        seen[f"weight of D after round {number}"] = discriminator.weight.detach().clone()
        seen[f"bias of D after round {number}"] = discriminator.bias.detach().clone()
        seen[f"weight of G after round {number}"] = generator.weight.detach().clone()
        seen[f"bias of G after round {number}"] = generator.bias.detach().clone()
        seen[f"losses of round {number}"] = losses
    return seen


def round_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "weight of G": rng.normal(size=(2, 2)),
            "bias of G": rng.normal(size=2),
            "weight of D": rng.normal(size=(1, 2)),
            "bias of D": rng.normal(size=1),
            "x, z_d, z_g": [rng.normal(1.0, 1.0, size=(n, 2)), *rng.normal(size=(2, n, 2))],
        }
        for n in (2, 5, 8)
    ]


def _round(
    *,
    labels=(1.0, 0.0),
    goal=1.0,
    clear=True,
    both=False,
    half=True,
    order="d",
    reuse=False,
    stale=False,
    g=True,
):
    """One round with the mistakes that the arguments name."""

    def wrong(generator, discriminator, optimizers, x, z_d, z_g):
        optimizer_g, optimizer_d = optimizers
        h = 0.5 if half else 1.0
        real, generated = labels

        def step_d():
            fake = generator(z_d).detach()
            loss = (
                h * ((discriminator(x) - real) ** 2).mean()
                + h * ((discriminator(fake) - generated) ** 2).mean()
            )
            if clear:
                optimizer_d.zero_grad()
            loss.backward()
            optimizer_d.step()
            return loss.item()

        def step_g():
            loss = h * ((discriminator(generator(z_d if reuse else z_g)) - goal) ** 2).mean()
            if clear:
                optimizer_g.zero_grad()
            if both:
                optimizer_d.zero_grad()
            if g:
                loss.backward()
            optimizer_g.step()
            if both:
                optimizer_d.step()
            return loss.item()

        if order == "g":
            value = step_g()
            return step_d(), value
        return step_d(), step_g()

    return wrong


def _minimax_squares(generator, discriminator, optimizers, x, z_d, z_g):
    """The generator maximises the discriminator's own loss."""
    optimizer_g, optimizer_d = optimizers
    fake = generator(z_d).detach()
    loss_d = 0.5 * ((discriminator(x) - 1) ** 2).mean() + 0.5 * (discriminator(fake) ** 2).mean()
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    loss_g = -0.5 * (discriminator(generator(z_g)) ** 2).mean()
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    return loss_d.item(), loss_g.item()


def _generator_leaks(generator, discriminator, optimizers, x, z_d, z_g):
    """The discriminator's loss reaches the generator, and its gradient is not cleared."""
    optimizer_g, optimizer_d = optimizers
    optimizer_g.zero_grad()
    optimizer_d.zero_grad()
    loss_d = 0.5 * ((discriminator(x) - 1) ** 2).mean() + 0.5 * (discriminator(generator(z_d)) ** 2).mean()
    loss_d.backward()
    optimizer_d.step()
    loss_g = 0.5 * ((discriminator(generator(z_g)) - 1) ** 2).mean()
    loss_g.backward()
    optimizer_g.step()
    return loss_d.item(), loss_g.item()


def _losses_swapped(generator, discriminator, optimizers, x, z_d, z_g):
    """Right steps, but the loss of G comes first in what is returned."""
    loss_d, loss_g = _round()(generator, discriminator, optimizers, x, z_d, z_g)
    return loss_g, loss_d


def _optimizers_swapped(generator, discriminator, optimizers, x, z_d, z_g):
    """The pair of optimisers is taken apart in the wrong order."""
    return _round()(generator, discriminator, optimizers[::-1], x, z_d, z_g)


def _leftovers(generator, discriminator, optimizers, x, z_d, z_g):
    """The generator's step leaves gradients in the discriminator, which its next step adds."""
    return _round(clear=False)(generator, discriminator, optimizers, x, z_d, z_g)


_E32 = Exercise(
    id="3.2",
    name="One round with another loss",
    function="least_squares_round",
    stub='''def least_squares_round(generator, discriminator, optimizers, x, z_d, z_g):
    """One step of the discriminator, then one of the generator, with least squares.

    optimizers: pair, of the generator and of the discriminator. x: real objects (n, D);
    z_d, z_g: noise (n, m) for the first and the second step. Returns the
    losses of D and of G, each before its own step, as floats.
    """
    ...''',
    hints=(
        "Whose weights may move in the first step, and what must therefore not pass from the loss to the generator?",
        "In the second step the gradient has to pass *through* the discriminator. Where must `detach` stand, and where must it not?",
        "`fake = generator(z_d).detach()` for D; `discriminator(generator(z_g))` without it for G. Clear the gradients of a network right before its own `backward`.",
    ),
    solution=least_squares_round,
    reasoning="`detach` cuts the graph in the discriminator's step, so its loss cannot reach the generator. In the generator's step nothing is cut: the gradient runs through the discriminator to "
    "the generator, and leaves gradients in the discriminator on its way. Nobody steps on them, and the `zero_grad` before the discriminator's next `backward` throws them away.",
    alternatives=(least_squares_by_autograd,),
    cases=round_cases,
    observe=observe_two_rounds,
    mistakes=(
        Mistake(
            "labels-swapped",
            "the discriminator's labels are swapped: real objects must get 1, generated ones 0",
            _round(labels=(0.0, 1.0)),
        ),
        Mistake(
            "generator-agrees",
            "the generator pulls its objects to 0, the label of generated ones: it helps the discriminator instead of fooling it",
            _round(goal=0.0),
        ),
        Mistake(
            "minimax",
            "the generator maximises the discriminator's own loss; here it has a loss of its own, with the goal 1",
            _minimax_squares,
        ),
        Mistake(
            "moves-the-discriminator",
            "the generator's step moves the discriminator as well: only `optimizers[0]` may step there",
            _round(both=True),
        ),
        Mistake(
            "detach-in-the-wrong-place",
            "the generator does not move: is there a `detach` (or `no_grad`) in *its* step, which cuts the way back to it?",
            _round(g=False),
        ),
        Mistake(
            "leaks-into-the-generator",
            "the discriminator's loss reaches the generator, whose step then uses that gradient too: `detach` the objects in the first step, and clear before each `backward`",
            _generator_leaks,
        ),
        Mistake(
            "keeps-gradients",
            "the first round may look right, but gradients are never cleared, and what the generator's step leaves in the discriminator is added to its next one",
            _leftovers,
        ),
        Mistake("generator-first", "the order: the discriminator moves first", _round(order="g")),
        Mistake(
            "same-noise",
            "the generator's step uses `z_d`; it has its own noise, `z_g`",
            _round(reuse=True),
        ),
        Mistake(
            "losses-swapped",
            "the steps are right, but the losses are returned the other way round; that of D comes first",
            _losses_swapped,
        ),
        Mistake(
            "optimizers-swapped",
            "the optimisers are swapped: `optimizers` holds that of the generator first",
            _optimizers_swapped,
        ),
        Mistake("no-half", "the factor one half is missing in the losses", _round(half=False)),
    ),
    deeper="Its best discriminator is p/(p + q) as well; the gradient by d is d − 1 for a generated object, so it grows with the distance instead of going flat.",
)

# ---------------------------------------------------------------------------------------------- 3.3


def sliced_wasserstein(a, b, directions):
    import numpy as np

    units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    along_a, along_b = np.sort(a @ units.T, axis=0), np.sort(b @ units.T, axis=0)
    return np.abs(along_a - along_b).mean()


def sliced_by_scipy(a, b, directions):
    from scipy.stats import wasserstein_distance

    total = 0.0
    for direction in directions:
        unit = direction / math.sqrt(float(direction @ direction))
        total += wasserstein_distance(a @ unit, b @ unit)
    return total / len(directions)


def sliced_cases(rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    cases = [(np.array([[0.0, 0.0], [2.0, 1.0]]), np.array([[4.0, 0.0], [1.0, 3.0]]), np.array([[2.0, 0.0]]))]
    for n, D, K in ((5, 2, 3), (8, 3, 4), (12, 4, 6)):
        cases.append(
            (rng.normal(size=(n, D)), rng.normal(0.7, 1.5, size=(n, D)), rng.normal(size=(K, D)) * 2)
        )
    return cases


def _sliced(*, unit=True, sort=0, power=1, root=False, over="mean"):
    def wrong(a, b, directions):
        units = directions / np.linalg.norm(directions, axis=1, keepdims=True) if unit else directions
        along_a, along_b = a @ units.T, b @ units.T
        if sort is not None:
            along_a, along_b = np.sort(along_a, axis=sort), np.sort(along_b, axis=sort)
        ways = (np.abs(along_a - along_b) ** power).mean(axis=0)
        if root:
            ways = np.sqrt(ways)
        return {"mean": np.mean, "max": np.max, "sum": np.sum}[over](ways)

    return wrong


def _of_means(a, b, directions):
    units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return np.abs((a @ units.T).mean(0) - (b @ units.T).mean(0)).mean()


_E33 = Exercise(
    id="3.3",
    name="Sliced Wasserstein distance",
    function="sliced_wasserstein",
    stub='''def sliced_wasserstein(a, b, directions):
    """Mean over directions of the 1-D Wasserstein distance of the projections.

    a, b: arrays (n, D), as many points in both. directions: array (K, D), of any
    length but zero. Returns one number, in the units of a and b.
    """
    ...''',
    hints=(
        "What is the projection of a point on a direction of length 1?",
        "`a @ units.T` has the shape $(n, K)$: one column a direction. Along which axis must be sorted?",
        "Both have $n$ points: sort each column, pair by rank, take the mean of the absolute differences over all of it.",
    ),
    solution=sliced_wasserstein,
    reasoning="With equal sizes the cheapest plan on the line pairs by rank, so each column is sorted by itself and compared row by row. All columns are as long, so one mean over everything is the mean over directions of the mean ways.",
    alternatives=(sliced_by_scipy,),
    cases=sliced_cases,
    mistakes=(
        Mistake(
            "no-unit-length",
            "the directions are not scaled to length 1, so long ones count for more",
            _sliced(unit=False),
        ),
        Mistake(
            "no-sorting",
            "this pairs the points as they come; the cheapest plan on the line pairs them by rank: sort first",
            _sliced(sort=None),
        ),
        Mistake(
            "wrong-axis",
            "this sorts the directions of one point (axis 1); the points along one direction are to be sorted (axis 0)",
            _sliced(sort=1),
        ),
        Mistake(
            "squared",
            "this averages squared ways; (3.7) takes the ways themselves",
            _sliced(power=2),
        ),
        Mistake(
            "second-order",
            "this is the distance of second order, the root of the mean squared way",
            _sliced(power=2, root=True),
        ),
        Mistake("largest", "this is the largest over the directions; the mean is asked", _sliced(over="max")),
        Mistake("sum", "this sums over the directions; the mean is asked", _sliced(over="sum")),
        Mistake(
            "of-means",
            "this compares the means of the projections; two clouds with one centre would have distance 0",
            _of_means,
        ),
    ),
    deeper="It costs K sorts where the exact distance of n points in the plane costs a linear programme with n² variables, and it is zero only for equal distributions too.",
)

# ---------------------------------------------------------------------------------------------- 3.4


def one_sided_step(critic, optimizer, x, fake, u, weight):
    import torch

    between = (u * x + (1 - u) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty = (gradient.norm(dim=1) - 1).clamp(min=0).square().mean()
    loss = critic(fake).mean() - critic(x).mean() + weight * penalty
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return penalty.item()


def one_sided_by_functional(critic, optimizer, x, fake, u, weight):
    import torch

    named = dict(critic.named_parameters())

    def height(point, weights):
        return torch.func.functional_call(critic, weights, (point[None],)).squeeze()

    slopes = torch.func.vmap(torch.func.grad(height), in_dims=(0, None))(fake + u * (x - fake), named)
    penalty = torch.relu(torch.sqrt((slopes**2).sum(-1)) - 1).pow(2).mean()
    heights = critic(torch.cat([x, fake]))[:, 0]
    loss = heights[len(x) :].mean() - heights[: len(x)].mean() + weight * penalty
    for parameter, gradient in zip(
        named.values(), torch.autograd.grad(loss, list(named.values()), allow_unused=True), strict=True
    ):
        parameter.grad = gradient
    optimizer.step()
    return float(penalty)


def observe_critic_step(attempt: Any, case: dict[str, Any]) -> dict[str, Any]:
    """The penalty that is returned, and the critic's weights after the step."""
    import torch
    from torch import nn

    D = len(case["x"][0])
    critic = nn.Sequential(nn.Linear(D, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor(case["first weights"]))
        critic[2].weight.copy_(torch.tensor(case["last weights"]))
        critic[0].bias.fill_(0.3)
        critic[2].bias.fill_(0.1)
    optimizer = torch.optim.SGD(critic.parameters(), lr=0.1)
    points = [torch.tensor(case[name]) for name in ("x", "fake", "u")]
    return {
        "penalty": attempt(critic, optimizer, *points, case["weight"]),
        "first weights after the step": critic[0].weight.detach().clone(),
        "last weights after the step": critic[2].weight.detach().clone(),
    }


def penalty_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "first weights": rng.normal(size=(3, D)),
            "last weights": 1.5 * rng.normal(size=(1, 3)),
            "x": rng.normal(size=(n, D)),
            "fake": rng.normal(1.5, 1.0, size=(n, D)),
            "u": rng.uniform(0.1, 0.4, size=(n, 1)),
            "weight": weight,
        }
        for n, D, weight in ((4, 2, 2.0), (6, 3, 3.0), (9, 3, 1.5))
    ]


def _wrong_penalty(
    *,
    at="between",
    side="one",
    power=1,
    norm="each",
    square=True,
    graph=True,
    aim=1.0,
    over="mean",
    sign=1.0,
    add=1.0,
    weigh=True,
    heights="sum",
    give="penalty",
):
    """A step with the mistakes that the arguments name."""

    def wrong(critic, optimizer, x, fake, u, weight):
        import torch

        places = {
            "between": u * x + (1 - u) * fake,
            "swapped": (1 - u) * x + u * fake,
            "real": x,
            "fake": fake,
        }
        place = places[at].detach().requires_grad_()
        height = critic(place).mean() if heights == "mean" else critic(place).sum()
        (gradient,) = torch.autograd.grad(height, place, create_graph=graph)
        length = gradient.norm() if norm == "batch" else gradient.norm(dim=1) ** power
        too_steep = (length.mean() if norm == "first" else length) - aim
        if side == "one":
            too_steep = too_steep.clamp(min=0)
        each = too_steep**2 if square else too_steep
        penalty = each.sum() if over == "sum" else each.mean()
        loss = sign * (critic(fake).mean() - critic(x).mean()) + add * (weight if weigh else 1.0) * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"penalty": penalty, "weighted": weight * penalty, "loss": loss}[give].item()

    return wrong


_E34 = Exercise(
    id="3.4",
    name="A one-sided penalty",
    function="one_sided_step",
    stub='''def one_sided_step(critic, optimizer, x, fake, u, weight):
    """One step on the critic loss + weight · penalty; returns the penalty before it.

    The penalty is the mean of max(0, ‖∇critic‖ - 1)² at the points u·x + (1 - u)·fake.
    critic: module, (n, D) -> (n, 1). x, fake: tensors (n, D); u: tensor (n, 1).
    weight: number. Returns the penalty without its weight, as a float.
    """
    ...''',
    hints=(
        "By what is the critic differentiated in the penalty: by its weights, or by the point at which it is asked? That tensor needs `requires_grad_()`.",
        "`torch.autograd.grad(critic(points).sum(), points, …)` gives one gradient for each point. Which argument keeps the result differentiable by the weights?",
        "Norm of each row first (`dim=1`), then minus 1, cut at 0, square, mean. The critic loss is the mean over generated points minus the mean over real ones.",
    ),
    solution=one_sided_step,
    reasoning="The sum over the points is a way to get all gradients in one call: the height at one point does not depend on another point. `create_graph=True` keeps the way from those gradients back to the weights, so that `backward` can push the slopes down.",
    alternatives=(one_sided_by_functional,),
    cases=penalty_cases,
    observe=observe_critic_step,
    mistakes=(
        Mistake("two-sided", "this is (3.11), which forbids slopes below 1 too", _wrong_penalty(side="two")),
        Mistake(
            "squared-norm",
            "1 is taken away from the *squared* norm; the norm itself is meant",
            _wrong_penalty(power=2),
        ),
        Mistake(
            "at-real-points",
            "the gradient is taken at the real points; it belongs between",
            _wrong_penalty(at="real"),
        ),
        Mistake(
            "at-generated-points",
            "the gradient is taken at the generated points; it belongs between",
            _wrong_penalty(at="fake"),
        ),
        Mistake("shares-swapped", "the shares are swapped: `u` belongs to `x`", _wrong_penalty(at="swapped")),
        Mistake(
            "norm-of-the-batch",
            "this takes one norm over all points; each point has its own (`dim=1`)",
            _wrong_penalty(norm="batch"),
        ),
        Mistake(
            "mean-first",
            "this averages the norms first, so that flat places excuse steep ones; average last",
            _wrong_penalty(norm="first"),
        ),
        Mistake("no-square", "the square is missing", _wrong_penalty(square=False)),
        Mistake("to-zero", "this pulls slopes to 0; slopes up to 1 are free", _wrong_penalty(aim=0.0)),
        Mistake("sum", "this sums over the points; the mean is asked", _wrong_penalty(over="sum")),
        Mistake(
            "no-graph",
            "the penalty is right, but its gradient does not reach the weights: use `create_graph=True`, and neither `.item()` nor `detach` before the step",
            _wrong_penalty(graph=False),
        ),
        Mistake(
            "critic-sign",
            "the sign of the critic loss: the critic must be high on real points, so it minimises generated minus real",
            _wrong_penalty(sign=-1.0),
        ),
        Mistake(
            "rewards-slopes",
            "the penalty is taken away from the loss; it must be added",
            _wrong_penalty(add=-1.0),
        ),
        Mistake("no-weight", "the penalty enters the loss without its weight", _wrong_penalty(weigh=False)),
        Mistake(
            "gradient-of-the-mean",
            "each gradient is divided by the number of points: differentiate the *sum* of the critic's outputs, or pass ones as `grad_outputs`",
            _wrong_penalty(heights="mean"),
        ),
        Mistake(
            "returns-weighted",
            "the step is right, but the penalty is returned times its weight; it is asked without",
            _wrong_penalty(give="weighted"),
        ),
        Mistake(
            "returns-loss",
            "the step is right, but the whole loss is returned; the penalty alone is asked",
            _wrong_penalty(give="loss"),
        ),
    ),
    deeper="A penalty that pulls slopes to 0 instead, at the real points, is known as R1, and is what many large image GANs use.",
)

# ---------------------------------------------------------------------------------------------- 3.5


def distances_of_intervals():
    import numpy as np

    distances = {}
    for theta in (0.5, 1, 3):
        overlap = max(0.0, 1 - theta)
        distances[f"JS at {theta}"] = float((1 - overlap) * np.log(2))
        distances[f"W at {theta}"] = float(theta)
    return distances


def distances_by_sampling():
    import numpy as np

    import applied_ds as ads

    lecture, rng = ads.lecture("03"), np.random.default_rng(0)
    measured = {}
    for theta in (0.5, 1, 3):
        a, b = rng.uniform(size=50_000), theta + rng.uniform(size=50_000)
        edges = np.linspace(-1, 5, 601)
        p, q = (np.histogram(sample, edges)[0] / len(sample) for sample in (a, b))
        m = (p + q) / 2
        kl = [np.sum(r[r > 0] * np.log(r[r > 0] / m[r > 0])) for r in (p, q)]
        measured[f"JS at {theta}"] = float(np.mean(kl))
        measured[f"W at {theta}"] = lecture.wasserstein_1d(a, b)
    return measured


_LOG_2 = math.log(2)
_RIGHT = {
    "JS at 0.5": _LOG_2 / 2,
    "JS at 1": _LOG_2,
    "JS at 3": _LOG_2,
    "W at 0.5": 0.5,
    "W at 1": 1.0,
    "W at 3": 3.0,
}

_E35 = Exercise(
    id="3.5",
    name="Which distance still has a slope? (open)",
    function="distances",
    kind="measurement",
    stub="""distances = {
    "JS at 0.5": ...,
    "JS at 1": ...,
    "JS at 3": ...,
    "W at 0.5": ...,
    "W at 1": ...,
    "W at 3": ...,
}""",
    hints=(
        "Draw the two densities for $\\theta = 0.5$: where does only one of them live, and what is the best discriminator there?",
        "Where only one density lives, $D^*$ is 0 or 1 and costs nothing; where both live it is $\\frac12$. Then (3.3).",
        "For $W$ sort two large samples with `wasserstein_1d`, or think: what does it take to move an interval by $\\theta$?",
    ),
    solution=distances_of_intervals,
    alternatives=(distances_by_sampling,),
    reasoning="""On the overlap, of length $1 - \\theta$, both densities are 1 and the mean of the two is 1 as well: it adds nothing to JS. Everywhere else only one lives, the mean is half of it, and each unit
of probability adds $\\log 2$. So $\\mathrm{JS} = \\min(\\theta, 1)\\log 2$, while $W = \\theta$: every point moves by $\\theta$.

*At* $\\theta = 3$ JS is $\\log 2$, as it is at $1$, at $2.9$ and at $300$. Its slope by $\\theta$ is zero; a generator that minimises it is told nothing, not even in which direction the data lie. $W$ falls by 1 for each unit
in the right direction. By (3.3) the best discriminator's log-loss is $2\\log 2 - 2\\log 2 = 0$: it has won, as in section 3. The non-saturating loss helps because it is *not* JS, and because a trained discriminator is no best one: between the
two intervals its logit has a slope that the best one need not have.""",
    mistakes=(
        Mistake(
            "bits",
            "the divergences are in bits; nats are asked, so the largest one is log 2",
            {**_RIGHT, "JS at 0.5": 0.5, "JS at 1": 1.0, "JS at 3": 1.0},
        ),
        Mistake(
            "square-root",
            "these are the square roots of the divergences: SciPy's `jensenshannon` gives the root, so square it",
            {name: math.sqrt(v) if "JS" in name else v for name, v in _RIGHT.items()},
        ),
        Mistake(
            "twice",
            "the divergences are twice too large: (3.3) takes half of each of the two KL terms",
            {name: 2 * v if "JS" in name else v for name, v in _RIGHT.items()},
        ),
        Mistake(
            "log-loss",
            "these are the best discriminator's log-losses; (3.3) leads from them to the divergence",
            {name: 2 * _LOG_2 - 2 * v if "JS" in name else v for name, v in _RIGHT.items()},
        ),
        Mistake(
            "squared-ways",
            "these are mean *squared* ways; (3.7) takes the ways themselves",
            {name: v**2 if "W" in name else v for name, v in _RIGHT.items()},
        ),
        Mistake(
            "not-sorted",
            "these are mean differences of *unsorted* samples: for intervals that overlap, pairs drawn at random are farther apart than the cheapest plan makes them",
            {**_RIGHT, "W at 0.5": 0.542, "W at 1": 1.0},
            when=lambda numbers: 0.53 < numbers["W at 0.5"] < 0.555,
        ),
    ),
    expect=(
        Expectation(
            lambda numbers: abs(numbers["JS at 0.5"] - _LOG_2 / 2) < 0.02,
            "half of each interval lies in the overlap at 0.5, so JS must be half of log 2",
        ),
        Expectation(
            lambda numbers: max(abs(numbers[name] - _LOG_2) for name in ("JS at 1", "JS at 3")) < 0.02,
            "from 1 on the intervals share nothing, so JS must be log 2",
        ),
        Expectation(
            lambda numbers: all(abs(numbers[f"W at {t}"] / float(t) - 1) < 0.04 for t in ("0.5", "1", "3")),
            "an interval that is moved by θ must be carried by θ, and no further",
        ),
    ),
    deeper="Real images lie on thin sheets in a space of a thousand dimensions, and two thin sheets hardly ever meet: for them the flat part of JS is the rule.",
)

EXERCISES = [_E31, _E32, _E33, _E34, _E35]
