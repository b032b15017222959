//! The target `query` (see `targets.rs`).
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ax_fuzz::targets::query(data));
