//! The lines of a Matrix Market file, one at a time and each with its number.
//!
//! A line has less than 1 MiB. Lines that are blank or begin with `%` are passed over.

use std::io::{BufRead, Read};
use std::path::Path;

use super::{FileError, Spot};

const LONGEST: u64 = 1 << 20;

/// The lines of a file, each read into the same buffer.
pub(super) struct Lines<'a, R> {
    pub(super) path: &'a Path,
    input: R,
    buffer: Vec<u8>,
    pub(super) number: u64,
}

impl<'a, R: BufRead> Lines<'a, R> {
    pub(super) fn new(path: &'a Path, input: R) -> Self {
        Self {
            path,
            input,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// Reads one line, whatever it holds; `false` at the end of the file.
    pub(super) fn advance(&mut self) -> Result<bool, FileError> {
        self.buffer.clear();
        self.number += 1;
        // A binary file can be one line of gigabytes: read no more of it than a line may hold.
        let read = Read::by_ref(&mut self.input)
            .take(LONGEST)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|error| FileError::Unreadable(self.path.into(), error))?;
        if read as u64 == LONGEST {
            return Err(FileError::Parse(self.spot(), "a line of less than 1 MiB"));
        }
        Ok(read > 0)
    }

    /// The next line that is neither blank nor a comment, with its number.
    pub(super) fn content(&mut self) -> Result<Option<(u64, &str)>, FileError> {
        while self.advance()? {
            // Comments are passed over as bytes: some hold names in an encoding of their own.
            if !matches!(self.buffer.trim_ascii_start().first(), None | Some(b'%')) {
                return self.text().map(|text| Some((self.number, text)));
            }
        }
        Ok(None)
    }

    pub(super) fn text(&self) -> Result<&str, FileError> {
        let text = std::str::from_utf8(self.buffer.trim_ascii());
        text.map_err(|_| FileError::Parse(self.spot(), "UTF-8 text"))
    }

    /// The spot of the current line, with as much of it as a message could show.
    pub(super) fn spot(&self) -> Box<Spot> {
        let text = self.buffer.trim_ascii();
        let start = text.get(..200).unwrap_or(text);
        Spot::new(self.path, String::from_utf8_lossy(start)).line(self.number)
    }

    /// Checks that nothing follows the values `declared`: it would be lost without a word.
    pub(super) fn finish(mut self, declared: u64) -> Result<(), FileError> {
        match self.content()? {
            Some(_) => Err(FileError::Surplus(self.spot(), declared)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_and_comments_are_counted_but_not_passed_on() {
        let text = b"\n% caf\xe9\r\n 1 2 \r\n\t\n3";
        let mut lines = Lines::new(Path::new("a.mtx"), &text[..]);
        assert_eq!(lines.content().unwrap(), Some((3, "1 2")));
        assert_eq!(lines.content().unwrap(), Some((5, "3")));
        assert_eq!(lines.content().unwrap(), None);
    }

    #[test]
    fn a_line_without_end_is_given_up_early() {
        let endless = std::io::BufReader::new(std::io::repeat(b'1'));
        let mut lines = Lines::new(Path::new("a.mtx"), endless);
        let error = lines.content().unwrap_err();
        assert_eq!(error.kind(), "parse");
        assert!(error.to_string().contains("line 1: \"1111"), "{error}");
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_with_its_line() {
        let mut lines = Lines::new(Path::new("a.mtx"), &b"1\n\xe9 2\n"[..]);
        assert!(lines.content().is_ok());
        let error = lines.content().unwrap_err();
        assert_eq!(error.kind(), "parse");
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
