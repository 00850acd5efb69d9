//! Matrix Market files.
//!
//! Covered: `%%MatrixMarket matrix {array|coordinate} {real|double|integer|pattern}
//! {general|symmetric|skew-symmetric}`, in upper or lower case, with comments (`%`) and blank
//! lines anywhere after it. An array has one value a line, column after column, of a symmetric
//! matrix the lower triangle; a coordinate file has one `row column value` a line, counted from
//! 1, in any order. A `pattern` entry is 1. Where a matrix is symmetric each entry stands for its
//! mirror image too, whichever triangle it is in.
//!
//! Refused: complex and hermitian matrices, entries given twice (the format does not say whether
//! they add up), fewer or more of them than declared, NaN and infinities; there is no mark for a
//! missing value. Limits: a line has less than 1 MiB; no more is declared than the file has room
//! for, at 2 bytes a value in an array and 4 (`pattern`) or 6 an entry in a coordinate file; and
//! the latter has no more rows or columns than ten million or its number of bytes, whichever is
//! larger, since a row takes memory even when it is empty.
//!
//! The parser is our own: that of `nalgebra-sparse` takes no `array`, `pattern` or `integer` file
//! and does not name the line of a fault.

mod header;
mod lines;

use std::io::{self, BufRead, Write};
use std::path::Path;

use nalgebra::DMatrix;
use nalgebra_sparse::{CooMatrix, CsrMatrix};

use super::npy::exact;
use super::{FileError, Matrix, NOT_EMPTY, Spot, zeros};
use header::{Field, Header};
use lines::Lines;

/// Rows that even a tiny file may declare: their offsets take 80 MB, which every machine has.
const MOST_ROWS: u64 = 10_000_000;
const ENTRY: &str = "an entry of row, column and, unless in a pattern, value";

/// Reads a file of `length` bytes from `input`; `path` is for messages.
pub(super) fn read(path: &Path, input: impl BufRead, length: u64) -> Result<Matrix, FileError> {
    let mut lines = Lines::new(path, input);
    let header = Header::read(&mut lines)?;
    let (rows, columns, entries) = header::sizes(&mut lines, header.coordinate)?;
    if rows == 0 || columns == 0 {
        return Err(FileError::shape(path, rows, columns, NOT_EMPTY));
    }
    if header.mirror.is_some() && rows != columns {
        return Err(FileError::shape(
            path,
            rows,
            columns,
            "a square, for symmetry",
        ));
    }
    // Sizes are compared as `u128`, where the product of any two of them is exact: one that wraps
    // around would pass for small here, and be written beyond below.
    let line = lines.number;
    let at_most = |limit: u64, declared: u128, unit: &str| {
        if declared <= u128::from(limit) {
            return Ok(declared as u64);
        }
        let spot = Spot::new(path, format!("{declared} {unit}")).line(line);
        Err(FileError::TooLarge(spot, limit))
    };
    // One byte more than there are, because the last line may lack its end.
    let room = length.saturating_add(1);
    let (n, all) = (rows as u128, rows as u128 * columns as u128);
    if header.coordinate {
        // Columns cost nothing here, but whoever reads the matrix will make a vector of them.
        let limit = length.max(MOST_ROWS);
        at_most(limit, rows as u128, "rows")?;
        at_most(limit, columns as u128, "columns")?;
        let shortest = if header.field == Field::Pattern { 4 } else { 6 };
        let declared = at_most(room / shortest, entries as u128, "entries")?;
        return coordinates(lines, &header, (rows, columns), declared).map(Matrix::Sparse);
    }
    // Of a symmetric array, only the lower triangle is in the file, with or without the diagonal.
    let stored = match header.mirror {
        None => all,
        Some(sign) if sign > 0.0 => n * (n + 1) / 2,
        Some(_) => n * (n - 1) / 2,
    };
    let declared = at_most(room / 2, stored, "values")?;
    array(lines, &header, (rows, columns), declared).map(Matrix::Dense)
}

