//! From which directions derivatives are seen.

use nalgebra::DMatrix;
use rand::rngs::StdRng;

use super::definition::Precision;
use super::estimate::Wide;
use super::steps::Steps;
use crate::scalar::{Scalar, widen};

/// Random directions at a point, where entries would be too many; in extended
/// precision, a thousand times as dear, the first of them alone.
pub(crate) const DIRECTIONS: usize = 2;

/// Two sets of directions from which derivatives are seen; unit vectors show
/// every entry.
pub(crate) struct Sides {
    pub(crate) u: Wide,
    pub(crate) v: Wide,
    pub(crate) along: bool,
}

impl Sides {
    /// Unit vectors, or random directions where those would be too many.
    pub(crate) fn new<T: Scalar>(
        steps: &Steps<T>,
        rng: &mut StdRng,
        (precision, entries): (Precision, bool),
    ) -> Self {
        let d = steps.x().len();
        if entries {
            let (u, v) = (Wide::identity(d, d), Wide::identity(d, d));
            return Sides { u, v, along: false };
        }
        let count = match precision {
            Precision::Double => DIRECTIONS,
            Precision::Extended => 1,
        };
        let mut draw = || {
            let column = |_| steps.direction(rng).map(widen);
            let columns: Vec<_> = (0..count).map(column).collect();
            Wide::from_columns(&columns)
        };
        let (u, v) = (draw(), draw());
        Sides { u, v, along: true }
    }

    /// All entries of a form, or along pairs of directions that of each pair.
    pub(crate) fn forms(&self, form: impl Fn(&Wide, &Wide) -> Wide) -> Wide {
        if self.along {
            paired(&self.u, &self.v, form)
        } else {
            form(&self.u, &self.v)
        }
    }
}

pub(crate) fn paired(u: &Wide, v: &Wide, form: impl Fn(&Wide, &Wide) -> Wide) -> Wide {
    let one = |m: &Wide, k: usize| m.columns(k, 1).into_owned();
    DMatrix::from_fn(u.ncols(), 1, |k, _| form(&one(u, k), &one(v, k))[0])
}
