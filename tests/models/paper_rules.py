"""AVA (5) to (16) as printed, with the errata corrected, in plain floats: neuron by neuron, picture by picture.

The models are compared with this independent transcription. It shares no code with them, and it does not simplify where
they do: it divides by d, D and their complements, Σ is itself an output neuron (a(t) = e^t, so a_f' = Σ), and every a'
is written out. So it fails where the printed rules fail: if d(x') rounds to 1, it divides by zero.

Signs are the printed ones. An error times the inputs of its neuron is a *change*, which Θ subtracts and Φ, Ψ and Λ add.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

Vector = list[float]
Layer = tuple[list[Vector], Vector]
"""Weights W[input][output] and biases b[output]."""

Networks = dict[str, list[Layer]]
"""The layers of Θ, Φ, Ψ and Λ, from input to output, with leaky rectifiers between them."""

LEAK = 0.2


class Rules(NamedTuple):
    """The printed rule of each part of a model: a row of the paper's list of variants."""

    Θμ: str
    ΘΣ: str
    Φ: str
    Ψ: str
    Λ: str


RULES = {
    "vae": Rules("(5)", "(5)", "x - x' only", "-", "-"),
    "ava1": Rules("(5)", "(5)", "(6)", "(7)", "-"),
    "ava2": Rules("(5)", "(5)", "(6)", "(10)", "-"),
    "ava3": Rules("(14)", "(5)", "x - x' only", "-", "(13)"),
    "ava4": Rules("(14)", "(5)", "x - x' only", "-", "(16)"),
    "ava5": Rules("(14)", "(5)", "(6)", "(10)", "(16)"),
}


class Activation(NamedTuple):
    """a(t), and a' as a function of the output a."""

    value: Callable[[float], float]
    slope: Callable[[float], float]


LINEAR = Activation(lambda t: t, lambda a: 1.0)
EXPONENTIAL = Activation(math.exp, lambda a: a)
SIGMOID = Activation(lambda t: 1 / (1 + math.exp(-t)), lambda a: a * (1 - a))
LEAKY_RECTIFIER = Activation(lambda t: t if t > 0 else LEAK * t, lambda a: 1.0 if a > 0 else LEAK)


class Perceptron:
    """A network of neurons, and the sum of the changes of its parameters."""

    def __init__(self, layers: list[Layer], outputs: list[Activation]) -> None:
        self.layers, self.outputs = layers, outputs
        self.changes: list[Layer] = [([[0.0] * len(b) for _ in W], [0.0] * len(b)) for W, b in layers]

    def activation(self, layer: int, neuron: int) -> Activation:
        """Return the activation of a neuron."""
        return self.outputs[neuron] if layer == len(self.layers) - 1 else LEAKY_RECTIFIER

    def apply(self, x: Vector) -> list[Vector]:
        """Return every neuron's value, from the inputs to the outputs."""
        values = [x]
        for layer, (W, b) in enumerate(self.layers):
            new = []
            for o in range(len(b)):
                total = b[o]
                for i in range(len(W)):
                    total += values[-1][i] * W[i][o]
                new.append(self.activation(layer, o).value(total))
            values.append(new)
        return values

    def collect(self, values: list[Vector], error: Vector) -> None:
        """Backpropagate the errors of the output neurons, which include a', through one application."""
        for layer in reversed(range(len(self.layers))):
            W, b = self.layers[layer]
            dW, db = self.changes[layer]
            for o in range(len(b)):
                db[o] += error[o]
                for i in range(len(W)):
                    dW[i][o] += error[o] * values[layer][i]
            if layer > 0:
                below = []
                for i in range(len(W)):
                    total = 0.0
                    for o in range(len(b)):
                        total += W[i][o] * error[o]
                    below.append(total * self.activation(layer - 1, i).slope(values[layer][i]))
                error = below

    def updated(self, step: float) -> list[Layer]:
        """Return the parameters plus ``step`` times their change."""
        return [
            (
                [
                    [w + step * change for w, change in zip(row, changes, strict=True)]
                    for row, changes in zip(W, dW, strict=True)
                ],
                [bias + step * change for bias, change in zip(b, db, strict=True)],
            )
            for (W, b), (dW, db) in zip(self.layers, self.changes, strict=True)
        ]


def perceptrons(networks: Networks) -> tuple[Perceptron, Perceptron, Perceptron, Perceptron]:
    """Return Θ with n linear neurons μ and n neurons Σ, Φ with m sigmoids, and Ψ and Λ with one sigmoid."""
    n, m = len(networks["Φ"][0][0]), len(networks["Φ"][-1][1])
    return (
        Perceptron(networks["Θ"], [LINEAR] * n + [EXPONENTIAL] * n),
        Perceptron(networks["Φ"], [SIGMOID] * m),
        Perceptron(networks["Ψ"], [SIGMOID]),
        Perceptron(networks["Λ"], [SIGMOID]),
    )


