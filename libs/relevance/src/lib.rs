//! How good a ranking is: queries whose right answers are known ([`JudgedSet`]), written by hand or
//! drawn from a corpus ([`generate`]), measures of what a searcher answers ([`Measure`], [`Results`]),
//! and what follows from them: sweeps over parameters ([`sweep`]), what each signal is worth
//! ([`ablation`]), and what got better or worse since a baseline ([`baseline`]). Pure: no files, no
//! clock, chance comes from seeds. Who ranks, and by what, is not its matter.

pub mod ablation;
pub mod baseline;
mod bootstrap;
mod figures;
pub mod generate;
pub mod html;
mod judged;
mod measure;
mod plot;
mod results;
mod set;
pub mod sweep;
pub mod table;

pub use bootstrap::{Estimate, mean};
pub use figures::{Row, figures};
pub use judged::{Expected, FileId, Half, Judged, JudgedSet};
pub use measure::{DEPTH, Measure, Scores, ranks, scores};
pub use results::{QueryResult, Results, paired};
pub use set::{parse, print};
