//! The target `segment` (see `targets.rs`).
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ax_fuzz::targets::segment(data));
