//! Named arrays with named dimensions.

use std::fmt;
use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::STEP_LIMIT;
use crate::error::Error;

/// The width at which printed arrays are broken into lines.
const LINE: usize = 100;

/// Named arrays with named dimensions: what an objective and a point are made of.
///
/// Names are Rust identifiers if the printed instance is to compile. An array of
/// a name that is taken replaces the other.
///
/// ```
/// use levinv::verify::Instance;
/// use nalgebra::{dmatrix, dvector};
///
/// let instance = Instance::new()
///     .with_matrix("a", ("n", "d"), dmatrix![1.0, 0.5; 0.0, 2.0; -1.0, 3.0])?
///     .with_vector("b", "n", dvector![0.0, 1e-9, 4.0])?;
/// assert_eq!((instance.size("n"), instance.size("d")), (Some(3), Some(2)));
/// assert_eq!(instance.matrix("a")?[(2, 1)], 3.0);
/// let refusal = instance.with_vector("x", "d", dvector![1.0]).unwrap_err();
/// assert_eq!(refusal.to_string(), "x has 1 entries, expected 2");
/// # Ok::<(), levinv::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    pub(super) arrays: Vec<Array>,
    least: Vec<(&'static str, usize)>,
    pub(super) step_limit: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    name: &'static str,
    pub(super) data: Data,
}

/// With the names of the dimensions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Matrix((&'static str, &'static str), DMatrix<f64>),
    Vector(&'static str, DVector<f64>),
}

impl Default for Instance {
    fn default() -> Self {
        Instance::new()
    }
}

impl Instance {
    /// Without arrays, to begin with.
    #[must_use]
    pub fn new() -> Self {
        Instance {
            arrays: Vec::new(),
            least: Vec::new(),
            step_limit: STEP_LIMIT,
        }
    }

    /// And a matrix, with the dimensions of its rows and of its columns; the two
    /// may be the same.
    ///
    /// # Errors
    /// [`Error::Shape`] for the array and the side that disagree with another of
    /// that dimension, [`Error::Empty`], [`Error::NonFiniteEntry`].
    pub fn with_matrix(
        self,
        name: &'static str,
        dimensions: (&'static str, &'static str),
        matrix: DMatrix<f64>,
    ) -> Result<Self, Error> {
        let rows = matrix.nrows();
        if let Some(k) = matrix.iter().position(|v| !v.is_finite()) {
            return Err(Error::NonFiniteEntry {
                what: name,
                row: k % rows,
                column: k / rows,
                value: matrix[k],
            });
        }
        self.with(name, Data::Matrix(dimensions, matrix))
    }

    /// And a vector, with its dimension.
    ///
    /// # Errors
    /// As for a matrix, with [`Error::NonFinite`].
    pub fn with_vector(
        self,
        name: &'static str,
        dimension: &'static str,
        vector: DVector<f64>,
    ) -> Result<Self, Error> {
        if let Some(index) = vector.iter().position(|v| !v.is_finite()) {
            return Err(Error::NonFinite {
                what: name,
                index,
                value: vector[index],
            });
        }
        self.with(name, Data::Vector(dimension, vector))
    }

    fn with(mut self, name: &'static str, data: Data) -> Result<Self, Error> {
        self.arrays.retain(|array| array.name != name);
        for (k, (dimension, unit, found)) in data.sides().enumerate() {
            let own = data.sides().take(k).find(|side| side.0 == dimension);
            let expected = self.size(dimension).or(own.map(|side| side.2));
            if let Some(expected) = expected.filter(|&expected| expected != found) {
                return Err(Error::Shape {
                    what: name,
                    unit,
                    expected,
                    found,
                });
            }
        }
        let (rows, columns) = match &data {
            Data::Matrix(_, matrix) => matrix.shape(),
            Data::Vector(_, vector) => vector.shape(),
        };
        if rows == 0 || columns == 0 {
            return Err(Error::Empty {
                what: name,
                rows,
                columns,
            });
        }
        self.arrays.push(Array { name, data });
        Ok(self)
    }

    /// Leaves a dimension at least this size; every dimension keeps at least 1.
    #[must_use]
    pub fn at_least(mut self, dimension: &'static str, size: usize) -> Self {
        self.least.retain(|(name, _)| *name != dimension);
        self.least.push((dimension, size));
        self
    }

    /// Asks the predicate at most so often; [`STEP_LIMIT`] by default. The first
    /// question, whether the instance fails at all, is always asked.
    #[must_use]
    pub fn step_limit(mut self, steps: usize) -> Self {
        self.step_limit = steps;
        self
    }

    /// The matrix of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchArray`].
    pub fn matrix(&self, name: &str) -> Result<&DMatrix<f64>, Error> {
        self.find("matrix", name, |data| match data {
            Data::Matrix(_, matrix) => Some(matrix),
            Data::Vector(..) => None,
        })
    }

    /// The vector of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchArray`].
    pub fn vector(&self, name: &str) -> Result<&DVector<f64>, Error> {
        self.find("vector", name, |data| match data {
            Data::Vector(_, vector) => Some(vector),
            Data::Matrix(..) => None,
        })
    }

