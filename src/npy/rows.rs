//! Rows that stay in their .npy file.

use std::cell::RefCell;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nalgebra::DMatrix;
use npyz::{DType, Endianness, Order, TypeChar};

use super::header::{check_length, read_header};
use super::positioned::Positioned;
use crate::error::{Error, NpyFault};
use crate::linalg::{Design, DesignMatrix};
use crate::scalar::{Scalar, real};

/// Bytes read at a time: a system call is nothing beside them, and with the
/// numbers made of them they stay in a core's second-level cache.
const PIECE: usize = 1 << 18;
/// Bytes between two rows asked for that are read over rather than skipped: a
/// page, which the system fetches as a whole anyway.
const GAP: usize = 1 << 12;

thread_local! {
    /// Each thread's own bytes, kept between blocks.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A design matrix whose rows are read from a .npy file in blocks, as they are
/// asked for: A need not fit in memory.
///
/// # Shapes
/// The file holds one array of two dimensions, n×d, of `float32` or `float64` in
/// either byte order, as `numpy.save` writes it. Entries are converted to `T`: to
/// f64 and wider exactly, to f32 rounded.
///
/// # Memory
/// Nothing of A is kept: 256 KiB a thread that reads, beside the block asked for.
/// [`Model::new`](crate::Model::new) and what builds on it keep vectors of n
/// numbers, some eleven at most at a time in a recovery with known signs.
///
/// # Cost
/// Every pass over A reads the file: from the system's cache where that is large
/// enough, else from the disk. Rows that are stored by rows (`fortran_order` False,
/// NumPy's default) are read in long pieces. Stored by columns, each block is d
/// pieces: it works, but slower, most of all on a disk that seeks.
///
/// Reads state their position, so that any number of threads read at once;
/// nothing is mapped into memory, since a mapped file that shrinks would end
/// the process.
///
/// # Errors
/// [`open`](Self::open) refuses what is no such file, or shorter or longer than
/// its header says. Later, a file that shrinks, cannot be read or was written to
/// since (as far as the time of its last change tells, which some systems count in
/// steps of milliseconds) is [`Error::Npy`] with its path, the row, and the cause.
/// A file that is *replaced*, moved over or deleted stays readable as it was on
/// Unix. NaN and infinities are named by their place by
/// [`Model::new`](crate::Model::new).
///
/// Results are, bit for bit, those of any design that is read by rows; those of
/// the same matrix in memory differ by rounding, since more is kept there.
///
/// # Example
/// See [the module](super), which recovers from a file.
pub struct NpyRows<T> {
    path: PathBuf,
    file: Positioned,
    rows: usize,
    columns: usize,
    /// Whether rows, or columns, follow one another in the file.
    by_rows: bool,
    float: Float,
    /// Where the values begin.
    start: u64,
    /// The length of the file, and when it was last written to.
    stamp: (u64, Option<SystemTime>),
    as_type: PhantomData<fn() -> T>,
}

/// How a number is stored.
#[derive(Debug, Clone, Copy)]
struct Float {
    wide: bool,
    big_endian: bool,
}

impl Float {
    fn size(self) -> usize {
        if self.wide { 8 } else { 4 }
    }
}

impl<T: Scalar> NpyRows<T> {
    /// Opens the file and checks its header and length; no value is read yet.
    ///
    /// # Errors
    /// [`Error::Npy`]: no such file, not a regular one, no header that NumPy
    /// writes, another type than `float32` and `float64`, not two dimensions, no
    /// rows or no columns, fewer or more bytes than declared.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::opened(path).map_err(|fault| Error::Npy {
            path: path.into(),
            row: None,
            fault,
        })
    }

    fn opened(path: &Path) -> Result<Self, NpyFault> {
        // Before the file is opened: to open a pipe may be to wait for ever.
        if !fs::metadata(path)?.is_file() {
            return Err(NpyFault::NotRegular);
        }
        let mut file = File::open(path)?;
        let found = file.metadata()?;
        let length = found.len();
        let (header, start) = read_header(&mut file.by_ref(), length)?;
        let &[rows, columns] = header.shape() else {
            let (found, wanted) = (header.shape().len(), "two");
            let found = match found {
                1 => "1 dimension".to_string(),
                more => format!("{more} dimensions"),
            };
            return Err(NpyFault::Shape { found, wanted });
        };
        if rows == 0 || columns == 0 {
            return Err(NpyFault::Shape {
                found: format!("{rows} x {columns} values"),
                wanted: "at least one row and one column",
            });
        }
        let float = float(&header.dtype())?;
        check_length(
            length.saturating_sub(start),
            rows * columns,
            float.size() as u64,
        )?;
        Ok(NpyRows {
            path: path.into(),
            file: Positioned::new(file),
            // Both are at most the length of the file.
            rows: rows as usize,
            columns: columns as usize,
            by_rows: header.order() == Order::C,
            float,
            start,
            stamp: (length, found.modified().ok()),
            as_type: PhantomData,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, row: usize, fault: NpyFault) -> Error {
        Error::Npy {
            path: self.path.clone(),
            row: Some(row),
            fault,
        }
    }

    /// `count` values from the `first` on.
    fn fetch(&self, first: usize, count: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let size = self.float.size();
        bytes.resize(count * size, 0);
        let offset = self.start + first as u64 * size as u64;
        self.file.read_exact_at(bytes, offset)
    }

    /// Why reading failed, and that it did where nothing was noticed: a file that
    /// was written to meanwhile gave numbers of two files.
    fn check(&self, row: usize, read: io::Result<()>) -> Result<(), Error> {
        let now = self.file.metadata();
        let now = now.map_err(|error| self.error(row, error.into()))?;
        let (length, modified) = self.stamp;
        let found = now.len();
        if found < length {
            let (declared, found) = (length, format!("{found} bytes"));
            return Err(self.error(row, NpyFault::Truncated { declared, found }));
        }
        read.map_err(|error| self.error(row, error.into()))?;
        if found != length || now.modified().ok() != modified {
            return Err(self.error(row, NpyFault::Changed));
        }
        Ok(())
    }

    /// Values `at`, `at + stride`, … of `bytes`.
    fn decode<'a>(
        &self,
        bytes: &[u8],
        at: usize,
        stride: usize,
        out: impl Iterator<Item = &'a mut T>,
    ) where
        T: 'a,
    {
        let size = self.float.size();
        let rows = bytes.chunks(stride * size);
        let Float { wide, big_endian } = self.float;
        macro_rules! fill {
            ($float:ty, $from:ident) => {
                for (out, row) in out.zip(rows) {
                    let mut value = [0; size_of::<$float>()];
                    value.copy_from_slice(&row[at * size..(at + 1) * size]);
                    *out = real(<$float>::$from(value).into());
                }
            };
        }
        match (wide, big_endian) {
            (true, false) => fill!(f64, from_le_bytes),
            (true, true) => fill!(f64, from_be_bytes),
            (false, false) => fill!(f32, from_le_bytes),
            (false, true) => fill!(f32, from_be_bytes),
        }
    }

    /// Reads runs of rows: `place(k)` is the number of the k-th row asked for,
    /// ascending.
    fn read(
        &self,
        place: impl Fn(usize) -> usize,
        rows: &mut DMatrix<T>,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        // By rows, a row is a unit of d values; by columns, of one, d times over.
        let (unit, passes) = if self.by_rows {
            (self.columns, 1)
        } else {
            (1, self.columns)
        };
        let unit_bytes = unit * self.float.size();
        let (most, gap) = ((PIECE / unit_bytes).max(1), GAP / unit_bytes);
        for pass in 0..passes {
            let mut k = 0;
            while k < rows.nrows() {
                let span = span(&place, k..rows.nrows(), most, gap);
                let (first, last) = (place(span.start), place(span.end - 1));
                let from = pass * self.rows + first * unit;
                self.fetch(from, (last + 1 - first) * unit, bytes)?;
                let columns = if self.by_rows {
                    0..unit
                } else {
                    pass..pass + 1
                };
                let whole = last - first + 1 == span.len();
                for (at, j) in columns.enumerate() {
                    let mut column = rows.column_mut(j);
                    let out = &mut column.as_mut_slice()[span.clone()];
                    if whole {
                        self.decode(bytes, at, unit, out.iter_mut());
                        continue;
                    }
                    for (out, k) in out.iter_mut().zip(span.clone()) {
                        let skipped = (place(k) - first) * unit_bytes;
                        self.decode(&bytes[skipped..], at, unit, std::iter::once(out));
                    }
                }
                k = span.end;
            }
        }
        Ok(())
    }

    fn read_at(&self, place: impl Fn(usize) -> usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        if rows.nrows() == 0 {
            return Ok(());
        }
        let (first, last) = (place(0), place(rows.nrows() - 1));
        for (unit, expected, found) in [
            ("columns", self.columns, rows.ncols()),
            ("rows", self.rows, self.rows.max(last + 1)),
        ] {
            if expected != found {
                return Err(Error::Shape {
                    what: "block of rows",
                    unit,
                    expected,
                    found,
                });
            }
        }
        let read = SCRATCH.with_borrow_mut(|bytes| self.read(place, rows, bytes));
        self.check(first, read)
    }
}

