//! Rows that say nothing of x, and the coefficients that they leave free.
//!
//! A row of zeros has the score 0 wherever x is. A row that alone holds a
//! direction of the coefficients, such as the only one of a factor's level, has
//! the score 1 wherever x is (a coloop of A): along that direction x may move
//! without any score changing. Without such rows A has rank d − c, c of them
//! gone, and d − c of the columns are independent: x is recovered with the
//! other, free, coefficients at zero, and known up to the null space of the
//! rows that are left.

use nalgebra::{DMatrix, DVector};

use crate::error::Error;
use crate::geometry::{Model, Signs};
use crate::linalg::{Design, DesignMatrix, Factor, Factorisation, Storage, rewritten};
use crate::recover::scores::gauss_newton::JACOBIAN_ENTRIES;
use crate::recover::scores::structure::{Structure, column_units, echelon, unit_rows};
use crate::recover::{Recovery, Status};
use crate::scalar::{Scalar, real, to_f64};

/// The rows without a say, and what they leave.
pub(crate) struct Loose<T: Scalar> {
    /// Rows with the score 1 whatever x.
    pub(crate) coloops: Vec<usize>,
    /// The rows that remain.
    pub(crate) rest: Vec<usize>,
    /// Columns that are independent in them, and hold no free coefficient.
    columns: Vec<usize>,
    /// The free coefficients, one a coloop.
    free: Vec<usize>,
    /// Null space of the remaining rows: 1 at a free coefficient of its own,
    /// 0 at the others.
    directions: DMatrix<T>,
}

impl<T: Scalar> Loose<T> {
    /// Finds them, with the structure that they were found by. O(nd²).
    pub(crate) fn and_structure(
        model: &Model<T>,
        seed: u64,
    ) -> Result<(Self, Structure<T>), Error> {
        let structure = Structure::of(model, seed)?;
        if let Some(loose) = Self::of(model, &structure)? {
            return Ok((loose, structure));
        }
        let structure = Structure::one(model)?;
        let loose = Self::of(model, &structure)?.ok_or(Error::Singular {
            what: "design matrix",
        })?;
        Ok((loose, structure))
    }

    /// The structure of the [reduced](Self::reduced) model. O(nd²).
    pub(crate) fn structure_left(model: &Model<T>, seed: u64) -> Result<Structure<T>, Error> {
        let structure = Structure::of(model, seed)?;
        let (sizes, ranks) = (structure.components.sizes(), &structure.components.ranks);
        if (0..ranks.len()).any(|k| sizes[k] == ranks[k]) {
            // Nothing alone holds a direction any more; what seems to is rounding.
            return Structure::one(model);
        }
        Ok(structure)
    }

    /// Finds them; `None` where rows seem to hold a direction alone but, as far
    /// as ranks tell, do not. O(nd²).
    fn of(model: &Model<T>, structure: &Structure<T>) -> Result<Option<Self>, Error> {
        let (components, d) = (&structure.components, model.dim());
        let (sizes, ranks) = (components.sizes(), &components.ranks);
        let full = |i: &usize| components.of(*i).is_some_and(|k| sizes[k] == ranks[k]);
        let rows = 0..model.nrows();
        let coloops: Vec<usize> = rows.clone().filter(full).collect();
        let rest: Vec<usize> = rows
            .filter(|i| components.of(*i).is_some() && !full(i))
            .collect();
        let mut loose = Loose {
            coloops,
            rest,
            columns: (0..d).collect(),
            free: Vec::new(),
            directions: DMatrix::zeros(d, 0),
        };
        if loose.coloops.is_empty() {
            return Ok(Some(loose));
        }
        if loose.coloops.len() == d {
            loose.columns.clear();
            loose.free = (0..d).collect();
            loose.directions = DMatrix::identity(d, d);
            return Ok(Some(loose));
        }
        let units = column_units(model.design())?;
        let mut weights = unit_rows(model.design(), &units)?;
        loose.coloops.iter().for_each(|&i| weights[i] = T::zero());
        let factor = Factor::new(model.design(), &weights, Factorisation::Qr)?;
        let rank = d - loose.coloops.len();
        let mut dependent = factor.dependent_columns(loose.rest.len());
        let mut last = factor.pivots[rank..].to_vec();
        dependent.sort_unstable();
        last.sort_unstable();
        if dependent != last {
            return Ok(None);
        }
        // With A P = Q (R₁ R₂), R₂ the columns of no pivot of their own: the
        // null space is P (−R₁⁻¹R₂, 1).
        let lead = factor.r.view((0, 0), (rank, rank)).into_owned();
        let tail = factor.r.view((0, rank), (rank, d - rank)).into_owned();
        let Some(solved) = lead.solve_upper_triangular(&tail) else {
            return Ok(None);
        };
        let mut space = DMatrix::zeros(d, d - rank);
        for k in 0..d - rank {
            space[(factor.pivots[rank + k], k)] = T::one();
            (0..rank).for_each(|j| space[(factor.pivots[j], k)] = -solved[(j, k)]);
        }
        let echelon = echelon(&space, &units);
        loose.columns.retain(|j| !echelon.pivots.contains(j));
        loose.free = echelon.pivots;
        loose.directions = echelon.basis;
        Ok(Some(loose))
    }

