//! The first line of a Matrix Market file, and the line of sizes that follows it.
//!
//! Nothing is assumed that the header does not say: taken for general, a symmetric matrix would
//! lose a triangle, and a complex one would turn its imaginary parts into values of their own.

use std::io::BufRead;
use std::num::IntErrorKind;

use super::lines::Lines;
use super::{FileError, MOST_ROWS, Spot};

/// How the values are written; `real` and `double` are the same.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Field {
    Real,
    Integer,
    Pattern,
}

/// What the header says. `mirror` is the sign of the mirror images, if the entries have any.
pub(super) struct Header {
    pub(super) coordinate: bool,
    pub(super) field: Field,
    pub(super) mirror: Option<f64>,
}

impl Header {
    /// Reads the first line. It has to be the very first: further down it would be a comment.
    pub(super) fn read<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<Self, FileError> {
        lines.advance()?;
        // Some editors begin a file with a byte order mark, which is no part of the first word.
        let text = lines
            .text()?
            .trim_start_matches('\u{feff}')
            .to_ascii_lowercase();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let &["%%matrixmarket", object, format, field, symmetry] = words.as_slice() else {
            let problem = "the first line must be \"%%MatrixMarket matrix\" and three words more";
            return Err(FileError::Header(lines.spot(), problem));
        };
        let unsupported = |found: &str, supported| {
            FileError::UnsupportedType(Spot::new(lines.path, found).line(1), supported)
        };
        if object != "matrix" {
            return Err(unsupported(object, "matrix"));
        }
        let coordinate = match format {
            "array" => false,
            "coordinate" => true,
            _ => return Err(unsupported(format, "array and coordinate")),
        };
        let field = match field {
            "real" | "double" => Field::Real,
            "integer" => Field::Integer,
            "pattern" => Field::Pattern,
            _ => return Err(unsupported(field, "real, double, integer and pattern")),
        };
        let mirror = match symmetry {
            "general" => None,
            "symmetric" => Some(1.0),
            "skew-symmetric" => Some(-1.0),
            _ => {
                return Err(unsupported(
                    symmetry,
                    "general, symmetric and skew-symmetric",
                ));
            }
        };
        // A pattern only says where entries are: an array has them everywhere, and ones have no
        // sign.
        if field == Field::Pattern && (!coordinate || mirror == Some(-1.0)) {
            return Err(unsupported(
                "pattern",
                "coordinate pattern, general or symmetric",
            ));
        }
        Ok(Header {
            coordinate,
            field,
            mirror,
        })
    }
}

/// Reads the line of sizes: rows, columns and, for a coordinate file, entries (otherwise 0).
pub(super) fn sizes<R: BufRead>(
    lines: &mut Lines<'_, R>,
    coordinate: bool,
) -> Result<(usize, usize, usize), FileError> {
    let text = lines.content()?.map_or("", |(_, text)| text);
    let sizes = text
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<Vec<usize>, _>>();
    match sizes.as_deref() {
        Ok(&[rows, columns]) if !coordinate => Ok((rows, columns, 0)),
        Ok(&[rows, columns, entries]) if coordinate => Ok((rows, columns, entries)),
        // A number is a number even if it does not fit; to call it none would be misleading.
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
            Err(FileError::TooLarge(lines.spot(), MOST_ROWS))
        }
        _ => {
            let problem = match coordinate {
                true => "rows, columns and the number of entries must follow",
                false => "rows and columns must follow",
            };
            Err(FileError::Header(lines.spot(), problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn refusal(text: &str) -> (&'static str, String) {
        let mut lines = Lines::new(Path::new("a.mtx"), text.as_bytes());
        let header = Header::read(&mut lines);
        let error = header.and_then(|header| sizes(&mut lines, header.coordinate));
        let error = error.expect_err(text);
        (error.kind(), error.to_string())
    }

    #[test]
    fn words_are_known_in_either_case_and_after_a_byte_order_mark() {
        let text = "\u{feff}%%matrixmarket MATRIX Coordinate Double Skew-Symmetric\n%\n 2\t2 1\n";
        let mut lines = Lines::new(Path::new("a.mtx"), text.as_bytes());
        let header = Header::read(&mut lines).unwrap();
        assert!(header.coordinate && header.field == Field::Real);
        assert_eq!(header.mirror, Some(-1.0));
        assert_eq!(sizes(&mut lines, true).unwrap(), (2, 2, 1));
    }

    #[test]
    fn a_file_without_the_header_is_refused() {
        for text in [
            "",
            "1 2\n3 4\n",
            "%%MatrixMarket matrix array real\n1 1\n1\n",
        ] {
            let (kind, message) = refusal(text);
            assert_eq!(kind, "header", "{message}");
            assert!(message.contains("line 1"), "{message}");
        }
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let faults = [
            ("vector array real general", "vector"),
            ("matrix list real general", "list"),
            ("matrix array complex general", "complex"),
            ("matrix coordinate complex hermitian", "complex"),
            ("matrix coordinate real hermitian", "hermitian"),
            ("matrix array pattern general", "pattern"),
            ("matrix coordinate pattern skew-symmetric", "pattern"),
        ];
        for (words, part) in faults {
            let (kind, message) = refusal(&format!("%%MatrixMarket {words}\n1 1\n"));
            assert_eq!(kind, "unsupported_type", "{message}");
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn sizes_that_are_no_sizes_are_refused() {
        let array = "%%MatrixMarket matrix array real general\n";
        for sizes in [
            "",
            "% no more\n",
            "2\n",
            "2 2 2\n",
            "-1 2\n",
            "1.5 2\n",
            "a b\n",
        ] {
            assert_eq!(refusal(&format!("{array}{sizes}")).0, "header", "{sizes}");
        }
        let coordinate = array.replace("array", "coordinate");
        assert_eq!(refusal(&format!("{coordinate}2 2\n")).0, "header");
        let (kind, message) = refusal(&format!("{array}99999999999999999999 2\n"));
        assert_eq!(kind, "too_large");
        assert!(
            message.contains("line 2: 99999999999999999999"),
            "{message}"
        );
    }
}
