//! Ingest: repositories to changes.