    /// From the rows that alone hold a direction, these directions, and the rows
    /// that are left; `None` where the directions depend on one another.
    pub(super) fn with_directions(
        coloops: Vec<usize>,
        rest: Vec<usize>,
        directions: DMatrix<T>,
        units: &DVector<T>,
    ) -> Option<Self> {
        let mut loose = Loose {
            coloops,
            rest,
            columns: (0..directions.nrows()).collect(),
            free: Vec::new(),
            directions,
        };
        if !loose.coloops.is_empty() {
            let echelon = echelon(&loose.directions, units);
            if echelon.pivots.len() < loose.coloops.len() {
                return None;
            }
            loose.columns.retain(|j| !echelon.pivots.contains(j));
            (loose.free, loose.directions) = (echelon.pivots, echelon.basis);
        }
        Some(loose)
    }

    /// The [reduced](Self::reduced) model as a sparse one.
    pub(super) fn reduced_on_pattern(&self, model: &Model<T>) -> Result<Model<T>, Error> {
        let mut place = vec![None; model.dim()];
        let columns = self.columns.iter().enumerate();
        columns.for_each(|(k, &j)| place[j] = Some(k));
        let a = rewritten(model.design(), self.columns.len(), |i, own, values, out| {
            let entries = own.iter().zip(values);
            out.extend(entries.filter_map(|(&j, &a)| Some((place[j]?, a))));
            self.rest.binary_search(&i).is_ok()
        })?;
        Model::new(a, select(model.rhs(), &self.rest))
    }

    /// Whether all rows have their say.
    pub(crate) fn is_empty(&self, n: usize) -> bool {
        self.rest.len() == n
    }

    /// The model of the other rows and columns.
    pub(crate) fn reduced(&self, model: &Model<T>) -> Result<Model<T>, Error> {
        let space = DMatrix::identity(model.dim(), model.dim()).select_columns(&self.columns);
        reduced(model, &self.rest, &space)
    }