/// Writes `values` as an array of one column. `{:?}` is the shortest decimal that reads back as
/// the same number, and keeps to exponents where `{}` would write hundreds of zeros.
pub(super) fn write(out: &mut impl Write, values: &[f64]) -> io::Result<()> {
    writeln!(
        out,
        "%%MatrixMarket matrix array real general\n{} 1",
        values.len()
    )?;
    values
        .iter()
        .try_for_each(|value| writeln!(out, "{value:?}"))
}

/// The file has `found` of what it `declared`. A matrix filled up with zeros would look complete.
fn truncated(path: &Path, found: String, declared: u64) -> FileError {
    FileError::Truncated(Spot::new(path, found), declared)
}

/// The index written as `text`, counted from 0 instead of 1.
fn index(
    text: &str,
    unit: &str,
    limit: usize,
    spot: impl Fn(&str) -> Box<Spot>,
) -> Result<usize, FileError> {
    match text.parse::<usize>() {
        Ok(index) if (1..=limit).contains(&index) => Ok(index - 1),
        Ok(_) => Err(FileError::Index(
            spot(&format!("{unit} {text}")),
            limit as u64,
        )),
        Err(_) => Err(FileError::Parse(
            spot(text),
            "the number of a row or column",
        )),
    }
}

/// The value written as `text`.
fn number(text: &str, field: Field, spot: impl Fn(&str) -> Box<Spot>) -> Result<f64, FileError> {
    // Not by way of `f64`, which would round a long integer without a word.
    if field == Field::Integer {
        let integer = text
            .parse()
            .map_err(|_| FileError::Parse(spot(text), "an integer"))?;
        return exact(integer).ok_or_else(|| FileError::Inexact(spot(text)));
    }
    // `parse` takes `nan` and `inf` too, and makes an infinity of a number that is too large.
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(FileError::NonFinite(spot(text))),
        Err(_) => Err(FileError::Parse(spot(text), "a number")),
    }
}

/// Reads the values of an array, which follow each other down the columns.
fn array<R: BufRead>(
    mut lines: Lines<'_, R>,
    header: &Header,
    (rows, columns): (usize, usize),
    declared: u64,
) -> Result<DMatrix<f64>, FileError> {
    let path = lines.path;
    let mut values = zeros(path, rows, columns)?;
    let mut found = 0;
    for column in 0..columns {
        // The triangle has its diagonal, unless that is zero because the sign changes.
        let first = header
            .mirror
            .map_or(0, |sign| column + usize::from(sign < 0.0));
        for row in first..rows {
            let Some((line, text)) = lines.content()? else {
                return Err(truncated(path, format!("{found} values"), declared));
            };
            let spot = |value: &str| Spot::new(path, value).line(line).cell(row, column);
            let value = number(text, header.field, spot)?;
            if let Some(sign) = header.mirror {
                values[row * rows + column] = sign * value;
            }
            values[column * rows + row] = value;
            found += 1;
        }
    }
    lines.finish(declared)?;
    Ok(DMatrix::from_vec(rows, columns, values))
}

