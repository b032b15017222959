//! Real clusters for tests: every part a process of its own, real git repositories that keep
//! changing, and what the index must be equal to. The main types are [`Cluster`], [`Api`] and
//! [`Documents`]; servers and processes come from `ax-harness`. What holds is said in `tests/`.

pub mod api;
pub mod ax;
pub mod churn;
pub mod cluster;
pub mod documents;
pub mod fold;
pub mod git;
pub mod metrics;
pub mod otlp;
pub mod probe;
pub mod standalone;

pub use api::Api;
pub use cluster::Cluster;
pub use documents::Documents;
pub use git::GitRepo;