    /// What was found of the reduced model, as found of all of it.
    pub(crate) fn embed(
        &self,
        model: &Model<T>,
        signs: Option<&Signs>,
        mut found: Recovery<T>,
    ) -> Result<Recovery<T>, Error> {
        let d = model.dim();
        let spread = |v: &DVector<T>| {
            let mut out = DVector::zeros(d);
            self.columns
                .iter()
                .zip(v.iter())
                .for_each(|(&j, &v)| out[j] = v);
            out
        };
        let x = found.x.as_ref().map(&spread);
        found.x = x
            .map(|x| self.off_the_hyperplanes(model, signs, x))
            .transpose()?;
        if let Some(errors) = &mut found.errors {
            *errors = spread(errors);
        }
        found.directions = found.directions.iter().map(&spread).collect();
        if let Some(solutions) = &mut found.solutions {
            solutions.listed = solutions.listed.iter().map(&spread).collect();
        }
        if let Some(
            crate::recover::Infeasibility::Overfull { rows, .. }
            | crate::recover::Infeasibility::Full { rows, .. },
        ) = &mut found.infeasibility
        {
            rows.iter_mut().for_each(|i| *i = self.rest[*i]);
        }
        if let Some(uncertainty) = &mut found.uncertainty {
            uncertainty.half_widths = spread(&uncertainty.half_widths);
            let inner = std::mem::replace(&mut uncertainty.covariance, DMatrix::zeros(d, d));
            for (k, &j) in self.columns.iter().enumerate() {
                for (l, &i) in self.columns.iter().enumerate() {
                    uncertainty.covariance[(i, j)] = inner[(l, k)];
                }
            }
        }
        let none = found.status == Status::Infeasible || found.infeasibility.is_some();
        if self.coloops.is_empty() || none {
            return Ok(found);
        }
        found
            .directions
            .extend(self.directions.column_iter().map(|h| h.into_owned()));
        let widths = found.uncertainty.as_mut().map(|u| &mut u.half_widths);
        for errors in found.errors.iter_mut().chain(widths) {
            for (j, error) in errors.iter_mut().enumerate() {
                if found.directions.iter().any(|h| h[j] != T::zero()) {
                    *error = T::one() / T::zero();
                }
            }
        }
        let opened = self.reason(model.nrows());
        found.reason = match found.status {
            Status::Recovered => format!("{opened}; for the rest {}", found.reason),
            _ => format!("{}; {opened}", found.reason),
        };
        if found.status == Status::Recovered {
            found.status = Status::Undetermined;
        }
        Ok(found)
    }

    /// The end where no row has a say.
    pub(crate) fn nothing_left(&self, model: &Model<T>) -> Recovery<T> {
        let (n, d) = (model.nrows(), model.dim());
        let reason = if n == d {
            format!("with as many rows as columns ({n}) every x has the scores 1")
        } else {
            format!(
                "with as many rows as columns ({d}), and rows of zeros, every x has the scores 1"
            )
        };
        let mut end = Recovery::new(Status::Undetermined, reason);
        end.directions = self
            .directions
            .column_iter()
            .map(|h| h.into_owned())
            .collect();
        end
    }

    fn reason(&self, n: usize) -> String {
        let moved = |j: &usize| self.directions.row(*j).iter().any(|h| *h != T::zero());
        let others = |j: &usize| !self.free.contains(j);
        let moved = (0..self.directions.nrows()).filter(moved);
        let depends: Vec<usize> = moved.filter(others).collect();
        let with_it = match depends.is_empty() {
            true => String::new(),
            false => format!(
                ", and {} with {}",
                coefficients(&depends, "moves", "move"),
                if self.free.len() == 1 { "it" } else { "them" },
            ),
        };
        format!(
            "{} of {n} {} the score 1 whatever x: {} free, at 0 here{with_it}",
            rows(&self.coloops),
            if self.coloops.len() == 1 {
                "has"
            } else {
                "have"
            },
            coefficients(&self.free, "is", "are"),
        )
    }

    /// Moves x along the free directions until the slacks of the rows that hold
    /// them are clearly not zero, and of the signs given.
    fn off_the_hyperplanes(
        &self,
        model: &Model<T>,
        signs: Option<&Signs>,
        x: DVector<T>,
    ) -> Result<DVector<T>, Error> {
        let slack = model.slack(&x)?;
        let mut usual: Vec<T> = self.rest.iter().map(|&i| slack[i].abs()).collect();
        usual.sort_by(|a, b| to_f64(*a).total_cmp(&to_f64(*b)));
        let Some(&usual) = usual.get(usual.len() / 2) else {
            return Ok(x);
        };
        let wanted = DVector::from_iterator(
            self.coloops.len(),
            self.coloops.iter().map(|&i| {
                let s = slack[i];
                let own = if s < T::zero() { -T::one() } else { T::one() };
                let sign = signs.map_or(own, |signs| signs.sign(i));
                if s * sign > usual * real(1e-6) {
                    T::zero()
                } else {
                    usual * sign - s
                }
            }),
        );
        if wanted.amax() == T::zero() {
            return Ok(x);
        }
        let image = part(model, &self.coloops)? * &self.directions;
        let along = image.lu().solve(&wanted);
        Ok(along.map_or(x.clone(), |along| x + &self.directions * along))
    }
}

