//! Noisy scores of designs with rows that say nothing of x.

use crate::error::Error;
use crate::recover::noise::noisy::NoisyScores;
use crate::recover::noise::noisy_target::FAR;
use crate::recover::scores::SignKnowledge;
use crate::recover::scores::loose::{Loose, select, select_signs};
use crate::recover::{Observer, Recovery, Status};
use crate::scalar::{Scalar, real, to_f64};

impl<T: Scalar> NoisyScores<'_, T> {
    /// Recovers: rows without a say are held against what their scores must be,
    /// and left out.
    pub(crate) fn run(self, observer: &mut Option<Observer<'_>>) -> Result<Recovery<T>, Error> {
        let (loose, structure) = Loose::and_structure(self.model, self.seed)?;
        if let Some(reason) = self.contradiction(&loose)? {
            return Ok(Recovery::new(Status::Infeasible, reason));
        }
        if loose.rest.is_empty() {
            return Ok(loose.nothing_left(self.model));
        }
        if loose.is_empty(self.model.nrows()) {
            return self.with_lines(&structure, observer);
        }
        let (known, signs) = match self.signs {
            SignKnowledge::Unknown => (None, SignKnowledge::Unknown),
            SignKnowledge::Known(signs) => {
                let own = select_signs::<T>(signs, &loose.rest)?;
                (Some(signs), SignKnowledge::Known(own))
            }
        };
        let model = loose.reduced(self.model)?;
        let inner = NoisyScores {
            model: &model,
            target: &select(self.target, &loose.rest),
            noise: &self.noise.of_rows(&loose.rest),
            signs: &signs,
            ..self
        };
        let structure = Loose::structure_left(&model, self.seed)?;
        let found = inner.with_lines(&structure, observer)?;
        loose.embed(self.model, known, found)
    }

    /// A row whose score, the same for every x, is another by more than its noise.
    fn contradiction(&self, loose: &Loose<T>) -> Result<Option<String>, Error> {
        let n = self.model.nrows();
        // Zeros have no significant digits, and on a row of zeros need none.
        let nan = T::zero() / T::zero();
        let given = self.target.map(|t| if t == T::zero() { nan } else { t });
        let reading = self.noise.clone().allow_missing().read_scores(&given)?;
        for i in 0..n {
            let alone = loose.coloops.contains(&i);
            if !alone && loose.rest.contains(&i) {
                continue;
            }
            let must = if alone { T::one() } else { T::zero() };
            let off = (self.target[i] - must).abs();
            let room = reading.deviations[i] * real(FAR);
            // A NaN, which is not known, is off by nothing.
            if off > room {
                let why = if alone {
                    "alone holds a direction of the coefficients, which makes it 1"
                } else {
                    "is a row of zeros, whose score is 0"
                };
                return Ok(Some(format!(
                    "row {} of {n} has the score {}, further off than its noise explains: it {why}",
                    i + 1,
                    to_f64(self.target[i])
                )));
            }
        }
        Ok(None)
    }
}
