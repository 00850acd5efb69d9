"""The data of `levinv recover` without arguments.

Brownlee's stack loss data (K. A. Brownlee, Statistical Theory and Methodology in Science and
Engineering, 1965, section 13.12; 21 days of a plant oxidising ammonia): three predictors and the
response, public. A model is fitted by least squares without rows 1, 3, 4 and 21; published are
the leverage scores, at that model, of the design scaled by its residuals over all 21 rows:
s = A x - b, A_x = diag(s)^-1 A, scores = diag(A_x (A_x^T A_x)^-1 A_x^T).

Writes data/stackloss_{design,response,scores}.csv and, for the tests alone,
tests/reference/stackloss_model.csv, from 60 digits rounded to f64.

    pip install mpmath && python tests/reference/stackloss.py
"""

from pathlib import Path

from mpmath import matrix, lu_solve, mp, mpf

mp.dps = 60
ROOT = Path(__file__).resolve().parents[2]
SECRET = {1, 3, 4, 21}  # one-based rows that the model was not fitted on

AIR_FLOW = [80, 80, 75, 62, 62, 62, 62, 62, 58, 58, 58, 58, 58, 58, 50, 50, 50, 50, 50, 56, 70]
WATER_TEMP = [27, 27, 25, 24, 22, 23, 24, 24, 23, 18, 18, 17, 18, 19, 18, 18, 19, 19, 20, 20, 20]
ACID_CONC = [89, 88, 90, 87, 87, 87, 93, 93, 87, 80, 89, 88, 82, 93, 89, 86, 72, 79, 80, 82, 91]
STACK_LOSS = [42, 37, 37, 28, 18, 18, 19, 20, 15, 14, 14, 13, 11, 12, 8, 7, 8, 8, 9, 15, 15]

A = [[1, *row] for row in zip(AIR_FLOW, WATER_TEMP, ACID_CONC)]
rows = [i for i in range(21) if i + 1 not in SECRET]


def normal_equations(design, response):
    d = len(design[0])
    gram = matrix(d, d)
    moment = matrix(d, 1)
    for a, y in zip(design, response):
        for j in range(d):
            moment[j] += mpf(a[j]) * y
            for k in range(d):
                gram[j, k] += mpf(a[j]) * a[k]
    return gram, moment


gram, moment = normal_equations([A[i] for i in rows], [STACK_LOSS[i] for i in rows])
x = lu_solve(gram, moment)
slack = [sum(a[j] * x[j] for j in range(4)) - b for a, b in zip(A, STACK_LOSS)]
scaled = [[a[j] / s for j in range(4)] for a, s in zip(A, slack)]
gram, _ = normal_equations(scaled, STACK_LOSS)
scores = []
for a in scaled:
    column = matrix(a)
    solved = lu_solve(gram, column)
    scores.append(float(sum(column[j] * solved[j] for j in range(4))))


def write(path, header, lines):
    (ROOT / path).write_text("\n".join([header, *lines]) + "\n")


write("data/stackloss_design.csv", "intercept,air_flow,water_temp,acid_conc",
      [",".join(map(str, a)) for a in A])
write("data/stackloss_response.csv", "stack_loss", [str(b) for b in STACK_LOSS])
write("data/stackloss_scores.csv", "score", [repr(s) for s in scores])
write("tests/reference/stackloss_model.csv", "coefficient", [repr(float(x[j])) for j in range(4)])
