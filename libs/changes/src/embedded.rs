//! The embedded durable log, for one machine.
