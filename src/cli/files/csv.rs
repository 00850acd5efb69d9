//! Tables of numbers as comma-separated values.
//!
//! Covered: one row a line, fields separated by commas, or by semicolons or tabs if the first
//! line has no comma; quoted fields; spaces around fields; either kind of line end; a UTF-8 byte
//! order mark. The first record is a header if one of its fields is neither a number nor a mark
//! of a missing value; one that is all numbers is data, so column names that are numbers
//! (`0,1,2`, as pandas writes them by default) must be left out of the file. Blank lines between
//! rows are skipped.
//!
//! Refused: rows of different lengths, row names, infinities, decimal commas, text columns and
//! any encoding but UTF-8. A missing value ([`is_missing`]) is refused too, and so is a blank
//! line within a single column, which is how some programs write one; at the end of a file it
//! cannot be told from a spare line end and is skipped. Limits: those of memory, as a table
//! declares no size.

use std::io::{self, BufRead, Write};
use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder, Terminator, WriterBuilder};
use nalgebra::DMatrix;

use super::{FileError, NOT_EMPTY, Spot};

/// Whether a field stands for a missing value. This is the one place that decides, so that an
/// option to treat missing values differently has one place to change.
fn is_missing(field: &str) -> bool {
    const MARKS: [&str; 8] = ["", ".", "NA", "N/A", "<NA>", "NaN", "NULL", "None"];
    MARKS.iter().any(|mark| field.eq_ignore_ascii_case(mark))
}

/// Whether a field is a number, finite or not. The parser also takes `nan`, which is a mark.
fn is_number(field: &str) -> bool {
    !is_missing(field) && field.parse::<f64>().is_ok()
}

/// Reads a table of `length` bytes from `input`; both `length` and `path` are for messages.
pub(super) fn read(
    path: &Path,
    mut input: impl BufRead,
    length: u64,
) -> Result<DMatrix<f64>, FileError> {
    let unreadable = |error| FileError::Unreadable(path.into(), error);
    let delimiter = delimiter(input.fill_buf().map_err(unreadable)?);
    // Lines end at `\n` alone, and the last one always does: by default the crate counts the
    // lines of a file with `\r\n` differently. The `\r` is trimmed with the other spaces around
    // fields.
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .from_reader(input.chain(&b"\n"[..]));
    // Records come as bytes, so that text in another encoding is refused with its place and not
    // by the crate, which would name an offset.
    let mut table = Table {
        path,
        names: None,
        columns: 0,
        rows: 0,
        values: Vec::new(),
    };
    let mut record = ByteRecord::new();
    // The line on which the record before ended, and the byte after it.
    let mut previous = 0;
    let mut start = 0;
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| unreadable(error.into()))?
    {
        // The record ends with its line, unless a quote that is never closed took in all the
        // rest.
        let unclosed = reader.position().byte() > length && record.as_slice().ends_with(b"\n");
        let end = reader.position().line() - u64::from(!unclosed);
        let bytes = reader.position().byte() - start;
        start = reader.position().byte();
        // The crate skips an empty line, but takes one with a `\r` for a record of one empty
        // field, which is also what `""` is. Only the latter, a missing value, is longer.
        if record.len() == 1 && record.as_slice().trim_ascii().is_empty() && bytes <= 2 {
            continue;
        }
        let inside = record
            .as_slice()
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u64;
        let line = end.saturating_sub(inside);
        table.record(line, line > previous + 1, &record)?;
        previous = end;
    }
    if table.rows == 0 {
        return Err(FileError::shape(path, 0, table.columns, NOT_EMPTY));
    }
    Ok(DMatrix::from_row_slice(
        table.rows,
        table.columns,
        &table.values,
    ))
}

/// Writes a header and `values` below it.
pub(super) fn write(out: &mut impl Write, name: &str, values: &[f64]) -> io::Result<()> {
    // A name may hold a comma or a quote, which the crate knows how to write.
    let mut header = WriterBuilder::new().from_writer(&mut *out);
    header.write_record([name])?;
    header.flush()?;
    drop(header);
    values
        .iter()
        .try_for_each(|value| writeln!(out, "{value:?}"))
}

/// The separator of fields, judged by the first line that is not blank. A comma comes first even
/// where there are semicolons: the numbers with decimal commas are then refused, which is better
/// than a guess at which of `1,5;2` is the separator.
fn delimiter(start: &[u8]) -> u8 {
    let mut lines = start.split(|byte| *byte == b'\n');
    let line = lines
        .find(|line| !line.trim_ascii().is_empty())
        .unwrap_or_default();
    [b',', b';', b'\t']
        .into_iter()
        .find(|mark| line.contains(mark))
        .unwrap_or(b',')
}

/// The table as far as it is read, `values` row after row.
struct Table<'a> {
    path: &'a Path,
    names: Option<Vec<String>>,
    columns: usize,
    rows: usize,
    values: Vec<f64>,
}

