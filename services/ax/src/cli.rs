//! What can be typed after `ax`.

use clap::{Args, Parser, Subcommand, builder::BoolishValueParser};
use std::path::PathBuf;

/// Code search over all your repositories: one binary for every role, the standalone server and the
/// client.
#[derive(Debug, Parser)]
#[command(name = "ax", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Search: `ax search 'lang:rust fn main'`. Exit status: 0 found, 1 nothing found, 2 error.
    ///
    /// On a terminal, control characters are spelt out, as in `\u{1b}`: a file must not steer it. In a
    /// pipe lines come as they stand in the file, as grep gives them; names and paths are spelt out there
    /// too, so that each match is one line.
    Search(SearchArgs),
    /// List definitions by name: `ax symbols lock`, `ax symbols '^main$'`, `ax symbols '/^spin_.*/'`. Exit
    /// status: 0 found, 1 nothing found, 2 error.
    Symbols(SymbolsArgs),
    /// List, add, remove and inspect repositories.
    Repos(ReposArgs),
    /// Show the cluster: members, shards, lag, imports, changes set aside.
    Status(StatusArgs),
    /// Ask something of single shards: rebuild them.
    Shards(ShardsArgs),
    /// Run everything in this one process, on embedded parts.
    Serve(ServeArgs),
    /// Run the ingest role: repositories to changes.
    Ingest(RoleArgs),
    /// Run the indexer role: changes to segments.
    Indexer(RoleArgs),
    /// Run the coordinator role: assigns shards, collects garbage.
    Coordinator(RoleArgs),
    /// Run the query role: answers searches over HTTP and gRPC. `ax query explain Q` says how an answer
    /// comes about.
    Query(QueryArgs),
    /// Measure, compare, replay and inspect servers. See docs/perf.md.
    Perf(crate::perf::PerfArgs),
    /// Check or show the configuration.
    Config(ConfigArgs),
    /// Put a change that was set aside back into the stream.
    Replay(ReplayArgs),
    /// Print the version.
    Version,
}

/// Which server to ask.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// Server to ask.
    #[arg(
        long,
        env = "AX_SERVER",
        default_value = "http://127.0.0.1:7080",
        value_name = "URL",
        global = true
    )]
    pub server: String,
}

/// Arguments of `ax search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Query; several words are joined by spaces. See docs/query.md. Put `--` before a query that starts
    /// with a dash.
    #[arg(required = true)]
    pub query: Vec<String>,
    /// One JSON object per matching file; per repository or language with `select:`.
    #[arg(long)]
    pub json: bool,
    /// Most files to print. What the query itself says counts instead, as in `count:100`; so do its
    /// `context:` and `timeout:`.
    #[arg(long, short = 'n', value_name = "N", conflicts_with = "all")]
    pub limit: Option<u32>,
    /// Every matching file.
    #[arg(long)]
    pub all: bool,
    /// Most matching lines to print in all; the file that passes it is cut.
    #[arg(long, value_name = "N")]
    pub max_lines: Option<u32>,
    /// Print only how many files and lines match.
    #[arg(long, short = 'c')]
    pub count: bool,
    /// Lines of context around each match.
    #[arg(long, short = 'C', value_name = "N")]
    pub context: Option<u32>,
    /// Version token to wait for, so that your own push is seen.
    #[arg(long, value_name = "TOKEN")]
    pub wait_for: Option<String>,
    /// Deadline, as in `500ms` or `5s`.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
    /// Search anew, whatever answers are kept, and keep none of this.
    #[arg(long)]
    pub no_cache: bool,
    /// Where to search.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Arguments of `ax query`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct QueryArgs {
    /// Of the role.
    #[command(flatten)]
    pub role: RoleArgs,
    /// What to ask instead of running the role.
    #[command(subcommand)]
    pub action: Option<QueryAction>,
}

/// What can be asked of a query.
#[derive(Debug, Subcommand)]
pub enum QueryAction {
    /// Say how an answer comes about: trigrams, what each condition leaves, what is verified, and what the
    /// scores of the best files are the sums of.
    Explain(ExplainArgs),
}

/// Arguments of `ax query explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Query; several words are joined by spaces.
    #[arg(required = true)]
    pub query: Vec<String>,
    /// Files whose scores are explained.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub limit: u32,
    /// The answer as JSON.
    #[arg(long)]
    pub json: bool,
    /// Which server to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Arguments of `ax symbols`.