    fn find<'a, R>(
        &'a self,
        what: &'static str,
        name: &str,
        of_kind: impl Fn(&'a Data) -> Option<&'a R>,
    ) -> Result<&'a R, Error> {
        let found = self.arrays.iter().find(|array| array.name == name);
        found
            .and_then(|array| of_kind(&array.data))
            .ok_or_else(|| Error::NoSuchArray {
                what,
                name: name.to_owned(),
            })
    }

    /// The size of a dimension, if an array has it.
    pub fn size(&self, dimension: &str) -> Option<usize> {
        let mut sides = self.arrays.iter().flat_map(|array| array.data.sides());
        sides.find(|side| side.0 == dimension).map(|side| side.2)
    }

    /// How far a dimension may shrink.
    pub(super) fn least(&self, dimension: &str) -> usize {
        let named = self.least.iter().find(|(name, _)| *name == dimension);
        named.map_or(1, |&(_, size)| size.max(1))
    }

    /// The largest first, equal ones as they were named.
    pub(super) fn dimensions(&self) -> Vec<(&'static str, usize)> {
        let mut all: Vec<(&'static str, usize)> = Vec::new();
        for (name, _, size) in self.arrays.iter().flat_map(|array| array.data.sides()) {
            if all.iter().all(|(other, _)| *other != name) {
                all.push((name, size));
            }
        }
        all.sort_by_key(|&(_, size)| std::cmp::Reverse(size));
        all
    }

    /// Without these indices of a dimension, in all arrays that have it.
    pub(super) fn without(&self, dimension: &str, indices: Range<usize>) -> Self {
        let (start, count) = (indices.start, indices.len());
        let mut rest = self.clone();
        for array in &mut rest.arrays {
            match &mut array.data {
                Data::Matrix((rows, columns), matrix) => {
                    if *rows == dimension {
                        *matrix = std::mem::take(matrix).remove_rows(start, count);
                    }
                    if *columns == dimension {
                        *matrix = std::mem::take(matrix).remove_columns(start, count);
                    }
                }
                Data::Vector(own, vector) => {
                    if *own == dimension {
                        *vector = std::mem::take(vector).remove_rows(start, count);
                    }
                }
            }
        }
        rest
    }
}

/// `let` bindings, to be pasted under `use nalgebra::{dmatrix, dvector};`. Each
/// number parses back to the same bits.
impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, array) in self.arrays.iter().enumerate() {
            let (kind, rows): (_, Vec<String>) = match &array.data {
                Data::Matrix(_, matrix) => {
                    let row = |row: usize| list(matrix.row(row).iter());
                    ("dmatrix", (0..matrix.nrows()).map(row).collect())
                }
                Data::Vector(_, vector) => ("dvector", vec![list(vector.iter())]),
            };
            let line = format!("let {} = {kind}![{}];", array.name, rows.join("; "));
            let start = if k == 0 { "" } else { "\n" };
            if line.chars().count() <= LINE {
                write!(f, "{start}{line}")?;
            } else {
                let rows = rows.join(";\n    ");
                write!(f, "{start}let {} = {kind}![\n    {rows}\n];", array.name)?;
            }
        }
        Ok(())
    }
}

fn list<'a>(numbers: impl Iterator<Item = &'a f64>) -> String {
    let numbers: Vec<String> = numbers.map(|v| format!("{v:?}")).collect();
    numbers.join(", ")
}

impl Data {
    /// Dimension, unit and size of each side.
    fn sides(&self) -> impl Iterator<Item = (&'static str, &'static str, usize)> + use<> {
        let (first, second) = match self {
            Data::Matrix((rows, columns), matrix) => (
                (*rows, "rows", matrix.nrows()),
                Some((*columns, "columns", matrix.ncols())),
            ),
            Data::Vector(entries, vector) => ((*entries, "entries", vector.len()), None),
        };
        std::iter::once(first).chain(second)
    }

    pub(super) fn numbers(&self) -> &[f64] {
        match self {
            Data::Matrix(_, matrix) => matrix.as_slice(),
            Data::Vector(_, vector) => vector.as_slice(),
        }
    }

    pub(super) fn numbers_mut(&mut self) -> &mut [f64] {
        match self {
            Data::Matrix(_, matrix) => matrix.as_mut_slice(),
            Data::Vector(_, vector) => vector.as_mut_slice(),
        }
    }

    /// What is simplified together: single numbers, or pairs across the diagonal
    /// of a symmetric matrix, which is likely meant to stay one.
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        match self {
            Data::Matrix((rows, columns), matrix)
                if rows == columns && *matrix == matrix.transpose() =>
            {
                let d = matrix.nrows();
                let pairs = (0..d).flat_map(|j| (0..=j).map(move |i| (i, j)));
                pairs
                    .map(|(i, j)| {
                        if i == j {
                            vec![i + d * j]
                        } else {
                            vec![i + d * j, j + d * i]
                        }
                    })
                    .collect()
            }
            _ => (0..self.numbers().len()).map(|k| vec![k]).collect(),
        }
    }
}
