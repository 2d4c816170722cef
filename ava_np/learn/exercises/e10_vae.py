"""10. A whole VAE.

An encoder gives μ and s, side by side; z = μ + e^(s/2) r; a decoder gives x' = sigmoid(z D + e). The objective is

    ½ ‖x - x'‖² + KL

The encoder is one dense layer here, and so is the decoder. The error of ½ ‖x - x'‖² goes back through the decoder to
z, and on to μ and s. There the divergence's error is added: two ways lead into the encoder.

At the end your gradients are compared with those that `ava train` computes for the same VAE and the same weights.
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


def _mistake(at_code=None, pixel_slope=True, x_minus=False):
    """Return the gradients with a mistake at the code, ``at_code(dmu, ds, dz, kl_mu, kl_s)``, or at the pixels."""

    def mistaken(x, r, E, c, D, e):
        mu, s = np.split(x @ E + c, 2, axis=1)
        z = mu + np.exp(s / 2) * r
        x_ = 1 / (1 + np.exp(-(z @ D + e)))
        dt = (x - x_ if x_minus else x_ - x) * (x_ * (1 - x_) if pixel_slope else 1)
        dz = dt @ D.T
        of_z, of_kl = (dz, 0.5 * dz * r * np.exp(s / 2)), (mu, 0.5 * np.expm1(s))
        both = tuple(one + other for one, other in zip(of_z, of_kl, strict=True))
        df = np.concatenate(at_code(both, of_z, of_kl) if at_code else both, axis=1)
        return x.T @ df, df.sum(0), z.T @ dt, dt.sum(0)

    return mistaken


def _by_differences(functions, x, r, *parameters):
    return slopes(lambda *p: functions.get("objective", objective)(x, r, *p), parameters)


def _engine(functions):
    """Compare with this project's VAE without hidden layers."""
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
    return error < 1e-10, "right" if error < 1e-10 else f"its gradients differ by {error:.1e}"


EXERCISE = Exercise(
    (
        Part(
            gradients,
            _cases,
            {
                "the way through z is missing at mu and s: then codes forget the picture": _mistake(
                    lambda both, of_z, of_kl: of_kl
                ),
                "the way through z is missing at mu": _mistake(lambda both, of_z, of_kl: (of_kl[0], both[1])),
                "the way through z is missing at s": _mistake(lambda both, of_z, of_kl: (both[0], of_kl[1])),
                "you forgot the divergence: its error is added to that through z": _mistake(
                    lambda both, of_z, of_kl: of_z
                ),
                "the divergence is missing at mu": _mistake(lambda both, of_z, of_kl: (of_z[0], both[1])),
                "the divergence is missing at s": _mistake(lambda both, of_z, of_kl: (both[0], of_z[1])),
                "mu comes first, and then s": _mistake(lambda both, of_z, of_kl: both[::-1]),
                "you forgot the slope of the pixels' sigmoid": _mistake(pixel_slope=False),
                "the error at x' is x' - x": _mistake(x_minus=True),
            },
            _by_differences,
            returns=("dE", "dc", "dD", "de"),
        ),
    ),
    _engine,
    "the same VAE in `ava train`",
)
