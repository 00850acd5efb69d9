//! A matrix written to a .npy file a few rows at a time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use nalgebra::DMatrix;
use npyz::{AutoSerialize, WriteOptions, WriterBuilder};

use crate::error::{Error, NpyFault};
use crate::scalar::{Scalar, to_f64};

/// Writes an n×d matrix of float64 by rows, as `numpy.save` does, block by block.
///
/// A file that exists is replaced, as by `numpy.save`. One that was not
/// [finished](Self::finish) is shorter than its header says, which
/// [`NpyRows`](super::NpyRows) refuses, as NumPy does. Example: [the module](super).
#[derive(Debug)]
pub struct NpyWriter {
    path: PathBuf,
    out: BufWriter<File>,
    rows: usize,
    columns: usize,
    written: usize,
}

impl NpyWriter {
    /// Begins a file of so many rows and columns.
    ///
    /// # Errors
    /// [`Error::Npy`] where the file cannot be created.
    pub fn create(path: impl AsRef<Path>, rows: usize, columns: usize) -> Result<Self, Error> {
        let path = path.as_ref().to_path_buf();
        let begin = || {
            let mut out = BufWriter::with_capacity(1 << 16, File::create(&path)?);
            WriteOptions::new_header_only()
                .dtype(f64::default_dtype())
                .shape(&[rows as u64, columns as u64])
                .writer(&mut out)
                .write_header_only()?;
            Ok(out)
        };
        let out = begin().map_err(|error| failed(&path, None, &error))?;
        Ok(NpyWriter {
            path,
            out,
            rows,
            columns,
            written: 0,
        })
    }

    /// Appends rows, each entry as the nearest f64. O(entries).
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of columns, or more rows than stated;
    /// [`Error::Npy`] where they cannot be written.
    pub fn write_rows<T: Scalar>(&mut self, rows: &DMatrix<T>) -> Result<(), Error> {
        let left = self.rows - self.written;
        let (columns, height) = (self.columns, rows.nrows());
        let sizes = [
            ("columns", columns, rows.ncols()),
            ("rows", left.min(height), height),
        ];
        if let Some((unit, expected, found)) = sizes.into_iter().find(|s| s.1 != s.2) {
            return Err(shape(unit, expected, found));
        }
        let mut write = || {
            for row in rows.row_iter() {
                for &value in row.iter() {
                    // The machine's own byte order, as the header says.
                    self.out.write_all(&to_f64(value).to_ne_bytes())?;
                }
            }
            Ok(())
        };
        write().map_err(|error| failed(&self.path, Some(self.written), &error))?;
        self.written += height;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Error::Shape`] where rows are missing, [`Error::Npy`] where the last could
    /// not be written.
    pub fn finish(mut self) -> Result<(), Error> {
        if self.written != self.rows {
            return Err(shape("rows", self.rows, self.written));
        }
        // A full disk may show only now; dropping the buffer would drop that error.
        let flushed = self.out.flush();
        flushed.map_err(|error| failed(&self.path, Some(self.written), &error))
    }
}

fn shape(unit: &'static str, expected: usize, found: usize) -> Error {
    Error::Shape {
        what: "matrix written",
        unit,
        expected,
        found,
    }
}

fn failed(path: &Path, row: Option<usize>, error: &io::Error) -> Error {
    Error::Npy {
        path: path.into(),
        row,
        fault: NpyFault::Unwritable {
            reason: error.to_string(),
        },
    }
}