#[derive(Debug, Args)]
pub struct SymbolsArgs {
    /// Name as after `sym:` in a query: a part of it, `^` before its beginning and `$` behind its end, or a
    /// `/regex/`; filters such as `file:` may follow.
    #[arg(required = true)]
    pub query: Vec<String>,
    /// Only this repository, by its whole name.
    #[arg(long, value_name = "NAME")]
    pub repo: Option<String>,
    /// Only files of this language.
    #[arg(long, value_name = "LANGUAGE")]
    pub lang: Option<String>,
    /// Only these kinds, with commas, as in `function,method`.
    #[arg(long, value_name = "KINDS")]
    pub kind: Option<String>,
    /// Most definitions to print.
    #[arg(long, short = 'n', value_name = "N")]
    pub limit: Option<u32>,
    /// One JSON object per definition.
    #[arg(long)]
    pub json: bool,
    /// Which server to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Arguments of `ax repos`.
#[derive(Debug, Args)]
pub struct ReposArgs {
    /// What to do; nothing lists them.
    #[command(subcommand)]
    pub action: Option<ReposAction>,
    /// JSON instead of a table.
    #[arg(long, global = true)]
    pub json: bool,
    /// Which server to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What to do with repositories.
#[derive(Debug, Subcommand)]
pub enum ReposAction {
    /// Keep a repository: a path, or a URL over https, ssh or file.
    Add {
        /// Path or URL.
        source: String,
        /// Name to keep it under; made from the source when not given.
        #[arg(long)]
        name: Option<String>,
        /// Branches to index, as globs; all of them when none is given.
        #[arg(long = "branch", value_name = "GLOB")]
        branches: Vec<String>,
        /// What is known of it.
        #[command(flatten)]
        facts: FactArgs,
        /// Wait until everything in it is searchable.
        #[arg(long)]
        wait: bool,
    },
    /// Forget a repository and everything in it.
    Remove {
        /// Its name.
        name: String,
        /// Wait until nothing of it is found any more.
        #[arg(long)]
        wait: bool,
    },
    /// Show one repository, and every file whose text is left out, with the reason.
    Show {
        /// Its name.
        name: String,
    },
}

/// What is known of a repository. Each that is not given stays as it was, or as its code host or its own
/// git configuration says it.
#[derive(Debug, Args)]
pub struct FactArgs {
    /// Nobody works on it any more; `--archived=no` takes that back.
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true,
        default_missing_value = "yes", value_parser = BoolishValueParser::new(),
        hide_possible_values = true)]
    pub archived: Option<bool>,
    /// It began as a copy of another one.
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true,
        default_missing_value = "yes", value_parser = BoolishValueParser::new(),
        hide_possible_values = true)]
    pub fork: Option<bool>,
    /// Everybody may read it at its code host.
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true,
        default_missing_value = "yes", value_parser = BoolishValueParser::new(),
        hide_possible_values = true)]
    pub public: Option<bool>,
    /// How much it weighs among others when files are ranked, as stars do.
    #[arg(long, value_name = "N")]
    pub rank: Option<u32>,
}

/// Arguments of `ax status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// JSON instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Which server to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Arguments of `ax shards`.
#[derive(Debug, Args)]
pub struct ShardsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ShardsAction,
    /// JSON instead of sentences.
    #[arg(long, global = true)]
    pub json: bool,
    /// Which server to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What to do with shards.
#[derive(Debug, Subcommand)]
pub enum ShardsAction {
    /// Build a shard anew from the start of the change stream, beside what it serves.
    ///
    /// Needed by hand when the change stream was deleted and created again (AX-C001), or lost positions
    /// (AX-C002): let ingest emit everything into the new stream first, or the shard will be empty.
    /// Until it is done the shard answers as of before, and its answers say so (AX-S008).
    Rebuild {
        /// Shard, as `ax status` lists it.
        #[arg(required_unless_present = "all")]
        shard: Option<u32>,
        /// Every shard.
        #[arg(long, conflicts_with = "shard")]
        all: bool,
    },
}

/// Arguments of `ax serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Repository to keep: a path or a URL, or NAME=PATH to name it; can be given several times.
    #[arg(long = "repo", value_name = "[NAME=]PATH|URL")]
    pub repos: Vec<String>,
    /// Folder for everything that is kept.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address of the search page and the API: HOST:PORT, :PORT for every interface, or PORT.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Configuration file.
    #[arg(long, env = "AX_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of a role.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// Configuration file.
    #[arg(long, env = "AX_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `ax config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Check a configuration and say what is wrong with it.
    Check(RoleArgs),
    /// Print the whole configuration, defaults filled in, secrets hidden.
    Show(RoleArgs),
}

/// Arguments of `ax replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Shard, as `ax status` lists it.
    pub shard: u32,
    /// Offset, as `ax status` lists it.
    pub offset: u64,
    /// Which server to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}
