//! What a comparison reads and writes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use levinv::compare::{Record, Table, Task};

use super::rows::{self, Setup};
use super::{ACCURACY, Report, html};
use crate::cli::args::CompareArgs;
use crate::cli::error::CliError;
use crate::cli::files::create_output;

fn failed(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::new(
        "write",
        format!("{}: cannot be written: {error}", path.display()),
    )
}

/// The rows of an interrupted run, where one is to be resumed.
pub fn resumed(args: &CompareArgs, tasks: &[Task], setup: &Setup) -> Result<Vec<Record>, CliError> {
    let (true, Some(path)) = (args.resume, &args.csv) else {
        return Ok(Vec::new());
    };
    let shown = path.display();
    let bad = |message: String| CliError::new("csv", format!("{shown}: {message}"));
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .map_err(|e| bad(e.to_string()))?;
    let header = reader.headers().map_err(|e| bad(e.to_string()))?;
    if !header.iter().eq(rows::columns().iter().map(String::as_str)) {
        return Err(bad("is not a comparison's file: other columns".into()));
    }
    let mut records = Vec::new();
    for (k, row) in reader.records().enumerate() {
        // A last line that was cut off is run again.
        let Ok(row) = row else { continue };
        let row: Vec<String> = row.iter().map(str::to_string).collect();
        // Before the rest is read: the problems of another suite are unknown here,
        // and its rows would be lost as if they had been cut off.
        if let Some(theirs) = rows::setup_of(&row).filter(|theirs| theirs != setup) {
            return Err(bad(format!(
                "row {}: suite {}, seed {}, {} evaluations, {} s: not this comparison's",
                k + 2,
                theirs.suite,
                theirs.seed,
                theirs.evaluations,
                theirs.time
            )));
        }
        records.extend(rows::from_row(tasks, &row).map(|(_, record)| record));
    }
    Ok(records)
}

/// The .csv file, a row at a time, so that an interrupted run can be resumed.
pub struct Growing<'a> {
    setup: &'a Setup,
    file: Option<(&'a Path, csv::Writer<File>)>,
}

impl<'a> Growing<'a> {
    pub fn begin(
        args: &'a CompareArgs,
        setup: &'a Setup,
        known: &[Record],
    ) -> Result<Self, CliError> {
        let Some(path) = args.csv.as_deref() else {
            return Ok(Growing { setup, file: None });
        };
        let resumes = args.resume && path.exists();
        let file = if resumes {
            // Without a last line that was cut off.
            rewrite(path, setup, known.iter())?;
            let mut options = OpenOptions::new();
            let opened = options.append(true).open(path);
            opened.map_err(|e| failed(path, e))?
        } else {
            create_output(path, args.force)?
        };
        let writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(file);
        let mut growing = Growing {
            setup,
            file: Some((path, writer)),
        };
        if !resumes {
            growing.row(rows::columns())?;
        }
        Ok(growing)
    }

    pub fn add(&mut self, record: &Record) -> Result<(), CliError> {
        self.row(rows::to_row(self.setup, record))
    }

    fn row(&mut self, row: Vec<String>) -> Result<(), CliError> {
        let Some((path, writer)) = &mut self.file else {
            return Ok(());
        };
        writer.write_record(row).map_err(|e| failed(path, e))?;
        writer.flush().map_err(|e| failed(path, e))
    }
}

/// Replaces a file by these rows at once: whoever interrupts it finds the old rows
/// or the new ones.
fn rewrite<'a>(
    path: &Path,
    setup: &Setup,
    records: impl Iterator<Item = &'a Record>,
) -> Result<(), CliError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut put = |row: Vec<String>| writer.write_record(row).map_err(|e| failed(path, e));
    put(rows::columns())?;
    for record in records {
        put(rows::to_row(setup, record))?;
    }
    let bytes = writer.into_inner().map_err(|e| failed(path, e))?;
    // A device or a link is written through, not replaced.
    let regular = path.symlink_metadata().is_ok_and(|m| m.is_file());
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    if !regular || beside.exists() {
        return std::fs::write(path, bytes).map_err(|e| failed(path, e));
    }
    std::fs::write(beside, bytes)
        .and_then(|()| std::fs::rename(beside, path))
        .map_err(|e| failed(path, e))
}

/// Every file that was asked for. The .csv file is written once more, in order
/// and with the least values as they turned out; the rows of solvers that take no
/// part this time stay, at its end.
pub fn write(
    args: &CompareArgs,
    report: &Report,
    others: &[Record],
    setup: &Setup,
) -> Result<(), CliError> {
    if let Some(path) = &args.csv {
        rewrite(path, setup, report.records.iter().chain(others))?;
    }
    let table = Table::of(&report.records, ACCURACY, &report.measure, report.seed)
        .map_err(|e| CliError::new(e.kind(), e.to_string()))?;
    let save = |path: &Path, text: &str| {
        let mut file = create_output(path, args.force)?;
        file.write_all(text.as_bytes()).map_err(|e| failed(path, e))
    };
    if let Some(path) = &args.markdown {
        save(path, &table.to_markdown())?;
    }
    if let Some(path) = &args.latex {
        save(path, &table.to_latex())?;
    }
    if let Some(path) = &args.html {
        let page = html::page(report)
            .map_err(|e| CliError::new("plot", format!("{}: {e}", path.display())))?;
        save(path, &page)?;
    }
    Ok(())
}
