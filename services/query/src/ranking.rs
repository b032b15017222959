//! The ranking's parameters as a file says, read again when the file changes.
//!
//! The file is TOML: `name = number` for each parameter that differs from its default
//! ([`RankingParameters::ALL`]). A file that cannot be read or holds anything else is refused as a whole,
//! and what was in force stays in force; only a node that starts refuses to start with one.

use arc_swap::ArcSwap;
use ax_engine::{ParameterError, RankingParameters};
use ax_model::{Code, Fault};
use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use toml::{Table, Value};

/// A file of parameters is never nearly as long.
const MAX_BYTES: u64 = 64 << 10;
/// Time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is in force. Cheap to clone; all clones see a change at once.
#[derive(Debug, Clone, Default)]
pub struct Ranking(Arc<ArcSwap<InForce>>);

/// Parameters, and how many times they have changed before: what is kept of older ones is found anew.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InForce {
    /// What each signal weighs.
    pub parameters: Arc<RankingParameters>,
    /// Larger after each change.
    pub version: u64,
}

impl Ranking {
    /// What is in force now.
    pub fn now(&self) -> Arc<InForce> {
        self.0.load_full()
    }

    fn put(&self, parameters: RankingParameters) {
        let version = self.now().version + 1;
        self.0.store(Arc::new(InForce { parameters: Arc::new(parameters), version }));
    }
}

/// A file that is followed.
pub(crate) struct RankingFile {
    path: PathBuf,
    /// What it held when last looked at, be it good or bad.
    seen: Result<String, Fault>,
    ranking: Ranking,
}

impl RankingFile {
    /// Reads the file for the first time.
    pub(crate) async fn open(path: PathBuf) -> Result<Self, Fault> {
        let text = read(path.clone()).await?;
        let ranking = Ranking::default();
        ranking.put(parse_file(&path, &text)?);
        Ok(Self { path, seen: Ok(text), ranking })
    }

    /// What follows the file.
    pub(crate) fn ranking(&self) -> Ranking {
        self.ranking.clone()
    }

    /// Follows the file until dropped.
    pub(crate) async fn follow(mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let seen = read(self.path.clone()).await;
        if seen == self.seen {
            return;
        }
        match seen.clone().and_then(|text| parse(&text)) {
            Ok(parameters) => {
                self.ranking.put(parameters);
                metrics::counter!("ax_query_ranking_changes_total").increment(1);
                tracing::info!(file = %self.path.display(), "the ranking's parameters have changed");
            }
            Err(fault) => {
                metrics::counter!("ax_query_ranking_refused_total").increment(1);
                let file = self.path.display();
                tracing::warn!(%file, %fault, "refused: the ranking stays as it was");
            }
        }
        self.seen = seen;
    }
}

/// Refuses a file that a node would not start with.
pub fn check(path: &Path) -> Result<(), Fault> {
    parse_file(path, &read_now(path)?).map(drop)
}

fn parse_file(path: &Path, text: &str) -> Result<RankingParameters, Fault> {
    parse(text).map_err(|fault| {
        let message = format!("{}: {}", path.display(), fault.message);
        Fault { message, ..fault }
    })
}

async fn read(path: PathBuf) -> Result<String, Fault> {
    let reading = tokio::task::spawn_blocking(move || read_now(&path));
    reading.await.unwrap_or_else(|panic| Err(Fault::new(Code::Internal, panic.to_string())))
}

fn read_now(path: &Path) -> Result<String, Fault> {
    let unreadable = |reason: String| {
        Fault::new(Code::ConfigUnreadable, format!("{}: {reason}", path.display()))
            .in_field("query.ranking_file")
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(unreadable(format!("longer than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// Parameters from the text of a file.
///
/// # Errors
/// `AX-F003` if it is no TOML, `AX-F001` for a name that no parameter has, `AX-F002` for a value that is
/// no number or out of bounds.
pub fn parse(text: &str) -> Result<RankingParameters, Fault> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        Fault::new(Code::ConfigUnreadable, error.to_string().trim_end().to_owned())
    })?;
    let mut parameters = RankingParameters::default();
    for (name, value) in table {
        let number = match value {
            Value::Float(number) => number as f32,
            Value::Integer(number) => number as f32,
            _ => f32::NAN,
        };
        parameters.set(&name, number).map_err(|error| {
            let code = match error {
                ParameterError::Unknown(_) => Code::ConfigUnknownKey,
                ParameterError::OutOfBounds { .. } => Code::ConfigBadValue,
            };
            Fault::new(code, error.to_string()).in_field(name)
        })?;
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        parse(text).unwrap_err().code
    }

    #[test]
    fn a_file_names_what_differs() {
        let parameters = parse("definition = 7\nb = 0.25 # short files\n").unwrap();
        let get = |name| parameters.get(name).unwrap();
        assert_eq!((get("definition"), get("b")), (7.0, 0.25));
        assert_eq!(parse("").unwrap(), RankingParameters::default());
    }

    #[test]
    fn what_is_wrong_is_refused() {
        assert_eq!(code("definition = "), Code::ConfigUnreadable);
        assert_eq!(code("definitoin = 1"), Code::ConfigUnknownKey);
        for text in ["b = 2", "b = -1", "b = nan", "b = \"1\"", "b = true", "[b]", "b = 1e300"] {
            assert_eq!(code(text), Code::ConfigBadValue, "{text}");
        }
    }

    #[tokio::test]
    async fn a_bad_file_leaves_what_was_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ranking.toml");
        assert!(RankingFile::open(path.clone()).await.is_err());
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("b = 0.5");
        let mut file = RankingFile::open(path.clone()).await.unwrap();
        let ranking = file.ranking();
        let b = || ranking.now().parameters.get("b").unwrap();
        let first = ranking.now().version;
        for (text, expected) in [("b = 0.6", 0.6), ("b = 6", 0.6), ("c = 1", 0.6), ("b = 0.7", 0.7)]
        {
            write(text);
            file.look().await;
            assert_eq!(b(), expected, "{text}");
        }
        std::fs::remove_file(&path).unwrap();
        file.look().await;
        assert_eq!((b(), ranking.now().version), (0.7, first + 2));
    }
}
