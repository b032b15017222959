//! Real servers for tests: [`Etcd`], [`Kafka`], [`S3`], and [`Sshd`] and [`GitHttps`] for git repositories, on
//! free loopback ports, each with a folder of its own, that a test can kill, pause and start again; [`Process`], which they are made of and which
//! runs any other program the same way; [`Proxy`], a TCP proxy with switchable faults; and
//! [`eventually`], the one way to wait. It knows nothing of the product's own crates, and leaves the
//! choice and installation of servers to the scripts in `tests/servers`.

mod etcd;
mod git_servers;
mod http;
mod kafka;
mod nursery;
mod ports;
mod process;
mod proxy;
mod s3;
mod scripts;
mod wait;

pub use etcd::Etcd;
pub use git_servers::{GitHttps, Sshd};
pub use http::get;
pub use kafka::Kafka;
pub use ports::free_port;
pub use process::{Process, Spec};
pub use proxy::{Fault, Proxy};
pub use s3::S3;
pub use wait::eventually;
