//! The target `fold` (see `targets.rs`).
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ax_fuzz::targets::fold(data));
