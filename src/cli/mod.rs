//! The command line: `args` parses and does nothing else, `evaluate`, `recover`,
//! `verify`, `compare` and `audit` work, `report` prints.

mod args;
mod audit;
mod compare;
mod demo;
mod error;
mod evaluate;
mod files;
mod history;
mod inputs;
mod noise;
mod outcome;
mod outputs;
mod page;
mod problem;
mod progress;
mod recover;
mod report;
mod verify;
mod verify_plot;
mod verify_reference;
mod verify_report;
mod with_solver;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use error::CliError;

/// Exit codes, as `--help` states them.
const DONE: u8 = 0;
const NOT_RECOVERED: u8 = 1;
const CHECK_FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;

/// What a command printed, and how it ended.
struct Outcome {
    text: String,
    code: u8,
}

/// Parses, works, prints: results on standard output, one line per error on
/// standard error.
pub fn main() -> ExitCode {
    // Known before parsing has succeeded, so that usage errors obey it too.
    let json = std::env::args().any(|a| a == "--json");
    let outcome = match Args::try_parse() {
        Ok(args) => run(&args),
        Err(help) if !help.use_stderr() => {
            let text = help.render().ansi().to_string();
            let plain = help.render().to_string();
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
            Ok(Outcome {
                text: if terminal { text } else { plain },
                code: DONE,
            })
        }
        Err(usage) => Err(CliError::usage(&usage)),
    };
    let outcome = outcome.and_then(|Outcome { text, code }| {
        let failed = |e| CliError::new("write", format!("standard output: cannot be written: {e}"));
        report::print(&text).map_err(failed)?;
        Ok(ExitCode::from(code))
    });
    outcome.unwrap_or_else(|error| {
        if json {
            // Where standard output is what failed, standard error still says so.
            let _ = report::print(&format!("{}\n", error.to_json()));
        }
        eprintln!("error: {error}");
        ExitCode::from(BAD_INPUT)
    })
}

fn run(args: &Args) -> Result<Outcome, CliError> {
    match &args.command {
        Command::Evaluate(options) => evaluate::run(options),
        Command::Recover(options) if options.is_demonstration() => demo::run(options),
        Command::Recover(options) => recover::run(options),
        Command::Verify(options) => verify::run(options),
        Command::Compare(options) => compare::run(options),
        Command::Audit(options) => audit::run(options),
    }
}
