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
//! any encoding but UTF-8. A missing value ([`is_missing`]) is refused too, unless asked for, and so is a blank
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
/// With `missing`, marks of missing values become NaN; what is empty stays refused, as it may
/// be a slip.
pub(super) fn read(
    path: &Path,
    mut input: impl BufRead,
    length: u64,
    missing: bool,
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
        missing,
        delimiter,
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
        if unclosed {
            table.closed(line, &record)?;
        }
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

/// The header, where there is one.
pub(super) fn names(mut input: impl BufRead) -> Option<Vec<String>> {
    let delimiter = delimiter(input.fill_buf().ok()?);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(input);
    let record = reader.records().next()?.ok()?;
    let printable = |f: &str| f.trim().replace(char::is_control, " ");
    let fields: Vec<String> = record.iter().map(printable).collect();
    let numbers = |field: &String| is_number(field) || is_missing(field);
    (!fields.iter().all(numbers)).then_some(fields)
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

/// What a field of a table with decimal commas is not.
const DECIMAL_COMMA: &str = "a number; decimal commas must be written as points";

/// Whether a field that is no number looks like part of a table with decimal
/// commas, which separates by semicolons.
fn has_decimal_comma(field: &str, delimiter: u8) -> bool {
    let mark = if delimiter == b',' { ';' } else { ',' };
    let digits = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit());
    field.contains(mark) && field.split(mark).any(digits)
}

/// The table as far as it is read, `values` row after row.
struct Table<'a> {
    path: &'a Path,
    missing: bool,
    delimiter: u8,
    names: Option<Vec<String>>,
    columns: usize,
    rows: usize,
    values: Vec<f64>,
}

impl Table<'_> {
    /// Refuses a quote that takes in the rest of the file, unless that is a
    /// number all the same.
    fn closed(&self, line: u64, record: &ByteRecord) -> Result<(), FileError> {
        let last = record.iter().next_back().unwrap_or_default();
        let text = String::from_utf8_lossy(last);
        if is_number(text.trim()) {
            return Ok(());
        }
        let column = record.len().saturating_sub(1);
        let mut spot = Spot::new(self.path, text.trim())
            .line(line)
            .cell(self.rows, column);
        spot.name = self.name(column);
        Err(FileError::Parse(spot, "closed: its quote has no end"))
    }

    /// The separator, in words.
    fn mark(&self) -> &'static str {
        match self.delimiter {
            b';' => "semicolon",
            b'\t' => "tab",
            _ => "comma",
        }
    }

    fn name(&self, column: usize) -> Option<String> {
        self.names.as_ref()?.get(column).cloned()
    }

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
            if let Some(binary) = fields.iter().find(|field| field.contains('\0')) {
                return Err(FileError::Parse(spot(binary), "text"));
            }
            if is_header(&fields, self.delimiter, spot)? {
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
            let surplus = fields.len() == self.columns + 1;
            if surplus && fields.last().is_some_and(|last| last.is_empty()) {
                let spot = spot("").cell(self.rows, self.columns);
                return Err(FileError::LineEnd(spot, self.mark()));
            }
            // R's write.table gives no name to the column of row names.
            if self.rows == 0 && self.names.is_some() && surplus {
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
            if self.missing && !field.is_empty() && is_missing(field) {
                self.values.push(f64::NAN);
                continue;
            }
            match field.parse::<f64>() {
                Ok(value) if value.is_finite() => self.values.push(value),
                parsed => {
                    let mut spot = spot(field).cell(self.rows, column);
                    spot.name = self.name(column);
                    // Text at the beginning of the first row, with numbers after it, is a name.
                    // Further down it is more likely a slip, and text alone may be anything.
                    let named = self.rows == 0 && column == 0;
                    return Err(match parsed {
                        _ if field.is_empty() && column > 0 && column + 1 == fields.len() => {
                            FileError::LineEnd(spot, self.mark())
                        }
                        _ if is_missing(field) => FileError::MissingValue(spot),
                        Ok(_) => FileError::NonFinite(spot),
                        Err(_) if has_decimal_comma(field, self.delimiter) => {
                            FileError::Parse(spot, DECIMAL_COMMA)
                        }
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
fn is_header(
    fields: &[&str],
    delimiter: u8,
    spot: impl Fn(&str) -> Box<Spot>,
) -> Result<bool, FileError> {
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
        Some(slip) if has_decimal_comma(slip, delimiter) => {
            Err(FileError::Parse(spot(slip), DECIMAL_COMMA))
        }
        Some(slip) if fields.iter().any(|field| is_number(field)) => {
            Err(FileError::Parse(spot(slip), "a number"))
        }
        _ => Ok(names().next().is_some()),
    }
}

#[cfg(test)]
mod tests;
