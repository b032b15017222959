//! AutomatosX: every role, the standalone server and the client.
fn main() {}
