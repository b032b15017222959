//! Files that commands read and write.

use super::{PerfError, args::OutputArgs};
use ax_model::{Code, Fault};
use std::path::Path;

/// A text file; one that cannot be read is AX-F003.
pub fn read(path: &Path) -> Result<String, PerfError> {
    std::fs::read_to_string(path).map_err(|error| {
        let fault = Fault::new(Code::ConfigUnreadable, format!("{}: {error}", path.display()));
        fault.in_field(path.display().to_string()).into()
    })
}

/// Writes a file, and says so.
pub fn write(path: &Path, text: &str) -> Result<(), PerfError> {
    std::fs::write(path, text)
        .map_err(|error| PerfError::Other(format!("cannot write {}: {error}", path.display())))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// Writes what was asked for.
pub fn write_outputs(
    output: &OutputArgs,
    json: &impl serde::Serialize,
    html: impl FnOnce() -> String,
) -> Result<(), PerfError> {
    if let Some(path) = &output.json {
        let text = serde_json::to_string(json).map_err(|e| PerfError::Other(e.to_string()))?;
        write(path, &text)?;
    }
    output.html.as_deref().map_or(Ok(()), |path| write(path, &html()))
}
