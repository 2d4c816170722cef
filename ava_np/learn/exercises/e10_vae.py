"""10. A whole VAE.

An encoder gives μ and s, side by side; z = μ + e^(s/2) r; a decoder gives x' = sigmoid(z D + e). The objective is

    ½ ‖x - x'‖² + KL

The encoder is one dense layer here, and so is the decoder. The reconstruction's error goes down through the decoder
to z, and on to μ and s. There the divergence's error is added: two ways lead into the encoder.

What you write is compared with the engine's own VAE, with the same weights.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slopes, yours


def objective(x, r, E, c, D, e):
    """Return ½ ‖x - x'‖² + KL. E is (values, 2 n), c (2 n,), D (n, values), e (values,), r (batch, n)."""
    mu, s = np.split(x @ E + c, 2, axis=1)
    x_ = 1 / (1 + np.exp(-((mu + np.exp(s / 2) * r) @ D + e)))
    return 0.5 * np.sum((x - x_) ** 2) + 0.5 * np.sum(np.expm1(s) + mu**2 - s)


@yours
def gradients(x, r, E, c, D, e):
    """Return the gradients of E, c, D and e."""
    mu, s = np.split(x @ E + c, 2, axis=1)
    deviation = np.exp(s / 2)
    z = mu + deviation * r
    x_ = 1 / (1 + np.exp(-(z @ D + e)))
    dt = (x_ - x) * x_ * (1 - x_)
    dz = dt @ D.T
    df = np.concatenate([mu + dz, 0.5 * np.expm1(s) + 0.5 * dz * r * deviation], axis=1)
    return x.T @ df, df.sum(0), z.T @ dt, dt.sum(0)


# The checks


def _cases(generator):
    def case(batch, values, n):
        normal = generator.normal
        shapes = (values, 2 * n), (2 * n,), (n, values), (values,)
        x, r = generator.random((batch, values)), normal(size=(batch, n))
        return (x, r, *(normal(size=shape) * 0.5 for shape in shapes))

    return {
        "one picture of 4 values": case(1, 4, 2),
        "5 pictures": case(5, 6, 3),
        "a code of one number": case(3, 4, 1),
    }


def _paper(x, r, E, c, D, e):
    mu, s = np.split(x @ E + c, 2, axis=1)
    z = mu + np.exp(s / 2) * r
    x_ = 1 / (1 + np.exp(-(z @ D + e)))
    dt = (x_ - x) * x_ * (1 - x_)
    df = np.concatenate([mu, 0.5 * np.expm1(s)], axis=1)
    return x.T @ df, df.sum(0), z.T @ dt, dt.sum(0)


def _no_divergence(x, r, E, c, D, e):
    mu, s = np.split(x @ E + c, 2, axis=1)
    z = mu + np.exp(s / 2) * r
    x_ = 1 / (1 + np.exp(-(z @ D + e)))
    dt = (x_ - x) * x_ * (1 - x_)
    dz = dt @ D.T
    df = np.concatenate([dz, 0.5 * dz * r * np.exp(s / 2)], axis=1)
    return x.T @ df, df.sum(0), z.T @ dt, dt.sum(0)


def _by_differences(functions, x, r, *parameters):
    return slopes(lambda *p: functions.get("objective", objective)(x, r, *p), parameters)


def _engine(functions):
    """Compare with the engine's VAE without hidden layers."""
    from ava_np.models import build

    layers = {"encoder": [{"layer": "flatten"}], "decoder": [{"layer": "dense", "width": 6}]}
    model = build("vae", (2, 3, 1), architecture=layers, latent=2, likelihood="gaussian", dtype=np.float64)
    generator = np.random.default_rng(2)
    x, noise = generator.random((4, 6)), model.noise(generator, 4)
    for network in model.networks.values():
        network.theta[:] = generator.normal(0, 0.5, network.theta.shape)
    model.zero_gradients()
    model.gradients(x, noise)
    parameters = [a for net in model.networks.values() for _, _, a in net.named_arrays(net.parameters)]
    mine = np.concatenate([np.ravel(one) for one in functions["gradients"](x, noise["r"], *parameters)])
    engine = np.concatenate([net.gradient.read() for net in model.networks.values()])
    error = float(np.abs(mine - engine).max() / np.abs(engine).max())
    return "" if error < 1e-10 else f"the engine's gradients differ by {error:.1e}"


EXERCISE = Exercise(
    (
        Part(
            gradients,
            _cases,
            {
                "you dropped the way through z: that is rule (5) of the paper, and codes forget the picture": _paper,
                "you forgot the divergence: its error is added to that through z": _no_divergence,
            },
            _by_differences,
        ),
    ),
    _engine,
)
