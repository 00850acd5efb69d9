//! NumPy arrays.
//!
//! Covered: arrays of one or two dimensions, as `numpy.save` writes them, of booleans, signed and
//! unsigned integers of 8 to 64 bits and floats of 32 and 64, in either byte order, by rows or by
//! columns. One dimension is read as a single column; false and true as 0 and 1.
//!
//! Refused: other types (`float16`, complex, text, objects, records), no or more than two
//! dimensions, integers that no `f64` equals, NaN and infinities (the format has no mark for a
//! missing value), and a file that is shorter or longer than its header says. Limits: a header
//! has at most 10 000 bytes, NumPy's own limit; and no more values are declared than the file has
//! bytes.
//!
//! Header and values are decoded by the `npyz` crate, the header only after the library has vetted
//! it. Files too large for memory are not read here but in blocks, by the library: see
//! [`inputs`](super::super::inputs).

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::path::Path;

use levinv::npy::{check_length, read_header};
use nalgebra::DMatrix;
use npyz::{DType, Deserialize, NpyFile, Order, TypeChar, WriteOptions, WriterBuilder};

use super::{FileError, NOT_EMPTY, Spot, zeros};

const TYPES: &str = "bool, int8 to int64, uint8 to uint64, float32 and float64";

/// Reads a file of `length` bytes from `input`; `path` is for messages.
pub(super) fn read(
    path: &Path,
    mut input: impl Read,
    length: u64,
) -> Result<DMatrix<f64>, FileError> {
    let refused = |fault| FileError::npy(path, None, fault);
    let (header, start) = read_header(&mut input, length).map_err(refused)?;
    let (rows, columns) = match *header.shape() {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        ref shape => {
            let spot = Spot::new(path, format!("{} dimensions", shape.len()));
            return Err(FileError::Shape(spot, "one or two".to_string()));
        }
    };
    // Both are at most the length of the file, or the header would have been refused.
    let (rows, columns) = (rows as usize, columns as usize);
    if rows == 0 || columns == 0 {
        return Err(FileError::shape(path, rows, columns, NOT_EMPTY));
    }
    let unsupported = |found: String| FileError::UnsupportedType(Spot::new(path, found), TYPES);
    let kind = match header.dtype() {
        DType::Plain(kind) => kind,
        other => return Err(unsupported(other.descr())),
    };
    let grid = Grid {
        path,
        rows,
        columns,
        length: length.saturating_sub(start),
        file: NpyFile::with_header(header, input),
    };
    // `npyz` knows the byte order from the type. Dates are 64-bit integers to it, but not to us.
    match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 4) => grid.decode(|value: f32| Some(value.into())),
        (TypeChar::Float, 8) => grid.decode(|value: f64| Some(value)),
        (TypeChar::Bool, 1) => grid.decode(|value: bool| Some(value.into())),
        (TypeChar::Int, 1) => grid.decode(|value: i8| exact(value.into())),
        (TypeChar::Int, 2) => grid.decode(|value: i16| exact(value.into())),
        (TypeChar::Int, 4) => grid.decode(|value: i32| exact(value.into())),
        (TypeChar::Int, 8) => grid.decode(|value: i64| exact(value.into())),
        (TypeChar::Uint, 1) => grid.decode(|value: u8| exact(value.into())),
        (TypeChar::Uint, 2) => grid.decode(|value: u16| exact(value.into())),
        (TypeChar::Uint, 4) => grid.decode(|value: u32| exact(value.into())),
        (TypeChar::Uint, 8) => grid.decode(|value: u64| exact(value.into())),
        _ => Err(unsupported(kind.to_string())),
    }
}

/// Writes `values` as an array of one dimension, in the byte order of the machine as NumPy does.
pub(super) fn write(out: &mut impl Write, values: &[f64]) -> io::Result<()> {
    let shape = [values.len() as u64];
    let mut array = WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .writer(out)
        .begin_nd()?;
    array.extend(values.iter().copied())?;
    array.finish()
}

/// `integer` as a float, if there is one that equals it: beyond 2^53 most have none.
pub(super) fn exact(integer: i128) -> Option<f64> {
    let float = integer as f64;
    (float as i128 == integer).then_some(float)
}

/// An array whose values are yet to be read, from the `length` bytes after the header.
struct Grid<'a, R: Read> {
    path: &'a Path,
    rows: usize,
    columns: usize,
    length: u64,
    file: NpyFile<R>,
}

