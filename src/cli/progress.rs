//! A progress line on standard error, for what takes over a second.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Nothing is shown before this: most runs are over by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// A spinner that appears after a second, on a terminal only.
pub struct Spinner {
    started: Instant,
    bar: Option<ProgressBar>,
    terminal: bool,
}

impl Spinner {
    pub fn new() -> Self {
        Spinner {
            started: Instant::now(),
            bar: None,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Shows where the run stands.
    pub fn tell(&mut self, message: impl Fn() -> String) {
        if !self.terminal || self.started.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner().with_elapsed(self.started.elapsed());
            bar.set_draw_target(ProgressDrawTarget::stderr());
            // A fixed template: it does parse, and a default does if it ever should not.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(message());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
