//! The embedded log: its file is taken away, replaced, contended for.

use crate::backends::{Backend as _, Embedded};
use crate::support::{numbered, reader};
use anyhow::{Result, ensure};
use ax_changes::LogError;
use ax_changes::embedded::{EmbeddedConfig, EmbeddedLog};
use ax_model::{Offset, ShardId};

#[tokio::test]
async fn a_file_removed_and_made_anew_is_another_stream() -> Result<()> {
    let mut stream = Embedded::fresh().await?;
    stream.log().append(numbered(0..10)).await?;
    let old = stream.log().log_id().await?;
    stream.close().await?;
    std::fs::remove_file(stream.path())?;
    stream.reopen().await?;
    let log = stream.log();
    log.append(numbered(0..20)).await?;
    let error = log.read(ShardId(0), Offset(10), &old).await.err().expect("another stream");
    ensure!(matches!(error, LogError::Recreated { position: Offset(10), .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_file_removed_under_the_log_is_noticed_before_an_acknowledgement() -> Result<()> {
    let stream = Embedded::fresh().await?;
    stream.log().append(numbered(0..1)).await?;
    std::fs::remove_file(stream.path())?;
    for _ in 0..2 {
        let error = stream.log().append(numbered(1..2)).await.unwrap_err();
        ensure!(matches!(error, LogError::Storage(_)), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn only_one_log_has_the_file() -> Result<()> {
    let stream = Embedded::fresh().await?;
    let second = EmbeddedLog::open(EmbeddedConfig::new(stream.path(), 3)).await.unwrap_err();
    ensure!(matches!(second, LogError::Locked(_)), "{second}");
    ensure!(second.code() == ax_model::Code::DataLocked);
    Ok(())
}

#[tokio::test]
async fn what_is_not_a_log_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("changes.log");
    std::fs::write(&path, "this is not a log")?;
    let error = EmbeddedLog::open(EmbeddedConfig::new(&path, 3)).await.unwrap_err();
    ensure!(matches!(error, LogError::Storage(_)), "{error}");
    ensure!(std::fs::read(&path)? == b"this is not a log", "it is left as it was");
    Ok(())
}

#[tokio::test]
async fn readers_outlive_the_log() -> Result<()> {
    let mut stream = Embedded::fresh().await?;
    stream.log().append(numbered(0..3)).await?;
    let mut reader = reader(&*stream.log(), 0).await?;
    stream.close().await?;
    ensure!(crate::support::take(&mut *reader, 3).await?.len() == 3);
    Ok(())
}
