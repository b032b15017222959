//! Starts a process, prints `ward ID`, and waits to be killed: for the test that the ward dies too.

use ax_harness::{Process, Spec};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let ward = Process::spawn(Spec::new("ward", "tail").args(["-f", "/dev/null"]))?;
    #[allow(clippy::print_stdout)] // its test reads it
    {
        println!("ward {}", ward.pid().unwrap_or_default());
    }
    std::future::pending().await
}