/// Some rows of a model, in coordinates y of x = space·y: in memory where A is, or
/// where they are few, otherwise read from A as they are asked for.
pub(crate) fn reduced<T: Scalar>(
    model: &Model<T>,
    rows: &[usize],
    space: &DMatrix<T>,
) -> Result<Model<T>, Error> {
    let rhs = select(model.rhs(), rows);
    if model.design().storage() == Storage::Dense || rows.len() * model.dim() <= JACOBIAN_ENTRIES {
        return Model::new(part(model, rows)? * space, rhs);
    }
    let seen = Seen {
        a: model.design().clone(),
        rows: rows.to_vec(),
        space: space.clone(),
    };
    Model::new(Design::new(seen), rhs)
}

/// Some rows of a design in other coordinates.
struct Seen<T: Scalar> {
    a: Design<T>,
    rows: Vec<usize>,
    space: DMatrix<T>,
}

impl<T: Scalar> DesignMatrix<T> for Seen<T> {
    fn nrows(&self) -> usize {
        self.rows.len()
    }

    fn ncols(&self) -> usize {
        self.space.ncols()
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        let own = &self.rows[start..start + rows.nrows()];
        let mut all = DMatrix::zeros(own.len(), self.a.ncols());
        self.a.read_selection(own, &mut all)?;
        T::multiply(&all, &self.space, rows);
        Ok(())
    }
}

/// Some rows of A.
pub(crate) fn part<T: Scalar>(model: &Model<T>, rows: &[usize]) -> Result<DMatrix<T>, Error> {
    let mut a = DMatrix::zeros(rows.len(), model.dim());
    model.design().read_selection(rows, &mut a)?;
    Ok(a)
}

/// Some entries of a vector.
pub(crate) fn select<T: Scalar>(v: &DVector<T>, rows: &[usize]) -> DVector<T> {
    v.select_rows(rows)
}

/// The signs of some rows.
pub(crate) fn select_signs<T: Scalar>(signs: &Signs, rows: &[usize]) -> Result<Signs, Error> {
    Signs::of(&DVector::<T>::from_iterator(
        rows.len(),
        rows.iter().map(|&i| signs.sign(i)),
    ))
}

/// `row 3`, `rows 3, 5–9`, counted from 1; no more than a line of them.
pub(crate) fn rows(list: &[usize]) -> String {
    let plural = if list.len() == 1 { "" } else { "s" };
    format!("row{plural} {}", ranges(list))
}

/// `coefficient 3 is`, `coefficients 3, 5–9 are`, counted from 1.
pub(crate) fn coefficients(list: &[usize], one: &str, many: &str) -> String {
    match list.len() {
        1 => format!("coefficient {} {one}", ranges(list)),
        _ => format!("coefficients {} {many}", ranges(list)),
    }
}

fn ranges(list: &[usize]) -> String {
    const MOST: usize = 20;
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &i in list {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == i => *end = i,
            _ => runs.push((i, i)),
        }
    }
    let run = |&(first, last): &(usize, usize)| match last - first {
        0 => format!("{}", first + 1),
        1 => format!("{}, {}", first + 1, last + 1),
        _ => format!("{}–{}", first + 1, last + 1),
    };
    let mut words: Vec<String> = runs.iter().take(MOST).map(run).collect();
    if runs.len() > MOST {
        words.push(format!("… ({} in all)", list.len()));
    }
    words.join(", ")
}
