#!/usr/bin/env python3
"""Reference values for the leverage-score objectives, from their definitions.

Reads the inputs of every case in leverage.json (A, b, x, w, tau, c; x_true enters
no value), recomputes every value there in high precision, asserts that the two
agree after rounding to f64, and writes leverage_digits.json: the same values with
40 significant digits, the ridge on its own, and the Jacobian of the scores.

The losses and the ridge are those of arXiv:2404.13785 (inverting the leverage score
distribution) and arXiv:2408.11267 (inverting the leverage score gradient), the norm
of the former squared and halved. The definitions:

    s = A x - b,   A_x = diag(s)^-1 A,   M = A_x^T A_x
    scores         sigma = diag(A_x M^-1 A_x^T)
    volumetric     V     = 1/2 log det M
    ridge          R     = 1/2 ||diag(w) A x||^2
    score loss     L_D   = 1/2 ||sigma - tau||^2 + R
    gradient loss  L_G   = 1/2 ||g - c||^2 + R,   g = -A_x^T sigma

No derivative formula is used. Gradients, Hessians and the Jacobian are central
differences of the above with step 2^-200 (about 6e-61) at 240 digits: truncation
and rounding errors are both near 1e-120, times what the case costs in conditioning.
That every entry is good to 45 digits is checked against a second step, 16 times as
long. g is part of the definition of L_G; that it is the gradient of V is checked
against the differences of V. The f64 inputs are taken as exact binary numbers.

    pip install mpmath && python tests/reference/generate.py    # check, then write
    python tests/reference/generate.py --check                  # compare only
"""
import argparse
import json
import math
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 240
STEP, OTHER_STEP = mpf(2) ** -200, mpf(2) ** -196
DIGITS = 40
AGREE = mpf(10) ** -45  # between the two steps, and between g and grad V

HERE = Path(__file__).resolve().parent
SOURCE, TARGET = HERE / "leverage.json", HERE / "leverage_digits.json"
ABOUT = ("leverage.json recomputed from the definitions by generate.py; decimal "
         "strings of 40 significant digits; matrices row by row")
INPUTS = ("name", "n", "d", "A", "b", "x", "x_true", "w", "tau", "c")
NEW = ["ridge", "ridge_gradient", "ridge_hessian", "score_jacobian"]
SCALARS = ("volumetric", "score_loss", "gradient_loss", "ridge")


def definitions(case, x):
    """Every defined quantity at x: a dict of mpf, and of lists of mpf."""
    n, d = case["n"], case["d"]
    a = mp.matrix(case["A"])
    ax = a * mp.matrix(x)
    s = [ax[i] - mpf(case["b"][i]) for i in range(n)]
    a_x = mp.matrix([[a[i, j] / s[i] for j in range(d)] for i in range(n)])
    m = a_x.T * a_x
    half = a_x * m ** -1
    sigma = [mp.fsum(half[i, j] * a_x[i, j] for j in range(d)) for i in range(n)]
    g = [-mp.fsum(a_x[i, j] * sigma[i] for i in range(n)) for j in range(d)]
    ridge = mp.fsum((mpf(case["w"][i]) * ax[i]) ** 2 for i in range(n)) / 2
    return {
        "slack": s, "scores": sigma, "g": g, "ridge": ridge,
        "volumetric": mp.log(mp.det(m)) / 2,
        "score_loss": mp.fsum((p - mpf(t)) ** 2 for p, t in zip(sigma, case["tau"])) / 2 + ridge,
        "gradient_loss": mp.fsum((p - mpf(t)) ** 2 for p, t in zip(g, case["c"])) / 2 + ridge,
    }


def differences(case, h):
    """Gradients and Hessians of the scalars, Jacobian of the scores, with step h."""
    d, x0 = case["d"], [mpf(v) for v in case["x"]]

    def at(moves):  # moves: index -> sign
        return definitions(case, [x0[j] + moves.get(j, 0) * h for j in range(d)])

    mid, up, down = at({}), [at({j: 1}) for j in range(d)], [at({j: -1}) for j in range(d)]
    corners = {(j, k): [at({j: p, k: q}) for p in (1, -1) for q in (1, -1)]
               for j in range(d) for k in range(j)}
    out = {}
    for key in SCALARS:
        out[key + "_gradient"] = [(up[j][key] - down[j][key]) / (2 * h) for j in range(d)]
        hess = [[(up[j][key] - 2 * mid[key] + down[j][key]) / h ** 2] * d for j in range(d)]
        for (j, k), (uu, ud, du, dd) in corners.items():
            hess[j][k] = hess[k][j] = (uu[key] - ud[key] - du[key] + dd[key]) / (4 * h ** 2)
        out[key + "_hessian"] = hess
    out["score_jacobian"] = [[(up[j]["scores"][i] - down[j]["scores"][i]) / (2 * h)
                              for j in range(d)] for i in range(case["n"])]
    return out


def flat(value):
    return [e for v in value for e in flat(v)] if isinstance(value, list) else [value]


def deviation(value, other):
    """Largest difference between two values, relative entry by entry."""
    pairs = list(zip(flat(value), flat(other), strict=True))
    return max((abs(p - q) / max(abs(p), abs(q)) for p, q in pairs if p != q), default=mpf(0))


def digits(value):
    if isinstance(value, list):
        return [digits(v) for v in value]
    return mp.nstr(value, DIGITS, strip_zeros=False)


def compare_f64(label, text, stored):
    """Largest ulp distance of the rounded strings from the stored f64 values."""
    worst, largest = 0.0, max(abs(q) for q in flat(stored))
    for p, q in zip(map(float, flat(text)), flat(stored), strict=True):
        ulps = abs(p - q) / math.ulp(q)
        assert ulps <= 1 or abs(p - q) <= 1e-15 * largest, (label, p, q)
        worst = max(worst, ulps)
    return worst


def recompute(case):
    """The output record of one case, checked; and its three deviations."""
    values, diffs = definitions(case, [mpf(v) for v in case["x"]]), differences(case, STEP)
    other = differences(case, OTHER_STEP)
    steps = max(deviation(diffs[key], other[key]) for key in diffs)
    grad = deviation(values.pop("g"), diffs["volumetric_gradient"])
    assert steps <= AGREE and grad <= AGREE, (case["name"], mp.nstr(steps, 3), mp.nstr(grad, 3))
    text = {key: digits(value) for key, value in (values | diffs).items()}
    stored = [key for key in case if key not in INPUTS]
    assert sorted(stored + NEW) == sorted(text), "leverage.json has other keys than expected"
    ulps = max(compare_f64(f"{case['name']}: {key}", text[key], case[key]) for key in stored)
    record = {key: case[key] for key in ("name", "n", "d")}
    return record | {key: text[key] for key in stored + NEW}, ulps, steps, grad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    check = parser.parse_args().check
    cases, records = json.loads(SOURCE.read_text())["cases"], []
    for case in cases:
        record, ulps, steps, grad = recompute(case)
        records.append(record)
        print(f"{case['name']:12} f64: {ulps:g} ulp   steps: {mp.nstr(steps, 2)}   "
              f"g - grad V: {mp.nstr(grad, 2)}", flush=True)
    text = json.dumps({"about": ABOUT, "cases": records}, indent=0) + "\n"
    if not check:
        TARGET.write_text(text)
    assert TARGET.read_text() == text, f"{TARGET.name} is not what generate.py makes"


if __name__ == "__main__":
    main()
