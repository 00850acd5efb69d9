//! Files written: vectors in the three formats, and empty files for other writers to fill.
//!
//! What exists is not overwritten unless forced. A vector is written whole or not at all, as far
//! as that is in our hands: a file that could not be completed is removed, and one that is
//! replaced stays as it was until the new one is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use nalgebra::DVector;

use super::{FileError, Format, NOT_EMPTY, csv, file_at, mtx, npy};

/// Writes `values` in the format of the ending of `path`, each as the shortest decimal that reads
/// back as the same number (`.npy`: as its bits). `name` heads the column of a `.csv` file;
/// it should not be a number itself, or it is read back as one.
///
/// A file that exists is refused unless `force` is set, and is then replaced whole, so that until
/// the new one is complete the old one stays. Values that are not finite are written as they are:
/// the end of a long computation is no place to lose its result.
pub fn write_vector(
    path: &Path,
    name: &str,
    values: &DVector<f64>,
    force: bool,
) -> Result<(), FileError> {
    let format = Format::of(path)?;
    if values.is_empty() {
        return Err(FileError::shape(path, 0, 1, NOT_EMPTY));
    }
    // With `force` the text goes to a draft beside the file, moved over it at the end; without,
    // straight to `path`, whose creation is itself the test that nothing stood there.
    let (draft, target, file) = if force {
        replacement(path)?
    } else {
        (path.into(), path.into(), create_output(path, false)?)
    };
    let fill = || {
        let mut out = BufWriter::new(file);
        match format {
            Format::Mtx => mtx::write(&mut out, values.as_slice())?,
            Format::Csv => csv::write(&mut out, name, values.as_slice())?,
            Format::Npy => npy::write(&mut out, values.as_slice())?,
        }
        // A full disk may show only now; dropping the buffer would drop that error with it.
        out.into_inner()?.sync_all()?;
        if force {
            fs::rename(&draft, &target)
        } else {
            Ok(())
        }
    };
    fill().map_err(|error| {
        // Whatever stands at `draft` was created above, so that nobody else's data are removed.
        let _ = fs::remove_file(&draft);
        FileError::Write(path.into(), error)
    })
}

/// A new file beside the one to replace: its path, the path to move it to, and the open file. It
/// is beside it because a file can only be moved in one step within a file system.
fn replacement(path: &Path) -> Result<(PathBuf, PathBuf, File), FileError> {
    let failed = |error| FileError::Write(path.into(), error);
    let old = file_at(path);
    if let Err(refusal @ FileError::NotRegular(_)) = old {
        return Err(refusal);
    }
    // Through a symbolic link it is the file that is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    // A run that was killed may have left its draft, and process numbers come around again.
    for attempt in 0..100 {
        let draft = target.with_file_name(format!(".levinv-{}-{attempt}", std::process::id()));
        match File::create_new(&draft) {
            Ok(file) => {
                // What only its owner could read should not be for all to read once replaced.
                // Some file systems have no permissions to set, which is no reason to stop.
                let _ = old.map(|old| file.set_permissions(old.permissions()));
                return Ok((draft, target, file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(failed(io::Error::other(
        "too many unfinished drafts beside it",
    )))
}

/// Creates the file at `path` for another writer, under the rule of [`write_vector`]: what exists
/// is refused, or with `force` emptied. Testing and creating are one step, so nothing comes
/// between.
pub fn create_output(path: &Path, force: bool) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(!force)
        .create(force)
        .truncate(force);
    match file_at(path) {
        Err(refusal @ FileError::NotRegular(_)) if force => return Err(refusal),
        _ => {}
    }
    // Without `force` a special file is refused here too, since it exists.
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(path.into()),
        _ => FileError::Write(path.into(), error),
    })
}

#[cfg(test)]
mod tests {
    use super::super::read_vector;
    use super::super::tests::directory;
    use super::*;

    #[test]
    fn a_vector_reads_back_as_it_was_written() {
        directory("round-trip", |directory| {
            let third = 1.0 / 3.0;
            let values = vec![0.1, -0.0, 1e300, 5e-324, third, f64::MAX, -2.0, 1e-7];
            for name in ["v.csv", "v.mtx", "v.npy"] {
                let path = directory.join(name);
                write_vector(
                    &path,
                    "a \"b\", c",
                    &DVector::from_vec(values.clone()),
                    false,
                )
                .unwrap();
                let back = read_vector(&path).unwrap();
                let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(back.as_slice()), bits(&values), "{name}");
            }
            let text = fs::read_to_string(directory.join("v.csv")).unwrap();
            assert!(
                text.starts_with("\"a \"\"b\"\", c\"\n0.1\n-0.0\n1e300\n5e-324\n"),
                "{text}"
            );
            let empty = write_vector(&directory.join("e.csv"), "y", &DVector::zeros(0), false);
            assert_eq!(empty.unwrap_err().kind(), "shape");
        });
    }

    #[test]
    fn only_force_replaces_a_file_and_then_as_a_whole() {
        directory("force", |directory| {
            let path = directory.join("v.csv");
            fs::write(&path, "precious").unwrap();
            let values = DVector::from_vec(vec![1.0]);
            let refusal = write_vector(&path, "y", &values, false).unwrap_err();
            assert_eq!(refusal.kind(), "exists");
            assert_eq!(create_output(&path, false).unwrap_err().kind(), "exists");
            assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
            // The draft that a killed run has left is in nobody's way.
            let stale = directory.join(format!(".levinv-{}-0", std::process::id()));
            fs::write(&stale, "").unwrap();
            write_vector(&path, "y", &values, true).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "y\n1.0\n");
            fs::remove_file(&stale).unwrap();
            assert_eq!(
                fs::read_dir(directory).unwrap().count(),
                1,
                "a draft is left"
            );
            create_output(&path, true).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "");
            let nowhere = directory.join("none").join("v.csv");
            for force in [false, true] {
                assert_eq!(
                    write_vector(&nowhere, "y", &values, force)
                        .unwrap_err()
                        .kind(),
                    "write"
                );
            }
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_keeps_its_permissions_and_the_links_to_it() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        directory("links", |directory| {
            let (file, link) = (directory.join("file.csv"), directory.join("link.csv"));
            fs::write(&file, "old").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            symlink(&file, &link).unwrap();
            write_vector(&link, "y", &DVector::from_vec(vec![1.0]), true).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(&file).unwrap(), "y\n1.0\n");
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o600
            );
        });
    }
}
