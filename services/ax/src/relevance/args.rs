//! What can be typed after `ax perf relevance`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Arguments of `ax perf relevance`.
#[derive(Debug, Args)]
pub struct RelevanceArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: RelevanceAction,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum RelevanceAction {
    /// Ask judged queries and print MRR, recall and nDCG. Exit status: 0 done, 1 worse than the baseline
    /// by more than noise, 2 error.
    Run(Box<RunArgs>),
    /// Draw known-item sets from a corpus, and keep them as files.
    Generate(GenerateArgs),
}

/// Arguments of `ax perf relevance generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// What to draw from.
    #[command(flatten)]
    pub corpus: CorpusArgs,
    /// What to draw.
    #[command(flatten)]
    pub draw: DrawArgs,
}

/// Arguments of `ax perf relevance run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What to search.
    #[command(flatten)]
    pub corpus: CorpusArgs,
    /// Ask this server instead of searching in process; needs `--set`.
    #[arg(long, value_name = "URL", conflicts_with_all = ["corpora", "draw"])]
    pub server: Option<String>,
    /// Set of judged queries; can be given several times. Without any, and with `--draw`, sets are drawn.
    #[arg(long = "set", value_name = "FILE")]
    pub sets: Vec<PathBuf>,
    /// What to draw.
    #[command(flatten)]
    pub draw: DrawArgs,
    /// Which half of the queries the figures are of.
    #[arg(long, value_enum)]
    pub half: Option<HalfArg>,
    /// Set a parameter of the ranking; can be given several times.
    #[arg(long = "param", value_name = "NAME=VALUE", conflicts_with = "server")]
    pub params: Vec<String>,
    /// Measure without each signal in turn.
    #[arg(long, conflicts_with = "server")]
    pub ablate: bool,
    /// Try these values of a parameter, on the half for tuning; several make a grid.
    #[arg(long, value_name = "NAME=VALUE,…", conflicts_with_all = ["server", "coordinate"])]
    pub sweep: Vec<String>,
    /// Look for better parameters, one after another, on the half for tuning.
    #[arg(long, conflicts_with = "server")]
    pub coordinate: bool,
    /// Most settings that `--coordinate` tries.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub trials: usize,
    /// Keep the results, to compare with later.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Compare with results kept by `--save`.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Compare even if the files searched are not the same.
    #[arg(long)]
    pub force: bool,
    /// Write everything found as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a report with plots: one HTML file that needs no other.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// What is searched.
#[derive(Debug, Args)]
pub struct CorpusArgs {
    /// Folder to search, as repository NAME, or by the folder's own name; can be given several times.
    #[arg(long = "corpus", value_name = "[NAME=]DIR", requires = "work", id = "corpora")]
    pub corpora: Vec<String>,
    /// Where the index and the drawn sets are kept, and found again while the folders are as they were.
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Index anew, as when extraction of symbols was changed.
    #[arg(long)]
    pub rebuild: bool,
}

/// What is drawn.
#[derive(Debug, Args)]
pub struct DrawArgs {
    /// Known-item sets to draw from the corpus; all four when no set is given.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SET,…")]
    pub draw: Vec<DrawnSet>,
    /// Queries per drawn set.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub per_set: usize,
    /// Another seed draws other queries.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// A half of the queries, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HalfArg {
    /// The half that parameters are tuned on.
    Tune,
    /// The half that figures are reported of; the default.
    Test,
    /// Both.
    All,
}

/// A set that can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DrawnSet {
    /// Names defined in one file only.
    Names,
    /// The words inside such names.
    Subwords,
    /// Distinctive words of a file.
    Words,
    /// Words of a file's name, and a distinctive one.
    Filename,
}

impl DrawnSet {
    /// The set's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Subwords => "subwords",
            Self::Words => "words",
            Self::Filename => "filename",
        }
    }
}
