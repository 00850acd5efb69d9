//! Designs in NumPy files, read in blocks, so that they need not fit in memory.
//!
//! [`NpyRows`] is a [`DesignMatrix`](crate::DesignMatrix) whose rows stay in their
//! .npy file, [`NpyWriter`] writes such a file a few rows at a time, and
//! [`read_header`] is for readers of one's own: it vets what the header declares
//! before anything is allocated for it.
//!
//! ```
//! use levinv::npy::{NpyRows, NpyWriter};
//! use levinv::recover::{ScoreRecovery, SignKnowledge, Status};
//! use levinv::{DMatrix, DVector, Model, Signs};
//!
//! // A thousand rows, of which a hundred are in memory at a time.
//! let path = std::env::temp_dir().join(format!("levinv-npy-{}.npy", std::process::id()));
//! let mut file = NpyWriter::create(&path, 1000, 3)?;
//! let row = |i: usize, j: usize| ((i * (j + 3) * 7919 + i * i * (j + 1)) % 1009) as f64 / 500.0 - 1.0;
//! for start in (0..1000).step_by(100) {
//!     file.write_rows(&DMatrix::from_fn(100, 3, |i, j| row(start + i, j)))?;
//! }
//! file.finish()?;
//!
//! let b = DVector::from_fn(1000, |i, _| (i * i % 13) as f64 - 40.0);
//! let secret = nalgebra::dvector![0.5, -0.25, 1.0];
//! let model = Model::new(NpyRows::open(&path)?, b)?;
//! let at = model.at(&secret)?;
//! let (published, signs) = (at.scores()?.clone(), Signs::of(at.slack())?);
//!
//! let found = ScoreRecovery::new(&model, published)?
//!     .signs(SignKnowledge::Known(signs))?
//!     .run()?;
//! assert_eq!(found.status, Status::Recovered);
//! assert!((found.x.expect("recovered") - secret).norm() < 1e-12);
//! # std::fs::remove_file(&path).expect("the file just written");
//! # Ok::<(), levinv::Error>(())
//! ```

mod header;
mod positioned;
mod rows;
mod writer;

pub use header::{check_length, read_header};
/// A parsed header, of the crate `npyz`.
pub use npyz::NpyHeader;
pub use rows::NpyRows;
pub use writer::NpyWriter;
