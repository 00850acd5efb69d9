//! Runs in a child process, which can be killed: a solver that spins without
//! evaluating anything is beyond the reach of every limit inside it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use levinv::compare::{Comparison, Outcome, Record, Task, Vetting, vet};

use super::rows::{self, Setup};
use crate::cli::error::CliError;

/// What a run may take beyond its own limits, for what is not evaluated and for a
/// busy machine.
const GRACE: Duration = Duration::from_secs(10);
/// What the verification of a problem may take.
const VERIFICATION: Duration = Duration::from_secs(600);

/// The child's side, until the input ends: `vet TASK` is answered by a line,
/// `run TASK SOLVER` by a row.
pub fn serve(comparison: &Comparison, setup: &Setup) -> Result<(), CliError> {
    let mut vetted = (usize::MAX, Vetting::Sound);
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(broken)?;
        let words: Vec<&str> = line.split(' ').collect();
        let number = |k: usize| words.get(k).and_then(|w| w.parse::<usize>().ok());
        let task = number(1).and_then(|k| Some((k, comparison.tasks().get(k)?)));
        let solver = number(2).and_then(|k| comparison.contenders().get(k));
        let answer = match (words[0], task, solver) {
            ("vet", Some((k, task)), None) => {
                vetted = (k, vet(task));
                "vetted".to_string()
            }
            ("run", Some((k, task)), Some(solver)) if k == vetted.0 => {
                let record = comparison.pair(task, &vetted.1, solver);
                line_of(&rows::to_row(setup, &record))?
            }
            _ => return Err(broken(format!("not understood: {line}"))),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")
            .and_then(|()| out.flush())
            .map_err(broken)?;
    }
    Ok(())
}

/// A row as one line: a reason of several would be taken apart.
fn line_of(row: &[String]) -> Result<String, CliError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(row).map_err(broken)?;
    let bytes = writer.into_inner().map_err(broken)?;
    Ok(String::from_utf8_lossy(&bytes).trim().replace('\n', " "))
}

fn broken(error: impl std::fmt::Display) -> CliError {
    CliError::new("worker", format!("the worker process: {error}"))
}

/// The parent's side.
pub struct Worker {
    program: PathBuf,
    arguments: Vec<String>,
    patience: Duration,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// The problem that it has verified.
    vetted: Option<usize>,
}

/// Why there is no answer.
enum Silence {
    TooLong(Duration),
    Gone(String),
}

impl Worker {
    /// For these arguments of this program; `time` is what a pair may take by its
    /// own limits.
    pub fn new(program: PathBuf, arguments: Vec<String>, time: Duration) -> Self {
        Worker {
            program,
            arguments,
            patience: time.saturating_add(GRACE),
            running: None,
        }
    }

    /// One pair; killed where it takes longer than it may.
    pub fn run(
        &mut self,
        tasks: &[Task],
        (task, solver): (usize, usize),
        name: &str,
    ) -> Result<Record, CliError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        let (outcome, reason) = match self.answer(&mut running, task, solver) {
            Ok(line) => {
                self.running = Some(running);
                return record_of(tasks, &line).ok_or_else(|| broken(format!("not a row: {line}")));
            }
            Err(Silence::TooLong(after)) => {
                let seconds = after.as_secs_f64();
                let reason =
                    format!("killed after {seconds} s without an evaluation to stop it at");
                (Outcome::Killed, reason)
            }
            Err(Silence::Gone(why)) => (Outcome::Panicked, format!("its process ended{why}")),
        };
        running.stop();
        Ok(Record::without_run((name, &tasks[task]), outcome, reason))
    }

    fn answer(&self, running: &mut Running, task: usize, solver: usize) -> Result<String, Silence> {
        if running.vetted != Some(task) {
            running.ask(&format!("vet {task}"), VERIFICATION)?;
            running.vetted = Some(task);
        }
        running.ask(&format!("run {task} {solver}"), self.patience)
    }

    fn start(&self) -> Result<Running, CliError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Panics are reported as rows, not as noise.
            .stderr(Stdio::null())
            .spawn()
            .map_err(broken)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(broken("no pipes"));
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody waits for it any more.
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Running {
            child,
            input,
            lines,
            vetted: None,
        })
    }
}

fn record_of(tasks: &[Task], line: &str) -> Option<Record> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(line.as_bytes());
    let row = reader.records().next()?.ok()?;
    let row: Vec<String> = row.iter().map(str::to_string).collect();
    rows::from_row(tasks, &row).map(|(_, record)| record)
}

impl Running {
    fn ask(&mut self, question: &str, patience: Duration) -> Result<String, Silence> {
        let sent = writeln!(self.input, "{question}").and_then(|()| self.input.flush());
        sent.map_err(|e| Silence::Gone(format!(": {e}")))?;
        self.lines.recv_timeout(patience).map_err(|e| match e {
            RecvTimeoutError::Timeout => Silence::TooLong(patience),
            RecvTimeoutError::Disconnected => Silence::Gone(String::new()),
        })
    }

    fn stop(mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(Running {
            mut child, input, ..
        }) = self.running.take()
        {
            // The end of its input is its end.
            drop(input);
            let _ = child.wait();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use levinv::compare::Suite;

    use super::*;

    fn worker(script: &str) -> Worker {
        let arguments = vec!["-c".to_string(), script.to_string()];
        let mut worker = Worker::new("/bin/sh".into(), arguments, Duration::ZERO);
        worker.patience = Duration::from_millis(200);
        worker
    }

    #[test]
    fn a_child_that_spins_is_killed_and_the_next_pair_has_a_new_one() {
        let tasks = Suite::Classics.tasks(0).unwrap();
        // Answers the verification, and then nothing for ever.
        let mut worker = worker("read line; echo vetted; while :; do :; done");
        for pair in [(0, 0), (0, 1)] {
            let record = worker.run(&tasks, pair, "spinner").unwrap();
            assert_eq!(record.outcome, Outcome::Killed, "{}", record.reason);
            assert_eq!(record.problem, tasks[0].name());
            assert!(worker.running.is_none());
        }
    }

    #[test]
    fn a_child_that_dies_is_a_row_and_one_that_talks_nonsense_an_error() {
        let tasks = Suite::Classics.tasks(0).unwrap();
        let record = worker("exit 3").run(&tasks, (1, 0), "dead").unwrap();
        assert_eq!(record.outcome, Outcome::Panicked, "{}", record.reason);
        let error = worker("while read line; do echo nonsense; done")
            .run(&tasks, (1, 0), "mad")
            .unwrap_err();
        assert!(error.to_string().contains("nonsense"), "{error}");
    }
}
