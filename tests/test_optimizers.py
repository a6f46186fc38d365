"""The optimisers on problems with known answers, and against SciPy's and Keras' own."""

import itertools

import numpy as np
import pytest
import scipy.optimize

from styletransfer import Objective
from styletransfer._tensorflow import keras
from styletransfer.errors import NonFiniteError
from styletransfer.optimizers import LBFGS, SGD, Adam


def run(optimizer, function, x, evaluations):
    """The last state, and the losses of the accepted points."""
    state, losses = optimizer.start(x), []
    for _ in range(evaluations):
        loss, gradient = function(state.x)
        state = optimizer.step(state, loss, gradient)
        if state.accepted:
            losses.append(loss)
        if state.stalled:
            break
    return state, losses


def rosenbrock(x):
    return scipy.optimize.rosen(x), scipy.optimize.rosen_der(x)


@pytest.mark.parametrize("size", [2, 10, 50])
def test_rosenbrock(size):
    state, losses = run(LBFGS(), rosenbrock, np.full(size, -1.2), 1000)
    np.testing.assert_allclose(state.kept, 1, atol=1e-6)
    assert losses[-1] < 1e-12
    assert all(b <= a * (1 + 1e-6) for a, b in itertools.pairwise(losses))


def quadratic(condition, size, rng, dtype=np.float64):
    basis = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix = (basis * np.logspace(0, np.log10(condition), size) @ basis.T).astype(dtype)
    b = rng.normal(size=size).astype(dtype)
    best = -0.5 * b @ np.linalg.solve(matrix.astype(np.float64), b)
    return (lambda x: (float(0.5 * x @ matrix @ x - b @ x), matrix @ x - b)), best


def test_ill_conditioned_quadratic(rng):
    function, best = quadratic(1e6, 200, rng)
    _, losses = run(LBFGS(), function, np.zeros(200), 2000)
    options = {"maxcor": 50, "maxiter": 5000, "maxfun": 2000, "ftol": 0, "gtol": 0}
    theirs = scipy.optimize.minimize(
        function, np.zeros(200), jac=True, method="L-BFGS-B", options=options
    )
    assert losses[-1] - best < 1e-3 * abs(best)
    assert losses[-1] - best < 2 * (theirs.fun - best)


def test_float32_ends_in_a_stall_that_is_reported(rng):
    function, best = quadratic(1e3, 100, rng, np.float32)
    state, losses = run(LBFGS(), function, np.zeros(100, np.float32), 3000)
    assert state.stalled
    assert state.x.dtype == np.float32
    assert losses[-1] - best < 1e-4 * abs(best)
    np.testing.assert_array_equal(state.x, state.kept)


def test_kinks_do_not_stop_it():
    weights = np.arange(1, 21)
    _, losses = run(
        LBFGS(),
        lambda x: (np.abs(weights * (x - 1)).sum(), weights * np.sign(x - 1)),
        np.zeros(20),
        2000,
    )
    assert losses[-1] < 0.02 * losses[0]


def test_infinite_trials_are_stepped_back_from():
    def barrier(x):  # finite only where x < 1, smallest at 0.5
        return (
            (float(-np.log(1 - x[0]) - np.log(x[0])), 1 / (1 - x) - 1 / x)
            if 0 < x[0] < 1
            else (np.inf, x * np.nan)
        )

    state, _ = run(LBFGS(), barrier, np.array([1e-3]), 200)
    np.testing.assert_allclose(state.kept, 0.5, atol=1e-5)


@pytest.mark.parametrize("optimizer", [LBFGS(), Adam(), SGD()])
def test_a_start_without_a_finite_loss_is_an_error(optimizer):
    with pytest.raises(NonFiniteError):
        optimizer.step(optimizer.start(np.zeros(3)), np.nan, np.zeros(3))
    with pytest.raises(NonFiniteError):
        optimizer.step(optimizer.start(np.zeros(3)), 1.0, np.full(3, np.inf))


def test_zero_gradient():
    state = LBFGS().step(LBFGS().start(np.zeros(3)), 1.0, np.zeros(3))
    assert state.stalled
    for optimizer in (Adam(), SGD()):
        assert (optimizer.step(optimizer.start(np.ones(3)), 1.0, np.zeros(3)).x == 1).all()


def test_history_is_bounded():
    state, _ = run(LBFGS(history=3), rosenbrock, np.full(20, -1.2), 60)
    assert len(state.pairs) == 3


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            Adam(learning_rate=0.03, beta2=0.99),
            lambda: keras.optimizers.Adam(0.03, beta_2=0.99, epsilon=1e-8),
        ),
        (
            SGD(learning_rate=1e-4, momentum=0.9, relative=False),
            lambda: keras.optimizers.SGD(1e-4, momentum=0.9),
        ),
        (SGD(learning_rate=1e-4, momentum=0.0, relative=False), lambda: keras.optimizers.SGD(1e-4)),
        (
            SGD(learning_rate=1e-4, momentum=0.0, decay=0.9, relative=False),
            lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(1e-4, 1, 0.9)),
        ),
    ],
)
def test_same_path_as_keras(ours, theirs):
    x = np.full(5, -1.2)
    state, variable, optimizer = ours.start(x), keras.Variable(x, dtype="float64"), theirs()
    for _ in range(30):
        state = ours.step(state, *rosenbrock(state.x))
        optimizer.apply([keras.ops.convert_to_tensor(rosenbrock(variable.numpy())[1])], [variable])
    # Keras keeps its rates in float32.
    np.testing.assert_allclose(state.x, variable.numpy(), rtol=2e-5)


def test_sgd_takes_its_unit_from_the_first_gradient():
    """The first step's root mean square is the learning rate, in whatever units the loss is."""
    for factor in (1.0, 1e9):
        optimizer = SGD(learning_rate=0.01)
        state = optimizer.step(
            optimizer.start(np.zeros(4)), 1.0, factor * np.array([1.0, 2.0, 3.0, 4.0])
        )
        assert np.sqrt(np.mean(state.x**2)) == pytest.approx(0.01)


@pytest.mark.slow
def test_lbfgs_keeps_up_with_scipy_on_a_picture(pair):
    """200 iterations on one small problem: 2 % above SciPy's L-BFGS-B at most, as many pairs."""
    objective = Objective(*pair, backbone="embedded")
    start = pair[0]

    def function(x):
        losses, gradient = objective.value_and_gradient(x.reshape(start.shape))
        return losses.total, gradient.ravel().astype(np.float64)

    options = {"maxcor": 50, "maxiter": 200, "maxfun": 10**6, "ftol": 0, "gtol": 0}
    theirs = scipy.optimize.minimize(
        function, start.ravel(), jac=True, method="L-BFGS-B", options=options
    )
    optimizer = LBFGS()
    state, evaluations = optimizer.start(start), 0
    while state.count <= 200 and not state.stalled:
        losses, gradient = objective.value_and_gradient(state.x)
        state, evaluations = optimizer.step(state, losses.total, gradient), evaluations + 1
    assert state.loss < 1.02 * theirs.fun
    assert evaluations < 1.3 * theirs.nfev


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [Adam(), SGD()])
def test_first_order_methods_lower_the_loss_of_a_picture(pair, optimizer):
    objective = Objective(*pair, backbone="embedded")

    def function(x):
        losses, gradient = objective.value_and_gradient(x)
        return losses.total, gradient

    _, losses = run(optimizer, function, pair[0], 60)
    assert losses[-1] < 0.2 * losses[0]