impl Table<'_> {
    /// Takes in the record on `line`; `gap` says whether a blank line came before it.
    fn record(&mut self, line: u64, gap: bool, record: &ByteRecord) -> Result<(), FileError> {
        let spot = |value: &str| Spot::new(self.path, value).line(line);
        let mut fields = Vec::with_capacity(record.len());
        for field in record {
            fields.push(std::str::from_utf8(field).map(str::trim).map_err(|_| {
                FileError::Parse(spot(&String::from_utf8_lossy(field)), "UTF-8 text")
            })?);
        }
        // The first record decides how many columns there are, header or not.
        if self.columns == 0 {
            self.columns = fields.len();
            if is_header(&fields, spot)? {
                self.names = Some(fields.into_iter().map(String::from).collect());
                return Ok(());
            }
        }
        if gap && self.columns == 1 {
            // Skipping it would move every value after it up by one row.
            let spot = Spot::new(self.path, "").line(line - 1).cell(self.rows, 0);
            return Err(FileError::MissingValue(spot));
        }
        // The crate was told to be flexible, since its own error does not count rows as we do.
        if fields.len() != self.columns {
            let first = fields.first().copied().unwrap_or_default();
            // R's write.table gives no name to the column of row names.
            if self.rows == 0 && self.names.is_some() && fields.len() == self.columns + 1 {
                return Err(FileError::RowNames(spot(first).cell(0, 0)));
            }
            let mut spot = spot(&format!("{} fields", fields.len())).cell(self.rows, 0);
            spot.column = None;
            return Err(FileError::Shape(
                spot,
                format!("the {} of the first line", self.columns),
            ));
        }
        for (column, field) in fields.iter().enumerate() {
            match field.parse::<f64>() {
                Ok(value) if value.is_finite() => self.values.push(value),
                parsed => {
                    let mut spot = spot(field).cell(self.rows, column);
                    spot.name = self
                        .names
                        .as_ref()
                        .and_then(|names| names.get(column).cloned());
                    // Text at the beginning of the first row, with numbers after it, is a name.
                    // Further down it is more likely a slip, and text alone may be anything.
                    let named = self.rows == 0 && column == 0;
                    return Err(match parsed {
                        _ if is_missing(field) => FileError::MissingValue(spot),
                        Ok(_) => FileError::NonFinite(spot),
                        Err(_) if named && fields.iter().any(|field| is_number(field)) => {
                            FileError::RowNames(spot)
                        }
                        Err(_) => FileError::Parse(spot, "a number"),
                    });
                }
            }
        }
        self.rows += 1;
        Ok(())
    }
}

