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
Exit codes: 0 done, 1 not recovered (the status says why) or a check that failed, 2 bad input.
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
    /// Checks gradient, Hessian, products and Jacobian; without files, on twelve reference
    /// instances.
    ///
    /// Every derivative is compared with differences of the quantity that it should be the
    /// derivative of, and with the definition, differentiated in 237 bits. A discrepancy fails
    /// where rounding cannot explain it; there is no tolerance to choose. Where rounding hides so
    /// much that a pass would mean nothing, the verdict is inconclusive, which is no failure (exit
    /// code 0). What a pass means is measured: the smallest relative error that would have been
    /// caught.
    Verify(VerifyArgs),
    /// Runs solvers on a suite of problems, and says which to choose.
    ///
    /// Success is judged from the values that a run evaluated, not by what a solver says. Every pair runs in a
    /// child process with limits on evaluations and time; a failure, a panic or a time-out is a row
    /// with its reason. A problem whose derivatives are wrong is refused.
    Compare(CompareArgs),
    /// How much publishing the scores of a model, or their gradient, would leak of it; without
    /// files, of the stack loss model of `recover`.
    ///
    /// For every precision: the error of what an attacker recovers, predicted to first order and
    /// simulated, per coefficient and overall, beside what least squares on A and b gives to
    /// anybody; and the coarsest precision that keeps attackers a stated tolerance away. A verdict
    /// is about these attacks, on this x; the report tells about x, and is to be kept as secret.
    Audit(AuditArgs),
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

impl ObjectiveName {
    /// As it stands on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            ObjectiveName::Barrier => "barrier",
            ObjectiveName::Scores => "scores",
            ObjectiveName::Gradient => "gradient",
        }
    }
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
    /// Reads A from a .npy file in blocks, as is done anyway where the file is larger than 512 MiB
    #[arg(long)]
    pub in_blocks: bool,
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
    /// Prints the Hessian with --json also where it is left out otherwise: where d is above 1000
    #[arg(long, requires = "json")]
    pub hessian: bool,
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
    /// Reads A from a .npy file in blocks, as is done anyway where the file is larger than 512 MiB
    #[arg(long, requires = "matrix")]
    pub in_blocks: bool,
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
    /// Runs this solver, argmin's or levinv's own, from --start instead of the global method;
    /// a name that is none is answered with all of them
    #[arg(long, value_name = "NAME")]
    pub solver: Option<String>,
    /// Adds the ridge 1/2 |diag(w) A x|^2: one number for all rows, or a file of n weights w (not
    /// squared); the answer is then a stationary point of the regularised loss
    #[arg(long, value_name = "NUMBER|FILE", allow_negative_numbers = true)]
    pub ridge: Option<String>,
    /// The target is rounded to K digits after the point: x is then the weighted least-squares
    /// estimate, with a 95 % interval for each coefficient
    #[arg(long, value_name = "K", conflicts_with_all = ["significant", "noise", "solver", "ridge"])]
    pub digits: Option<u32>,
    /// The target is rounded to K significant digits
    #[arg(long, value_name = "K", conflicts_with_all = ["noise", "solver", "ridge"])]
    pub significant: Option<u32>,
    /// The target has independent errors with this standard deviation
    #[arg(long, value_name = "SD", allow_negative_numbers = true, conflicts_with_all = ["solver", "ridge"])]
    pub noise: Option<f64>,
    /// Scores that the .csv file marks as missing (NA, NaN and the like) are left out of the fit
    #[arg(long, conflicts_with_all = ["solver", "ridge"])]
    pub allow_missing: bool,
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

#[derive(Debug, ClapArgs)]
pub struct VerifyArgs {
    /// What to check [default: all three]
    pub objective: Option<ObjectiveName>,
    /// The design matrix A, n rows and d columns; goes with --rhs and --at. Without these three
    /// the reference instances are checked
    #[arg(long, value_name = "FILE")]
    pub matrix: Option<PathBuf>,
    /// Reads A from a .npy file in blocks, as is done anyway where the file is larger than 512 MiB
    #[arg(long, requires = "matrix")]
    pub in_blocks: bool,
    /// The right-hand side b, n values: the response of a regression
    #[arg(long, value_name = "FILE")]
    pub rhs: Option<PathBuf>,
    /// The point x at which to check, d values; no slack may be zero there
    #[arg(long, value_name = "FILE")]
    pub at: Option<PathBuf>,
    /// The target: n scores, or a gradient of d values. Default: scores of d/n each, and a
    /// gradient of zeros
    #[arg(long, value_name = "FILE")]
    pub target: Option<PathBuf>,
    /// Adds the ridge 1/2 |diag(w) A x|^2: one number for all rows, or a file of n weights w (not
    /// squared)
    #[arg(long, value_name = "NUMBER|FILE", allow_negative_numbers = true)]
    pub ridge: Option<String>,
    /// Seeds the random directions; equal seeds give equal reports
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Draws the remainders of Taylor's formula against the step as an .svg file: slope 2 where
    /// the gradient is right, 3 where the Hessian is too
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Allows a plot that exists to be overwritten
    #[arg(long)]
    pub force: bool,
    /// Prints one JSON object at full precision
    #[arg(long)]
    pub json: bool,
}