def update(
    rules: Rules, networks: Networks, pictures: list[Vector], noise: list[Vector], γ: float, ρ: float
) -> Networks:
    """Update all parameters once by the printed rules.

    Parameters
    ----------
    rules : Rules
        The rule of each part.
    networks : dict
        Parameters before.
    pictures, noise : list of list of float
        x, m values each, and r of (8), n values each.
    γ, ρ : float
        Learning rate, and the factor that multiplies the sum over the pictures.

    Returns
    -------
    dict
        Parameters after.

    Raises
    ------
    ZeroDivisionError
        If d(x') or D(μ(x')) rounds to 1, or Σ, d(x) or D(μ(x)) to 0.
    """
    Θ, Φ, Ψ, Λ = perceptrons(networks)
    a_g, a_d, a_D = SIGMOID.slope, SIGMOID.slope, SIGMOID.slope
    for x, r in zip(pictures, noise, strict=True):
        n, m = len(r), len(x)
        f = Θ.apply(x)
        μ, Σ = f[-1][:n], f[-1][n:]
        z = [μ[k] + math.sqrt(Σ[k]) * r[k] for k in range(n)]  # (8)
        g = Φ.apply(z)
        x_ = g[-1]
        μ_ = Θ.apply(x_)[-1][:n]
        real, fake = Ψ.apply(x), Ψ.apply(x_)
        d, d_ = real[-1][0], fake[-1][0]
        REAL, FAKE = Λ.apply(μ), Λ.apply(μ_)
        D, D_ = REAL[-1][0], FAKE[-1][0]

        error_μ = list(μ)  # (5)
        if rules.Θμ == "(14)":
            for k in range(n):
                error_μ[k] = μ[k] - a_D(D_) / (1 - D_)
        for k in range(n):
            error_μ[k] *= LINEAR.slope(μ[k])
        error_Σ = [(-0.5 / Σ[k] + 0.5) * EXPONENTIAL.slope(Σ[k]) for k in range(n)]  # (5)
        Θ.collect(f, error_μ + error_Σ)

        error_x_ = []
        for i in range(m):
            bias = x[i] - x_[i]
            if rules.Φ == "(6)":
                bias += a_d(d_) / (1 - d_)
            error_x_.append(bias * a_g(x_[i]))
        Φ.collect(g, error_x_)

        if rules.Ψ in ("(7)", "(10)"):
            error_d0 = -a_d(d_) / (1 - d_)
            if rules.Ψ == "(10)":
                for i in range(m):
                    error_d0 += a_d(d_) * (x[i] - x_[i]) * a_g(x_[i])
            Ψ.collect(real, [a_d(d) / d])
            Ψ.collect(fake, [error_d0])

        if rules.Λ in ("(13)", "(16)"):
            error_D0 = -a_D(D_) / (1 - D_)
            if rules.Λ == "(16)":
                for k in range(n):
                    error_D0 += a_D(D_) * (μ[k] - μ_[k]) * LINEAR.slope(μ_[k])
            Λ.collect(REAL, [a_D(D) / D])
            Λ.collect(FAKE, [error_D0])
    step = γ * ρ
    return {"Θ": Θ.updated(-step), "Φ": Φ.updated(step), "Ψ": Ψ.updated(step), "Λ": Λ.updated(step)}


def objectives(networks: Networks, pictures: list[Vector], noise: list[Vector]) -> dict[str, float]:
    """Return the printed objectives by number, in nats, and the surrogates of the reverse-causal terms.

    Returns
    -------
    dict
        "(1)" to "(4)", "(9)", "(11)", "(12)" and "(15)"; and "e d(x')" and "E D(μ(x'))", which the reverse-causal terms
        of (10) and (16) ascend if e and E are constants. All are sums over the pictures.
    """
    Θ, Φ, Ψ, Λ = perceptrons(networks)
    sums = dict.fromkeys(["(1)", "(2)", "(3)", "(9)", "(11)", "(12)", "(15)", "e d(x')", "E D(μ(x'))"], 0.0)
    for x, r in zip(pictures, noise, strict=True):
        n, m = len(r), len(x)
        f = Θ.apply(x)[-1]
        μ, Σ = f[:n], f[n:]
        x_ = Φ.apply([μ[k] + math.sqrt(Σ[k]) * r[k] for k in range(n)])[-1]
        μ_ = Θ.apply(x_)[-1][:n]
        d, d_, D, D_ = (network.apply(v)[-1][0] for network, v in ((Ψ, x), (Ψ, x_), (Λ, μ), (Λ, μ_)))
        squared = sum((x[i] - x_[i]) ** 2 for i in range(m)) / 2
        divergence = sum(Σ[k] + μ[k] ** 2 - 1 - math.log(Σ[k]) for k in range(n)) / 2
        sums["(1)"] += squared + divergence
        sums["(2)"] += math.log(d) + math.log(1 - d_)
        sums["(3)"] += squared + divergence + math.log(1 - d_)
        sums["(9)"] += math.log(d) + math.log(1 - d_) - squared
        sums["(11)"] += math.log(D) + math.log(1 - D_)
        sums["(12)"] += squared + divergence + math.log(1 - d_) + math.log(1 - D_)
        sums["(15)"] += math.log(D) + math.log(1 - D_) - sum((μ[k] - μ_[k]) ** 2 for k in range(n)) / 2
        sums["e d(x')"] += sum((x[i] - x_[i]) * SIGMOID.slope(x_[i]) for i in range(m)) * d_
        sums["E D(μ(x'))"] += sum(μ[k] - μ_[k] for k in range(n)) * D_
    sums["(4)"] = sums["(2)"]
    return sums
