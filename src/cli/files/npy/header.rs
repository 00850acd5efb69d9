//! The header of a NumPy file, vetted before the `npyz` crate parses it.
//!
//! That crate trusts the header: it forms products of the sizes without a check, which panics
//! where overflow does, it allocates whatever length the header says it has, and its parser
//! follows brackets as deep as they go. So what comes to it is at most 10 000 bytes long (NumPy's
//! own limit), has only the words and signs NumPy writes, and sizes whose product fits in the
//! file.

use std::io::Read;
use std::path::Path;

use npyz::NpyHeader;

use super::{FileError, Spot};

const LONGEST: u64 = 10_000;

/// The beginning of the file is not that of an array; as much of it as a message could show.
fn malformed(path: &Path, start: &[u8]) -> FileError {
    let start = String::from_utf8_lossy(start.get(..80).unwrap_or(start));
    FileError::Header(Spot::new(path, start), "not a header that NumPy writes")
}

/// Reads the header of a file of `length` bytes, and returns it with its own length.
pub(super) fn read(
    path: &Path,
    input: &mut impl Read,
    length: u64,
) -> Result<(NpyHeader, u64), FileError> {
    let mut start = Vec::new();
    let mut more = |start: &mut Vec<u8>, bytes: u64| {
        input
            .by_ref()
            .take(bytes)
            .read_to_end(start)
            .map_err(|error| FileError::Unreadable(path.into(), error))
    };
    more(&mut start, 8)?;
    // The version decides how many bytes hold the size of the text that follows.
    let bytes = match start.as_slice() {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _] => 2,
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _] => 4,
        _ => return Err(malformed(path, &start)),
    };
    more(&mut start, bytes)?;
    let size = start
        .iter()
        .skip(8)
        .rev()
        .fold(0, |size, byte| size << 8 | u64::from(*byte));
    if size > LONGEST {
        let spot = Spot::new(path, format!("a header of {size} bytes"));
        return Err(FileError::TooLarge(spot, LONGEST));
    }
    // Read up to the limit at most, so that a short file is noticed here and not by the crate.
    let found = more(&mut start, size)? as u64;
    if found < size {
        return Err(FileError::Truncated(
            Spot::new(path, format!("{found} bytes of header")),
            size,
        ));
    }
    // The sizes alone cannot be trusted to be small, so the product goes before the parser.
    let text = start.get(8 + bytes as usize..).unwrap_or_default();
    match vet(text) {
        Some(values) if values <= length => match NpyHeader::from_reader(start.as_slice()) {
            Ok(header) => Ok((header, start.len() as u64)),
            Err(_) => Err(malformed(path, &start)),
        },
        Some(values) => Err(FileError::TooLarge(
            Spot::new(path, format!("{values} values")),
            length,
        )),
        None => Err(malformed(path, &start)),
    }
}

/// The product of all numbers in the text of a header, zeros left out, which is an upper bound of
/// every product of sizes the crate forms. `None` unless the text is of the few words and signs
/// that NumPy puts there, nested no deeper than it does.
fn vet(text: &[u8]) -> Option<u64> {
    let mut product = 1u64;
    let mut depth = 0u8;
    // Between the first quote and the second is a string, then comes text again, and so on. That
    // holds only without escaped and tripled quotes, hence neither is let through.
    let mut last_is_text = false;
    for (count, piece) in text.split(|byte| *byte == b'\'').enumerate() {
        last_is_text = count % 2 == 0;
        if !last_is_text {
            if piece.is_empty() || piece.contains(&b'\\') {
                return None;
            }
            continue;
        }
        for byte in piece {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth > 4 {
                return None;
            }
        }
        for word in piece.split(|byte| b"()[]{},: \n".contains(byte)) {
            match word {
                b"" | b"True" | b"False" => {}
                _ if !word.iter().all(u8::is_ascii_digit) => return None,
                _ => {
                    // What does not fit in 64 bits is certainly more than the file has bytes.
                    let number = std::str::from_utf8(word).ok()?.parse().unwrap_or(u64::MAX);
                    product = product.saturating_mul(number.max(1));
                }
            }
        }
    }
    last_is_text.then_some(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> &'static str {
        let mut input = bytes;
        let result = read(Path::new("a.npy"), &mut input, bytes.len() as u64);
        result.err().map_or("none", |error| error.kind())
    }

    /// A header of version 1.0 with the given text.
    fn file(text: &str) -> Vec<u8> {
        let size = (text.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &size[..], text.as_bytes()].concat()
    }

    #[test]
    fn the_vetted_product_bounds_every_product_of_sizes() {
        let vetted = |shape| vet(format!("{{'descr': '<f8', 'shape': {shape}, }}").as_bytes());
        assert_eq!(vetted("()"), Some(1));
        assert_eq!(vetted("(3, 0, 5)"), Some(15));
        assert_eq!(vetted("(4294967296, 4294967296, 0)"), Some(u64::MAX));
        assert_eq!(vetted("(99999999999999999999, )"), Some(u64::MAX));
        assert_eq!(vetted("(1_0, )"), None);
        assert_eq!(vetted("(0b1, )"), None);
        assert_eq!(vetted("(((((1, ), ), ), ), )"), None);
    }

    #[test]
    fn headers_that_numpy_does_not_write_are_refused() {
        for text in [
            "",
            "x",
            "{}",
            "{'descr': '<f8'}",
            "((((((1",
            "{'''a': (1,)}",
            "'\\''",
        ] {
            assert_eq!(refusal(&file(text)), "header", "{text}");
        }
        assert_eq!(refusal(&file(&"(".repeat(9000))), "header");
        assert_eq!(refusal(b""), "header");
        assert_eq!(refusal(b"\x93NUMPX\x01\x00\x00\x00"), "header");
        assert_eq!(refusal(b"\x93NUMPY\x09\x00\x00\x00"), "header");
        assert_eq!(refusal(b"\x93NUMPY\x01\x00\xff\x00{"), "truncated");
        assert_eq!(refusal(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"), "too_large");
    }
}
