//! `ax perf record`: a node's queries, as they come.

use super::{PerfError, args::RecordArgs};
use crate::client::{http::Api, sse::SseParser};
use futures::StreamExt;
use std::{
    fs::File,
    io::{BufWriter, Write},
    process::ExitCode,
};

/// Runs the command.
pub async fn run(args: RecordArgs) -> Result<ExitCode, PerfError> {
    let failed = |error: std::io::Error| {
        PerfError::Other(format!("cannot write {}: {error}", args.output.display()))
    };
    let api = Api::new(&args.server)?;
    let response = api.stream("/debug/queries", &[]).await?;
    let mut file = BufWriter::new(File::create(&args.output).map_err(failed)?);
    eprintln!("recording for {} s", args.seconds.as_secs_f64());
    let end = tokio::time::sleep(args.seconds);
    tokio::pin!(end);
    let (mut bytes, mut parser) = (response.bytes_stream(), SseParser::default());
    let (mut queries, mut lost) = (0_u64, 0_u64);
    loop {
        let piece = tokio::select! {
            () = &mut end => break,
            piece = bytes.next() => piece,
        };
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|error| api.broken(&error))?;
        for event in parser.push(&piece) {
            match event.name.as_str() {
                "query" => {
                    queries += 1;
                    writeln!(file, "{}", event.data).map_err(failed)?;
                }
                "lost" => lost += event.data.parse::<u64>().unwrap_or(1),
                _ => {} // an event of a newer server
            }
        }
        file.flush().map_err(failed)?;
    }
    eprintln!("{queries} queries in {}", args.output.display());
    if lost > 0 {
        eprintln!("{lost} queries came faster than they could be read, and are missing");
    }
    Ok(ExitCode::SUCCESS)
}
