//! The header of a NumPy file, vetted before the `npyz` crate parses it.
//!
//! That crate trusts the header: it forms products of the sizes without a check, which panics
//! where overflow does, it allocates whatever length the header says it has, and its parser
//! follows brackets as deep as they go. So what comes to it is at most 10 000 bytes long (NumPy's
//! own limit), has only the words and signs NumPy writes, and sizes whose product fits in the
//! file.

use std::io::{self, Read};

use npyz::NpyHeader;

use crate::error::NpyFault;

/// NumPy's own limit.
const LONGEST: u64 = 10_000;

/// The beginning of the file is not that of an array; as much of it as a message could show.
fn malformed(start: &[u8]) -> NpyFault {
    let start = start.get(..80).unwrap_or(start);
    NpyFault::Header {
        found: String::from_utf8_lossy(start).into_owned(),
    }
}

/// Reads the header at the beginning of `input`, a file of `length` bytes, and returns it with
/// its own length: the values begin there. No more values are declared than the file has bytes.
///
/// # Errors
/// Why it is not one that NumPy writes, or not of this file.
pub fn read_header(input: &mut impl Read, length: u64) -> Result<(NpyHeader, u64), NpyFault> {
    let mut start = Vec::new();
    let mut more = |start: &mut Vec<u8>, bytes: u64| -> Result<usize, io::Error> {
        input.by_ref().take(bytes).read_to_end(start)
    };
    more(&mut start, 8)?;
    // The version decides how many bytes hold the size of the text that follows.
    let bytes = match start.as_slice() {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _] => 2,
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _] => 4,
        _ => return Err(malformed(&start)),
    };
    more(&mut start, bytes)?;
    let size = start
        .iter()
        .skip(8)
        .rev()
        .fold(0, |size, byte| size << 8 | u64::from(*byte));
    if size > LONGEST {
        return Err(NpyFault::TooLarge {
            declared: format!("a header of {size} bytes"),
            limit: LONGEST,
        });
    }
    // Read up to the limit at most, so that a short file is noticed here and not by the crate.
    let found = more(&mut start, size)? as u64;
    if found < size {
        return Err(NpyFault::Truncated {
            declared: size,
            found: format!("{found} bytes of header"),
        });
    }
    // The sizes alone cannot be trusted to be small, so the product goes before the parser.
    let text = start.get(8 + bytes as usize..).unwrap_or_default();
    match vet(text) {
        Some(values) if values <= length => match NpyHeader::from_reader(start.as_slice()) {
            Ok(header) => Ok((header, start.len() as u64)),
            Err(_) => Err(malformed(&start)),
        },
        Some(values) => Err(NpyFault::TooLarge {
            declared: format!("{values} values"),
            limit: length,
        }),
        None => Err(malformed(&start)),
    }
}

/// Whether `found` bytes are those of `values` values of `size` bytes each, no fewer and no more.
///
/// # Errors
/// [`NpyFault::Truncated`] and [`NpyFault::Surplus`]: a longer file is as wrong as a shorter one,
/// its header belongs to some other array.
pub fn check_length(found: u64, values: u64, size: u64) -> Result<(), NpyFault> {
    let declared = values.saturating_mul(size);
    if found < declared {
        let found = format!("{found} bytes");
        return Err(NpyFault::Truncated { declared, found });
    }
    if found > declared {
        let bytes = found - declared;
        return Err(NpyFault::Surplus { bytes, values });
    }
    Ok(())
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
        let result = read_header(&mut input, bytes.len() as u64);
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