/// Whether the first record is a header, which it is if it has a name in it. Marks of missing
/// values are no names: a row of data may well begin with one.
fn is_header(fields: &[&str], spot: impl Fn(&str) -> Box<Spot>) -> Result<bool, FileError> {
    let names = || {
        fields
            .iter()
            .filter(|field| !is_number(field) && !is_missing(field))
    };
    if let ["", rest @ ..] = fields
        && !rest.is_empty()
    {
        // What R and pandas write above row names, the latter with the columns counted from 0.
        let counted = rest
            .iter()
            .enumerate()
            .all(|(i, field)| *field == i.to_string());
        if counted || names().next().is_some() {
            return Err(FileError::RowNames(spot("")));
        }
    }
    // Next to numbers, what begins like one is a slip in a row of data. Taken for a name it would
    // make that row the header, and drop it without a word.
    let number_like = |name: &&&str| {
        name.trim_start_matches(['+', '-', '.'])
            .starts_with(|c: char| c.is_ascii_digit())
    };
    match names().find(number_like) {
        Some(slip) if fields.iter().any(|field| is_number(field)) => {
            Err(FileError::Parse(spot(slip), "a number"))
        }
        _ => Ok(names().next().is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::damage;
    use super::*;

    fn parse(bytes: &[u8]) -> Result<DMatrix<f64>, FileError> {
        read(Path::new("a.csv"), bytes, bytes.len() as u64)
    }

    fn refusal(text: &str) -> (&'static str, String) {
        let error = parse(text.as_bytes()).expect_err(text);
        (error.kind(), error.to_string())
    }

    #[test]
    fn a_table_is_read_with_or_without_a_header_whatever_its_separators() {
        let expected = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, -3.5, 4e3]);
        let tables = [
            "1,2\n-3.5,4e3\n",
            "a,b\n1,2\n-3.5,4e3",
            "\u{feff}a,b\r\n1,2\r\n-3.5,4e3\r\n",
            "\u{feff}1;2\n-3.5;4e3\n",
            "a\tb\n1\t2\n-3.5\t4e3\n",
            "\"a,\"\"b\",\"c\nd\"\r\n\"1\", 2 \r\n\r\n -3.5 ,\"4e3\"\r\n\r\n",
            "\n\n1,2\n\n-3.5,4e3\n\n\n",
            "2020,b\n1,2\n-3.5,4e3\n",
        ];
        for table in tables {
            assert_eq!(parse(table.as_bytes()).expect(table), expected, "{table:?}");
        }
    }

    #[test]
    fn a_first_line_of_numbers_is_data_and_spare_line_ends_are_not() {
        assert_eq!(parse(b"0,1\n2,3\n").unwrap().nrows(), 2);
        assert_eq!(parse(b"y\n1\n2\n\n\n").unwrap().as_slice(), [1.0, 2.0]);
        assert_eq!(parse(b"1\r\n2\r\n\r\n").unwrap().as_slice(), [1.0, 2.0]);
    }

    #[test]
    fn every_mark_of_a_missing_value_is_named_with_its_row_and_column() {
        for mark in [
            "NA", "NaN", "nan", "", "NULL", ".", " NA ", "\"\"", "N/A", "None",
        ] {
            let (kind, message) = refusal(&format!("x,price\n1,2\n3,{mark}\n"));
            assert_eq!(kind, "missing_value", "{mark}: {message}");
            let place = "a.csv, line 3, row 2, column 2 (\"price\"): ";
            assert!(message.starts_with(place), "{message}");
            assert!(message.contains("removed or imputed"), "{message}");
        }
        // In the first row too: taken for a header it would be lost.
        assert!(
            refusal("1,NA\n2,3\n")
                .1
                .contains("line 1, row 1, column 2:")
        );
        assert_eq!(refusal(",2.5\n2,3\n").0, "missing_value");
    }

    #[test]
    fn a_blank_line_in_a_single_column_is_a_missing_value() {
        for line in ["\n", "\r\n", "\"\"\n", "  \n"] {
            for end in ["\n", "\r\n"] {
                let (kind, message) = refusal(&format!("y{end}1{end}{line}3{end}"));
                assert_eq!(kind, "missing_value", "{line:?}: {message}");
                assert!(
                    message.contains("line 3, row 2, column 1"),
                    "{line:?}: {message}"
                );
            }
        }
        assert_eq!(refusal("y\n1\n\"\"\n").0, "missing_value");
        assert_eq!(refusal("\n1\n2\n").0, "missing_value");
        assert!(parse(b"\ny\n1\n2\n").is_ok());
    }

    #[test]
    fn row_names_are_recognised_and_the_remedy_is_named() {
        let tables = [
            "\"\",\"x\",\"y\"\n\"1\",0.5,0.25\n",
            "x,y\n\"1\",0.5,0.25\n\"2\",1,2\n",
            "name,x\nanna,1\nbert,2\n",
            "anna,1\nbert,2\n",
            ",0,1\n0,0.5,0.25\n1,1,2\n",
        ];
        for table in tables {
            let (kind, message) = refusal(table);
            assert_eq!(kind, "row_names", "{table:?}: {message}");
            assert!(message.contains("row.names = FALSE") && message.contains("index=False"));
        }
    }

    #[test]
    fn each_fault_is_refused_under_its_own_kind_and_at_its_place() {
        let faults = [
            ("", "shape", "empty"),
            ("\n\n", "shape", "empty"),
            ("a,b\n", "shape", "empty"),
            (
                "1,2\n3\n",
                "shape",
                "line 2, row 2: 1 fields instead of the 2",
            ),
            ("a,b\n\n1,2\n3,4,5\n", "shape", "line 4, row 2: 3 fields"),
            (
                "a,b\n3,inf\n",
                "non_finite",
                "line 2, row 1, column 2 (\"b\"): \"inf\"",
            ),
            ("1,2\n1e999,3\n", "non_finite", "row 2, column 1: \"1e999\""),
            (
                "a,b\n1,x\n",
                "parse",
                "row 1, column 2 (\"b\"): \"x\" is not a number",
            ),
            ("1,2\nx,3\n", "parse", "row 2, column 1: \"x\""),
            ("1.x,2\n3,4\n", "parse", "line 1: \"1.x\" is not a number"),
            ("1,5;2,5\n", "parse", "\"5;2\""),
            ("1 2\n3 4\n", "parse", "\"3 4\""),
            (
                "a\n1\n\"2\n3\n",
                "parse",
                "line 3, row 2, column 1 (\"a\"): \"2\\n3\"",
            ),
            ("1,2\n3,\0\x1b\n", "parse", "\"\\0\\u{1b}\""),
        ];
        for (text, kind, part) in faults {
            let (found, message) = refusal(text);
            assert_eq!(found, kind, "{text:?}: {message}");
            assert!(message.contains(part), "{text:?}: {message}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_with_its_line() {
        let first: &[u8] = b"a,b\n1,2\n3,\xe9\n";
        for text in [first, b"\"a\n\",b\r\n3,\xe9\r\n", b"\n\ncaf\xe9\n"] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), "parse");
            assert!(error.to_string().contains("line 3: "), "{error}");
        }
    }

    #[test]
    fn no_damage_makes_it_panic() {
        damage(b"a,b\n1,2\n3.5,-4e5\n", parse);
        damage(b"1\r\n2\r\n\r\n\"3\"\r\n", parse);
    }
}