impl<R: Read> Grid<'_, R> {
    /// Reads the values, each made an `f64` by `convert`, if one equals it.
    fn decode<T: Deserialize + Display + Copy>(
        self,
        convert: impl Fn(T) -> Option<f64>,
    ) -> Result<DMatrix<f64>, FileError> {
        let Self {
            path,
            rows,
            columns,
            length,
            file,
        } = self;
        let (count, size) = ((rows * columns) as u64, size_of::<T>() as u64);
        check_length(length, count, size).map_err(|fault| FileError::npy(path, None, fault))?;
        // The matrix is stored by columns, whatever the file does; each value goes to its place.
        let by_rows = file.order() == Order::C;
        let mut values = zeros(path, rows, columns)?;
        // Refused above already, unless the crate and we disagree about the type.
        let items = file.data::<T>().map_err(|error| {
            FileError::UnsupportedType(Spot::new(path, error.to_string()), TYPES)
        })?;
        for (count, item) in items.enumerate() {
            let (row, column) = match by_rows {
                true => (count / columns, count % columns),
                false => (count % rows, count / rows),
            };
            let spot = |value: String| Spot::new(path, value).cell(row, column);
            let item = item.map_err(|error| match error.kind() {
                // A byte that is neither false nor true; every other type takes any bytes.
                io::ErrorKind::InvalidData => {
                    FileError::Parse(spot(error.to_string()), "a boolean")
                }
                _ => FileError::Unreadable(path.into(), error),
            })?;
            values[column * rows + row] = match convert(item) {
                Some(value) if value.is_finite() => value,
                Some(value) => return Err(FileError::NonFinite(spot(value.to_string()))),
                None => return Err(FileError::Inexact(spot(item.to_string()))),
            };
        }
        Ok(DMatrix::from_vec(rows, columns, values))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::damage;
    use super::*;

    fn parse(bytes: &[u8]) -> Result<DMatrix<f64>, FileError> {
        read(Path::new("a.npy"), bytes, bytes.len() as u64)
    }

    fn refusal(bytes: &[u8]) -> (&'static str, String) {
        let error = parse(bytes).unwrap_err();
        (error.kind(), error.to_string())
    }

    fn array(kind: &str, order: &str, shape: &str, values: &[u8]) -> Vec<u8> {
        let fortran = if order == "by columns" {
            "True"
        } else {
            "False"
        };
        let start = format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, ");
        let start = start + "}\n";
        let size = (start.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &size[..], start.as_bytes(), values].concat()
    }

    #[test]
    fn every_type_is_read_in_both_byte_orders() {
        macro_rules! check {
            ($($kind:literal $type:ty),*) => { $(
                let values = [1 as $type, 0 as $type, 100 as $type];
                let little = values.map(<$type>::to_le_bytes).concat();
                let big = values.map(<$type>::to_be_bytes).concat();
                for (order, bytes) in [("<", little), (">", big)] {
                    let kind = format!("{order}{}", $kind);
                    let matrix = parse(&array(&kind, "by rows", "(3,)", &bytes)).expect(&kind);
                    assert_eq!(matrix, DMatrix::from_vec(3, 1, vec![1.0, 0.0, 100.0]), "{kind}");
                }
            )* };
        }
        check!("i1" i8, "i2" i16, "i4" i32, "i8" i64, "u1" u8, "u2" u16, "u4" u32, "u8" u64);
        check!("f4" f32, "f8" f64);
        let signed = parse(&array("|i1", "by rows", "(2,)", &[0xff, 0x80])).unwrap();
        assert_eq!(signed.as_slice(), [-1.0, -128.0]);
        let truth = parse(&array("|b1", "by rows", "(2,)", &[1, 0])).unwrap();
        assert_eq!(truth.as_slice(), [1.0, 0.0]);
    }

    #[test]
    fn rows_and_columns_are_told_apart() {
        let (values, bytes) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 2, 3, 4, 5, 6]);
        let by_rows = parse(&array("|u1", "by rows", "(2, 3)", &bytes)).unwrap();
        assert_eq!(by_rows, DMatrix::from_row_slice(2, 3, &values));
        let by_columns = parse(&array("|u1", "by columns", "(2, 3)", &bytes)).unwrap();
        assert_eq!(by_columns, DMatrix::from_column_slice(2, 3, &values));
    }

    #[test]
    fn what_the_crate_writes_is_read_in_every_version() {
        let mut bytes = Vec::new();
        write(&mut bytes, &[0.1, -2.0]).unwrap();
        assert_eq!(parse(&bytes).unwrap().as_slice(), [0.1, -2.0]);
        // Versions 2 and 3 have two more bytes for the size of the header.
        for version in [2, 3] {
            let mut later = bytes.clone();
            later[6] = version;
            later.splice(10..10, [0, 0]);
            assert_eq!(parse(&later).unwrap().as_slice(), [0.1, -2.0]);
        }
    }

    #[test]
    fn integers_are_read_exactly_or_not_at_all() {
        let most = 1i64 << 53;
        let bytes = [most, -most, 1 << 62].map(i64::to_le_bytes).concat();
        let matrix = parse(&array("<i8", "by rows", "(3,)", &bytes)).unwrap();
        let powers = [2f64.powi(53), -2f64.powi(53), 2f64.powi(62)];
        assert_eq!(matrix.as_slice(), powers);
        let bytes = [0, most + 1].map(i64::to_le_bytes).concat();
        let (kind, message) = refusal(&array("<i8", "by rows", "(1, 2)", &bytes));
        assert_eq!(kind, "inexact");
        assert!(
            message.contains("row 1, column 2: \"9007199254740993\""),
            "{message}"
        );
        let bytes = u64::MAX.to_le_bytes();
        assert_eq!(
            refusal(&array("<u8", "by rows", "(1,)", &bytes)).0,
            "inexact"
        );
    }

    #[test]
    fn values_that_are_not_finite_are_named_with_row_and_column() {
        let bytes = [1.0, 2.0, f64::NAN, 4.0].map(f64::to_le_bytes).concat();
        let (kind, message) = refusal(&array("<f8", "by rows", "(2, 2)", &bytes));
        assert_eq!(kind, "non_finite");
        assert!(message.contains("row 2, column 1: \"NaN\""), "{message}");
        let (_, message) = refusal(&array("<f8", "by columns", "(2, 2)", &bytes));
        assert!(message.contains("row 1, column 2: \"NaN\""), "{message}");
        let bytes = f32::NEG_INFINITY.to_le_bytes();
        assert_eq!(
            refusal(&array("<f4", "by rows", "(1,)", &bytes)).0,
            "non_finite"
        );
        assert_eq!(refusal(&array("|b1", "by rows", "(1,)", &[7])).0, "parse");
    }

    /// Type, shape, bytes of values, the kind of refusal and a part of the message.
    const FAULTS: &str = "
        <f8 | () | 8 | shape | 0 dimensions
        <f8 | (1, 1, 1) | 8 | shape | 3 dimensions
        <f8 | (0, 3) | 0 | shape | empty
        <f2 | (1,) | 2 | unsupported_type | <f2
        <c16 | (1,) | 16 | unsupported_type | <c16
        <U3 | (1,) | 12 | unsupported_type | <U3
        |O | (1,) | 9 | unsupported_type | |O
        <M8[D] | (1,) | 8 | unsupported_type | M8
        <f8 | (2,) | 15 | truncated | 16 declared but only 15 bytes
        <f8 | (2,) | 20 | surplus | 4 bytes
        <f8 | (1000000,) | 8 | too_large | 1000000 values
        <f8 | (4294967296, 4294967296) | 8 | too_large | values
        <f8 | (0, 4294967296, 4294967296) | 8 | too_large | values
        <f8 | (99999999999999999999999,) | 8 | too_large | values
        <f8 | (-1,) | 8 | header | NumPy
        <f8 | (0x10,) | 8 | header | NumPy
    ";

    #[test]
    fn other_types_shapes_and_lengths_are_refused() {
        for fault in FAULTS.trim().lines() {
            let parts: Vec<_> = fault.trim().split(" | ").collect();
            let [kind, shape, length, refused, part] = parts[..] else {
                panic!("{fault}");
            };
            let values = vec![0; length.parse().unwrap()];
            let (found, message) = refusal(&array(kind, "by rows", shape, &values));
            assert_eq!(found, refused, "{fault}: {message}");
            assert!(message.contains(part), "{fault}: {message}");
        }
    }

    #[test]
    fn no_damage_makes_it_panic() {
        let values = [1.0, 2.0, 3.0, 4.0].map(f64::to_le_bytes).concat();
        damage(&array("<f8", "by rows", "(2, 2)", &values), parse);
        // With few values, so that most of the damage is done to the header.
        damage(&array("|u1", "by columns", "(1, 2)", &[1, 2]), parse);
    }
}
