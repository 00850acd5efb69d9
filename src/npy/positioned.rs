//! Reads that state their position, so that threads share a file.

use std::fs::{File, Metadata};
use std::io;

/// A file that is read at stated positions.
pub(super) struct Positioned {
    file: File,
    /// Where a read moves the one position of the file, one thread at a time.
    #[cfg(not(any(unix, windows)))]
    turn: std::sync::Mutex<()>,
}

impl Positioned {
    pub(super) fn new(file: File) -> Self {
        Positioned {
            file,
            #[cfg(not(any(unix, windows)))]
            turn: std::sync::Mutex::new(()),
        }
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Fills `bytes` from `offset` on; `UnexpectedEof` where the file ends before.
    #[cfg(unix)]
    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, offset)
    }

    /// Fills `bytes` from `offset` on; `UnexpectedEof` where the file ends before.
    #[cfg(windows)]
    pub(super) fn read_exact_at(&self, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    bytes = &mut bytes[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Fills `bytes` from `offset` on; `UnexpectedEof` where the file ends before.
    #[cfg(not(any(unix, windows)))]
    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        let turn = self.turn.lock();
        let _turn = turn.unwrap_or_else(std::sync::PoisonError::into_inner);
        (&self.file).seek(SeekFrom::Start(offset))?;
        (&self.file).read_exact(bytes)
    }
}
