//! A progress line on standard error, for what takes over a second.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
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

/// A spinner for work that does not report from within: a thread of its own
/// notices that a second has passed.
pub struct Attendant {
    messages: Option<Sender<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Attendant {
    pub fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            let (messages, thread) = (None, None);
            return Attendant { messages, thread };
        }
        let (messages, inbox) = channel::<String>();
        let thread = std::thread::spawn(move || {
            let (mut spinner, mut last) = (Spinner::new(), String::new());
            loop {
                match inbox.recv_timeout(PATIENCE) {
                    Ok(message) => last = message,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                spinner.tell(|| last.clone());
            }
        });
        Attendant {
            messages: Some(messages),
            thread: Some(thread),
        }
    }

    /// What is being worked on.
    pub fn tell(&self, message: impl Fn() -> String) {
        if let Some(messages) = &self.messages {
            // Without a reader there is nobody to tell.
            let _ = messages.send(message());
        }
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        // The thread ends with the last sender, and clears its line.
        self.messages = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
