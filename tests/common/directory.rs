//! Files of one test's own.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

use std::path::PathBuf;

use levinv::{DMatrix, DVector};

/// A directory of one test's own, removed at its end.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("levinv-test-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.join(name), text).unwrap();
        self.path(name)
    }

    pub fn vector(&self, name: &str, v: &DVector<f64>) -> String {
        let lines: Vec<String> = v.iter().map(f64::to_string).collect();
        self.write(name, lines.join("\n"))
    }

    pub fn matrix(&self, name: &str, a: &DMatrix<f64>) -> String {
        let line = |row: DVector<f64>| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        let lines: Vec<String> = a.row_iter().map(|r| line(r.transpose())).collect();
        self.write(name, lines.join("\n"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Left behind where it cannot be removed: a test has no better answer.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
