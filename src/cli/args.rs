//! What may stand on the command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Recovers a model's parameters from its leverage scores, or from their gradient.
///
/// With a design matrix A (n rows, d columns), a response b and coefficients x, the slacks are
/// s = Ax - b: fitted minus observed values, the negative of the residuals. The leverage scores in
/// question are those of the design scaled by them, diag(s)^-1 A; they are not the usual hat
/// values of A. Whoever knows A, b and these scores knows x.
#[derive(Debug, Parser)]
#[command(name = "levinv", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 not recovered (the status says why), 2 bad input.
Files by ending: .mtx (Matrix Market), .csv (header optional, no row names), .npy.
A vector is one value a line, or one row.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Value, gradient and Hessian of an objective at a point, with slacks and scores.
    Evaluate(EvaluateArgs),
    /// Finds x from scores or from their gradient; without arguments, a demonstration.
    ///
    /// The demonstration: Brownlee's stack loss data, a model fitted on a secret subset of its 21
    /// rows, and the published scores of that model give the model back.
    Recover(RecoverArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObjectiveName {
    /// The volumetric barrier, half the log determinant of the scaled Gram matrix
    Barrier,
    /// Half the squared distance of the scores from the target
    Scores,
    /// Half the squared distance of the score gradient from the target
    Gradient,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// From n leverage scores
    Scores,
    /// From the leverage score gradient (d numbers) in a given cell; zeros give the volumetric
    /// centre
    Gradient,
}

#[derive(Debug, ClapArgs)]
pub struct EvaluateArgs {
    /// What to evaluate
    pub objective: ObjectiveName,
    /// The design matrix A, n rows and d columns
    #[arg(long, value_name = "FILE")]
    pub matrix: PathBuf,
    /// The right-hand side b, n values: the response of a regression
    #[arg(long, value_name = "FILE")]
    pub rhs: PathBuf,
    /// The point x, d values
    #[arg(long, value_name = "FILE")]
    pub at: PathBuf,
    /// The target: n scores, or a gradient of d values (required for scores and gradient)
    #[arg(long, value_name = "FILE")]
    pub target: Option<PathBuf>,
    /// Adds the ridge 1/2 |diag(w) A x|^2: one number for all rows, or a file of n weights w (not
    /// squared)
    #[arg(long, value_name = "NUMBER|FILE", allow_negative_numbers = true)]
    pub ridge: Option<String>,
    /// Prints one JSON object at full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct RecoverArgs {
    /// What is given; nothing at all runs the demonstration
    pub target_name: Option<TargetName>,
    /// The design matrix A, n rows and d columns
    #[arg(long, value_name = "FILE")]
    pub matrix: Option<PathBuf>,
    /// The right-hand side b, n values: the response of a regression
    #[arg(long, value_name = "FILE")]
    pub rhs: Option<PathBuf>,
    /// The scores, n values between 0 and 1 with sum d; or the gradient, d values
    #[arg(long, value_name = "FILE")]
    pub target: Option<PathBuf>,
    /// The signs of s = Ax - b = fitted - observed (minus the residuals): positive, negative,
    /// unknown, start (those at --start), or a file of n values 1 or -1. Default: unknown for
    /// scores, positive for gradient; start with --solver on scores
    #[arg(long, value_name = "SIGNS")]
    pub signs: Option<String>,
    /// A starting point, d values
    #[arg(long, value_name = "FILE")]
    pub start: Option<PathBuf>,
    /// Runs this solver of argmin from --start instead of the global method
    #[arg(long, value_name = "NAME")]
    pub solver: Option<String>,
    /// Adds the ridge 1/2 |diag(w) A x|^2: one number for all rows, or a file of n weights w (not
    /// squared); the answer is then a stationary point of the regularised loss
    #[arg(long, value_name = "NUMBER|FILE", allow_negative_numbers = true)]
    pub ridge: Option<String>,
    /// Seeds whatever is random; equal seeds give equal results
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The largest number of iterations [default: 200, for --solver 1000]
    #[arg(long, value_name = "N")]
    pub max_iters: Option<usize>,
    /// Writes x to a file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Writes one line per iteration to a .csv file
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Draws the convergence as an .svg file
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Allows outputs that exist to be overwritten
    #[arg(long)]
    pub force: bool,
    /// Prints one JSON object at full precision
    #[arg(long)]
    pub json: bool,
}

impl RecoverArgs {
    /// Nothing said about the problem: the demonstration.
    pub fn is_demonstration(&self) -> bool {
        self.target_name.is_none()
            && self.matrix.is_none()
            && self.rhs.is_none()
            && self.target.is_none()
            && self.signs.is_none()
            && self.start.is_none()
            && self.solver.is_none()
            && self.ridge.is_none()
    }
}
