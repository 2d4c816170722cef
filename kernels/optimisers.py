"""One step of an optimiser on a flat parameter vector, in a single pass over memory.

SGD, as printed in AVA (5) to (16):  θ <- θ - γ ρ g
Momentum (Polyak 1964, with γ outside the sum):
    u <- μ u + ρ g
    θ <- θ - γ u
RMSprop (Tieleman and Hinton 2012, lecture 6.5, with ε added to the root):
    v <- α v + (1 - α) (ρ g)²
    θ <- θ - γ ρ g / (√v + ε)
Adam (Kingma and Ba 2015, Algorithm 1, with the bias corrections folded into the step size as in its section 2):
    m <- β₁ m + (1 - β₁) ρ g
    v <- β₂ v + (1 - β₂) (ρ g)²
    θ <- θ - γ √(1 - β₂^k) / (1 - β₁^k) · m / (√v + ε √(1 - β₂^k))        at step k = 1, 2, ...
Weight decay (Loshchilov and Hutter 2019), applied before any of these steps:  θ <- θ - γ λ θ
Average (Polyak and Juditsky 1992, with exponential weights), taken after any of these steps:  a <- a + (1 - β) (θ - a)

γ is the learning rate. g is the gradient *summed* over the batch, as in the printed rules. The reduction ρ scales it,
for example by 1/batch for a mean over the batch. μ, α, β, β₁ and β₂ are decay rates in [0, 1), ε is a small positive
constant, λ is the weight decay. The factor √(1 - β₂^k) at ε makes the folded form of Adam equal to Algorithm 1.

Shapes: θ, g, u, m, v, a are all (parameters,), C-contiguous and of one float type. θ, u, m, v and a are updated in
place. u is the velocity of momentum, m the running mean of the gradients, and v that of their squares. u, m and v start
at 0, a at θ.
"""

import math

import numpy as np

from ava_np.kernels.machine.elementwise import flat


@flat
def decay(θ: np.ndarray, γ: float, λ: float) -> None:
    """Weight decay: θ <- θ - γ λ θ.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.kernels.optimisers import decay
    >>> θ = np.array([2.0, -4.0])
    >>> decay(θ, 0.5, 0.25)
    >>> θ
    array([ 1.75, -3.5 ])
    """
    fraction = θ.dtype.type(γ * λ)
    for i in range(θ.size):
        θ[i] -= fraction * θ[i]


@flat
def sgd_step(θ: np.ndarray, g: np.ndarray, γ: float, ρ: float) -> None:
    """One step of SGD: θ <- θ - γ ρ g.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.kernels.optimisers import sgd_step
    >>> θ, g = np.array([1.0, -2.0]), np.array([4.0, 8.0])
    >>> sgd_step(θ, g, 0.5, 0.25)
    >>> θ
    array([ 0.5, -3. ])
    """
    step_size = θ.dtype.type(γ * ρ)
    for i in range(θ.size):
        θ[i] -= step_size * g[i]


@flat
def momentum_step(θ: np.ndarray, u: np.ndarray, g: np.ndarray, γ: float, ρ: float, μ: float) -> None:
    """One step of SGD with momentum; updates θ and the velocity u.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.kernels.optimisers import momentum_step
    >>> θ, u, g = np.array([1.0]), np.zeros(1), np.array([4.0])
    >>> for _ in range(2):
    ...     momentum_step(θ, u, g, 0.5, 0.25, 0.5)
    >>> u, θ
    (array([1.5]), array([-0.25]))
    """
    real = θ.dtype.type
    learning_rate, reduction, momentum = real(γ), real(ρ), real(μ)
    for i in range(θ.size):
        u[i] = momentum * u[i] + reduction * g[i]
        θ[i] -= learning_rate * u[i]


@flat
def rmsprop_step(θ: np.ndarray, v: np.ndarray, g: np.ndarray, γ: float, ρ: float, α: float, ε: float) -> None:
    """One step of RMSprop; updates θ and the mean of squares v.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.kernels.optimisers import rmsprop_step
    >>> θ, v, g = np.zeros(2), np.zeros(2), np.array([4.0, -0.5])
    >>> rmsprop_step(θ, v, g, 0.1, 1.0, 0.75, 1e-12)
    >>> v
    array([4.    , 0.0625])
    >>> θ.round(6)
    array([-0.2,  0.2])
    """
    real = θ.dtype.type
    learning_rate, reduction, old_weight, new_weight, epsilon = real(γ), real(ρ), real(α), real(1.0 - α), real(ε)
    for i in range(θ.size):
        gradient = reduction * g[i]
        v[i] = old_weight * v[i] + new_weight * gradient * gradient
        θ[i] -= learning_rate * gradient / (math.sqrt(v[i]) + epsilon)


@flat
def adam_step(
    θ: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    g: np.ndarray,
    γ: float,
    ρ: float,
    β1: float,
    β2: float,
    ε: float,
    k: float,
) -> None:
    """Step k of Adam, counted from 1; updates θ and the running means m of gradients and v of their squares.

    Examples
    --------
    The first step is the learning rate in every direction, whatever the size of the gradient:

    >>> import numpy as np
    >>> from ava_np.kernels.optimisers import adam_step
    >>> θ, m, v, g = np.zeros(2), np.zeros(2), np.zeros(2), np.array([4.0, -0.5])
    >>> adam_step(θ, m, v, g, 0.001, 1.0, 0.9, 0.999, 1e-8, 1)
    >>> θ.round(6)
    array([-0.001,  0.001])
    """
    real = θ.dtype.type
    correction = math.sqrt(1.0 - β2**k)
    step_size, epsilon = real(γ * correction / (1.0 - β1**k)), real(ε * correction)
    old_m, old_v, new_m, new_v, reduction = real(β1), real(β2), real(1.0 - β1), real(1.0 - β2), real(ρ)
    for i in range(θ.size):
        gradient = reduction * g[i]
        m[i] = old_m * m[i] + new_m * gradient
        v[i] = old_v * v[i] + new_v * gradient * gradient
        θ[i] -= step_size * m[i] / (math.sqrt(v[i]) + epsilon)


@flat
def average_step(a: np.ndarray, θ: np.ndarray, β: float) -> None:
    """Move the average a towards the parameters: a <- a + (1 - β) (θ - a).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.kernels.optimisers import average_step
    >>> a, θ = np.array([2.0, -4.0]), np.array([4.0, -4.0])
    >>> average_step(a, θ, 0.75)
    >>> a
    array([ 2.5, -4. ])
    """
    new_weight = a.dtype.type(1.0 - β)
    for i in range(a.size):
        a[i] += new_weight * (θ[i] - a[i])