impl VerifyArgs {
    /// No file and nothing that goes with files: the reference instances.
    pub fn is_reference(&self) -> bool {
        self.matrix.is_none()
            && self.rhs.is_none()
            && self.at.is_none()
            && self.target.is_none()
            && self.ridge.is_none()
    }
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
            && self.digits.is_none()
            && self.significant.is_none()
            && self.noise.is_none()
            && !self.allow_missing
    }
}

#[derive(Debug, ClapArgs)]
pub struct CompareArgs {
    /// The problems: default (all), scores, gradient, polytope, ridge, regression or classics
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub suite: String,
    /// Solvers by name, apart by commas [default: all]
    #[arg(long, value_name = "NAMES")]
    pub solvers: Option<String>,
    /// Seeds the random problems and the bootstrap; equal seeds give equal counts
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Evaluations of all kinds that a run may make
    #[arg(long, value_name = "N", default_value_t = levinv::compare::EVALUATIONS)]
    pub evaluations: u64,
    /// Seconds that a run may take
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, default_value_t = levinv::compare::TIME.as_secs_f64())]
    pub time_limit: f64,
    /// How often each run is timed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeats: u32,
    /// What a gradient costs, in values
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    pub gradient_price: f64,
    /// What a Hessian costs, in values
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    pub hessian_price: f64,
    /// What a Hessian product costs, in values
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    pub product_price: f64,
    /// Writes one page with plots and sortable tables, which needs no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Writes the raw records, one row per pair, as they come
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Goes on with the pairs that --csv does not have yet, at the same limits; rows of other
    /// solvers stay in it
    #[arg(long, requires = "csv")]
    pub resume: bool,
    /// Writes the table as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Writes the table as LaTeX
    #[arg(long, value_name = "FILE")]
    pub latex: Option<PathBuf>,
    /// Allows outputs that exist to be overwritten
    #[arg(long)]
    pub force: bool,
    /// Serves a comparison as its child process
    #[arg(long, hide = true)]
    pub worker: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuditedName {
    /// The n leverage scores
    Scores,
    /// Their gradient, d numbers
    Gradient,
    /// One after the other
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AttackerName {
    /// For each row, on which side of the fit it lies
    Known,
    /// A, b and the publication alone
    Unknown,
    /// One after the other
    Both,
}

#[derive(Debug, ClapArgs)]
pub struct AuditArgs {
    /// The design matrix A, n rows and d columns; the header of a .csv file names the coefficients
    #[arg(long, value_name = "FILE")]
    pub matrix: Option<PathBuf>,
    /// Reads A from a .npy file in blocks, as is done anyway where the file is larger than 512 MiB
    #[arg(long, requires = "matrix")]
    pub in_blocks: bool,
    /// The right-hand side b, n values: the response of a regression
    #[arg(long, value_name = "FILE")]
    pub rhs: Option<PathBuf>,
    /// The secret x, d values: the model whose scores would be published
    #[arg(long, value_name = "FILE")]
    pub at: Option<PathBuf>,
    /// What would be published
    #[arg(long, value_name = "WHAT", default_value = "both")]
    pub of: AuditedName,
    /// What an attacker knows of the signs of s = Ax - b
    #[arg(long, value_name = "WHAT", default_value = "both")]
    pub signs: AttackerName,
    /// Digits published: of scores after the point, of a gradient significant ones; a list like
    /// 2,3,6 or a range like 1..12, its end included [default: 1..12]
    #[arg(long, value_name = "LIST", conflicts_with = "noise")]
    pub digits: Option<String>,
    /// Standard deviations of normal noise to add instead, apart by commas: of scores as they are,
    /// of a gradient relative to each entry
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub noise: Option<String>,
    /// Recoveries behind each simulated number, 10 at least
    #[arg(long, value_name = "N", default_value_t = levinv::audit::TRIALS)]
    pub trials: usize,
    /// The relative error that an attacker is to be left with
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, default_value_t = levinv::audit::TOLERANCE)]
    pub tolerance: f64,
    /// Seeds the errors of the trials; equal seeds give equal results
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Writes one page with plots and tables, which needs no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Writes one row per precision, attacker and coefficient to a .csv file
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Draws errors against precision as an .svg file
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Allows outputs that exist to be overwritten
    #[arg(long)]
    pub force: bool,
    /// Prints one JSON object at full precision
    #[arg(long)]
    pub json: bool,
}

impl AuditArgs {
    /// No file at all: the demonstration.
    pub fn is_demonstration(&self) -> bool {
        self.matrix.is_none() && self.rhs.is_none() && self.at.is_none()
    }
}