/// The longest run of rows from the first of `rows` on that is read at once.
fn span(
    place: impl Fn(usize) -> usize,
    rows: Range<usize>,
    most: usize,
    gap: usize,
) -> Range<usize> {
    let start = rows.start;
    let mut end = start + 1;
    while end < rows.end {
        let next = place(end);
        // Rows that do not ascend are read one by one.
        let fits =
            next > place(end - 1) && next - place(end - 1) - 1 <= gap && next - place(start) < most;
        if !fits {
            break;
        }
        end += 1;
    }
    start..end
}

fn float(kind: &DType) -> Result<Float, NpyFault> {
    let refused = |found: String| NpyFault::Type {
        found,
        read: "float32 and float64",
    };
    match kind {
        DType::Plain(kind) => match (kind.type_char(), kind.size_field()) {
            (TypeChar::Float, size @ (4 | 8)) => Ok(Float {
                wide: size == 8,
                big_endian: kind.endianness() == Endianness::Big,
            }),
            _ => Err(refused(kind.to_string())),
        },
        other => Err(refused(other.descr())),
    }
}

impl<T: Scalar> DesignMatrix<T> for NpyRows<T> {
    fn nrows(&self) -> usize {
        self.rows
    }

    fn ncols(&self) -> usize {
        self.columns
    }

    fn read_rows(&self, start: usize, rows: &mut DMatrix<T>) -> Result<(), Error> {
        self.read_at(|k| start + k, rows)
    }

    fn read_selection(&self, indices: &[usize], rows: &mut DMatrix<T>) -> Result<(), Error> {
        if indices.len() != rows.nrows() {
            return Err(Error::Shape {
                what: "selection of rows",
                unit: "entries",
                expected: rows.nrows(),
                found: indices.len(),
            });
        }
        self.read_at(|k| indices[k], rows)
    }
}

impl<T: Scalar> From<NpyRows<T>> for Design<T> {
    fn from(rows: NpyRows<T>) -> Self {
        Design::new(rows)
    }
}

impl<T> fmt::Debug for NpyRows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NpyRows")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}