/// Reads the entries of a coordinate file.
///
/// They are collected as they come, and put in order by the conversion at the end. Memory grows
/// with the entries found, not those declared, which a file with holes may exaggerate.
fn coordinates<R: BufRead>(
    mut lines: Lines<'_, R>,
    header: &Header,
    (rows, columns): (usize, usize),
    declared: u64,
) -> Result<CsrMatrix<f64>, FileError> {
    let path = lines.path;
    let mut entries = CooMatrix::new(rows, columns);
    // The line of each, for the sake of duplicates.
    let mut origins = Vec::new();
    for found in 0..declared {
        let Some((line, text)) = lines.content()? else {
            return Err(truncated(path, format!("{found} entries"), declared));
        };
        let spot = |value: &str| Spot::new(path, value).line(line);
        let mut words = text.split_ascii_whitespace();
        let (row, column) = (words.next(), words.next());
        // The value of a pattern is left unsaid; a third word there is a value we would misread.
        let word = if header.field == Field::Pattern {
            Some("1")
        } else {
            words.next()
        };
        let (Some(row), Some(column), Some(word), None) = (row, column, word, words.next()) else {
            return Err(FileError::Parse(spot(text), ENTRY));
        };
        let row = index(row, "row", rows, spot)?;
        let column = index(column, "column", columns, spot)?;
        let value = number(word, header.field, |value| spot(value).cell(row, column))?;
        if header.mirror == Some(-1.0) && row == column && value != 0.0 {
            let spot = spot(word).cell(row, column);
            return Err(FileError::Parse(
                spot,
                "0, as skew symmetry makes the diagonal",
            ));
        }
        entries.push(row, column, value);
        origins.push(line);
        if let Some(sign) = header.mirror
            && row != column
        {
            entries.push(column, row, sign * value);
            origins.push(line);
        }
    }
    lines.finish(declared)?;
    let matrix = CsrMatrix::from(&entries);
    if matrix.nnz() == origins.len() {
        return Ok(matrix);
    }
    // The conversion has added up entries of the same place. Look for the first line that did it.
    let places = entries
        .triplet_iter()
        .zip(&origins)
        .map(|((i, j, _), line)| (i, j, *line));
    let mut places: Vec<_> = places.collect();
    places.sort_unstable();
    let repeated = places.windows(2).filter_map(|pair| match pair {
        &[(i, j, first), (k, l, second)] if (i, j) == (k, l) => Some((second, first, i, j)),
        _ => None,
    });
    match repeated.min() {
        Some((line, first, row, column)) => {
            let spot = Spot::new(path, format!("({}, {})", row + 1, column + 1));
            Err(FileError::Duplicate(
                spot.line(line).cell(row, column),
                first,
            ))
        }
        None => Ok(matrix),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::damage;
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Matrix, FileError> {
        read(Path::new("a.mtx"), bytes, bytes.len() as u64)
    }

    fn dense(text: &str) -> DMatrix<f64> {
        match parse(text.as_bytes()).unwrap() {
            Matrix::Dense(matrix) => matrix,
            Matrix::Sparse(matrix) => DMatrix::from(&matrix),
        }
    }

    const ARRAY: &str = "%%MatrixMarket matrix array";
    const COORDINATE: &str = "%%MatrixMarket matrix coordinate";

    #[test]
    fn an_array_is_read_column_after_column() {
        let text = format!("{ARRAY} real general\n% a comment\n\n2 3\r\n1\n2\n\n 3.5 \n-4e0\n5\n6");
        let expected = DMatrix::from_row_slice(2, 3, &[1.0, 3.5, 5.0, 2.0, -4.0, 6.0]);
        assert_eq!(dense(&text), expected);
        let text = text.replace("real general", "DOUBLE General");
        assert_eq!(dense(&text.replace("%%M", "\u{feff}%%m")), expected);
    }

    #[test]
    fn a_symmetric_array_is_its_lower_triangle() {
        let symmetric = dense(&format!("{ARRAY} integer symmetric\n2 2\n1\n2\n3\n"));
        assert_eq!(
            symmetric,
            DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 3.0])
        );
        let skew = dense(&format!("{ARRAY} real skew-symmetric\n2 2\n5\n"));
        assert_eq!(skew, DMatrix::from_row_slice(2, 2, &[0.0, -5.0, 5.0, 0.0]));
    }

    #[test]
    fn coordinates_make_a_sparse_matrix_in_any_order_with_empty_rows() {
        let text = format!("{COORDINATE} real general\n4 3 3\n3 1 7\n%\n1 3 2\n1 1 0\n");
        let Matrix::Sparse(matrix) = parse(text.as_bytes()).unwrap() else {
            panic!("a coordinate file is sparse");
        };
        // A zero that is written down stays an entry: the pattern of the file is the user's.
        let entries: Vec<_> = matrix.triplet_iter().map(|(i, j, v)| (i, j, *v)).collect();
        assert_eq!(entries, [(0, 0, 0.0), (0, 2, 2.0), (2, 0, 7.0)]);
        assert_eq!((matrix.nrows(), matrix.ncols()), (4, 3));
        let none = dense(&format!("{COORDINATE} real general\n2 2 0\n"));
        assert_eq!(none, DMatrix::zeros(2, 2));
    }

    #[test]
    fn symmetric_coordinates_stand_for_both_triangles_whichever_holds_them() {
        let text = format!("{COORDINATE} pattern symmetric\n3 3 3\n2 1\n1 3\n3 3\n");
        let expected = [0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0];
        assert_eq!(dense(&text), DMatrix::from_row_slice(3, 3, &expected));
        let text = format!("{COORDINATE} integer skew-symmetric\n2 2 2\n2 1 4\n1 1 0\n");
        assert_eq!(
            dense(&text),
            DMatrix::from_row_slice(2, 2, &[0.0, -4.0, 4.0, 0.0])
        );
    }

    /// Header, lines parted by `;`, the kind of refusal and a part of the message.
    const FAULTS: &str = r#"
        array real symmetric | 1 2;1;2 | shape | 1 x 2
        array real general | 0 2 | shape | empty
        coordinate real general | 2 0 0 | shape | empty
        array real general | 4294967296 4294967296;1 | too_large | 18446744073709551616 values
        array real general | 1000 1000;1 | too_large | line 2: 1000000 values
        coordinate real general | 1000000000000000 1 1;1 1 1 | too_large | 1000000000000000 rows
        coordinate real general | 1 10000001 1;1 1 1 | too_large | 10000001 columns
        coordinate real general | 9 9 50;1 1 1 | too_large | 50 entries
        array real general | 2 2;1;2;3 | truncated | 4 declared but only 3 values
        coordinate real general | 2 2 2;1 1 1 | truncated | 2 declared but only 1 entries
        array real general | 1 1;1;;2 | surplus | line 5: "2"
        coordinate real general | 2 2 1;1 1 1;1 2 1 | surplus | line 4: "1 2 1"
        coordinate real general | 2 2 1;0 1 1 | index | line 3: row 0
        coordinate real general | 2 2 1;1 3 1 | index | column 3 is outside the declared 1 to 2
        coordinate real general | 2 2 1;1.0 1 1 | parse | "1.0"
        coordinate real general | 2 2 1;1 1 | parse | "1 1" is not an entry
        coordinate pattern general | 2 2 1;1 1 1 | parse | "1 1 1" is not an entry
        coordinate real skew-symmetric | 2 2 1;2 2 1 | parse | line 3, row 2, column 2
        array real general | 2 2;1;2;x;4 | parse | line 5, row 1, column 2: "x"
        array real general | 1 2;1 2;3 4 | parse | "1 2" is not a number
        array integer general | 1 1;1.5 | parse | not an integer
        array integer general | 1 1;9007199254740993 | inexact | 9007199254740993
        array real general | 2 1;1;NaN | non_finite | line 4, row 2, column 1
        array real general | 1 1;1e999 | non_finite | 1e999
        coordinate real general | 2 2 1;2 1 -inf | non_finite | row 2, column 1: "-inf"
        coordinate real general | 2 2 3;1 2 1;1 1 1;1 2 5 | duplicate | line 5, row 1, column 2
        coordinate real symmetric | 2 2 2;1 2 1;2 1 1 | duplicate | repeats the entry of line 3
    "#;

    #[test]
    fn each_fault_is_refused_under_its_own_kind_and_at_its_place() {
        for fault in FAULTS.trim().lines() {
            let [header, lines, kind, part] = fault.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{fault}");
            };
            let text = format!("%%MatrixMarket matrix {}\n{}\n", header.trim(), lines);
            let error = parse(text.replace(';', "\n").as_bytes()).expect_err(fault);
            assert_eq!(error.kind(), kind, "{fault}: {error}");
            assert!(error.to_string().contains(part), "{fault}: {error}");
        }
    }

    #[test]
    fn no_damage_makes_it_panic() {
        damage(
            format!("{ARRAY} real symmetric\n2 2\n1\n2\n3\n").as_bytes(),
            parse,
        );
        damage(
            format!("{COORDINATE} real general\n3 3 2\n1 2 1.5\n3 1 2\n").as_bytes(),
            parse,
        );
        damage(
            format!("{COORDINATE} pattern symmetric\n3 3 2\n2 1\n3 3\n").as_bytes(),
            parse,
        );
    }
}
